"""The facts the figures are counted from, read from the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from server.calls.models import AgentInterval, Call
from server.forecast.models import AgentShift
from server.wallboard.counting import REPEAT, CallFact, PlanFact, SpanFact

_FIELDS = (
    "call_id", "started_at", "queued_at", "answered_at", "ended_at", "outcome", "queue",
    "agent__username", "premise__code", "phone", "contact__ticket__kind", "transfers",
    "rating__asked_at", "rating__score",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that concerns [start, end); `others` are the calls around it."""

    start: datetime
    end: datetime
    calls: list[CallFact]
    others: list[CallFact]
    spans: list[SpanFact]
    plans: list[PlanFact]


def facts(start: datetime, end: datetime, *, around: bool = True) -> Facts:
    """A few reads, whatever is counted of them afterwards. Without `around` nobody is known to have
    called before or after.
    """
    inside = Q(queued_at__gte=start, queued_at__lt=end) | Q(started_at__gte=start,
                                                            started_at__lt=end)  # fmt: skip
    calls = _calls(inside)
    near = Q(queued_at__gte=start - REPEAT, queued_at__lt=end + REPEAT) & ~inside
    known = {c.who for c in calls if c.who} if around else set()
    others = [c for c in _calls(near) if c.who in known] if known else []
    return Facts(start, end, calls, others, spans(start, end), plans(start, end))


def _calls(which: Q) -> list[CallFact]:
    rows = Call.objects.filter(which, direction=Call.Direction.IN)
    return [
        CallFact(
            id=r[0], started=r[1], queued=r[2], answered=r[3], ended=r[4], outcome=r[5],
            queue=r[6], agent=r[7] or "", who=r[8] or r[9], premise=r[8] or "", kind=r[10] or "",
            transfers=r[11], asked=r[12] is not None, score=r[13],
        )
        for r in rows.values_list(*_FIELDS)
    ]  # fmt: skip


def spans(start: datetime, end: datetime) -> list[SpanFact]:
    rows = AgentInterval.objects.filter(started_at__lt=end).filter(
        Q(ended_at=None) | Q(ended_at__gt=start)
    )
    return [
        SpanFact(agent, state, begun, ended, call or "", queue or "")
        for agent, state, begun, ended, call, queue in rows.values_list(
            "user__username", "state", "started_at", "ended_at", "call__call_id", "call__queue"
        )
    ]


def plans(start: datetime, end: datetime) -> list[PlanFact]:
    rows = AgentShift.objects.filter(starts__lt=end, ends__gt=start)
    return [PlanFact(*row) for row in rows.values_list("user__username", "starts", "ends")]
