"""Positions on streets as the engine wants them: states with the milliseconds to or from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from routing.compiled.states import States
from routing.table import StreetTable


class Part(NamedTuple):
    """A stretch of one edge, from one fraction of it to another, and its milliseconds."""

    edge: int
    start: float
    end: float
    ms: int


class Seed(NamedTuple):
    """A state that a place touches, with the stretch between them (None: it is that junction)."""

    state: int
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


def ways_out(table: StreetTable, states: States, edge_ms: Any, place: Place) -> list[Seed]:
    """Where a vehicle standing at the place gets onto the network: at most two states.

    On a two-way street it may leave in either direction, at a junction into any street. A closed
    street may be left: closures stop traffic passing through, not those who are inside.
    """
    edge, at, twin = place.edge, place.fraction, place.twin
    if place.junction:
        return [Seed(int(table.tail[edge] if at <= 0 else table.head[edge]), 0, None)]
    ms = share_ms(int(edge_ms[edge]), 1 - at)
    seeds = [Seed(int(states.after[edge]), ms, Part(edge, at, 1.0, ms))]
    if twin >= 0:
        ms = share_ms(int(edge_ms[twin]), at)
        seeds.append(Seed(int(states.after[twin]), ms, Part(twin, 1 - at, 1.0, ms)))
    return _one_per_state(seeds)


def ways_in(table: StreetTable, states: States, edge_ms: Any, place: Place) -> list[Seed]:
    """Where a vehicle leaves the network to reach the place.

    A junction is reached in any of its states; the middle of a street from those of its ends in
    which one may turn into it.
    """
    edge, at, twin = place.edge, place.fraction, place.twin
    tail, head = int(table.tail[edge]), int(table.head[edge])
    if place.junction:
        return [Seed(state, 0, None) for state in states.at(tail if at <= 0 else head)]
    ms = share_ms(int(edge_ms[edge]), at)
    part = Part(edge, 0.0, at, ms)
    seeds = [Seed(state, ms, part) for state in states.before(edge, tail)]
    if twin >= 0:
        ms = share_ms(int(edge_ms[twin]), 1 - at)
        part = Part(twin, 0.0, 1 - at, ms)
        seeds += [Seed(state, ms, part) for state in states.before(twin, head)]
    return _one_per_state(seeds)


def straight_along(edge_ms: Any, start: Place, end: Place) -> Part | None:
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


def _one_per_state(seeds: list[Seed]) -> list[Seed]:
    """Both ends of a loop are one junction: the nearer counts."""
    best: dict[int, Seed] = {}
    for seed in seeds:
        if seed.state not in best or seed.ms < best[seed.state].ms:
            best[seed.state] = seed
    return list(best.values())
