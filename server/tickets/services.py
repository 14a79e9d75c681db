"""Verbs for contacts, tickets and incidents. One transaction each; every one leaves a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.customers.models import Account, Premise
from server.customers.selectors import read_number
from server.events.services import publish
from server.tickets import priorities, states
from server.tickets.models import CallBack, Contact, HistoryRow, Incident, Kind, Ticket
from server.tickets.placing import Place, Where, locate
from server.tickets.selectors import unsettled

# A second report of these kinds on one valve segment is the same trouble.
JOINABLE = frozenset(
    {Kind.BURST, Kind.LEAK, Kind.NO_WATER, Kind.LOW_PRESSURE, Kind.DISCOLOURED}
)
# Trouble that a place is needed for; an enquiry has none.
LOCATED = JOINABLE | {Kind.SEWER, Kind.HYDRANT, Kind.METER, Kind.CONSTRUCTION, Kind.DEFECT}


@dataclass(frozen=True)
class Registration:
    """What an agent, a web form or a recovered message says happened."""

    kind: str
    where: Where = field(default_factory=Where)
    symptoms: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    name: str = ""
    phone: str = ""
    language: str = "en"
    channel: str = Contact.Channel.PHONE
    call_id: str = ""
    account: Account | None = None
    verdict: str = ""
    join_incident: int | None = None


def register(what: Registration, *, by: str) -> Ticket:
    """Write down what somebody told us: a contact, a ticket, and the incident it belongs to.

    Raises Refused naming the field. A report without a place is kept as unlocated, never refused.
    """
    check(what)
    with transaction.atomic():
        premise = Premise.objects.filter(code=what.where.premise).first()
        if premise is None and what.account is not None and what.where.lon is None:
            premise = what.account.premise
        place = locate(what.where, premise, kind=what.kind)
        # However it was typed, one number has one form: nobody is told the same thing twice.
        phone = (read_number(what.phone).number or what.phone)[:24]
        incident = _incident_for(what, place, by=by)
        contact = Contact.objects.create(
            channel=what.channel, call_id=what.call_id, name=what.name[:80], phone=phone,
            account=what.account, premise=premise, incident=incident, verdict=what.verdict,
            note=what.note, by=by,
        )  # fmt: skip
        ticket = Ticket.objects.create(
            kind=what.kind, priority=incident.priority if incident else priorities.BASE[what.kind],
            incident=incident, contact=contact, account=what.account, premise=premise,
            customer_name=what.name[:80] or (what.account.name[:80] if what.account else ""),
            customer_phone=phone, language=what.language,
            address=place.address[:200], geom=place.point, symptoms=what.symptoms, note=what.note,
            opened_by=by,
        )  # fmt: skip
        ticket.number = f"T-{ticket.pk:05d}"
        ticket.save(update_fields=["number"])
        write_history(
            ticket=ticket, action="register", to_state=ticket.state, by=by, note=what.note
        )
        record("ticket.register", f"ticket:{ticket.number}", to_state=ticket.state, by=by)
        tell_ticket("ticket.opened", ticket, by=by)
        if incident is not None:
            # Located trouble needs no person to triage it: kind and place decide.
            act(ticket, "triage", role="system", by=by)
            if incident.state not in ("open", "closed"):
                act(ticket, "assign", role="system", by=by)
        ticket.refresh_from_db()
        return ticket


def answers(value: Any) -> dict[str, Any]:
    """Answers to the symptom questions as a door received them. Refused when unreadable."""
    if value in (None, ""):
        return {}
    if not isinstance(value, dict) or len(value) > 40:
        raise Refused("symptoms", "shape", _("The symptoms are not readable."))
    return {str(k)[:40]: v if isinstance(v, bool) else str(v)[:200] for k, v in value.items()}


def check(what: Registration) -> None:
    """Refused, naming the field, for what no ticket can hold."""
    if what.kind not in Kind.values or what.kind == Kind.PLANNED:
        raise Refused("kind", "unknown", _("Choose what has happened."))
    if what.channel not in Contact.Channel.values:
        raise Refused("channel", "unknown", _("There is no such channel."))
    if len(what.note) > 4000:
        raise Refused("note", "too_long", _("A note may have 4,000 characters."))
    if len(what.name) > 500 or len(what.where.address) > 500:
        raise Refused("name", "too_long", _("That is too long for a name or an address."))
    if (what.where.lon is None) != (what.where.lat is None):
        raise Refused("place", "half", _("A place needs a longitude and a latitude."))


def _incident_for(what: Registration, place: Place, *, by: str) -> Incident | None:
    if what.join_incident is not None:
        incident = Incident.objects.select_for_update().filter(pk=what.join_incident).first()
        if incident is None:
            raise Refused("join_incident", "unknown", _("There is no such incident."))
        if incident.state == Incident.State.CLOSED:
            raise Conflict("join_incident", "closed", _("That incident is closed."))
    elif what.kind not in LOCATED:
        return None
    else:
        incident = same_trouble(what.kind, place)
    if incident is None:
        return open_incident(what.kind, place, symptoms=what.symptoms, by=by)
    joined(incident, what.kind, what.symptoms, note=what.note, by=by)
    return incident


def joined(
    incident: Incident, kind: str, symptoms: Mapping[str, Any], *, note: str, by: str
) -> None:
    """Another report belongs to an incident, whose row is locked; it may make it more urgent."""
    Incident.objects.filter(pk=incident.pk).update(version=F("version") + 1)
    write_history(incident=incident, action="join", by=by, note=note)
    raised = priorities.of_incident(kind, symptoms, customers_off=incident.customers_off)
    if raised < incident.priority:
        incident.priority = raised
        incident.save(update_fields=["priority"])
    tell_incident("incident.changed", incident, by=by, change="joined")


def same_trouble(kind: str, place: Place) -> Incident | None:
    """The open incident on the place's valve segment, locked; None when there is none."""
    if kind not in JOINABLE or place.segment is None:
        return None
    return (
        Incident.objects.select_for_update()
        .filter(segment=place.segment, kind__in=sorted(JOINABLE))
        .exclude(state__in=[Incident.State.CLOSED, Incident.State.RESTORED])
        .order_by("pk")
        .first()
    )


def open_incident(kind: str, place: Any, *, symptoms: dict[str, Any], by: str) -> Incident:
    """A new incident; the number is for people, the row for the database."""
    incident = Incident.objects.create(
        kind=kind, priority=priorities.of_incident(kind, symptoms), address=place.address[:200],
        geom=place.point, pipe=place.pipe, segment=place.segment, area=place.area,
        sewer=place.sewer,
    )  # fmt: skip
    incident.number = f"I-{incident.pk:05d}"
    incident.save(update_fields=["number"])
    write_history(incident=incident, action="open", to_state=incident.state, by=by)
    record("incident.open", f"incident:{incident.number}", to_state=incident.state, by=by)
    tell_incident("incident.opened", incident, by=by)
    return incident


def act(
    ticket: Ticket,
    action: str,
    *,
    role: str,
    by: str,
    reason: str = "",
    result: str = "",
    cause: str = "",
) -> Ticket:
    """Move a ticket along its table. Refuses what the table does not list (409) or allow (403)."""
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update().get(pk=ticket.pk)
        to_state = states.next_state(ticket.state, action)
        if to_state is None:
            raise Conflict(
                "action", "illegal_transition",
                _("From “%(state)s” that step is not possible.") % {"state": ticket.state},
                current=ticket.state, allowed=states.legal_actions(ticket.state, role),
            )  # fmt: skip
        if not states.may(ticket.state, action, role):
            raise NotAllowed("action", "not_yours", _("Somebody else has to take that step."))
        _guard(ticket, action, by=by, reason=reason, result=result)
        before, now = ticket.state, timezone.now()
        ticket.state = str(to_state)
        ticket.version += 1
        ticket.result = result or ticket.result
        ticket.cause = cause or ticket.cause
        if action == "resolve":
            ticket.resolved_at, ticket.handler = now, by
        elif action == "close":
            ticket.closed_at = now
        elif action == "reopen":
            ticket.reopened += 1
            ticket.closed_at = ticket.resolved_at = None
        ticket.save()
        write_history(
            ticket=ticket, action=action, from_state=before, to_state=ticket.state, by=by,
            note=reason or result,
        )  # fmt: skip
        record(
            f"ticket.{action}", f"ticket:{ticket.number}", from_state=before,
            to_state=ticket.state, note=reason, by=by,
        )  # fmt: skip
        tell_ticket("ticket.changed", ticket, by=by, action=action)
        if ticket.incident is not None and action in ("close", "cancel"):
            _close_when_settled(ticket.incident, by=by)
        elif ticket.incident is not None and action == "reopen":
            _reopen_incident(ticket.incident, by=by, note=reason)
        return ticket


def _close_when_settled(incident: Incident, *, by: str) -> None:
    """The last promise is kept and the water is back: the incident is over."""
    if incident.state == Incident.State.RESTORED and not unsettled(incident).exists():
        move_incident(incident, Incident.State.CLOSED, by=by)


def _reopen_incident(incident: Incident, *, by: str, note: str) -> None:
    """A customer says it is not fixed: the incident needs a crew again."""
    locked = Incident.objects.select_for_update().get(pk=incident.pk)
    if locked.state not in (Incident.State.RESTORED, Incident.State.CLOSED):
        return
    locked.restored_at = locked.closed_at = None
    back_to_open(locked, "reopen", change="reopened", by=by, note=note)


def back_to_open(locked: Incident, action: str, *, change: str, by: str, note: str) -> None:
    """An incident needs a crew again; the row is locked by whoever asks. Leaves its traces."""
    before, locked.state = locked.state, Incident.State.OPEN
    locked.version += 1
    locked.save()
    write_history(
        incident=locked, action=action, from_state=before, to_state=locked.state, by=by, note=note
    )
    record(
        f"incident.{action}", f"incident:{locked.number}", from_state=before,
        to_state=locked.state, note=note, by=by,
    )  # fmt: skip
    tell_incident("incident.changed", locked, by=by, change=change)


def close_incident(incident: Incident, *, by: str, reason: str) -> Incident:
    """The dispatcher ends an incident nobody waits for. Refused while a ticket is open."""
    if not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    with transaction.atomic():
        locked = Incident.objects.select_for_update().get(pk=incident.pk)
        left = unsettled(locked)
        if left.exists():
            numbers = ", ".join(t.number or "" for t in left[:10])
            raise Conflict(
                "tickets", "open",
                _("Still open: %(tickets)s. Close them first.") % {"tickets": numbers},
            )  # fmt: skip
        move_incident(locked, Incident.State.CLOSED, by=by, note=reason)
        locked.refresh_from_db()
        return locked


def _guard(ticket: Ticket, action: str, *, by: str, reason: str, result: str) -> None:
    if states.Action(action) in states.NEEDS_REASON and not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    if action == "resolve" and not result.strip():
        raise Refused("result", "required", _("Say what was done."))
    if action == "close" and ticket.state != "answered" and not ticket.result:
        raise Conflict("result", "missing", _("There is no result to close it with."))
    if action == "close" and by == ticket.handler:
        raise NotAllowed("action", "handler", _("Whoever settled it cannot close it as well."))


def move_incident(incident: Incident, to_state: str, *, by: str, note: str = "") -> bool:
    """Take an incident forward. False when it is already there or further: never back."""
    with transaction.atomic():
        locked = Incident.objects.select_for_update().get(pk=incident.pk)
        if not states.incident_may_move(locked.state, to_state):
            return False
        before, now = locked.state, timezone.now()
        locked.state = to_state
        locked.version += 1
        if to_state == Incident.State.RESTORED:
            locked.restored_at = now
        elif to_state == Incident.State.CLOSED:
            locked.closed_at = now
        locked.save()
        write_history(
            incident=locked, action=to_state, from_state=before, to_state=to_state, by=by,
            note=note,
        )  # fmt: skip
        record(
            f"incident.{to_state}", f"incident:{locked.number}", from_state=before,
            to_state=to_state, note=note, by=by,
        )  # fmt: skip
        tell_incident("incident.changed", locked, by=by, change=to_state)
        return True


def note_impact(incident: Incident, customers_off: int, *, by: str) -> None:
    """Keep how many are without water, and raise the priority if that is many."""
    with transaction.atomic():
        locked = Incident.objects.select_for_update().get(pk=incident.pk)
        raised = priorities.of_incident(locked.kind, {}, customers_off=customers_off)
        locked.customers_off = customers_off
        locked.priority = min(locked.priority, raised)
        locked.version += 1
        locked.save()
        tell_incident("incident.changed", locked, by=by, change="impact")


def set_priority(incident: Incident, priority: str, *, by: str, why: str) -> None:
    """Somebody looked closer and knows how urgent it is."""
    with transaction.atomic():
        locked = Incident.objects.select_for_update().get(pk=incident.pk)
        if locked.priority == priority:
            return
        record(
            "incident.priority", f"incident:{locked.number}", from_state=locked.priority,
            to_state=priority, note=why, by=by,
        )  # fmt: skip
        locked.priority = priority
        locked.version += 1
        locked.save(update_fields=["priority", "version"])
        locked.tickets.exclude(state__in=["closed", "cancelled"]).update(priority=priority)
        tell_incident("incident.changed", locked, by=by, change="priority")
    incident.refresh_from_db(fields=["priority", "version"])


def owe_call_back(
    reason: str, phone: str, *, call_id: str = "", ticket: Ticket | None = None, minutes: int = 30
) -> CallBack | None:
    """Put a call on the list of calls we owe; None for a number that cannot be called."""
    if not phone:
        return None
    due = timezone.now() + timedelta(minutes=minutes)
    if call_id:
        row, _made = CallBack.objects.get_or_create(
            call_id=call_id, reason=reason,
            defaults={"phone": phone, "ticket": ticket, "due_at": due},
        )  # fmt: skip
        return row
    return CallBack.objects.create(reason=reason, phone=phone, ticket=ticket, due_at=due)


def write_history(
    *,
    action: str,
    by: str,
    incident: Incident | None = None,
    ticket: Ticket | None = None,
    from_state: str = "",
    to_state: str = "",
    note: str = "",
) -> None:
    """One line in the life of an incident or a ticket (and then of the ticket's incident too)."""
    HistoryRow.objects.create(
        incident=incident or (ticket.incident if ticket else None), ticket=ticket, action=action,
        from_state=from_state, to_state=to_state, by=by, note=note,
    )  # fmt: skip


def tell_incident(name: str, incident: Incident, *, by: str, **more: Any) -> None:
    """Publish news of an incident."""
    publish(
        name, f"incident:{incident.pk}", topic="incidents", by=by, incident=incident.pk,
        number=incident.number, kind=incident.kind, priority=incident.priority,
        state=incident.state, address=incident.address, customers_off=incident.customers_off,
        pipe=incident.pipe, sewer=incident.sewer,
        lon=incident.geom.x if incident.geom else None,
        lat=incident.geom.y if incident.geom else None, **more,
    )  # fmt: skip


def tell_ticket(name: str, ticket: Ticket, *, by: str, **more: Any) -> None:
    """Publish news of a ticket."""
    publish(
        name, f"ticket:{ticket.pk}", topic="incidents", by=by, ticket=ticket.pk,
        number=ticket.number, state=ticket.state, kind=ticket.kind, priority=ticket.priority,
        incident=ticket.incident_id, **more,
    )  # fmt: skip
