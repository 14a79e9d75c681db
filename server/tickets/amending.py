"""Putting right what was written down: what it is, where it is, in whose words."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.customers.models import Premise
from server.customers.selectors import read_number
from server.tickets import merging, priorities, services, states
from server.tickets.models import Incident, Kind, Ticket
from server.tickets.placing import Place, Where, locate
from server.tickets.services import Registration


@dataclass(frozen=True)
class Amendment:
    """What somebody puts right; None leaves a field alone. `edition` is the one they looked at."""

    edition: int
    kind: str | None = None
    where: Where | None = None
    note: str | None = None
    name: str | None = None
    phone: str | None = None


def amend(ticket: Ticket, what: Amendment, *, by: str) -> Ticket:
    """Change a ticket, and its incident where that is its only one.

    Refused (409 with both versions) when somebody else has changed the same ticket since, when the
    work is done, or when a crew is at work at the place. A place puts an unlocated incident on the
    network, or joins it to the trouble that is known there.
    """
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
        if ticket.state not in states.AMENDABLE:
            raise Conflict(
                "state", "settled", _("The work is done: reopen the ticket or open another."),
                current=ticket.state,
            )  # fmt: skip
        kind = what.kind if what.kind is not None else ticket.kind
        note = what.note if what.note is not None else ticket.note
        name = what.name if what.name is not None else ticket.customer_name
        services.check(Registration(kind, what.where or Where(), note=note, name=name))
        crossed = (kind == Kind.SEWER) != (ticket.kind == Kind.SEWER)
        place = _place(_where(ticket, what.where, crossed=crossed), kind)
        changed = _changes(ticket, what, place)
        if not changed:
            return ticket
        if what.edition != ticket.edition:
            raise Conflict(
                "edition", "changed_meanwhile",
                _("Somebody else has changed this ticket. Compare, and save again."),
                edition=ticket.edition,
                differences=[
                    {"field": field, "now": now, "yours": yours}
                    for field, (now, yours) in changed.items()
                ],
            )  # fmt: skip
        if "kind" in changed and (kind in services.LOCATED) != (ticket.kind in services.LOCATED):
            raise Refused(
                "kind", "another_ticket",
                _("An enquiry and a fault are two things: open another ticket."),
            )  # fmt: skip
        _write(ticket, what, place, kind=kind, note=note, name=name)
        told = "; ".join(f"{field}: {now or '-'} → {yours}" for field, (now, yours)
                         in changed.items() if field not in ("note", "phone"))  # fmt: skip
        if ticket.incident is not None and ("kind" in changed or "place" in changed):
            _follow(ticket, place if crossed or "place" in changed else None, by=by)
        services.write_history(ticket=ticket, action="amend", by=by, note=told[:500])
        record(
            "ticket.amend", f"ticket:{ticket.number}", by=by,
            note=(told or ", ".join(changed))[:500],
        )  # fmt: skip
        services.tell_ticket("ticket.changed", ticket, by=by, action="amend")
        return ticket


def _where(ticket: Ticket, where: Where | None, *, crossed: bool) -> Where | None:
    """The place named; or the old one, looked at anew where water turns out to be waste water."""
    if where is not None or not crossed or ticket.geom is None:
        return where
    premise = ticket.premise.code if ticket.premise else ""
    return Where(ticket.geom.x, ticket.geom.y, ticket.address, premise)


def _place(where: Where | None, kind: str) -> Place | None:
    if where is None:
        return None
    premise = Premise.objects.filter(code=where.premise).first() if where.premise else None
    place = locate(where, premise, kind=kind)
    if place.point is None and not place.address.strip():
        raise Refused("place", "required", _("Say where it is."))
    return place


def _changes(ticket: Ticket, what: Amendment, place: Place | None) -> dict[str, tuple[str, str]]:
    """{field: (what stands there, what is wanted)}, only where they differ."""
    found: dict[str, tuple[str, str]] = {}
    for field, now, yours in (
        ("kind", ticket.kind, what.kind), ("note", ticket.note, what.note),
        ("name", ticket.customer_name, what.name),
        ("phone", ticket.customer_phone, _number(what.phone)),
    ):  # fmt: skip
        if yours is not None and yours != now:
            found[field] = (now, yours)
    if place is not None:
        here = (ticket.geom.x, ticket.geom.y) if ticket.geom else None
        there = (place.point.x, place.point.y) if place.point else here
        if here != there or place.address != ticket.address:
            found["place"] = (_shown(ticket.address, here), _shown(place.address, there))
    return found


def _number(phone: str | None) -> str | None:
    return None if phone is None else (read_number(phone).number or phone)[:24]


def _shown(address: str, at: tuple[float, float] | None) -> str:
    return address or (f"{at[1]:.5f}, {at[0]:.5f}" if at else "")


def _write(
    ticket: Ticket, what: Amendment, place: Place | None, *, kind: str, note: str, name: str
) -> None:
    ticket.kind, ticket.note, ticket.customer_name = kind, note, name[:80]
    ticket.customer_phone = _number(what.phone) or ticket.customer_phone
    if place is not None:
        # Words alone ("at the back door") take nothing off the map.
        ticket.geom, ticket.address = place.point or ticket.geom, place.address[:200]
        if what.where is not None and what.where.premise:
            ticket.premise = Premise.objects.filter(code=what.where.premise).first()
    ticket.edition += 1
    ticket.version += 1
    ticket.save()


def _follow(ticket: Ticket, place: Place | None, *, by: str) -> None:
    """The incident goes with its only ticket; one that others told of stays where it is."""
    assert ticket.incident is not None
    incident = Incident.objects.select_for_update().get(pk=ticket.incident.pk)
    others = incident.tickets.exclude(pk=ticket.pk).exclude(state__in=["cancelled", "merged"])
    lost = incident.geom is None
    if others.exists() and not (lost and place is not None):
        return
    known = services.same_trouble(ticket.kind, place) if place is not None else None
    if place is not None and place.point is None and not lost:
        place = None  # words alone take no incident off the map
    if place is None and ticket.kind == incident.kind:
        return
    if incident.state not in merging.MOVABLE:
        raise Conflict(
            "place", "at_work", _("A crew is at work there already. Open another ticket."),
            current=incident.state,
        )  # fmt: skip
    if known is not None and known.pk != incident.pk and incident.state == Incident.State.OPEN:
        merging.merge(incident, known, kind=ticket.kind, symptoms=ticket.symptoms, by=by)
        ticket.refresh_from_db(fields=["incident"])
        return
    _move(incident, ticket, place, by=by)


def _move(incident: Incident, ticket: Ticket, place: Place | None, *, by: str) -> None:
    impact = incident.customers_off
    if place is not None:
        impact = impact if place.pipe == incident.pipe else 0
        incident.geom, incident.address = place.point, place.address[:200]
        incident.pipe, incident.segment, incident.area = place.pipe, place.segment, place.area
        incident.sewer = place.sewer
    incident.kind = Kind(ticket.kind)
    incident.priority = priorities.of_incident(
        ticket.kind, ticket.symptoms, customers_off=impact
    )
    incident.version += 1
    incident.save()
    ticket.priority = incident.priority
    ticket.save(update_fields=["priority"])
    services.write_history(incident=incident, action="moved", by=by, note=incident.address)
    record("incident.move", f"incident:{incident.number}", by=by, note=incident.address)
    services.tell_incident("incident.changed", incident, by=by, change="moved")
