"""Who falls short after a closure, at one instant of mean demand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gis_data.hydraulics.running import (
    NO_WATER_M,
    REQUIRED_PRESSURE_M,
    SimulationFailed,
    simulate,
)
from gis_data.isolation import IsolationPlan
from gis_data.model import Network


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
