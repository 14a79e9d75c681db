"""The board: each crew with its shifts, what it has in hand and did, and what is planned for it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.moments import parse_moment
from server.accounts.refusals import Refused
from server.dispatch import states, waiting
from server.dispatch.candidates import WORK_S
from server.dispatch.models import PlanWish, Proposal, WorkOrder
from server.tickets.models import Incident
from server.workforce import selectors as workforce
from server.workforce.models import Crew, Shift

BEFORE, AFTER = timedelta(hours=4), timedelta(hours=8)
LONGEST = timedelta(days=7)
NOT_THERE_YET = (states.State.DISPATCHED, states.State.ACCEPTED, states.State.EN_ROUTE)


def window(start: str, end: str) -> tuple[datetime, datetime]:
    """The stretch a reader asked for; Refused, naming the field, for one that is none."""
    now = timezone.now()
    begins = _moment("from", start) or now - BEFORE
    ends = _moment("to", end) or max(now, begins) + AFTER
    if ends <= begins:
        raise Refused("to", "before", _("It ends before it begins."))
    if ends - begins > LONGEST:
        raise Refused("to", "too_long", _("The board shows seven days at most."))
    return begins, ends


def _moment(field: str, text: str) -> datetime | None:
    if not text:
        return None
    found = parse_moment(text.replace(" ", "+"))  # a plus sign in an address is a blank
    if found is None:
        raise Refused(field, "not_a_time", _("That is no time."))
    return found


def board(begins: datetime, ends: datetime) -> dict[str, Any]:
    """Crews, orders and plan between two moments; what waits for a crew, most urgent first."""
    now = timezone.now()
    plan = Proposal.objects.first() or Proposal()
    orders = _orders(begins, ends)
    shifts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for s in Shift.objects.filter(ends__gt=begins, starts__lt=ends).order_by("starts"):
        shifts[s.crew_id].append(
            {"starts": s.starts, "ends": s.ends, "kind": s.kind}
        )
    open_now = {i.pk: i for i in waiting.open_incidents()}
    proposed = _proposed(plan, open_now)
    rows = []
    for row in workforce.availability(now):
        crew = row.crew
        has_order = any(o["held"] for o in orders[crew.pk])
        lon, lat, fix = workforce.position_of(crew)
        rows.append(
            {
                "id": crew.pk, "code": crew.code, "name": crew.shown, "state": row.state,
                "state_label": str(Crew.State(row.state).label), "on_shift": row.on_shift,
                "free": row.works and not has_order and row.state == Crew.State.AVAILABLE,
                "skills": sorted(row.skills),
                "lon": lon, "lat": lat, "fix_time": fix,
                "stale": fix is None
                or (now - fix).total_seconds() > settings.STANDPIPE["STALE_FIX_S"],
                "shift": shifts[crew.pk], "orders": orders[crew.pk],
                "proposed": proposed[crew.pk],
            }
        )  # fmt: skip
    return {
        "now": now, "from": begins, "to": ends, "crews": rows,
        "waiting": waiting.rows(open_now.values(), plan.body),
        "plan": {"version": plan.version, "made_at": plan.made_at, "took_ms": plan.took_ms},
    }  # fmt: skip


def _orders(begins: datetime, ends: datetime) -> dict[int, list[dict[str, Any]]]:
    """What crews have in hand, and what ended in the window, in the order it was sent."""
    held = Q(state__in=sorted(states.HOLDING | {states.State.PAUSED}))
    rows = (
        WorkOrder.objects.filter(
            held | Q(ended_at__gte=begins, dispatched_at__lt=ends), crew__isnull=False
        )
        .select_related("incident")
        .order_by("dispatched_at", "pk")
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for order in rows:
        assert order.crew_id is not None
        found[order.crew_id].append(_order(order))
    return found


def _order(order: WorkOrder) -> dict[str, Any]:
    arrive = order.on_site_at or order.eta_at or order.dispatched_at or order.created_at
    work = timedelta(seconds=WORK_S[order.priority])
    held = order.state in states.HOLDING
    return {
        "number": order.number, "incident": order.incident_id,
        "incident_number": order.incident.number, "incident_kind": order.incident.kind,
        "kind": order.kind, "kind_label": str(order.get_kind_display()),
        "priority": order.incident.priority, "state": order.state, "version": order.version,
        "address": order.incident.address, "target": order.target_asset,
        "planned": {
            "start": order.dispatched_at or order.created_at,
            "arrive": order.eta_at or arrive, "end": arrive + work,
        },
        "actual": {
            "start": order.departed_at, "arrive": order.on_site_at, "end": order.ended_at,
        },
        "held": held, "answer_by": order.answer_by if order.state == "dispatched" else None,
        # What a crew has been told stands until a person or the crew changes it.
        "pinned": held,
        "movable": order.state in NOT_THERE_YET,
        "end_reason": order.end_reason,
    }  # fmt: skip


def _proposed(plan: Proposal, open_now: dict[int, Incident]) -> dict[int, list[dict[str, Any]]]:
    """The plan's stops for each crew, without what is settled meanwhile."""
    pinned = set(
        PlanWish.objects.filter(kind=PlanWish.Kind.PIN, ended_at=None).values_list(
            "incident_id", "crew_id"
        )
    )
    names = dict(WorkOrder.Kind.choices)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in plan.body.get("rows", ()):
        incident = open_now.get(row["incident"])
        if incident is None:
            continue
        found[row["crew"]].append(
            {
                "number": None, "row": row["row"], "incident": incident.pk,
                "incident_number": incident.number, "incident_kind": incident.kind,
                "kind": row["kind"], "kind_label": str(names[row["kind"]]),
                "priority": incident.priority, "state": "proposed", "version": plan.version,
                "address": incident.address, "target": row.get("target", ""),
                "planned": {"start": row["start"], "arrive": row["arrive"], "end": row["end"]},
                "actual": {"start": None, "arrive": None, "end": None},
                "held": False, "pinned": (incident.pk, row["crew"]) in pinned, "movable": True,
                "late_s": row["late_s"], "overtime_s": row["overtime_s"],
                "position": row["position"],
            }
        )  # fmt: skip
    return found
