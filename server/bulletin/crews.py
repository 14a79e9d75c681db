"""Texts to crews. Who works has the app in hand; who is called out from home sleeps beside it."""

from __future__ import annotations

from django.utils import translation

from server.dispatch.models import WorkOrder
from server.events.reading import Row
from server.messaging.models import SmsMessage
from server.messaging.services import text
from server.workforce.availability import availability
from server.workforce.models import Member, Shift


def tell_called_out(row: Row) -> None:
    """Each member of a crew that was called out from home: what for, where, which order."""
    order = _order(row)
    crew = order.crew
    if crew is None or not Shift.objects.filter(crew=crew, called_out_for=order.number).exists():
        return
    # Whoever is on leave sleeps on; a crew whose people nobody registered has one number.
    here = next((a.here for a in availability(row.at) if a.crew.pk == crew.pk), None)
    members = Member.objects.filter(pk__in=here or ()).order_by("pk")
    numbers = [crew.user.mobile] if here is None else [m.mobile for m in members]
    for number in filter(None, numbers):
        _text(order, "called_out", number, crew.user.language)


def tell_called_off(row: Row) -> None:
    """Whoever was called out for it: they need not come."""
    order = _order(row)
    told = SmsMessage.objects.filter(dedupe__startswith=f"called_out:{order.pk}:")
    for to, language in told.order_by("pk").values_list("to", "language"):
        _text(order, "called_off", to, language)


def _order(row: Row) -> WorkOrder:
    return WorkOrder.objects.select_related("incident", "crew__user").get(pk=row.payload["order"])


def _text(order: WorkOrder, template: str, to: str, language: str) -> None:
    incident = order.incident
    with translation.override(language):
        kind, what = str(incident.get_kind_display()), str(order.get_kind_display())
    text(
        to, template, language=language, audience="staff", dedupe=f"{template}:{order.pk}:{to}",
        order=order.number or "", what=what, number=incident.number, priority=incident.priority,
        kind=kind, address=incident.address or "-",
    )  # fmt: skip
