"""What an engineer asks of valves, hydrants, pipes and services, and the secondary stations.

Drawn from a generator of its own, so that the network under it stays the same, number for number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from gis_data.crs import project_array
from gis_data.growing.premises import PremiseSeed
from gis_data.hydraulics.fire import fire_flows
from gis_data.model import Hydrant, Network, Pipe, Service, Station, Turning, Valve

_CHAMBER_DN = 200.0
_GUARDED_M = 140.0
_GUARDED = ("hospital", "care", "school")
_STATIONS = 6
_TALL_FLOORS = 6
_ON_MAINS_PRESSURE = 0.4  # share of a tall house, from the ground, that the mains still reach
_TANK_HOURS = 10.0


def furnish(network: Network, premises: Sequence[PremiseSeed], seed: int) -> Network:
    """The network with depths, chambers, paved covers, tested hydrants and secondary stations."""
    rng = np.random.default_rng([seed, 3])
    pipes = {p.id: replace(p, depth_m=_depth(p, rng)) for p in network.pipes.values()}
    valves = {v.id: _valve(v, pipes[v.pipe], rng) for v in network.valves.values()}
    network = replace(network, pipes=pipes, valves=valves)
    network = replace(network, hydrants=_hydrants(network, premises, rng))
    stations, behind = _stations(network, premises)
    services = {
        s.id: replace(s, material=_service_material(s, pipes[s.pipe]), station=behind.get(s.id, ""))
        for s in network.services.values()
    }
    return replace(network, services=services, stations=stations)


def _depth(pipe: Pipe, rng: np.random.Generator) -> float:
    """Below the frost, large mains deeper."""
    return round(1.9 + pipe.diameter_mm / 1000.0 + float(rng.uniform(-0.2, 0.3)), 2)


def _valve(valve: Valve, pipe: Pipe, rng: np.random.Generator) -> Valve:
    chance, foul = float(rng.random()), float(rng.random())
    old = (pipe.year or 2000) < 1935
    closes: Turning = "anticlockwise" if old and chance < 0.5 else "clockwise"
    chamber = valve.diameter_mm >= _CHAMBER_DN
    return replace(
        valve,
        closes=closes,
        # A cover nobody can lift is why nobody knows whether the valve under it turns.
        accessible=not (valve.operable == "unknown" and chance > 0.75),
        chamber_depth_m=round((pipe.depth_m or 2.0) + 0.3, 2) if chamber else None,
        gas=chamber and foul < 0.1,
    )


def _hydrants(
    network: Network, premises: Sequence[PremiseSeed], rng: np.random.Generator
) -> dict[str, Hydrant]:
    at: dict[str, list[Pipe]] = defaultdict(list)
    for pipe in network.pipes.values():
        at[pipe.start].append(pipe)
        at[pipe.end].append(pipe)
    gives = fire_flows(network, [h.node for h in network.hydrants.values()])
    guard = _guarding(network, premises)
    found = {}
    for h in network.hydrants.values():
        largest = max((p.diameter_mm for p in at[h.node]), default=100.0)
        outlet = 100.0 if largest >= 150 else 80.0
        # A test never finds quite what the model says, and no more than fits the outlet.
        flow = min(gives[h.node], _through(outlet)) * float(rng.uniform(0.85, 1.0))
        # Water stands at a dead end: for flushing, not for drinking.
        stale = len(at[h.node]) == 1
        raw = any(p.role != "distribution" for p in at[h.node])
        found[h.id] = replace(
            h,
            outlet_mm=outlet,
            flow_m3s=round(flow, 4),
            standpipe=not (stale or raw),
            fire_critical=h.id in guard,
        )
    return found


def _through(outlet_mm: float) -> float:
    """m3/s through an open outlet at 0.1 MPa."""
    area = np.pi * (outlet_mm / 1000.0) ** 2 / 4
    return float(0.6 * area * np.sqrt(2 * 9.81 * 10.2))


def _guarding(network: Network, premises: Sequence[PremiseSeed]) -> set[str]:
    """The hydrant nearest each hospital, care home and school that has a name."""
    guarded = [p for p in premises if p.use in _GUARDED and (p.name or p.use == "care")]
    hydrants = list(network.hydrants.values())
    if not guarded or not hydrants:
        return set()
    there = project_array([(h.lon, h.lat) for h in hydrants], network.crs_measure)
    here = project_array([(p.lon, p.lat) for p in guarded], network.crs_measure)
    far, which = cKDTree(there).query(here)
    return {hydrants[int(k)].id for d, k in zip(far, which, strict=True) if d <= _GUARDED_M}


def _service_material(service: Service, pipe: Pipe) -> str:
    year = pipe.year or 1980
    if service.diameter_mm >= 100:
        return "DI"
    return "PE" if year >= 1975 else "CU" if year >= 1930 else "ST"


def _stations(
    network: Network, premises: Sequence[PremiseSeed]
) -> tuple[dict[str, Station], Mapping[str, str]]:
    """The tallest houses with many homes lift their upper floors; returns service -> station."""
    seeds = {p.id: p for p in premises}
    doors: dict[tuple[str, float, str], list[Service]] = defaultdict(list)
    for s in network.services.values():
        doors[(s.pipe, s.measure, seeds[s.premise].building)].append(s)
    tall = [
        group
        for (_, _, building), group in doors.items()
        if building and len(group) >= 5 and seeds[group[0].premise].floors >= _TALL_FLOORS
    ]
    tall.sort(key=lambda g: (-seeds[g[0].premise].floors, -len(g), g[0].id))
    stations: dict[str, Station] = {}
    behind: dict[str, str] = {}
    for group in tall[:_STATIONS]:
        name = f"ST-{len(stations) + 1:02d}"
        first, floors = group[0], seeds[group[0].premise].floors
        lowest = max(1, round(len(group) * _ON_MAINS_PRESSURE))
        above = [s for s in group[lowest:] if seeds[s.premise].use == "home"]
        if not above:
            continue
        hourly = sum(seeds[s.premise].demand_m3s for s in above) * 3600
        lon, lat = first.geometry.coords[-1][:2]
        from_floor = round(floors * _ON_MAINS_PRESSURE) + 1
        stations[name] = Station(
            name,
            float(lon),
            float(lat),
            first.id,
            round(max(hourly * _TANK_HOURS, 0.5), 1),
            round(hourly, 4),
            f"{from_floor}-{floors}",
            "",
        )
        behind |= {s.id: name for s in above}
    return stations, behind
