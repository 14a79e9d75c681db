"""Every figure of the contact centre, once: facts in, figures out. Pure; docs/wallboard.md is
its text for people.

A period is half-open, [start, end). Calls count where they joined the queue; stretches of agents'
time count by the part that lies in the period. A rate is None where there was nothing to divide
by. Seconds throughout.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from server.calls.rules import SERVICE_LEVEL_S, SHORT_ABANDON_S

TALK, HOLD, WRAP = "talking", "hold", "wrap"
HANDLING = (TALK, HOLD, WRAP)
# A telephone that rings is still waiting for its call.
WAITING = ("ready", "ringing")
AVAILABLE = (*HANDLING, *WAITING)
REPEAT = timedelta(days=7)
SATISFIED = 4  # of five
GAVE_UP = ("abandoned", "informed", "served", "ivr", "")
CONTAINED = ("informed", "served")


@dataclass(frozen=True, slots=True)
class CallFact:
    """A call that came in. `who` is the premise, or the number where that is not known.

    `outcome` as of calls.models.Call: informed and served ended in the menu, satisfied; what led
    out of the queue without an agent (message, call-back, elsewhere) is overflowed. `score` is 1
    to 5 where the caller was `asked` and answered.
    """

    id: str
    started: datetime
    queued: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""
    queue: str = ""
    agent: str = ""
    who: str = ""
    premise: str = ""
    kind: str = ""
    transfers: int = 0
    asked: bool = False
    score: int | None = None

    @property
    def gave_up(self) -> bool:
        """Hung up in the queue, unanswered."""
        return (
            self.queued is not None and self.answered is None and self.ended is not None
            and self.outcome in GAVE_UP
        )  # fmt: skip

    @property
    def wait_s(self) -> float | None:
        """From joining the queue until an agent, or the end; None while it lasts."""
        over = self.answered or self.ended
        return (over - self.queued).total_seconds() if self.queued and over else None

    @property
    def short(self) -> bool:
        wait = self.wait_s
        return self.gave_up and wait is not None and wait < SHORT_ABANDON_S


@dataclass(frozen=True, slots=True)
class SpanFact:
    """A stretch of an agent's time in one state; `end` None while it lasts."""

    agent: str
    state: str
    start: datetime
    end: datetime | None = None
    call: str = ""
    queue: str = ""

    def within(self, start: datetime, end: datetime) -> float:
        """Seconds of it in [start, end)."""
        return max(0.0, (min(self.end or end, end) - max(self.start, start)).total_seconds())


@dataclass(frozen=True, slots=True)
class PlanFact:
    """When an agent is planned to be there, and paid."""

    agent: str
    start: datetime
    end: datetime


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def figures(
    calls: Sequence[CallFact],
    spans: Sequence[SpanFact],
    plans: Sequence[PlanFact],
    start: datetime,
    end: datetime,
    *,
    others: Sequence[CallFact] = (),
    callers: Callers | None = None,
) -> dict[str, Any]:
    """All figures of [start, end). `others`: calls of the seven days before and after, so that
    repeated ones are seen; calls outside the period count for nothing else. Where many rows are
    counted of the same calls, `callers` (by_caller of them all) is made once instead.
    """
    mine = [c for c in calls if c.queued is not None and start <= c.queued < end]
    came = [c for c in calls if start <= c.started < end]
    return {
        **_queue(mine), **_handling(mine, spans, start, end), **_time(spans, plans, start, end),
        **_again(mine, by_caller([*calls, *others]) if callers is None else callers),
        **_menu(came), **_content(mine),
    }  # fmt: skip


def _queue(mine: list[CallFact]) -> dict[str, Any]:
    short = sum(1 for c in mine if c.short)
    answered = [c for c in mine if c.answered is not None]
    waits = [c.wait_s or 0.0 for c in answered]
    gone = [c for c in mine if c.gave_up and not c.short]
    over = [c for c in mine if c.answered is None and c.ended is not None and not c.gave_up]
    still = [c for c in mine if c.answered is None and c.ended is None]
    offered = len(mine) - short
    within = sum(1 for w in waits if w <= SERVICE_LEVEL_S)
    gone_within = sum(1 for c in gone if (c.wait_s or 0.0) <= SERVICE_LEVEL_S)
    return {
        "joined": len(mine), "short_abandons": short, "offered": offered,
        "answered": len(answered), "abandoned": len(gone), "overflowed": len(over),
        "messages": sum(1 for c in over if c.outcome == "message"),
        "waiting_still": len(still), "answered_within": within, "abandoned_within": gone_within,
        "connect_rate": ratio(len(answered), offered),
        "service_level": ratio(within, offered),
        "service_level_without_abandons": ratio(within, offered - gone_within),
        "abandon_rate": ratio(len(gone), offered),
        "asa_s": ratio(sum(waits), len(waits)), "longest_answered_s": max(waits, default=None),
    }  # fmt: skip


def _handling(
    mine: list[CallFact], spans: Sequence[SpanFact], start: datetime, end: datetime
) -> dict[str, Any]:
    answered = [c for c in mine if c.answered is not None]
    seconds = _seconds(spans, start, end)
    talk, hold, wrap = (seconds[s] for s in HANDLING)
    transfers = sum(c.transfers for c in answered)
    names = {c.id for c in answered}
    holds = sum(1 for s in spans if s.state == HOLD and s.call in names)
    n = len(answered)
    return {
        "talk_s": ratio(talk, n), "hold_s": ratio(hold, n), "wrap_s": ratio(wrap, n),
        "aht_s": ratio(talk + hold + wrap, n),
        "transfers": transfers, "transfer_rate": ratio(transfers, n),
        "holds": holds, "hold_rate": ratio(holds, n),
    }  # fmt: skip


def _seconds(spans: Iterable[SpanFact], start: datetime, end: datetime) -> dict[str, float]:
    out: dict[str, float] = defaultdict(float)
    for span in spans:
        out[span.state] += span.within(start, end)
    return out


def _time(
    spans: Sequence[SpanFact], plans: Sequence[PlanFact], start: datetime, end: datetime
) -> dict[str, Any]:
    seconds = _seconds(spans, start, end)
    busy = sum(seconds[s] for s in HANDLING)
    waiting = sum(seconds[s] for s in WAITING)
    planned = present = available = 0.0
    for plan in plans:
        first, last = max(plan.start, start), min(plan.end, end)
        if first >= last:
            continue
        planned += (last - first).total_seconds()
        own = _seconds((s for s in spans if s.agent == plan.agent), first, last)
        present += sum(own.values())
        available += sum(own[s] for s in AVAILABLE)
    return {
        "signed_in_s": sum(seconds.values()), "occupancy": ratio(busy, busy + waiting),
        "utilisation": ratio(busy, sum(seconds.values())), "planned_s": planned,
        "adherence": ratio(present, planned), "shrinkage": ratio(planned - available, planned),
    }  # fmt: skip


Callers = Mapping[str, Sequence[CallFact]]


def by_caller(calls: Iterable[CallFact]) -> Callers:
    """Who called when: each call once, those that joined a queue."""
    by_who: dict[str, list[CallFact]] = defaultdict(list)
    seen: set[str] = set()
    for c in calls:
        if c.queued is not None and c.who and c.id not in seen:
            seen.add(c.id)
            by_who[c.who].append(c)
    return by_who


def _again(mine: list[CallFact], by_who: Callers) -> dict[str, Any]:
    """Who called again. A repeat: the same premise or number had joined within 7 days before.

    Solved at the first call: no other call of the premise about the same within 7 days after.
    """
    answered = [c for c in mine if c.answered is not None]
    repeated = solved = asked = 0
    for c in answered:
        assert c.queued is not None
        if any(
            o.queued is not None
            and o.id != c.id
            and timedelta(0) <= c.queued - o.queued <= REPEAT
            and (o.queued, o.id) < (c.queued, c.id)
            for o in by_who.get(c.who, ())
        ):
            repeated += 1
        if c.premise:
            asked += 1
            solved += not any(
                o.queued is not None
                and o.kind == c.kind
                and o.premise == c.premise
                and (o.queued, o.id) > (c.queued, c.id)
                and o.queued - c.queued <= REPEAT
                for o in by_who.get(c.who, ())
            )
    return {
        "repeat_calls": repeated, "repeat_rate": ratio(repeated, len(answered)),
        "first_call_known": asked, "first_call_solved": solved, "fcr": ratio(solved, asked),
    }  # fmt: skip


def _menu(came: list[CallFact]) -> dict[str, Any]:
    """Of the calls that entered the menu, those that ended there with what they came for."""
    contained = sum(1 for c in came if c.queued is None and c.outcome in CONTAINED)
    return {"ivr_entered": len(came), "ivr_contained": contained,
            "containment": ratio(contained, len(came))}  # fmt: skip


def _content(mine: list[CallFact]) -> dict[str, Any]:
    asked = sum(1 for c in mine if c.asked)
    scores = [c.score for c in mine if c.score is not None]
    content = sum(1 for s in scores if s >= SATISFIED)
    return {
        "asked": asked, "rated": len(scores), "satisfied": content,
        "satisfaction": ratio(content, len(scores)), "response_rate": ratio(len(scores), asked),
    }  # fmt: skip


def waiting_at(calls: Iterable[CallFact], at: datetime) -> int:
    """How many stood in the queue at a moment."""
    return sum(
        1 for c in calls
        if c.queued is not None and c.queued <= at
        and (c.answered or c.ended or at + timedelta(1)) > at
    )  # fmt: skip


def waiting_s(calls: Iterable[CallFact], start: datetime, end: datetime) -> float:
    """Caller-seconds spent in the queue within [start, end): mean queue = this / its length."""
    return sum(
        max(0.0, (min(c.answered or c.ended or end, end) - max(c.queued, start)).total_seconds())
        for c in calls
        if c.queued is not None
    )
