"""Distances along the pipes, bounded: how far it is from one place on the mains to another.

Two streets 30 m apart on mains that do not meet are far from each other; two houses on one main
are near. A closed pipe and an end of a pipe with a closed valve separate; an open valve, a pump or
a control valve does not, whatever way it lets water pass. A place on a closed pipe is near to other
places on that pipe only.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from gis_data.model import Network


@dataclass(frozen=True, slots=True)
class Main:
    """A main as distances need it; `start_open`, `end_open`: whether that end conducts."""

    id: str
    start: str
    end: str
    length_m: float
    start_open: bool = True
    end_open: bool = True


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a main; `measure` is 0..1 of its length from its start."""

    pipe: str
    measure: float


class PipeGraph:
    """Mains joined at their nodes. Never changed once built; a search visits what it reaches."""

    def __init__(self, mains: Iterable[Main]) -> None:
        self.mains = {main.id: main for main in mains}
        self._beside: dict[str, list[tuple[str, float]]] = {}
        for main in self.mains.values():
            if main.start_open and main.end_open:
                self._beside.setdefault(main.start, []).append((main.end, main.length_m))
                self._beside.setdefault(main.end, []).append((main.start, main.length_m))

    @classmethod
    def of(
        cls, network: Network, *, closed: Collection[str] = (), opened: Collection[str] = ()
    ) -> PipeGraph:
        """The graph of a network. `closed`: pipes, controls or valves shut beside the record's;
        `opened`: normally closed valves that stand open."""
        shut: set[tuple[str, str]] = set()
        for valve in network.valves.values():
            stands_open = valve.normally_open or valve.id in opened
            if valve.id in closed or not stands_open:
                shut.add((valve.pipe, valve.node))
        mains = []
        for pipe in network.pipes.values():
            conducts = not pipe.closed and pipe.id not in closed
            mains.append(
                Main(
                    pipe.id,
                    pipe.start,
                    pipe.end,
                    pipe.length_m,
                    conducts and (pipe.id, pipe.start) not in shut,
                    conducts and (pipe.id, pipe.end) not in shut,
                )
            )
        for control in network.controls.values():
            conducts = not control.closed and control.id not in closed
            mains.append(Main(control.id, control.start, control.end, 0.0, conducts, conducts))
        return cls(mains)

    def nodes_within(self, spot: Spot, limit_m: float) -> dict[str, float]:
        """Node -> metres along the mains from `spot`, for nodes up to `limit_m` away.

        A pipe the graph does not hold reaches nothing.
        """
        main = self.mains.get(spot.pipe)
        if main is None:
            return {}
        starts = []
        if main.start_open:
            starts.append((spot.measure * main.length_m, main.start))
        if main.end_open:
            starts.append(((1.0 - spot.measure) * main.length_m, main.end))
        return self.nodes_from(starts, limit_m)

    def nodes_from(
        self, starts: Iterable[tuple[float, str]], limit_m: float
    ) -> dict[str, float]:
        """As `nodes_within`, from nodes that are (metres, node) away already."""
        found: dict[str, float] = {}
        heap = [s for s in starts if s[0] <= limit_m]
        heapq.heapify(heap)
        while heap:
            metres, node = heapq.heappop(heap)
            if node in found:
                continue
            found[node] = metres
            for other, length in self._beside.get(node, ()):
                if other not in found and metres + length <= limit_m:
                    heapq.heappush(heap, (metres + length, other))
        return found

    def metres(self, spot: Spot, others: Sequence[Spot], limit_m: float) -> list[float]:
        """Metres along the mains from `spot` to each of `others`; infinite beyond `limit_m`."""
        return self.from_reached(spot, self.nodes_within(spot, limit_m), others, limit_m)

    def from_reached(
        self, spot: Spot, reached: dict[str, float], others: Sequence[Spot], limit_m: float
    ) -> list[float]:
        """As `metres`, with the nodes reached from `spot` at hand."""
        found = []
        for other in others:
            main = self.mains.get(other.pipe)
            if main is None:
                found.append(math.inf)
                continue
            best = math.inf
            if other.pipe == spot.pipe:
                best = abs(other.measure - spot.measure) * main.length_m
            if main.start_open:
                best = min(best, reached.get(main.start, math.inf) + other.measure * main.length_m)
            if main.end_open:
                rest = (1.0 - other.measure) * main.length_m
                best = min(best, reached.get(main.end, math.inf) + rest)
            found.append(best if best <= limit_m else math.inf)
        return found

    def pipes_within(self, spots: Iterable[Spot], limit_m: float) -> dict[str, float]:
        """Main -> metres from the nearest of `spots` to its nearest point, up to `limit_m`."""
        spots = list(spots)
        starts = []
        found: dict[str, float] = {}
        for spot in spots:
            main = self.mains.get(spot.pipe)
            if main is None:
                continue
            found[main.id] = 0.0
            if main.start_open:
                starts.append((spot.measure * main.length_m, main.start))
            if main.end_open:
                starts.append(((1.0 - spot.measure) * main.length_m, main.end))
        reached = self.nodes_from(starts, limit_m)
        for main in self.mains.values():
            if main.id in found:
                continue
            near = math.inf
            if main.start_open:
                near = reached.get(main.start, math.inf)
            if main.end_open:
                near = min(near, reached.get(main.end, math.inf))
            if near <= limit_m:
                found[main.id] = near
        return found
