"""What crews report by MQTT: stored once, carried out if it can be, answered either way."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from mqtt.messages import AckError, Report, ReportAck
from server.accounts.context import Acting, act_as
from server.accounts.refusals import Refused
from server.dispatch import services, states
from server.dispatch.models import CrewReport, WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.workforce.models import Crew

EVIDENCE = frozenset({"note", "photo"})  # kept with the order, moves nothing
MOST_TURNS = 32_767  # what the column holds; no valve has a hundredth of it


def receive(device: str, report: Report, *, received_at: datetime) -> ReportAck:
    """Store one report and carry it out. A repeat gets the first answer and changes nothing.

    A report that cannot be carried out (another crew's order, an illegal step, an order taken
    away meanwhile) is kept as evidence and answered with the reason: the phone stops sending it
    and shows why, and nothing is lost.
    """
    with transaction.atomic():
        crew = Crew.objects.select_related("user").filter(device=device).first()
        row, made = CrewReport.objects.get_or_create(
            message_id=report.id,
            defaults={
                "device": device, "seq": report.seq, "action": report.action, "at": report.at,
                "note": (report.note or "")[:4000], "valve": report.valve or "",
                "reason": (report.reason or "")[:120],
                "by": crew.user.username if crew else device,
            },
        )  # fmt: skip
        if not made:
            return _answer(row)
        language = crew.user.language if crew else "en"
        who = Acting(by=row.by, role="crew", request_id=str(row.message_id))
        with translation.override(language), act_as(who):
            _carry_out(row, report, crew)
        row.save()
        return _answer(row)


def _carry_out(row: CrewReport, report: Report, crew: Crew | None) -> None:
    order = WorkOrder.objects.filter(number=report.order).first()
    if order is None or crew is None:
        row.refused = "unknown_order"
        row.refused_text = _("There is no such order.")
        return
    # Evidence belongs to the order even when the step comes too late.
    row.order = order
    row.from_state = row.to_state = order.state
    if report.action in EVIDENCE:
        if order.crew_id != crew.pk:
            row.refused, row.refused_text = "not_yours", _("This order belongs to another crew.")
        return
    step = Step(
        action=report.action, at=_believable(report.at, order), note=row.note, valve=row.valve,
        reason=row.reason, turns=min(report.turns, MOST_TURNS) if report.turns else report.turns,
    )  # fmt: skip
    try:
        with transaction.atomic():
            moved = services.act(order, step, who=Who.CREW, by=row.by, crew=crew)
            row.orders_version = _last_list_without(crew)
        row.to_state = moved.state
    except Refused as no:
        if no.code == "illegal_transition" and _already_past(order, report.action):
            return  # a second device or a repeated tap: nothing to do, nothing wrong
        row.refused, row.refused_text = no.code, str(no)[:300]


def _last_list_without(crew: Crew) -> int:
    """The version of the newest order list that cannot show what this transaction has changed.

    Whoever makes a list locks the crew's row to count it up: held from here to the commit, every
    later version sees the change, and none up to this one does.
    """
    locked = Crew.objects.select_for_update(no_key=True).get(pk=crew.pk)
    return locked.orders_version


def _believable(at: datetime, order: WorkOrder) -> datetime:
    """When it happened, by a telephone's clock: not in the future, not before the crew was sent.

    The minutes ledger is reckoned from these times; a clock set to 1970 must not reach it. What
    the telephone said is kept with the report.
    """
    return max(min(at, timezone.now()), order.dispatched_at or order.created_at)


def _already_past(order: WorkOrder, action: str) -> bool:
    """Whether the order stands where this step leads, or beyond: never moved back for it."""
    order.refresh_from_db()
    if order.state not in states.PROGRESS:
        return False
    leads_to = [
        to for (_from, a), to in states.TRANSITIONS.items() if a == action and to in states.PROGRESS
    ]
    here = states.PROGRESS.index(states.State(order.state))
    straight = action in ("accept", "depart", "arrive", "repaired", "restored", "complete")
    return straight and any(states.PROGRESS.index(to) <= here for to in leads_to)


def _answer(row: CrewReport) -> ReportAck:
    stored_at = row.received_at or timezone.now()
    if row.refused:
        error = AckError(field="action", code=row.refused, text=row.refused_text)
        return ReportAck(id=str(row.message_id), ok=False, stored_at=stored_at, error=error)
    return ReportAck(
        id=str(row.message_id), ok=True, stored_at=stored_at, orders_version=row.orders_version
    )
