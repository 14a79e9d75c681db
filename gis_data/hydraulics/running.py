"""One run of EPANET 2.2, reached through wntr's toolkit, in a temporary directory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gis_data.inp_text import clock, inp_text
from gis_data.model import Network

T = TypeVar("T")

REQUIRED_PRESSURE_M = 14.0
#: Below this nothing leaves a tap. Not zero: EPANET lets a closed pipe seep some millilitres.
NO_WATER_M = 0.5
#: How EPANET words a step it could not solve. Its other warnings are answers, this is none.
_UNSOLVED = "system hydraulically unbalanced"


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
        return finite and not any(w.startswith(_UNSOLVED) for w in self.warnings)


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


def with_epanet(text: str, use: Callable[[Any], T]) -> T:
    """Open the text in EPANET, call `use(engine)` and close. Errors: SimulationFailed."""
    import wntr.epanet.toolkit as toolkit

    with tempfile.TemporaryDirectory(prefix="standpipe-epanet-") as place:
        inp = Path(place) / "net.inp"
        inp.write_text(text, encoding="utf-8")
        engine = toolkit.ENepanet(version=2.2)
        try:
            engine.ENopen(str(inp), str(inp.with_suffix(".rpt")), str(inp.with_suffix(".bin")))
            engine.ENopenH()
            found = use(engine)
            engine.ENcloseH()
        # The toolkit raises its own, OSError or ctypes errors depending on where EPANET stopped.
        except Exception as error:
            raise SimulationFailed(_first_line(error)) from error
        finally:
            _close(engine)
    return found


def _over_time(engine: Any, link_names: tuple[str, ...]) -> Simulation:
    from wntr.epanet.util import EN

    nodes = range(1, engine.ENgetcount(EN.NODECOUNT) + 1)
    links = [engine.ENgetlinkindex(name) for name in link_names]
    names = tuple(engine.ENgetnodeid(i) for i in nodes)
    engine.ENinitH(0)
    times, pressures, demands, flows = [], [], [], []
    while True:
        times.append(int(engine.ENrunH()))
        pressures.append([engine.ENgetnodevalue(i, EN.PRESSURE) for i in nodes])
        demands.append([engine.ENgetnodevalue(i, EN.DEMAND) for i in nodes])
        flows.append([engine.ENgetlinkvalue(i, EN.FLOW) for i in links])
        if engine.ENnextH() <= 0:
            break
    return Simulation(
        names,
        tuple(times),
        np.array(pressures),
        np.array(demands) / 1000.0,
        said(engine),
        link_names,
        np.array(flows) / 1000.0,
    )


def said(engine: Any) -> tuple[str, ...]:
    """EPANET's warnings, each once, without the hour it repeats them at."""
    warnings = getattr(engine, "errcodelist", ())
    return tuple(dict.fromkeys(str(w).rpartition(", ")[2] for w in warnings))


def _close(engine: Any) -> None:
    try:
        engine.ENclose()
    except Exception as error:  # noqa: BLE001
        # Closing what never opened is an error of its own and says nothing new.
        del error


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:200]
