"""A queue by chance, half hour after half hour: for days on which Erlang's assumptions break. Pure.

A burst sends calls in waves and fills the queue for hours; no formula of a steady state holds
then. Calls arrive at the rate of their half hour, are answered in order by the agents of theirs,
and give up after an exponential patience; what waits at the end of one waits on in the next.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

HALF_HOUR_S = 1800.0
MOST_CALLS = 200_000


@dataclass(slots=True)
class Slot:
    """What callers who joined in one half hour met, over all runs."""

    calls: int = 0
    within: int = 0
    gone: int = 0
    wait_s: float = 0.0

    @property
    def service_level(self) -> float | None:
        return self.within / self.calls if self.calls else None

    @property
    def abandoned(self) -> float | None:
        return self.gone / self.calls if self.calls else None

    @property
    def mean_wait_s(self) -> float | None:
        return self.wait_s / self.calls if self.calls else None


def simulate(
    calls: Sequence[float], agents: Sequence[int], *, aht_s: float, patience_s: float,
    within_s: float, waiting: int = 0, runs: int = 20, seed: int = 1,
) -> list[Slot]:  # fmt: skip
    """`calls`: expected in each half hour; `agents`: at their telephones in each; `waiting`: in
    the queue already. ValueError for lengths that differ, or more than 200,000 calls in all.
    """
    if len(calls) != len(agents):
        raise ValueError("agents: as many half hours as calls are needed")
    if sum(calls) * runs > MOST_CALLS or aht_s <= 0 or patience_s <= 0:
        raise ValueError("calls: too many, or times not above 0")
    draw = random.Random(seed)
    slots = [Slot() for _ in calls]
    for _run in range(runs):
        _once(draw, calls, agents, aht_s, patience_s, within_s, waiting, slots)
    return slots


def _once(
    draw: random.Random, calls: Sequence[float], agents: Sequence[int], aht_s: float,
    patience_s: float, within_s: float, waiting: int, slots: list[Slot],
) -> None:  # fmt: skip
    arrivals = [(0.0, 0)] * waiting
    for n, expected in enumerate(calls):
        at = n * HALF_HOUR_S
        while (
            expected > 0
            and (at := at + draw.expovariate(expected / HALF_HOUR_S)) < (n + 1) * HALF_HOUR_S
        ):
            arrivals.append((at, n))
    busy: list[float] = []
    line: deque[tuple[float, float, int]] = deque()  # joined, gives up at, half hour
    # Moments at which somebody may be taken: an arrival, an end, a change of shift.
    moments = [(at, 0, n) for at, n in arrivals]
    moments += [(n * HALF_HOUR_S, 1, n) for n in range(len(agents))]
    heapq.heapify(moments)
    last = len(agents) * HALF_HOUR_S
    while moments:
        at, what, n = heapq.heappop(moments)
        if what == 0:
            line.append((at, at + draw.expovariate(1 / patience_s), n))
        while busy and busy[0] <= at:
            heapq.heappop(busy)
        here = agents[min(int(at / HALF_HOUR_S), len(agents) - 1)]
        while line and (len(busy) < here or line[0][1] <= at):
            joined, limit, slot = line.popleft()
            found = slots[slot]
            found.calls += 1
            if limit <= at:
                found.gone += 1
                found.wait_s += limit - joined
                continue
            found.wait_s += at - joined
            found.within += at - joined <= within_s
            over = at + draw.expovariate(1 / aht_s)
            heapq.heappush(busy, over)
            if over < last + 4 * HALF_HOUR_S:
                heapq.heappush(moments, (over, 2, 0))
    for joined, limit, slot in line:
        slots[slot].calls += 1
        slots[slot].gone += 1
        slots[slot].wait_s += limit - joined
