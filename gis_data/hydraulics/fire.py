"""What a hydrant gives at 0.1 MPa, with and without a closure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gis_data.hydraulics.epanet import (
    BASEDEMAND,
    DEMAND,
    ELEVATION,
    EMITTER,
    PRESSURE,
    Epanet,
)
from gis_data.hydraulics.running import (
    REQUIRED_PRESSURE_M,
    shut_links,
    with_epanet,
    without_rules_on,
)
from gis_data.inp_text import inp_text
from gis_data.isolation import IsolationPlan
from gis_data.model import Hydrant, Network, Pipe

#: The pressure a flow test is read at: 0.1 MPa in metres of water.
RESIDUAL_M = 10.2
#: L/s at one metre: so wide an opening that the pressure at the node falls to the residual.
_WIDE = 5000.0


@dataclass(frozen=True, slots=True)
class FirePoint:
    """A hydrant that no longer gives enough at 0.1 MPa: m3/s before and after the closure."""

    hydrant: str
    node: str
    before_m3s: float
    after_m3s: float
    fire_critical: bool


def fire_flows(
    network: Network,
    nodes: Sequence[str],
    *,
    closed: Collection[str] = (),
    opened: Collection[str] = (),
    start_s: int = 0,
    tank_levels: Mapping[str, float] | None = None,
    residual_m: float = RESIDUAL_M,
    required_pressure_m: float = REQUIRED_PRESSURE_M,
) -> dict[str, float]:
    """Node -> m3/s it gives while its pressure is drawn down to `residual_m`; 0 where it has less.

    One node at a time, all else drawing what it draws at that second of the day. What the main can
    give, not what a hose can take. Errors: SimulationFailed.
    """
    text = inp_text(
        without_rules_on(network, shut_links(network, closed)),
        isolation_valves=False,
        closed=closed,
        hours=0,
        required_pressure_m=required_pressure_m,
        opened=opened,
        start_s=start_s,
        tank_levels=tank_levels,
    )
    return with_epanet(text, lambda engine: _draw(engine, nodes, residual_m))


def _draw(engine: Epanet, nodes: Sequence[str], residual_m: float) -> dict[str, float]:
    found = {}
    for node in dict.fromkeys(nodes):
        index = engine.node(node)
        ground = engine.node_values([index], ELEVATION)[0]
        own = engine.node_values([index], BASEDEMAND)[0]
        # A wide opening `residual_m` above the node: all water the pressure can still lift there.
        engine.set_node(index, ELEVATION, ground + residual_m)
        engine.set_node(index, BASEDEMAND, 0.0)
        engine.set_node(index, EMITTER, _WIDE)
        engine.start()
        engine.run()
        flow = engine.node_values([index], DEMAND)[0] / 1000.0
        pressure = engine.node_values([index], PRESSURE)[0]
        engine.set_node(index, ELEVATION, ground)
        engine.set_node(index, BASEDEMAND, own)
        engine.set_node(index, EMITTER, 0.0)
        # Below the residual the opening would suck water in; that is no flow.
        found[node] = flow if pressure > 0 and flow > 0 else 0.0
    return found


def fire_points(
    network: Network,
    plan: IsolationPlan,
    *,
    closed: Collection[str],
    opened: Collection[str],
    at_s: int,
    levels: Mapping[str, float],
    need_m3s: float,
    most: int,
    required_m: float = REQUIRED_PRESSURE_M,
) -> tuple[int, tuple[FirePoint, ...]]:
    """(how many hydrants were tested, those that gave `need_m3s` before and no longer do).

    The `most` hydrants nearest the closure along the mains, at second `at_s` of the day with the
    tanks at `levels`. Those inside the plan are lost anyway and not counted again.
    """
    near = hydrants_near(network, plan, most)
    nodes = [h.node for h in near]
    if not nodes:
        return 0, ()
    more: dict[str, Any] = {
        "opened": opened,
        "start_s": at_s,
        "tank_levels": levels,
        "required_pressure_m": required_m,
    }
    before = fire_flows(network, nodes, closed=plan.closed, **more)
    after = fire_flows(network, nodes, closed=closed, **more)
    lost = [
        FirePoint(h.id, h.node, round(before[h.node], 5), round(after[h.node], 5), h.fire_critical)
        for h in near
        if after[h.node] < need_m3s <= before[h.node]
    ]
    # Those the fire service counts on are told first; of the rest the nearest.
    return len(near), tuple(sorted(lost, key=lambda f: not f.fire_critical))


def hydrants_near(network: Network, plan: IsolationPlan, most: int) -> list[Hydrant]:
    """Hydrants outside the plan, nearest to it along the mains first."""
    dry = {*plan.segment_nodes, *plan.unintended_nodes}
    at: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for link in network.links():
        length = link.length_m if isinstance(link, Pipe) else 1.0
        at[link.start].append((link.end, length))
        at[link.end].append((link.start, length))
    standing: dict[str, list[Hydrant]] = defaultdict(list)
    for hydrant in network.hydrants.values():
        standing[hydrant.node].append(hydrant)
    ends = {network.pipes[p].start for p in plan.segment_pipes}
    ends |= {network.pipes[p].end for p in plan.segment_pipes}
    heap = [(0.0, node) for node in sorted(ends | set(plan.segment_nodes))]
    done: set[str] = set()
    found: list[Hydrant] = []
    while heap and len(found) < most:
        far, here = heapq.heappop(heap)
        if here in done:
            continue
        done.add(here)
        if here not in dry and network.nodes[here].kind == "junction":
            found += standing.get(here, [])
        for other, length in at[here]:
            if other not in done:
                heapq.heappush(heap, (far + length, other))
    return found[:most]
