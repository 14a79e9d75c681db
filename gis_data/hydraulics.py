"""Pressures: does the network hold through the day, and who falls short after a closure?

EPANET 2.2 does the work, reached through wntr, in a temporary directory. Closures are judged with
pressure-driven demand: 14 m wanted, 0 m the least (the library's own default of 0.07 m would make
every customer look served).
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gis_data.inp_text import inp_text
from gis_data.isolation import IsolationPlan
from gis_data.model import Network

REQUIRED_PRESSURE_M = 14.0
#: Below this nothing leaves a tap. Not zero: EPANET lets a closed pipe seep some millilitres.
NO_WATER_M = 0.5


class SimulationFailed(RuntimeError):
    """EPANET refused or did not converge; the message is its own."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """Pressures in metres and delivered demands in m3/s, arrays of shape (steps, nodes)."""

    nodes: tuple[str, ...]
    times_s: tuple[int, ...]
    pressure_m: Any
    demand_m3s: Any
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayReport:
    """A day of the network. Pressures over nodes with demand; `ok` when all lie in the range."""

    ok: bool
    min_pressure_m: float
    max_pressure_m: float
    worst_node: str
    worst_at_s: int
    highest_node: str
    steps: int
    demand_m3: float
    tank_levels_m: dict[str, tuple[float, float]]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PressureReport:
    """Who is short of pressure after a closure, beside those the plan itself cuts off.

    `status` is `topology_only` with a `reason` when the simulation could not answer.
    `undelivered_nodes`: demand nodes that got water before and now get none, cut off ones included.
    """

    status: Literal["done", "topology_only"]
    reason: str = ""
    below_nodes: tuple[str, ...] = ()
    below_premises: tuple[str, ...] = ()
    undelivered_nodes: tuple[str, ...] = ()
    worst_node: str = ""
    worst_pressure_m: float | None = None
    worst_drop_m: float | None = None


def simulate(
    network: Network,
    *,
    hours: int = 24,
    closed: Collection[str] = (),
    required_pressure_m: float | None = None,
) -> Simulation:
    """Run EPANET over `hours` (0: one instant). Errors: SimulationFailed."""
    text = inp_text(
        network,
        isolation_valves=False,
        closed=closed,
        hours=hours,
        required_pressure_m=required_pressure_m,
    )
    return _run(text)


def _run(text: str) -> Simulation:
    import wntr.epanet.toolkit as toolkit
    from wntr.epanet.util import EN

    with tempfile.TemporaryDirectory(prefix="standpipe-epanet-") as place:
        inp = Path(place) / "net.inp"
        inp.write_text(text, encoding="utf-8")
        engine = toolkit.ENepanet(version=2.2)
        try:
            engine.ENopen(str(inp), str(inp.with_suffix(".rpt")), str(inp.with_suffix(".bin")))
            count = engine.ENgetcount(EN.NODECOUNT)
            ids = tuple(engine.ENgetnodeid(i) for i in range(1, count + 1))
            engine.ENopenH()
            engine.ENinitH(0)
            times, pressures, demands = [], [], []
            while True:
                times.append(int(engine.ENrunH()))
                pressures.append(
                    [engine.ENgetnodevalue(i, EN.PRESSURE) for i in range(1, count + 1)]
                )
                demands.append(
                    [engine.ENgetnodevalue(i, EN.DEMAND) / 1000.0 for i in range(1, count + 1)]
                )
                if engine.ENnextH() <= 0:
                    break
            engine.ENcloseH()
            said = _said(getattr(engine, "errcodelist", ()))
        # The toolkit raises its own, OSError or ctypes errors depending on where EPANET stopped.
        except Exception as error:
            raise SimulationFailed(_first_line(error)) from error
        finally:
            _close(engine)
    return Simulation(ids, tuple(times), np.array(pressures), np.array(demands), said)


def _said(warnings: Any) -> tuple[str, ...]:
    """EPANET's warnings, each once, without the hour it repeats them at."""
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


def run_day(
    network: Network, hours: int = 24, *, lowest_m: float = 20.0, highest_m: float = 90.0
) -> DayReport:
    """Simulate a day; pressures are judged at the nodes that have demand.

    Errors: SimulationFailed when EPANET cannot run the network.
    """
    result = simulate(network, hours=hours)
    index = {name: k for k, name in enumerate(result.nodes)}
    served = [
        n.id for n in network.nodes.values() if n.kind == "junction" and n.base_demand_m3s > 0
    ]
    served = served or [n.id for n in network.nodes.values() if n.kind == "junction"]
    pressure = result.pressure_m[:, [index[n] for n in served]]
    low = np.unravel_index(int(np.argmin(pressure)), pressure.shape)
    high = np.unravel_index(int(np.argmax(pressure)), pressure.shape)
    levels = {
        n.id: (
            float(result.pressure_m[:, index[n.id]].min()),
            float(result.pressure_m[:, index[n.id]].max()),
        )
        for n in network.nodes.values()
        if n.kind == "tank"
    }
    spans = np.diff([*result.times_s, hours * 3600])
    volume = float((result.demand_m3s[:, [index[n] for n in served]].sum(axis=1) * spans).sum())
    least, most = float(pressure.min()), float(pressure.max())
    return DayReport(
        lowest_m <= least and most <= highest_m,
        least,
        most,
        served[low[1]],
        result.times_s[low[0]],
        served[high[1]],
        len(result.times_s),
        volume,
        levels,
        result.warnings,
    )


def pressures_after(
    network: Network, plan: IsolationPlan, *, required_m: float = REQUIRED_PRESSURE_M
) -> PressureReport:
    """Pressures with the plan's valves closed, at the mean demand, against those before.

    Never raises for hydraulics that fail: the answer is then `topology_only` and says why.
    """
    shut = set(plan.valves_to_close) | set(plan.closed)
    network = _at_mean_demand(network)
    try:
        before = simulate(network, hours=0, closed=plan.closed, required_pressure_m=required_m)
        after = simulate(network, hours=0, closed=shut, required_pressure_m=required_m)
    except SimulationFailed as error:
        return PressureReport("topology_only", f"EPANET gave no answer: {error}")
    if not (np.isfinite(after.pressure_m).all() and np.isfinite(before.pressure_m).all()):
        return PressureReport("topology_only", "EPANET's pressures are not numbers")
    dry = set(plan.segment_nodes) | set(plan.unintended_nodes)
    index = {name: k for k, name in enumerate(after.nodes)}
    served = [n for n in network.nodes.values() if n.kind == "junction" and n.base_demand_m3s > 0]
    now, then = after.pressure_m[0], before.pressure_m[0]
    below = tuple(
        n.id
        for n in served
        if n.id not in dry and now[index[n.id]] < required_m <= then[index[n.id]]
    )
    undelivered = tuple(n.id for n in served if now[index[n.id]] < NO_WATER_M <= then[index[n.id]])
    live = [n.id for n in served if n.id not in dry]
    worst = min(live, key=lambda name: (float(now[index[name]]), name), default="")
    return PressureReport(
        "done",
        "",
        below,
        _premises_at(network, set(below), set(plan.premises)),
        undelivered,
        worst,
        float(now[index[worst]]) if worst else None,
        float(then[index[worst]] - now[index[worst]]) if worst else None,
    )


def _at_mean_demand(network: Network) -> Network:
    """The network without its day: every node draws its base demand."""
    nodes = {n.id: replace(n, demand_pattern="") for n in network.nodes.values()}
    return replace(network, nodes=nodes, patterns={}, default_pattern="")


def _premises_at(network: Network, nodes: set[str], lost: set[str]) -> tuple[str, ...]:
    """Premises whose service taps a pipe nearer to one of these nodes than to its other end."""
    found = []
    for service in network.services.values():
        pipe = network.pipes[service.pipe]
        nearer = pipe.start if service.measure <= 0.5 else pipe.end
        if nearer in nodes and service.premise not in lost:
            found.append(service.premise)
    return tuple(sorted(set(found)))
