"""The figures on the wall: one definition each, counted from the rows themselves.

Rates are None where nothing could be counted: the wall shows a dash, never 0 % or an error.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from server.accounts.moments import today
from server.calls import lines
from server.calls.models import AgentState, Call
from server.calls.rules import SERVICE_LEVEL_S
from server.forecast import selectors as forecast
from server.outages import selectors as outages
from server.outages.models import ShutOff
from server.service_level.models import Clock
from server.tickets.models import CallBack, Incident
from server.wallboard.counting import figures, ratio
from server.wallboard.facts import Facts, facts, spans
from server.workforce.models import Crew, Shift

__all__ = ["agent_occupancy", "calls_between", "city", "period", "ratio", "wall"]


def period(
    start: datetime, end: datetime, *, around: bool = True, read: Facts | None = None
) -> dict[str, Any]:
    """All figures of [start, end), by the definitions of counting.py."""
    f = read or facts(start, end, around=around)
    return figures(f.calls, f.spans, f.plans, start, end, others=f.others)


def calls_between(start: datetime, end: datetime) -> dict[str, Any]:
    """`period` without looking for repeated calls: what the wall needs every second."""
    return period(start, end, around=False)


def agent_occupancy(start: datetime, end: datetime) -> float | None:
    """(talk + hold + wrap) / (talk + hold + wrap + ready + ringing) over the interval."""
    found = figures([], spans(start, end), [], start, end)["occupancy"]
    return float(found) if found is not None else None


def queue_now(now: datetime) -> dict[str, Any]:
    rows = Call.objects.filter(state=Call.State.QUEUED, queued_at__gt=now - timedelta(hours=4))
    since = [q for q in rows.values_list("queued_at", flat=True) if q is not None]
    longest = max(((now - q).total_seconds() for q in since), default=0.0)
    return {"waiting_now": len(since), "longest_wait_s": longest}


def agents_now() -> dict[str, Any]:
    rows = AgentState.objects.select_related("user").exclude(state="signed_out")
    by_state: dict[str, int] = {}
    for row in rows:
        by_state[row.state] = by_state.get(row.state, 0) + 1
    return {
        "by_state": by_state,
        "list": [
            {"name": r.user.name, "state": r.state, "reason": r.reason, "since": r.since}
            for r in rows
        ],
    }


def notices() -> int:
    """Planned shut-offs that customers have been told of and that are not over."""
    return ShutOff.objects.filter(
        planned=True, noticed_at__isnull=False,
        state__in=(ShutOff.State.NOTICED, ShutOff.State.ACTIVE, ShutOff.State.PARTLY_RESTORED),
    ).count()  # fmt: skip


def city() -> dict[str, Any]:
    """The city in one line, for dispatch: as on the wall, with crews on shift only.

    `notices`: planned shut-offs that customers have been told of and that are not over.
    """
    now = timezone.now()
    by_priority = dict(
        Incident.objects.exclude(state__in=["closed", "restored"])
        .values_list("priority")
        .annotate(n=Count("pk"))
    )
    on_shift = Shift.objects.filter(starts__lte=now, ends__gt=now).values("crew")
    states = Crew.objects.filter(pk__in=on_shift).values_list("state").annotate(n=Count("pk"))
    first = (
        Clock.objects.filter(state=Clock.State.RUNNING, incident__isnull=False)
        .select_related("incident")
        .order_by("due_at", "pk")
        .first()
    )
    return {
        "at": now,
        "incidents_by_priority": {p: by_priority.get(p, 0) for p in ("P1", "P2", "P3", "P4")},
        "crews_by_state": dict(states),
        "customers_without_water": outages.without_water_now(),
        "notices": notices(),
        "next_breach": {
            "incident": first.incident.number, "kind": first.kind, "due_at": first.due_at,
        } if first is not None and first.incident is not None else None,
    }  # fmt: skip


def _occupied(now: datetime) -> dict[str, Any]:
    """Outside and internal lines now: {"busy", "total", "occupancy", "down"} each."""
    found = lines.lines_now(now)
    trunks, inner = found["trunks"], found["internal"]
    return {
        "stale": found["stale"],
        "trunks": {"busy": trunks["busy"], "total": trunks["available"],
                   "occupancy": trunks["occupancy"], "down": trunks["down"]},
        "internal": {"busy": inner["busy"], "total": inner["registered"],
                     "occupancy": inner["occupancy"], "down": inner["down"]},
    }  # fmt: skip


def _forecast(now: datetime) -> dict[str, Any]:
    """Today against what was forecast, by half hour, small enough for a screen."""
    found = forecast.today("", now)
    names = ("expected", "low", "high", "actual", "updated")
    return {
        **{k: found[k] for k in ("on", "slot", "label", "show", "outlier", "offered",
                                 "expected_so_far", "expected_today", "updated_today")},
        **{n: [s[n] for s in found["slots"]] for n in names},
    }  # fmt: skip


def wall() -> dict[str, Any]:
    """Everything on the wall at one instant."""
    now = timezone.now()
    day = today(now)
    open_now = Incident.objects.exclude(state__in=["closed", "restored"])
    by_priority = dict(
        open_now.values_list("priority").annotate(n=Count("pk")).order_by("priority")
    )
    breaches = (
        Clock.objects.filter(state=Clock.State.RUNNING, incident__isnull=False)
        .select_related("incident")
        .order_by("due_at")[:6]
    )
    crews = Crew.objects.filter(disbanded_at=None)
    by_state = dict(crews.values_list("state").annotate(n=Count("pk")))
    return {
        "at": now,
        "utility": settings.STANDPIPE["UTILITY"],
        **queue_now(now),
        "today": calls_between(day, now + timedelta(seconds=1)),
        "service_level_s": SERVICE_LEVEL_S,
        "agent_occupancy": agent_occupancy(now - timedelta(hours=1), now),
        "lines": _occupied(now), "forecast": _forecast(now),
        "agents": agents_now(),
        "incidents_by_priority": {p: by_priority.get(p, 0) for p in ("P1", "P2", "P3", "P4")},
        "customers_without_water": outages.without_water_now(),
        "crews_by_state": by_state, "notices": notices(),
        "calls_in_shutoffs_today": Call.objects.filter(
            started_at__gte=day, verdict="inside_shutoff"
        ).count(),
        "call_backs_due": CallBack.objects.filter(done_at=None).count(),
        "next_breaches": [
            {"incident": c.incident.number, "kind": c.kind, "label": str(c.get_kind_display()),
             "due_at": c.due_at, "priority": c.priority}
            for c in breaches if c.incident is not None
        ],
    }  # fmt: skip
