"""Who is next: first in first out across all queues, by priority, to whoever may take the call.

app_queue keeps the order within one queue. Over several queues that share agents it does not: a
free agent goes to whichever queue looks first. `choose` says which queue a free agent is meant for;
`telephony/router.py` closes the others to them until the call is there. Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# Members from this penalty on help another queue, only after its callers have waited long enough.
HELPER_PENALTY = 50
# A caller who has waited so long was passed over by agents who were free already.
WAITED_S = 0.7


@dataclass(frozen=True, slots=True)
class Waiter:
    """A caller in a queue. `since` is when the wait began (epoch seconds), in whatever queue.

    `helped_at`: from then on agents of the queue's helpers may take the call as well; None: never.
    """

    call_id: str
    queue: str
    priority: int
    since: float
    helped_at: float | None = None

    @property
    def turn(self) -> tuple[int, float, str]:
        """Sorts callers into the order in which they are to be answered."""
        return (-self.priority, self.since, self.call_id)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent who is not paused. `penalties` are by queue, the lower the better.

    `free_at` is when the telephone may ring again (in the past: now); None while busy. `idle_since`
    is the end of the last call.
    """

    extension: str
    penalties: Mapping[str, int] = field(default_factory=dict)
    free_at: float | None = 0.0
    idle_since: float = 0.0


def may_take(agent: Agent, waiter: Waiter, now: float) -> bool:
    """Whether the agent's telephone may ring for this caller now."""
    penalty = agent.penalties.get(waiter.queue)
    if penalty is None:
        return False
    if penalty < HELPER_PENALTY:
        return True
    return waiter.helped_at is not None and waiter.helped_at <= now


def choose(agents: Iterable[Agent], waiting: Iterable[Waiter], now: float) -> dict[str, Waiter]:
    """Extension -> the caller meant for it.

    The callers pick in their turn: an agent who is free now before one who soon will be, then the
    lowest penalty, then the longest without a call. A caller left with nobody may have an agent
    whom an earlier caller picked, if that one can be given another: so nobody is passed over who
    could have been taken.
    """
    free = {a.extension: a for a in agents if a.free_at is not None}
    chosen: dict[str, Waiter] = {}

    def liking(agent: Agent, queue: str) -> tuple[float, int, float, str]:
        soon = max(0.0, (agent.free_at or 0.0) - now)
        return (soon, agent.penalties[queue], agent.idle_since, agent.extension)

    def give(waiter: Waiter, tried: set[str]) -> bool:
        fit = [a for a in free.values() if a.extension not in tried and may_take(a, waiter, now)]
        fit.sort(key=lambda a: (a.extension in chosen, *liking(a, waiter.queue)))
        for agent in fit:
            if agent.extension in tried:
                continue
            tried.add(agent.extension)
            holder = chosen.get(agent.extension)
            if holder is None or give(holder, tried):
                chosen[agent.extension] = waiter
                return True
        return False

    for waiter in sorted(waiting, key=lambda w: w.turn):
        if len(chosen) == len(free):
            break
        give(waiter, set())
    return chosen


def closed(agents: Sequence[Agent], waiting: Sequence[Waiter], now: float) -> set[tuple[str, str]]:
    """(extension, queue) pairs that must not ring, so that the callers are taken in their turn.

    A caller who finds a free agent on arrival is connected at once, and the agent need be closed
    only where others wait. One who was there before looks once a second: until then nobody may
    come in between.
    """
    busy = {w.queue for w in waiting}
    shut: set[tuple[str, str]] = set()
    by_extension = {a.extension: a for a in agents}
    for extension, waiter in choose(agents, waiting, now).items():
        agent = by_extension[extension]
        strict = now - waiter.since > WAITED_S or (agent.free_at or 0.0) > waiter.since
        shut |= {
            (extension, queue)
            for queue in agent.penalties
            if queue != waiter.queue and (strict or queue in busy)
        }
    return shut


def expected_wait(ahead: int, agents: int, free: int, handling_s: float) -> float | None:
    """Seconds until somebody with `ahead` callers before them is answered; None: nobody works.

    `agents` work on these calls, `free` of them have none now, each call takes `handling_s` of
    one of them. With n busy agents one becomes free every handling_s / n on average.
    """
    if agents <= 0:
        return None
    return max(0, ahead + 1 - free) * handling_s / agents
