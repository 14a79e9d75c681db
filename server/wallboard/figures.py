"""The figures on the wall: one definition each, counted from the rows themselves.

Rates are None where nothing could be counted: the wall shows a dash, never 0 % or an error.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from server.calls.models import AgentInterval, AgentState, Call
from server.outages import selectors as outages
from server.outages.models import ShutOff
from server.service_level.models import Clock
from server.tickets.models import CallBack, Incident
from server.workforce.models import Crew, Shift

SHORT_ABANDON_S = 5
SERVICE_LEVEL_S = 15
BUSY = ("talking", "wrap")
STAFFED = (*BUSY, "ready", "ringing")


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def calls_between(start: datetime, end: datetime) -> dict[str, Any]:
    """Offered, answered, abandoned, service level… of calls that joined the queue in [start, end).

    Abandons within 5 s of joining are counted apart and leave the denominator.
    """
    rows = [
        (queued, answered, ended, outcome)
        for queued, answered, ended, outcome in Call.objects.filter(
            queued_at__gte=start, queued_at__lt=end, direction=Call.Direction.IN
        ).values_list("queued_at", "answered_at", "ended_at", "outcome")
        if queued is not None
    ]
    waits = [(a - q).total_seconds() for q, a, _e, _o in rows if a is not None]
    gone = [
        (e - q).total_seconds() for q, a, e, o in rows if a is None and e is not None
        and o in (Call.Outcome.ABANDONED, Call.Outcome.INFORMED)
    ]  # fmt: skip
    messages = sum(1 for *_x, o in rows if o == Call.Outcome.MESSAGE)
    short = sum(1 for w in gone if w < SHORT_ABANDON_S)
    offered = len(rows) - short
    within = sum(1 for w in waits if w <= SERVICE_LEVEL_S)
    return {
        "joined": len(rows),
        "offered": offered,
        "answered": len(waits),
        "abandoned": len(gone) - short,
        "short_abandons": short,
        "messages": messages,
        "waiting_still": len(rows) - len(waits) - len(gone) - messages,
        "answered_within": within,
        "connect_rate": ratio(len(waits), offered),
        "service_level": ratio(within, offered),
        "abandon_rate": ratio(len(gone) - short, offered),
        "asa_s": ratio(sum(waits), len(waits)),
    }


def agent_occupancy(start: datetime, end: datetime) -> float | None:
    """(talk + wrap) / (talk + wrap + ready + ringing) over the interval."""
    busy = staffed = 0.0
    rows = AgentInterval.objects.filter(started_at__lt=end).filter(
        Q(ended_at=None) | Q(ended_at__gt=start)
    )
    for state, begun, ended in rows.values_list("state", "started_at", "ended_at"):
        seconds = (min(ended or end, end) - max(begun, start)).total_seconds()
        if state in STAFFED:
            staffed += seconds
        if state in BUSY:
            busy += seconds
    return ratio(busy, staffed)


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
    announced = ShutOff.objects.filter(
        planned=True, noticed_at__isnull=False,
        state__in=(ShutOff.State.NOTICED, ShutOff.State.ACTIVE, ShutOff.State.PARTLY_RESTORED),
    )  # fmt: skip
    return {
        "at": now,
        "incidents_by_priority": {p: by_priority.get(p, 0) for p in ("P1", "P2", "P3", "P4")},
        "crews_by_state": dict(states),
        "customers_without_water": outages.without_water_now(),
        "notices": announced.count(),
        "next_breach": {
            "incident": first.incident.number, "kind": first.kind, "due_at": first.due_at,
        } if first is not None and first.incident is not None else None,
    }  # fmt: skip


def wall() -> dict[str, Any]:
    """Everything on the wall at one instant."""
    now = timezone.now()
    day = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
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
        "agents": agents_now(),
        "incidents_by_priority": {p: by_priority.get(p, 0) for p in ("P1", "P2", "P3", "P4")},
        "customers_without_water": outages.without_water_now(),
        "crews_by_state": by_state,
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
