"""How many people, how many lines: Erlang's B and C, and A with callers who give up. Pure.

Load `A` = calls a second x mean time of one, in Erlang. All three assume Poisson arrivals,
exponential times and one skill (ASSUMPTIONS, to be printed beside every answer). B: who finds all
lines taken is turned away. C: everybody waits for ever, so it overstates waits once callers give
up, and has no answer when the load is not below the agents. A: callers give up after an
exponential patience.

Sources: A. K. Erlang 1917; Garnett, Mandelbaum, Reiman 2002, "Designing a call center with
impatient customers".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

ASSUMPTIONS = ("poisson_arrivals", "exponential_times", "one_skill")
MOST_AGENTS = 5000
# States less likely than this are left out of a sum.
NEGLIGIBLE = 1e-13


@dataclass(frozen=True, slots=True)
class Delay:
    """What callers meet. Shares are 0..1, times seconds.

    `stable` is False where the queue would grow for ever (Erlang C with the load not below the
    agents): then there is no number, all others are None. `mean_wait_s` is over all callers, those
    who give up included.
    """

    stable: bool
    waits: float | None = None
    service_level: float | None = None
    mean_wait_s: float | None = None
    abandoned: float | None = None
    occupancy: float | None = None


UNSTABLE = Delay(stable=False)


def _checked(name: str, value: float, *, least: float = 0.0) -> float:
    if not math.isfinite(value) or value < least:
        raise ValueError(f"{name}: {value} is not a number from {least:g}")
    return value


def load(calls_per_hour: float, aht_s: float) -> float:
    """Erlang. ValueError for what is no load."""
    _checked("aht_s", aht_s)
    return _checked("calls_per_hour", calls_per_hour) * aht_s / 3600


def erlang_b(servers: int, erlang: float) -> float:
    """The share of calls that finds all `servers` lines taken."""
    _checked("erlang", erlang)
    if servers < 0:
        raise ValueError(f"servers: {servers} is not a number from 0")
    if erlang == 0:
        return 0.0 if servers else 1.0
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = erlang * blocked / (n + erlang * blocked)
    return blocked


def trunks_needed(erlang: float, blocking: float = 0.01) -> int:
    """The fewest lines of which at most the share `blocking` of calls finds none free."""
    _checked("erlang", erlang)
    if not 0 < blocking < 1:
        raise ValueError(f"blocking: {blocking} is not between 0 and 1")
    lines, blocked = 0, 1.0
    if erlang == 0:
        return 0
    while blocked > blocking:
        lines += 1
        blocked = erlang * blocked / (lines + erlang * blocked)
    return lines


def erlang_c(agents: int, erlang: float, aht_s: float, within_s: float) -> Delay:
    """Callers who wait for ever. UNSTABLE when the load is not below the agents."""
    _checked("aht_s", aht_s)
    _checked("within_s", within_s)
    _checked("erlang", erlang)
    if erlang == 0:
        return Delay(True, 0.0, 1.0, 0.0, 0.0, 0.0 if agents else None)
    if erlang >= agents:
        return UNSTABLE
    blocked = erlang_b(agents, erlang)
    waits = agents * blocked / (agents - erlang * (1 - blocked))
    return Delay(
        stable=True, waits=waits,
        service_level=1 - waits * math.exp(-(agents - erlang) * within_s / aht_s),
        mean_wait_s=waits * aht_s / (agents - erlang), abandoned=0.0, occupancy=erlang / agents,
    )  # fmt: skip


def erlang_a(agents: int, erlang: float, aht_s: float, within_s: float, patience_s: float) -> Delay:
    """Callers who give up after `patience_s` in the mean. Always stable.

    `service_level` is the share of all callers that an agent answers within `within_s`.
    """
    _checked("within_s", within_s)
    _checked("erlang", erlang)
    if agents < 0:
        raise ValueError(f"agents: {agents} is not a number from 0")
    if aht_s <= 0 or patience_s <= 0:
        if erlang == 0:
            return Delay(True, 0.0, 1.0, 0.0, 0.0, 0.0 if agents else None)
        raise ValueError("aht_s and patience_s must be above 0")
    if erlang == 0:
        return Delay(True, 0.0, 1.0, 0.0, 0.0, 0.0 if agents else None)
    arrive, serve, leave = erlang / aht_s, 1 / aht_s, 1 / patience_s
    # Relative to the state "all agents busy, nobody waits", so that no large load underflows.
    tail = [1.0]
    while tail[-1] > NEGLIGIBLE or len(tail) < 2 or _still_growing(tail):
        k = len(tail)
        tail.append(tail[-1] * arrive / (agents * serve + k * leave))
    below, state = 0.0, 1.0
    for n in range(agents, 0, -1):
        state *= n * serve / arrive
        below += state
        if state < NEGLIGIBLE:
            break
    total = below + sum(tail)
    waiting = [p / total for p in tail]
    queue = sum(k * p for k, p in enumerate(waiting))
    abandoned = min(1.0, leave * queue / arrive)
    answered = _answered_within(waiting, agents * serve, leave, within_s)
    return Delay(
        stable=True, waits=min(1.0, sum(waiting)),
        service_level=min(1.0, below / total + answered),
        mean_wait_s=queue / arrive, abandoned=abandoned,
        occupancy=erlang * (1 - abandoned) / agents if agents else None,
    )  # fmt: skip


def _still_growing(tail: list[float]) -> bool:
    return tail[-1] > tail[-2]


def _answered_within(seen: list[float], served: float, leave: float, within_s: float) -> float:
    """The share of callers that wait and are answered in time.

    A caller who meets `k` others waiting moves up when an agent gets free or one of them gives up
    (rate served + k x leave), and may give up too. Uniformised: Poisson many jumps of one chain.
    """
    if served == 0 or within_s == 0:
        return 0.0
    pace = served + len(seen) * leave
    at = list(seen)
    done, answered, reached = 0.0, 0.0, 0.0
    mean = pace * within_s
    log_weight, step = -mean, 0
    while reached < 1 - 1e-12 and step < mean + 12 * math.sqrt(mean) + 60:
        weight = math.exp(log_weight)
        reached += weight
        answered += weight * done
        done += at[0] * served / pace
        moved = [0.0] * len(at)
        for k, p in enumerate(at):
            if p:
                ahead = served + k * leave
                moved[k] += p * (1 - (ahead + leave) / pace)
                if k:
                    moved[k - 1] += p * ahead / pace
        at = moved
        step += 1
        log_weight += math.log(mean / step)
    return answered


def agents_for(
    erlang: float, aht_s: float, *, target: float, within_s: float, patience_s: float | None
) -> int:
    """The fewest agents that answer the share `target` within `within_s`.

    By Erlang A with `patience_s`, by Erlang C without. 0 for no load.
    """
    if not 0 < target < 1:
        raise ValueError(f"target: {target} is not between 0 and 1")
    if erlang <= 0:
        _checked("erlang", erlang)
        return 0

    def good(agents: int) -> bool:
        found = (
            erlang_c(agents, erlang, aht_s, within_s) if patience_s is None
            else erlang_a(agents, erlang, aht_s, within_s, patience_s)
        )  # fmt: skip
        return found.service_level is not None and found.service_level >= target

    low, high = 0, max(1, math.ceil(erlang))
    while not good(high):
        low, high = high, high + max(1, math.ceil(math.sqrt(high)))
        if high > MOST_AGENTS:
            raise ValueError(f"erlang: {erlang:g} needs more than {MOST_AGENTS} agents")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def rostered(agents: int, shrinkage: float) -> int:
    """How many must be on the roster so that `agents` are at their telephones."""
    if not 0 <= shrinkage < 1:
        raise ValueError(f"shrinkage: {shrinkage} is not from 0 to below 1")
    # 7 / (1 - .3) is 10.000000000000002 to a computer.
    return math.ceil(agents / (1 - shrinkage) - 1e-9)
