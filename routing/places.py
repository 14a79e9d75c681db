"""Positions on streets as the engine wants them: nodes with the milliseconds to or from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routing.model import Origin
from routing.table import Ints, StreetTable


@dataclass(frozen=True, slots=True)
class Seed:
    """A node that a place touches, the cost between them, and the edge part in between.

    `edge` is -1 when the place is the node itself.
    """

    node: int
    ms: int
    edge: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a street: an edge, a fraction of it, and the edge the other way (-1: none)."""

    edge: int
    fraction: float
    twin: int


def share_ms(ms: int, share: float) -> int:
    """The milliseconds that a share of an edge takes."""
    return round(share * ms)


def ways_out(table: StreetTable, place: Place) -> list[Seed]:
    """Where a vehicle standing at the place gets onto the network, cheapest way per node.

    On a two-way street it may leave in either direction. A closed street may be left: closures
    stop traffic passing through, not those who are inside.
    """
    seeds = []
    for edge, at in _both(place):
        ms = int(table.ms[edge])
        seeds.append(Seed(int(table.head[edge]), share_ms(ms, 1 - at), edge, at, 1.0))
        if at <= 0:
            seeds.append(Seed(int(table.tail[edge]), 0, -1, 0.0, 0.0))
    return _cheapest(seeds)


def ways_in(table: StreetTable, place: Place) -> list[Seed]:
    """Where a vehicle leaves the network to reach the place, cheapest way per node."""
    seeds = []
    for edge, at in _both(place):
        ms = int(table.ms[edge])
        seeds.append(Seed(int(table.tail[edge]), share_ms(ms, at), edge, 0.0, at))
        if at >= 1:
            seeds.append(Seed(int(table.head[edge]), 0, -1, 0.0, 0.0))
    return _cheapest(seeds)


def straight_along(
    table: StreetTable, start: Place, end: Place
) -> tuple[int, int, float, float] | None:
    """(milliseconds, edge, from, to) between two places of one street, if driven directly."""
    if start.edge != end.edge:
        return None
    found = None
    for (edge, a), (_, b) in zip(_both(start), _both(end), strict=True):
        if a <= b:
            cost = share_ms(int(table.ms[edge]), b - a)
            if found is None or cost < found[0]:
                found = (cost, edge, a, b)
    return found


def _both(place: Place) -> list[tuple[int, float]]:
    sides = [(place.edge, place.fraction)]
    if place.twin >= 0:
        sides.append((place.twin, 1.0 - place.fraction))
    return sides


def _cheapest(seeds: Sequence[Seed]) -> list[Seed]:
    best: dict[int, Seed] = {}
    for seed in sorted(seeds, key=lambda s: (s.ms, s.edge)):
        best.setdefault(seed.node, seed)
    return list(best.values())


@dataclass(slots=True, eq=False)
class Fleet:
    """Origins made ready for ranking: snapped once, asked often.

    `slot` and `cost` have one row per seed, sorted by origin: its number in `nodes` and its
    milliseconds; the seeds of origin i begin at `first[i]`. `off` are the origins on no street.
    """

    origins: tuple[Origin, ...]
    max_m: float
    places: list[Place]
    off: list[tuple[str, str]]
    nodes: Ints
    slot: Ints
    cost: npt.NDArray[np.float64]
    first: Ints
    edge: Ints
    rank: Ints
    ids: list[str]


def make_fleet(
    table: StreetTable,
    origins: tuple[Origin, ...],
    max_m: float,
    on: list[int],
    places: list[Place],
    off: list[tuple[str, str]],
) -> Fleet:
    """Collects the ways out of every place; `off` are (id, note) of origins on no street."""
    seeds = [ways_out(table, place) for place in places]
    flat = [seed for some in seeds for seed in some]
    nodes, slot = np.unique(np.array([s.node for s in flat], dtype=np.int64), return_inverse=True)
    sizes = [len(some) for some in seeds]
    ids = [origins[i].id for i in on]
    rank = np.empty(len(ids), dtype=np.int64)
    rank[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return Fleet(
        origins=origins,
        max_m=max_m,
        places=places,
        off=sorted(off, key=lambda row: (row[1] == "bad_position", row[0])),
        nodes=nodes,
        slot=slot.astype(np.int64),
        cost=np.array([s.ms for s in flat], dtype=np.float64),
        first=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
        edge=np.array([place.edge for place in places], dtype=np.int64),
        rank=rank,
        ids=ids,
    )
