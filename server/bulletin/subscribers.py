"""Who is told what, when: the responsible person, the customer, the newly affected."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from server.accounts.models import OnCall, User
from server.bulletin import crews
from server.customers.models import Account
from server.customers.selectors import texted_at
from server.dispatch import eta
from server.dispatch.models import WorkOrder
from server.dispatch.waiting import why_text
from server.events.reading import Row
from server.events.subscribing import hears
from server.messaging.services import text
from server.outages.models import PremiseOff, ShutOff
from server.service_level.models import Escalation
from server.service_level.policy import LEVELS
from server.tickets.models import Incident, Kind, Ticket

UTILITY = settings.STANDPIPE["UTILITY"]


@hears("ticket", "order", "shutoff", "incident", "clock")
def text_people(row: Row) -> None:
    """Send each piece of news to those it concerns, once."""
    match row.name:
        case "ticket.opened":
            ticket = Ticket.objects.select_related("incident__area").get(pk=row.payload["ticket"])
            _tell_responsible(ticket)
            _tell_customer(ticket, "registered", dedupe=f"registered:{ticket.pk}")
        case "order.changed" if row.payload["action"] == "dispatch":
            crews.tell_called_out(row)
        case "order.changed" if row.payload["action"] == "recall":
            crews.tell_called_off(row)
        case "order.changed" if row.payload["action"] == "depart":
            _crew_on_its_way(row)
        case "order.changed" if row.payload["action"] in ("eta", "rerouted", "cut_off"):
            _another_time(row)
        case "shutoff.started":
            off = ShutOff.objects.select_related("incident").get(pk=row.payload["shut_off"])
            _water_off(off, row.payload["premises"])
        case "shutoff.replanned" if row.payload.get("started"):
            off = ShutOff.objects.select_related("incident").get(pk=row.payload["shut_off"])
            _water_off(off, row.payload["newly"])
        case "shutoff.water_back" | "shutoff.restored":
            _water_back(row)
        case "incident.changed" if row.payload.get("change") == "restored":
            incident = Incident.objects.get(pk=row.payload["incident"])
            for ticket in incident.tickets.all():
                key = _back_key(incident, ticket.customer_phone, row)
                _tell_customer(ticket, "water_back", dedupe=key)
        case "clock.escalated":
            _escalate(row)
        case "incident.no_candidate" if row.payload["wakes"]:
            _nobody_goes(row)
        case "incident.run_card":
            _run_card(row)


def _clock(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%H:%M") if moment else "?"


def on_duty(incident: Incident | None, *, level: int = 1) -> list[User]:
    """Who is on call for the incident's area now; the next level when there is a gap."""
    now = timezone.now()
    rows = OnCall.objects.filter(starts__lte=now, ends__gt=now, level__gte=level).select_related(
        "user"
    )
    area = incident.area_id if incident else None
    mine = [r for r in rows if r.area_id in (area, None)] or list(rows)
    if not mine:
        return []
    lowest = min(r.level for r in mine)
    return [r.user for r in mine if r.level == lowest]


def _tell_responsible(ticket: Ticket) -> None:
    """The person responsible knows as the call ends: who is not in it, where is.

    An enquiry is answered at the desk; nobody is woken for it.
    """
    if ticket.kind == Kind.ENQUIRY:
        return
    for user in on_duty(ticket.incident):
        with translation.override(user.language):
            kind = str(ticket.get_kind_display())
            address = ticket.address or _("a place not known yet")
        incident = ticket.incident
        text(
            user.mobile, "responsible", language=user.language, audience="staff",
            dedupe=f"responsible:{ticket.pk}:{user.pk}", ticket=ticket.number or "",
            number=ticket.number, priority=ticket.priority, kind=kind,
            address=address, link=f"{settings.STANDPIPE['SITE']}/tickets/{ticket.number}",
            customers=str(incident.customers_off if incident else 0),
        )  # fmt: skip


def _tell_customer(ticket: Ticket, template: str, *, dedupe: str, **values: Any) -> None:
    if ticket.account is not None and not ticket.account.sms_consent:
        return
    text(
        ticket.customer_phone, template, language=ticket.language, dedupe=dedupe,
        ticket=ticket.number or "", utility=UTILITY, number=ticket.number,
        address=ticket.address or ticket.number, **values,
    )  # fmt: skip


def _crew_on_its_way(row: Row) -> None:
    order = WorkOrder.objects.select_related("incident").get(pk=row.payload["order"])
    link = eta.link_of(order) if order.state == "en_route" else ""
    more = {"link": link} if link else {}
    for ticket in order.incident.tickets.exclude(state__in=["closed", "cancelled"]):
        _tell_customer(
            ticket, "crew_sent_link" if link else "crew_sent",
            dedupe=f"crew_sent:{order.pk}:{ticket.pk}", eta=_clock(order.eta_at), **more,
        )  # fmt: skip
    eta.told(order)


def _another_time(row: Row) -> None:
    """The crew will be there a quarter of an hour earlier or later than was said: said again."""
    order = WorkOrder.objects.select_related("incident").get(pk=row.payload["order"])
    if order.state != "en_route" or not eta.worth_telling(order):
        return
    for ticket in order.incident.tickets.exclude(state__in=["closed", "cancelled"]):
        _tell_customer(
            ticket, "crew_later", dedupe=f"crew_later:{row.mark.event_id}:{ticket.pk}",
            eta=_clock(order.eta_at),
        )  # fmt: skip
    eta.told(order)


def _accounts(codes: Iterable[str]) -> Iterable[tuple[Account, str]]:
    """Accounts of these premises with one number each."""
    rows = Account.objects.filter(
        premise__code__in=list(codes), active=True, sms_consent=True
    ).prefetch_related("phones")
    for account in rows:
        if number := texted_at(account):
            yield account, number


def _tickets_by_phone(incident: Incident | None) -> dict[str, str]:
    """Who called about it: their texts belong to their ticket, and name its number."""
    if incident is None:
        return {}
    rows = incident.tickets.exclude(customer_phone="").order_by("-pk")
    return {phone: number or "" for phone, number in rows.values_list("customer_phone", "number")}


def _water_off(off: ShutOff, codes: list[str]) -> None:
    """Only premises that have not been told; a re-plan tells only the newly affected."""
    waiting = set(
        PremiseOff.objects.filter(
            shut_off=off, premise__code__in=codes, told_at=None
        ).values_list("premise__code", flat=True)
    )
    address = off.incident.address if off.incident else off.target
    ticket_of = _tickets_by_phone(off.incident)
    for account, number in _accounts(waiting):
        text(
            number, "works_off" if off.planned else "water_off", language=account.language,
            dedupe=f"off:{off.pk}:{number}",
            ticket=ticket_of.get(number, ""), utility=UTILITY, since=_clock(off.started_at),
            address=address or off.target,
        )  # fmt: skip
    PremiseOff.objects.filter(shut_off=off, premise__code__in=waiting).update(
        told_at=timezone.now()
    )


def _back_key(of: ShutOff | Incident, number: str, row: Row) -> str:
    """Told once each time the water comes back, also where it comes back twice."""
    incident = of.incident if isinstance(of, ShutOff) else of
    if incident is None:
        return f"back:works:{of.pk}:{number}"
    again = incident.history.filter(action="reopen", ticket=None, at__lt=row.at).count()
    return f"back:{incident.pk}:{again}:{number}"


def _water_back(row: Row) -> None:
    """Each group as it comes back, once; with the last of them everybody who was told of the cut.

    Who has another home in the same shut-off hears it when the last of their homes is back.
    """
    off = ShutOff.objects.select_related("incident").get(pk=row.payload["shut_off"])
    told = PremiseOff.objects.filter(shut_off=off, told_at__isnull=False)
    still: set[str] = set()
    if row.name == "shutoff.water_back":
        dry = told.filter(off_at__isnull=False, on_at=None).values_list("premise__code", flat=True)
        still = {number for _account, number in _accounts(dry)}
        told = told.filter(premise__code__in=row.payload["premises"])
    ticket_of = _tickets_by_phone(off.incident)
    for account, number in _accounts(told.values_list("premise__code", flat=True)):
        if number in still:
            continue
        ticket = ticket_of.get(number, "")
        text(
            number, "water_back", language=account.language,
            dedupe=_back_key(off, number, row), ticket=ticket, utility=UTILITY,
            address=account.premise.address, number=ticket or off.number,
        )  # fmt: skip


def _escalate(row: Row) -> None:
    step = Escalation.objects.select_related("clock__incident").get(pk=row.payload["escalation"])
    clock = step.clock
    roles = LEVELS[step.level].get(clock.priority, ())
    told = []
    if clock.incident is not None:
        asked = User.objects.filter(role__in=roles, is_active=True).exclude(mobile="")
        # As the ladder names them: who answers for it first, then whoever stands above.
        for user in sorted(asked, key=lambda u: (roles.index(u.role), u.username)):
            with translation.override(user.language):
                name = str(clock.get_kind_display())
            text(
                user.mobile, "escalation", language=user.language, audience="staff",
                dedupe=f"escalation:{step.pk}:{user.pk}", number=clock.incident.number,
                priority=clock.priority, clock=name, percent=str(step.level),
                address=clock.incident.address or "-",
            )  # fmt: skip
            told.append(user.username)
    step.told = told
    step.save(update_fields=["told"])


def _nobody_goes(row: Row) -> None:
    """No crew can go: whoever is on duty hears at once, nobody waits for a deadline to say so."""
    incident = Incident.objects.get(pk=row.payload["incident"])
    boss = User.objects.filter(role="supervisor", is_active=True)
    for user in {u.pk: u for u in (*on_duty(incident), *boss)}.values():
        with translation.override(user.language):
            why = why_text(row.payload["why"], {})
            kind = str(incident.get_kind_display())
        text(
            user.mobile, "no_candidate", language=user.language, audience="staff",
            dedupe=f"no_candidate:{row.mark.event_id}:{user.pk}", number=incident.number,
            priority=incident.priority, kind=kind, address=incident.address or "-", why=why,
            link=f"{settings.STANDPIPE['SITE']}/dispatch",
        )  # fmt: skip


def _run_card(row: Row) -> None:
    incident = Incident.objects.get(pk=row.payload["incident"])
    for user in User.objects.filter(role__in=row.payload["roles"], is_active=True):
        with translation.override(user.language):
            kind = str(incident.get_kind_display())
        text(
            user.mobile, "run_card", language=user.language, audience="staff",
            dedupe=f"card:{incident.pk}:{row.payload['card']}:{user.pk}", number=incident.number,
            priority=incident.priority, kind=kind, address=incident.address or "-",
            customers=str(incident.customers_off),
        )  # fmt: skip
