"""Which agent is offered which written item: pure, values in and values out.

The same skills and levels as for calls, a limit of its own for each agent, and nothing to read for
somebody who talks, unless that was allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# Not offered again to who let it pass, for so long.
PASSED_S = 300.0
FREE, TALKING = ("ready", "wrap"), ("talking", "hold")


@dataclass(frozen=True, slots=True)
class Item:
    """Something written that waits. `passed`: who let it go by, and when (epoch seconds)."""

    id: int
    queue: str
    priority: int
    received: float
    passed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Writer:
    """An agent as far as written work goes. `open` counts what they have in hand or on offer."""

    username: str
    penalties: Mapping[str, int]
    state: str
    open: int = 0
    limit: int = 3
    while_talking: bool = False
    last: float = 0.0


def may_have(writer: Writer, item: Item, now: float) -> bool:
    """Whether the item may be offered to this agent now."""
    if item.queue not in writer.penalties or writer.open >= writer.limit:
        return False
    if writer.state not in FREE and not (writer.while_talking and writer.state in TALKING):
        return False
    return now - item.passed.get(writer.username, float("-inf")) >= PASSED_S


def offers(items: Iterable[Item], writers: Sequence[Writer], now: float) -> list[tuple[int, str]]:
    """(item, username) in the order of offering.

    The items by priority, then by age; each to the best skilled, then who has the least in hand,
    then who was given something longest ago.
    """
    hands = {w.username: w.open for w in writers}
    found = []
    for item in sorted(items, key=lambda i: (-i.priority, i.received, i.id)):
        fit = [
            w for w in writers
            if may_have(w, item, now) and hands[w.username] < w.limit
        ]  # fmt: skip
        if fit:
            best = min(
                fit,
                key=lambda w: (w.penalties[item.queue], hands[w.username], w.last, w.username),
            )
            hands[best.username] += 1
            found.append((item.id, best.username))
    return found
