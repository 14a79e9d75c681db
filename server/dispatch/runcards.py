"""Run cards: what a class of incident asks for. Pure: facts in, a card out; no database.

The first card that fits is the one. Rows of the table RunCard are asked first, then DEFAULTS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

REPAIR, VALVES, NOTICES, INSPECT, TRAFFIC = "repair", "valves", "notices", "inspect", "traffic"
KINDS = (REPAIR, VALVES, NOTICES, INSPECT, TRAFFIC)
PLACE, FIRST_VALVE = "place", "first_valve"
TARGETS = (PLACE, FIRST_VALVE)
MOST_CREWS = 5
# Seconds of work by kind of order; a repair takes as long as its priority says (candidates.WORK_S).
WORK_S = {VALVES: 3600.0, NOTICES: 3600.0, INSPECT: 1800.0, TRAFFIC: 3600.0}
A_VALVE_S = 900.0  # each valve to be turned, the way to it included
# Hazards for which a valve crew goes ahead of the digger.
SPREADING = ("flooding", "road_open", "cavity", "undermining", "inside", "inside_building")


@dataclass(frozen=True)
class Wanted:
    """`crews` orders of one kind. Empty `skills`: those the kind of incident asks for."""

    kind: str
    crews: int = 1
    skills: frozenset[str] = frozenset()
    target: str = PLACE


@dataclass(frozen=True)
class Facts:
    """What is known of an incident when a card is looked for. `hour` is local, 0 to 23."""

    kind: str
    priority: str
    diameter_mm: float = 0.0
    hazards: frozenset[str] = frozenset()
    customers_off: int = 0
    valves: int = 0
    hour: int = 12


@dataclass(frozen=True)
class Card:
    """Empty conditions fit everything. `automatic`: offered without a dispatcher's word."""

    name: str
    orders: tuple[Wanted, ...]
    kinds: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    from_mm: float | None = None
    to_mm: float | None = None
    hazards: frozenset[str] = frozenset()  # any of them
    from_hour: int | None = None
    to_hour: int | None = None  # 22 to 6 goes past midnight
    tells: tuple[str, ...] = field(default=())  # roles
    automatic: bool = False

    def fits(self, f: Facts) -> bool:
        return (
            (not self.kinds or f.kind in self.kinds)
            and (not self.priorities or f.priority in self.priorities)
            and (self.from_mm is None or f.diameter_mm >= self.from_mm)
            and (self.to_mm is None or 0 < f.diameter_mm <= self.to_mm)
            and (not self.hazards or bool(self.hazards & f.hazards))
            and self._at(f.hour)
        )

    def _at(self, hour: int) -> bool:
        if self.from_hour is None or self.to_hour is None:
            return True
        if self.from_hour <= self.to_hour:
            return self.from_hour <= hour < self.to_hour
        return hour >= self.from_hour or hour < self.to_hour


_VALVE = frozenset({"valve"})
_DIG = frozenset({"repair"})
_TWO = (Wanted(VALVES, 1, _VALVE, FIRST_VALVE), Wanted(REPAIR, 1, _DIG))
DEFAULTS: tuple[Card, ...] = (
    Card(
        "large_main", (*_TWO, Wanted(TRAFFIC)), frozenset({"burst"}), from_mm=300,
        tells=("supervisor", "manager"),
    ),
    Card("spreading", _TWO, frozenset({"burst", "leak"}), hazards=frozenset(SPREADING),
         tells=("supervisor",)),
    Card("one_crew", (Wanted(REPAIR),)),
)  # fmt: skip


def choose(facts: Facts, rows: Iterable[Card] = ()) -> Card:
    """The card for these facts; there always is one."""
    return next(c for c in (*rows, *DEFAULTS) if c.fits(facts))


def split(card: Card, facts: Facts) -> tuple[Wanted, ...]:
    """The card's orders that make sense here: without valves in a plan nobody is sent to any, and
    whoever repairs then has to be able to close what he finds.
    """
    if facts.valves > 0 or not any(w.target == FIRST_VALVE for w in card.orders):
        return card.orders
    rest = [w for w in card.orders if w.target != FIRST_VALVE]
    return tuple(Wanted(w.kind, w.crews) if w.kind == REPAIR else w for w in rest) or (
        Wanted(REPAIR),
    )


def work_s(kind: str, priority_s: float, valves: int) -> float:
    """How long an order of `kind` usually takes."""
    if kind == VALVES:
        return max(WORK_S[VALVES], A_VALVE_S * valves)
    return WORK_S.get(kind, priority_s)
