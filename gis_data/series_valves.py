"""Throttle valves drawn as links in series with pipes, as models have them, into isolation valves.

A valve of ours stands on a pipe, at one of its nodes; the little node between the two goes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from shapely.geometry import LineString

from gis_data.model import Control, Node, Pipe, Valve

#: Suffix of the helper node between an isolation valve written as a link and its pipe.
HELPER = "~"
#: A throttle valve with a loss coefficient of this size is shut.
_SHUT_LOSS = 1e6


def absorb_valves(
    nodes: dict[str, Node],
    pipes: dict[str, Pipe],
    controls: dict[str, Control],
    names: Iterable[str],
    roughness: float,
    *,
    needed: Collection[str] = (),
    lengths: Mapping[str, float] | None = None,
) -> dict[str, Valve]:
    """Take these controls out of the network, changing the dictionaries, and return the valves.

    `roughness` is for the half metre of pipe that a valve between two crossings gets; `needed`:
    nodes that must stay, because something else stands on them; `lengths`: metres that a valve
    drawn as a line adds to the pipe that takes its place.
    """
    return _Series(nodes, pipes, controls, roughness, needed, lengths or {}).take(names)


def is_shut(control: Control) -> bool:
    return control.closed or (control.setting or 0.0) >= _SHUT_LOSS


def _loss(control: Control) -> float:
    """Loss coefficient of an open throttle valve; closed ones are often written as a huge one."""
    setting = control.setting or 0.0
    return setting if 0 < setting < _SHUT_LOSS else 0.0


class _Series:
    def __init__(
        self,
        nodes: dict[str, Node],
        pipes: dict[str, Pipe],
        controls: dict[str, Control],
        roughness: float,
        needed: Collection[str],
        lengths: Mapping[str, float],
    ) -> None:
        self.nodes, self.pipes, self.controls = nodes, pipes, controls
        self._roughness, self._needed, self._lengths = roughness, needed, lengths
        self._ends: dict[str, set[str]] = defaultdict(set)
        links: list[Pipe | Control] = [*pipes.values(), *controls.values()]
        for link in links:
            self._ends[link.start].add(link.id)
            self._ends[link.end].add(link.id)

    def take(self, names: Iterable[str]) -> dict[str, Valve]:
        valves: dict[str, Valve] = {}
        for name in names:
            valve = self.controls[name]
            choice = [
                (drop, keep)
                for drop, keep in ((valve.start, valve.end), (valve.end, valve.start))
                if self._droppable(drop, keep)
            ]
            choice.sort(key=lambda pair: pair[0] != name + HELPER)
            if choice:
                valves[name] = self._absorb(name, *choice[0])
            else:
                valves[name] = self._as_short_pipe(name)
        return valves

    def _droppable(self, drop: str, keep: str) -> bool:
        ends = self._ends[drop]
        others = [link for link in ends if link in self.pipes]
        if self.nodes[drop].base_demand_m3s or drop in self._needed:
            # Customers on the pipe's side of the valve must not change sides.
            return False
        if self.nodes[drop].kind != "junction" or len(ends) != 2 or len(others) != 1:
            return False
        pipe = self.pipes[others[0]]
        return keep not in (pipe.start, pipe.end)

    def _absorb(self, name: str, drop: str, keep: str) -> Valve:
        control = self.controls.pop(name)
        pipe = self.pipes[next(link for link in self._ends[drop] if link in self.pipes)]
        gone, kept = self.nodes.pop(drop), self.nodes[keep]
        line = list(pipe.geometry.coords)
        line[0 if pipe.start == drop else -1] = (kept.lon, kept.lat)
        self.pipes[pipe.id] = replace(
            pipe,
            start=keep if pipe.start == drop else pipe.start,
            end=keep if pipe.end == drop else pipe.end,
            geometry=LineString(line),
            length_m=pipe.length_m + self._lengths.get(name, 0.0),
            minor_loss=pipe.minor_loss + _loss(control),
        )
        self._ends.pop(drop)
        self._ends[keep] = (self._ends[keep] - {name}) | {pipe.id}
        return Valve(
            name, pipe.id, keep, gone.lon, gone.lat, "gate", control.diameter_mm,
            not is_shut(control),
        )  # fmt: skip

    def _as_short_pipe(self, name: str) -> Valve:
        """A valve between two crossings: half a metre of pipe carries it."""
        control = self.controls.pop(name)
        pipe = Pipe(
            f"{name[:29]}.p", control.start, control.end, control.geometry, 0.5,
            control.diameter_mm or 100.0, "", None, self._roughness, minor_loss=_loss(control),
        )  # fmt: skip
        self.pipes[pipe.id] = pipe
        for end in (control.start, control.end):
            self._ends[end] = (self._ends[end] - {name}) | {pipe.id}
        here = self.nodes[control.start]
        return Valve(
            name, pipe.id, control.start, here.lon, here.lat, "gate", control.diameter_mm,
            not is_shut(control),
        )  # fmt: skip
