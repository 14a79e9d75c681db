"""Does the network hold through an ordinary day?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis_data.hydraulics.running import simulate
from gis_data.model import Network


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
