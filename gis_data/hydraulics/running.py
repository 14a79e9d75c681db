"""One run of EPANET 2.2 over a network, and valves that move on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from gis_data.hydraulics import epanet
from gis_data.inp_text import clock, inp_text
from gis_data.model import Network

T = TypeVar("T")

REQUIRED_PRESSURE_M = 14.0
#: Below this nothing leaves a tap. Not zero: EPANET lets a closed pipe seep some millilitres.
NO_WATER_M = 0.5


class SimulationFailed(RuntimeError):
    """EPANET refused or did not converge; the message is its own."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """Pressures in metres and delivered demands in m3/s, arrays of shape (steps, nodes).

    `flow_m3s`, shape (steps, links), is positive from a link's start to its end. A tank's pressure
    is its level above the floor.
    """

    nodes: tuple[str, ...]
    times_s: tuple[int, ...]
    pressure_m: Any
    demand_m3s: Any
    warnings: tuple[str, ...]
    links: tuple[str, ...] = ()
    flow_m3s: Any = None

    @property
    def solved(self) -> bool:
        """Whether every step converged and all pressures are numbers."""
        finite = bool(np.isfinite(self.pressure_m).all())
        return finite and epanet.UNBALANCED not in self.warnings


def simulate(
    network: Network,
    *,
    hours: float = 24,
    closed: Collection[str] = (),
    required_pressure_m: float | None = None,
    opened: Collection[str] = (),
    start_s: int = 0,
    tank_levels: Mapping[str, float] | None = None,
    step_s: int = 3600,
) -> Simulation:
    """Run EPANET over `hours` (0: one instant) from second `start_s` of the day.

    `closed` and `opened` are valves, pipes or controls that stand so all the time; no rule of the
    network moves them. Errors: SimulationFailed.
    """
    text = inp_text(
        without_rules_on(network, shut_links(network, closed) | shut_links(network, opened)),
        isolation_valves=False,
        closed=closed,
        hours=hours,
        required_pressure_m=required_pressure_m,
        step_s=step_s,
        opened=opened,
        start_s=start_s,
        tank_levels=tank_levels,
    )
    links = tuple(link.id for link in network.links())
    return with_epanet(text, lambda engine: _over_time(engine, links))


def shut_links(network: Network, closed: Collection[str]) -> set[str]:
    """The pipes and controls that a set of valves, pipes and controls stands for."""
    return {network.valves[c].pipe if c in network.valves else c for c in closed}


def with_moves_at(
    network: Network, at_s: int, *, closed: Collection[str] = (), opened: Collection[str] = ()
) -> tuple[Network, set[str], set[str]]:
    """The network whose valves move `at_s` seconds into a run, and what must stand from the start.

    Returns (network, closed from the start, opened from the start): check valves obey no control
    of EPANET, so a pipe that holds one is moved at once.
    """
    shut, open_ = shut_links(network, closed), shut_links(network, opened)
    open_ -= shut
    fixed = {
        name
        for name in shut | open_
        if (name in network.pipes and network.pipes[name].one_way)
        or (name in network.controls and network.controls[name].kind == "check")
    }
    moves = [f"LINK {name} CLOSED AT TIME {clock(at_s)}" for name in sorted(shut - fixed)]
    moves += [f"LINK {name} OPEN AT TIME {clock(at_s)}" for name in sorted(open_ - fixed)]
    ours = without_rules_on(network, shut | open_)
    valves = {
        v for v in opened if v in network.valves and network.valves[v].pipe in open_ & fixed
    } | (open_ & fixed)
    return replace(ours, rules=(*ours.rules, *moves)), shut & fixed, valves


def without_rules_on(network: Network, links: Collection[str]) -> Network:
    """The network whose rules leave these links alone: a valve shut by hand obeys no telemetry."""
    if not links or not (network.rules or network.rule_blocks):
        return network
    rules = tuple(r for r in network.rules if _second(r) not in links)
    blocks: list[str] = []
    for block in _blocks(network.rule_blocks):
        blocks += _without_actions(block, links)
    return replace(network, rules=rules, rule_blocks=tuple(blocks))


def _second(line: str) -> str:
    words = line.split()
    return words[1] if len(words) > 1 else ""


def _blocks(lines: Iterable[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for line in lines:
        if line.split()[:1] and line.split()[0].upper() == "RULE":
            found.append([])
        if found:
            found[-1].append(line)
    return found


def _without_actions(block: list[str], links: Collection[str]) -> list[str]:
    """A rule without the actions on these links; nothing where none of its THEN is left."""
    kept: list[str] = []
    part = ""
    left = {"THEN": 0, "ELSE": 0}
    for line in block:
        words = line.split()
        first = words[0].upper() if words else ""
        if first in ("IF", "THEN", "ELSE", "PRIORITY"):
            part = first
        if part in left and first in ("THEN", "ELSE", "AND") and len(words) > 2:
            if words[2] in links:
                continue
            word = part if left[part] == 0 else "AND"
            left[part] += 1
            line = " ".join((word, *words[1:]))
        kept.append(line)
    return kept if left["THEN"] else []


def with_epanet(text: str, use: Callable[[epanet.Epanet], T]) -> T:
    """Open the text in EPANET, call `use(engine)` and close. Errors: SimulationFailed."""
    try:
        with epanet.opened(text) as engine:
            return use(engine)
    except (epanet.EpanetError, OSError) as error:
        raise SimulationFailed(str(error)[:200]) from error


def _over_time(engine: epanet.Epanet, links: tuple[str, ...]) -> Simulation:
    names = engine.node_ids()
    nodes = range(1, len(names) + 1)
    indices = [engine.link(name) for name in links]
    engine.start()
    times, pressures, demands, flows = [], [], [], []
    while True:
        times.append(engine.run())
        pressures.append(engine.node_values(nodes, epanet.PRESSURE))
        demands.append(engine.node_values(nodes, epanet.DEMAND))
        flows.append(engine.link_values(indices, epanet.FLOW))
        if engine.next() <= 0:
            break
    return Simulation(
        names,
        tuple(times),
        np.array(pressures),
        np.array(demands) / 1000.0,
        engine.warnings,
        links,
        np.array(flows) / 1000.0,
    )
