"""What is read of the queues: themselves, and how they stand now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from server.calls.models import AgentInterval, AgentState, Call
from server.calls.queueing.models import GENERAL, KeptPlace, Queue
from telephony.order import HELPER_PENALTY, expected_wait

# A call older than this lost its end; `calls.services.close_lost` ends it.
OLDEST = timedelta(hours=4)
# Until calls have been handled: three minutes a call.
USUAL_HANDLING_S = 180.0
HANDLING_OVER = timedelta(hours=2)
WORKING = ("ready", "ringing", "talking", "hold", "wrap")


def queues() -> list[Queue]:
    """The queues in use, by rank. The general one is there even with an empty table."""
    found = list(Queue.objects.filter(active=True).select_related("area", "overflow_to"))
    if all(q.code != GENERAL for q in found):
        found.append(Queue(code=GENERAL, name="Faults", name_zh="报修", skill=GENERAL))
    return found


def by_code(code: str, among: list[Queue] | None = None) -> Queue:
    """The queue of this code, the general one for a code that is none; `among` if read already."""
    found = {q.code: q for q in among or queues()}
    return found.get(code) or found[GENERAL]


def before(call: Call, queue: str) -> int:
    """How many who wait in this queue have their turn before `call`, were it to wait there."""
    waiting = Call.objects.filter(state=Call.State.QUEUED, queue=queue).exclude(pk=call.pk)
    earlier = Q(priority__gt=call.priority)
    if call.queued_at is not None:
        earlier |= Q(priority=call.priority, queued_at__lt=call.queued_at)
    return waiting.filter(earlier, queued_at__gt=timezone.now() - OLDEST).count()


def handling_s(queue: str, now: datetime) -> float:
    """Mean seconds of talk and after-call work for a call of this queue in the last two hours."""
    return _handling(now).get(queue, USUAL_HANDLING_S)


def _handling(now: datetime) -> dict[str, float]:
    """`handling_s` of every queue that had calls."""
    lately = {"ended_at__gt": now - HANDLING_OVER, "ended_at__lte": now}
    # The beginning is what the table is indexed by; a call is over after OLDEST.
    talked = (
        Call.objects.filter(
            answered_at__isnull=False, started_at__gt=now - HANDLING_OVER - OLDEST, **lately
        )
        .values_list("queue")
        .annotate(calls=Count("pk"), talk=Sum(F("ended_at") - F("answered_at")))
        .order_by("queue")
    )
    rows = [(queue, calls, talk.total_seconds()) for queue, calls, talk in talked]
    wrapped = AgentInterval.objects.filter(state=AgentState.State.WRAP_UP, **lately).aggregate(
        whole=Sum(F("ended_at") - F("started_at"))
    )["whole"]
    wrap = wrapped.total_seconds() / max(1, sum(n for _, n, _ in rows)) if wrapped else 0.0
    return {queue: max(1.0, talk / calls + wrap) for queue, calls, talk in rows}


@dataclass
class _Line:
    since: list[datetime] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    free: int = 0


def now(at: datetime | None = None) -> list[dict[str, Any]]:
    """Each queue now, by rank.

    {"queue", "name", "skill", "waiting", "longest_wait_s", "expected_wait_s" of somebody who came
    now (None: nobody works there), "kept" places for callers who wait for our call, "agents" by
    state, "working", "free", "handling_s", "sla_s"}. A helper counts only in the own queues.
    """
    from server.calls.queueing import seating

    at = at or timezone.now()
    rows = queues()
    lines = {q.code: _Line() for q in rows}
    waiting = Call.objects.filter(state=Call.State.QUEUED, queued_at__gt=at - OLDEST)
    for code, since in waiting.values_list("queue", "queued_at"):
        if since is not None:
            lines.get(code, lines[GENERAL]).since.append(since)
    kept: dict[str, int] = defaultdict(int)
    for code in KeptPlace.objects.filter(
        state__in=(KeptPlace.State.WAITING, KeptPlace.State.DIALLING)
    ).values_list("queue", flat=True):
        kept[code] += 1
    states = {
        s.user.extension: s for s in AgentState.objects.select_related("user") if s.user.extension
    }
    for extension, seat in seating.all_seats().items():
        state = states[extension].state
        for code, penalty in seat.penalties.items():
            if penalty < HELPER_PENALTY:
                line = lines[code]
                line.states[state] = line.states.get(state, 0) + 1
                line.free += state == AgentState.State.READY
    found, takes = [], _handling(at)
    for q in rows:
        line = lines[q.code]
        working = sum(line.states.get(state, 0) for state in WORKING)
        handling = takes.get(q.code, USUAL_HANDLING_S)
        ahead = len(line.since) + kept[q.code]
        found.append({
            "queue": q.code, "name": q.shown, "skill": q.skill, "waiting": len(line.since),
            "longest_wait_s": max(((at - s).total_seconds() for s in line.since), default=0.0),
            "expected_wait_s": expected_wait(ahead, working, line.free, handling),
            "kept": kept[q.code], "agents": line.states, "working": working, "free": line.free,
            "handling_s": round(handling, 1), "sla_s": q.sla_s,
        })  # fmt: skip
    return found
