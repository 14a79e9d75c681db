"""How long tanks last, and who is left without water once one has run empty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from gis_data.hydraulics.running import Simulation, shut_links
from gis_data.model import ONE_WAY_CONTROLS, Network, Pipe

#: A tank within this of its lowest level counts as empty; EPANET stops a little above.
EMPTY_M = 0.02


@dataclass(frozen=True, slots=True)
class TankLeft:
    """A tank after the closure: level at the start, the lowest, and the hours until it is empty.

    `hours` is None where it does not run empty in the hours looked at.
    """

    id: str
    level_m: float
    least_m: float
    hours: float | None


def tanks_left(network: Network, run: Simulation, first: int) -> tuple[TankLeft, ...]:
    """Every tank from step `first` of a run on, the soonest empty first."""
    found = []
    times = np.array(run.times_s[first:], dtype=float)
    for k, name in enumerate(run.nodes):
        tank = network.nodes[name].tank
        if network.nodes[name].kind != "tank" or tank is None or not len(times):
            continue
        levels = run.pressure_m[first:, k]
        found.append(
            TankLeft(
                name,
                round(float(levels[0]), 2),
                round(float(levels.min()), 2),
                _empty_after(times, levels, tank.min_level_m),
            )
        )
    return tuple(sorted(found, key=lambda t: (t.hours is None, t.hours or 0.0, t.id)))


def _empty_after(times: np.ndarray, levels: np.ndarray, lowest: float) -> float | None:
    """Hours to the first moment at the lowest level, on a straight line between two steps."""
    under = np.flatnonzero(levels <= lowest + EMPTY_M)
    if not len(under):
        return None
    k = int(under[0])
    if k == 0:
        return 0.0
    fall = levels[k - 1] - levels[k]
    part = min((levels[k - 1] - lowest) / fall, 1.0) if fall > 0 else 1.0
    return round(float(times[k - 1] + part * (times[k] - times[k - 1]) - times[0]) / 3600, 2)


def drained_at(network: Network, run: Simulation) -> list[frozenset[str]]:
    """For each step of a run the tanks that are empty."""
    tanks = [
        (k, name, shape.min_level_m)
        for k, name in enumerate(run.nodes)
        if (shape := network.nodes[name].tank) is not None and network.nodes[name].kind == "tank"
    ]
    return [
        frozenset(n for k, n, low in tanks if run.pressure_m[step, k] <= low + EMPTY_M)
        for step in range(len(run.times_s))
    ]


def without_supply(
    network: Network,
    closed: Collection[str],
    opened: Collection[str] = (),
    drained: Collection[str] = (),
) -> set[str]:
    """Junctions no source reaches with these valves, pipes and controls shut, drained tanks apart.

    As EPANET has it: a closed valve shuts its whole pipe. Water passes one-way links one way.
    """
    shut = shut_links(network, closed)
    open_ = shut_links(network, opened) - shut
    for valve in network.valves.values():
        if not valve.normally_open and valve.id not in opened:
            shut.add(valve.pipe)
    onward: dict[str, list[str]] = defaultdict(list)
    for link in network.links():
        if link.id in shut or (link.closed and link.id not in open_):
            continue
        onward[link.start].append(link.end)
        one_way = link.one_way if isinstance(link, Pipe) else link.kind in ONE_WAY_CONTROLS
        if not one_way:
            onward[link.end].append(link.start)
    reached = {n.id for n in network.sources() if n.id not in drained}
    queue = list(reached)
    while queue:
        for other in onward[queue.pop()]:
            if other not in reached and other not in drained:
                reached.add(other)
                queue.append(other)
    return {n.id for n in network.nodes.values() if n.kind == "junction"} - reached
