"""What a hydrant gives at 0.1 MPa, with and without a closure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gis_data.hydraulics.running import (
    REQUIRED_PRESSURE_M,
    shut_links,
    with_epanet,
    without_rules_on,
)
from gis_data.inp_text import inp_text
from gis_data.model import Network

#: The pressure a flow test is read at: 0.1 MPa in metres of water.
RESIDUAL_M = 10.2
#: L/s at one metre: so wide an opening that the pressure at the node falls to the residual.
_WIDE = 5000.0


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


def _draw(engine: Any, nodes: Sequence[str], residual_m: float) -> dict[str, float]:
    from wntr.epanet.util import EN

    found = {}
    for node in dict.fromkeys(nodes):
        index = engine.ENgetnodeindex(node)
        ground = engine.ENgetnodevalue(index, EN.ELEVATION)
        own = engine.ENgetnodevalue(index, EN.BASEDEMAND)
        # A wide opening `residual_m` above the node: all water the pressure can still lift there.
        engine.ENsetnodevalue(index, EN.ELEVATION, ground + residual_m)
        engine.ENsetnodevalue(index, EN.BASEDEMAND, 0.0)
        engine.ENsetnodevalue(index, EN.EMITTER, _WIDE)
        try:
            engine.ENinitH(0)
            engine.ENrunH()
            flow = engine.ENgetnodevalue(index, EN.DEMAND) / 1000.0
            head = engine.ENgetnodevalue(index, EN.PRESSURE)
        finally:
            engine.ENsetnodevalue(index, EN.ELEVATION, ground)
            engine.ENsetnodevalue(index, EN.BASEDEMAND, own)
            engine.ENsetnodevalue(index, EN.EMITTER, 0.0)
        # Below the residual the opening would suck water in; that is no flow.
        found[node] = flow if head > 0 and flow > 0 else 0.0
    return found
