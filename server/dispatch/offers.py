"""The life of an offer: no answer or a no, and the order goes to the next; nobody left, and it
waits again. `sweep()` is asked once a second.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.dispatch import needing, planning, services, states, waiting
from server.dispatch.models import Proposal, WorkOrder
from server.dispatch.needing import NO_ANSWER
from server.dispatch.services import Step
from server.dispatch.states import Action, State, Who
from server.events.services import publish
from server.tickets.models import Incident
from server.workforce.models import Crew


def sweep(now: datetime | None = None) -> int:
    """Take up every offer without an answer and every no; returns how many went on to a crew."""
    now = now or timezone.now()
    due = WorkOrder.objects.filter(answer_by__isnull=False).filter(
        Q(state=State.DISPATCHED, answer_by__lte=now) | Q(state=State.DECLINED)
    )
    return sum(1 for order in due.order_by("answer_by")[:50] if re_offer(order, now=now))


def re_offer(order: WorkOrder, *, now: datetime | None = None) -> WorkOrder | None:
    """Take an unanswered offer back and send the next best crew, each once.

    None when the crew has answered meanwhile, or nobody is left: then the incident waits again.
    """
    now = now or timezone.now()
    if not _take_back(order, now):
        return None
    order.refresh_from_db()
    why = _("no answer") if order.end_reason == NO_ANSWER else order.end_reason
    incident = order.incident
    following = _next(order, incident, why)
    if following is None:
        planning.ask_again()  # which says so, and to whom, where nobody is left
        return None
    publish(
        "order.reoffered", f"order:{following.pk}", topic="incidents", by="system",
        order=following.pk, number=following.number, follows=order.number, reason=order.end_reason,
        incident=incident.pk, crew=following.crew_id, before=order.crew_id,
    )  # fmt: skip
    return following


def _take_back(order: WorkOrder, now: datetime) -> bool:
    """Whether the offer is over and this call is the one to go on with it."""
    with transaction.atomic():
        locked = WorkOrder.objects.select_for_update().get(pk=order.pk)
        if locked.answer_by is None:
            return False
        if locked.state == State.DISPATCHED and locked.answer_by <= now:
            services.act(
                locked, Step(Action.RECALL, now, reason=NO_ANSWER), who=Who.SYSTEM, by="system"
            )
        elif locked.state != State.DECLINED:
            return False
        WorkOrder.objects.filter(pk=order.pk).update(answer_by=None)
        return True


def _next(order: WorkOrder, incident: Incident, why: str) -> WorkOrder | None:
    if not _still_missing(order, incident):
        return None
    said_no = needing.asked([incident.pk]).get(incident.pk, set())
    ranked = [r.candidate.id for r in needing.rank_for(incident, order.kind) if not r.excluded]
    meant = [c for c in _planned(incident, order.kind) if c in ranked]
    for crew in dict.fromkeys([*meant, *ranked]):
        if crew in said_no:
            continue
        try:
            return services.assign(
                incident, Crew.objects.get(pk=crew), by="system", kind=order.kind,
                reason=_("after %(crew)s: %(why)s") % {
                    "crew": order.crew.shown if order.crew else "", "why": why
                },
                follows=order,
            )  # fmt: skip
        except Refused as no:
            if no.code in ("over", "followed"):
                return None
    return None


def _planned(incident: Incident, kind: str) -> list[int]:
    """Who the plan would send at once: it weighs all incidents against each other."""
    return [
        s.crew
        for s in planning.propose().plan.rows
        if s.position == 0 and s.job.startswith(f"{incident.pk}:{kind}:")
    ]


def _still_missing(order: WorkOrder, incident: Incident) -> bool:
    """Nobody else has taken that order's work, and there is work."""
    if not waiting.open_incidents().filter(pk=incident.pk).exists():
        return False
    return not (
        incident.work_orders.filter(kind=order.kind, pk__gt=order.pk)
        .exclude(state__in=needing.GIVEN_UP)
        .exists()
    )


def send_automatic() -> int:
    """Rows whose run card says so are sent without a dispatcher's word; returns how many."""
    plan = Proposal.objects.first()
    if plan is None or plan.asked_at is None or plan.made_at is None:
        return 0
    sent = 0
    for row in plan.body.get("rows", ()):
        if not row["automatic"] or row["position"] > 0:
            continue
        incident, crew = Incident.objects.get(pk=row["incident"]), Crew.objects.get(pk=row["crew"])
        held = incident.work_orders.filter(state__in=sorted(states.HOLDING), kind=row["kind"])
        if held.exists() or crew.work_orders.filter(state__in=sorted(states.HOLDING)).exists():
            continue
        try:
            services.assign(
                incident, crew, by="system", kind=row["kind"], reason=_("by the run card")
            )
            sent += 1
        except Refused:
            planning.ask_again()  # it has changed meanwhile: another plan, another try
    return sent
