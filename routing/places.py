"""Positions on streets as the engine wants them: nodes with the milliseconds to or from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from routing.model import Origin, ReachNote
from routing.table import Floats, Ints, StreetTable


class Part(NamedTuple):
    """A stretch of one edge, from one fraction of it to another, and its milliseconds."""

    edge: int
    start: float
    end: float
    ms: int


class Seed(NamedTuple):
    """A node that a place touches, with the stretch between them (None: it is that node)."""

    node: int
    ms: int
    part: Part | None


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a street: an edge, a fraction of it, and the edge the other way (-1: none)."""

    edge: int
    fraction: float
    twin: int

    @property
    def junction(self) -> bool:
        """Whether the place is an end of its street, and so lies on all streets that meet there."""
        return self.fraction <= 0 or self.fraction >= 1


def share_ms(ms: int, share: float) -> int:
    """The whole milliseconds that a share of an edge takes, half to even."""
    return round(share * ms)


def ways_out(table: StreetTable, edge_ms: Ints, place: Place) -> list[Seed]:
    """Where a vehicle standing at the place gets onto the network: at most two nodes.

    On a two-way street it may leave in either direction. A closed street may be left: closures
    stop traffic passing through, not those who are inside.
    """
    edge, at, twin = place.edge, place.fraction, place.twin
    tail, head = int(table.tail[edge]), int(table.head[edge])
    if place.junction:
        return [Seed(tail if at <= 0 else head, 0, None)]
    ms = share_ms(int(edge_ms[edge]), 1 - at)
    seeds = [Seed(head, ms, Part(edge, at, 1.0, ms))]
    if twin >= 0:
        ms = share_ms(int(edge_ms[twin]), at)
        seeds.append(Seed(tail, ms, Part(twin, 1 - at, 1.0, ms)))
    return _one_per_node(seeds)


def ways_in(table: StreetTable, edge_ms: Ints, place: Place) -> list[Seed]:
    """Where a vehicle leaves the network to reach the place: at most two nodes."""
    edge, at, twin = place.edge, place.fraction, place.twin
    tail, head = int(table.tail[edge]), int(table.head[edge])
    if place.junction:
        return [Seed(tail if at <= 0 else head, 0, None)]
    ms = share_ms(int(edge_ms[edge]), at)
    seeds = [Seed(tail, ms, Part(edge, 0.0, at, ms))]
    if twin >= 0:
        ms = share_ms(int(edge_ms[twin]), 1 - at)
        seeds.append(Seed(head, ms, Part(twin, 0.0, 1 - at, ms)))
    return _one_per_node(seeds)


def straight_along(edge_ms: Ints, start: Place, end: Place) -> Part | None:
    """The stretch between two places of one street if it can be driven directly.

    From junction to junction the engine decides: the street may be closed, or not the quickest.
    """
    if start.edge != end.edge or (start.junction and end.junction):
        return None
    a, b = start.fraction, end.fraction
    if a <= b:
        return Part(start.edge, a, b, share_ms(int(edge_ms[start.edge]), b - a))
    if start.twin >= 0:
        return Part(start.twin, 1 - a, 1 - b, share_ms(int(edge_ms[start.twin]), a - b))
    return None


def _one_per_node(seeds: list[Seed]) -> list[Seed]:
    """Both ends of a loop are one node: the nearer counts."""
    if len(seeds) == 2 and seeds[0].node == seeds[1].node:
        return [seeds[0] if seeds[0].ms <= seeds[1].ms else seeds[1]]
    return seeds


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Origins made ready for ranking: snapped once, asked often.

    One row per origin on a street: `head` and `tail` number its two nodes within `nodes`, and
    `head_ms`, `tail_ms` say how far they are (infinite: not that way). `rank` is the order of
    the ids. `off` are the origins on no street, in the order they are listed.
    """

    origins: tuple[Origin, ...]
    max_m: float
    ids: list[str]
    places: list[Place]
    edge: Ints
    nodes: Ints
    head: Ints
    tail: Ints
    head_ms: Floats
    tail_ms: Floats
    rank: Ints
    off: list[tuple[str, ReachNote]]
    epoch: int


def make_fleet(
    table: StreetTable,
    edge_ms: Ints,
    epoch: int,
    origins: tuple[Origin, ...],
    max_m: float,
    on: list[tuple[str, Place]],
    off: list[tuple[str, ReachNote]],
) -> Fleet:
    """The same ways out as `ways_out` gives, for all origins at once."""
    ids = [name for name, _ in on]
    places = [place for _, place in on]
    edge = np.array([place.edge for place in places], dtype=np.int64)
    twin = np.array([place.twin for place in places], dtype=np.int64)
    at = np.array([place.fraction for place in places], dtype=np.float64)
    nodes, slots = np.unique(
        np.concatenate([table.head[edge], table.tail[edge]]), return_inverse=True
    )
    back: npt.NDArray[np.float64] = np.where(twin >= 0, np.rint(at * edge_ms[twin]), np.inf)
    rank = np.empty(len(ids), dtype=np.int64)
    rank[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return Fleet(
        origins=origins,
        max_m=max_m,
        ids=ids,
        places=places,
        edge=edge,
        nodes=nodes,
        head=slots[: len(ids)],
        tail=slots[len(ids) :],
        # At a junction only that junction counts: the street itself may be closed.
        head_ms=np.where(at <= 0, np.inf, np.rint((1 - at) * edge_ms[edge])),
        tail_ms=np.where(at <= 0, 0.0, np.where(at >= 1, np.inf, back)),
        rank=rank,
        off=sorted(off, key=lambda row: (row[1] == "bad_position", row[0])),
        epoch=epoch,
    )
