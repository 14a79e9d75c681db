"""Grow a believable water network along the streets of any extract, the same for the same seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from shapely.geometry import LineString

from gis_data.crs import project_geometries, unproject_array
from gis_data.growing import fittings, sizing
from gis_data.growing.attributes import furnish
from gis_data.growing.corridors import corridors
from gis_data.growing.layout import Layout, lay
from gis_data.growing.premises import PremiseSeed, Settled, settle
from gis_data.growing.terrain import HIGH, LOW, ground_under, zones_of
from gis_data.hydraulics import DayReport, run_day
from gis_data.model import (
    Control,
    Hydrant,
    Network,
    NetworkError,
    Node,
    Pipe,
    Service,
    TankShape,
    Valve,
)
from gis_data.places import Places, Street

__all__ = ["Grown", "PremiseSeed", "Street", "grow_network"]

#: Hourly multipliers of a town's day; the mean is one.
DAY = (
    0.45,
    0.38,
    0.35,
    0.35,
    0.42,
    0.70,
    1.15,
    1.55,
    1.50,
    1.30,
    1.15,
    1.10,
    1.15,
    1.10,
    1.02,
    1.00,
    1.08,
    1.30,
    1.52,
    1.50,
    1.32,
    1.10,
    0.85,
    0.66,
)
_LEAST_M, _MOST_M = 20.0, 90.0
_DMA_NODES = 27


class Grown(NamedTuple):
    """A grown network and the premises on it; `premises[i].id` are the services' premises."""

    network: Network
    premises: list[PremiseSeed]
    day: DayReport


@dataclass(frozen=True, slots=True)
class _Pump:
    flow_m3s: float
    head_m: float
    tank: TankShape | None


def grow_network(
    streets: Sequence[Street],
    places: Places,
    *,
    seed: int = 965113,
    premises: int = 2000,
    epsg: int,
    name: str = "grown network",
) -> Grown:
    """Mains, valves, hydrants, services, zones, source, pump and tank along the streets.

    Errors: NetworkError when there are too few connected streets, or no premises can be placed.
    """
    rng = np.random.default_rng(seed)
    walls = list(project_geometries([b.polygon for b in places.buildings], epsg))
    graph = corridors(streets, walls, epsg)
    if len(graph.edges) < 3:
        raise NetworkError("streets", "fewer than three connected streets; a network needs more")
    ground = ground_under(graph, rng)
    ids = sorted(graph.places)
    heights = dict(zip(ids, ground.elevation([graph.places[i] for i in ids]), strict=True))
    layout = lay(graph, ground, zones_of(graph, heights))
    shapes = [LineString(m.line) for m in layout.mains.values()]
    settled = settle(
        places, shapes, [m.name for m in layout.mains.values()], epsg, count=premises, rng=rng
    )
    if premises > 0 and not settled.premises:
        raise NetworkError("places", "no address or building stands near a street")
    taps = fittings.plan_taps(layout, settled.doors, walls)
    _spread_demand(layout, settled, taps)
    _metered_areas(layout)
    pump = _plan_pump(layout)
    tree = sizing.size_mains(layout, pump.flow_m3s)
    sizing.choose_materials(layout, rng)
    valves = fittings.plan_valves(layout, rng)
    network = _assemble(layout, settled, taps, valves, pump, epsg, name)
    network, day = _made_sound(network, tree)
    return Grown(furnish(network, settled.premises, seed), settled.premises, day)


def _spread_demand(layout: Layout, settled: Settled, taps: list[fittings.Tap]) -> None:
    """Demand of a premise goes to the nearer end of its main, never behind a closed valve."""
    for premise, door in zip(settled.premises, settled.door_of, strict=True):
        tap = taps[door]
        main = layout.mains[tap.main]
        ends = (main.a, main.b) if tap.measure <= 0.5 else (main.b, main.a)
        node = ends[1] if main.shut_at == ends[0] or layout.spots[ends[0]].fixed else ends[0]
        layout.spots[node].demand += premise.demand_m3s


def _metered_areas(layout: Layout) -> None:
    """Split each zone into areas of some forty nodes around well-spread centres."""
    number = 0
    for zone in (LOW, HIGH):
        nodes = [s for s in layout.spots.values() if s.zone == zone]
        if not nodes:
            continue
        xy = np.array([s.xy for s in nodes])
        wanted = max(1, round(len(nodes) / _DMA_NODES))
        centres = [int(np.argmin(xy[:, 0] + xy[:, 1]))]
        while len(centres) < wanted:
            far = cKDTree(xy[centres]).query(xy)[0]
            centres.append(int(np.argmax(far)))
        middles = xy[centres]
        for _ in range(12):
            nearest = cKDTree(middles).query(xy)[1]
            middles = np.array([xy[nearest == k].mean(axis=0) for k in range(wanted)])
        nearest = cKDTree(middles).query(xy)[1]
        for spot, k in zip(nodes, nearest, strict=True):
            spot.dma = f"D{number + int(k) + 1}"
        number += wanted


def _plan_pump(layout: Layout) -> _Pump:
    tank = layout.spots.get("T-01")
    if tank is None:
        return _Pump(0.0, 0.0, None)
    demand = sum(s.demand for s in layout.spots.values() if s.zone == HIGH)
    flow = round(max(demand * 2.4, 0.003), 5)
    volume = max(demand * 6 * 3600, 60.0)
    shape = TankShape(round(float(np.sqrt(4 * volume / (np.pi * 4.0))), 1), 4.0, 0.5, 6.0)
    source = layout.spots["R-01"].z
    return _Pump(flow, round(tank.z + shape.max_level_m - source + 9.0, 1), shape)


def _assemble(
    layout: Layout,
    settled: Settled,
    taps: list[fittings.Tap],
    valves: list[fittings.PlannedValve],
    pump: _Pump,
    epsg: int,
    name: str,
) -> Network:
    where = dict(
        zip(layout.spots, unproject_array([s.xy for s in layout.spots.values()], epsg), strict=True)
    )
    nodes = {s.id: _node(s, where[s.id], pump) for s in layout.spots.values()}
    pipes = _pipes(layout, where, epsg)
    controls = {}
    for station in layout.stations.values():
        line = LineString([where[station.a], where[station.b]])
        if station.kind == "pump":
            controls[station.id] = Control(
                station.id,
                station.a,
                station.b,
                "pump",
                line,
                200.0,
                None,
                ((pump.flow_m3s, pump.head_m),),
            )
        else:
            controls[station.id] = Control(
                station.id, station.a, station.b, "prv", line, 150.0, 20.0
            )
    return Network(
        name,
        epsg,
        nodes,
        pipes,
        _valves(layout, valves, epsg),
        controls,
        {
            f"H-{k:04d}": Hydrant(f"H-{k:04d}", n, nodes[n].lon, nodes[n].lat, "underground")
            for k, n in enumerate(fittings.plan_hydrants(layout), 1)
        },
        _services(settled, taps, epsg),
        {"day": DAY},
        3600,
        "day",
        ("LINK PU-01 CLOSED IF NODE T-01 ABOVE 5.5", "LINK PU-01 OPEN IF NODE T-01 BELOW 3.0")
        if "PU-01" in controls
        else (),
    )


def _node(spot: Any, where: Any, pump: _Pump) -> Node:
    lon, lat = float(where[0]), float(where[1])
    if spot.kind == "reservoir":
        return Node(
            spot.id, "reservoir", lon, lat, spot.z, zone=spot.zone, dma=spot.dma, head_m=spot.z
        )
    if spot.kind == "tank":
        return Node(spot.id, "tank", lon, lat, spot.z, zone=spot.zone, dma=spot.dma, tank=pump.tank)
    return Node(spot.id, "junction", lon, lat, spot.z, round(spot.demand, 9), spot.zone, spot.dma)


def _pipes(layout: Layout, where: Mapping[str, Any], epsg: int) -> dict[str, Pipe]:
    mains = list(layout.mains.values())
    flat = unproject_array(np.vstack([m.line for m in mains]), epsg)
    pipes, start = {}, 0
    for m in mains:
        line = flat[start : start + len(m.line)]
        start += len(m.line)
        line[0], line[-1] = where[m.a], where[m.b]
        pipes[m.id] = Pipe(
            m.id,
            m.a,
            m.b,
            LineString(line),
            round(m.length, 2),
            float(m.dn),
            m.material,
            m.year,
            sizing.ROUGHNESS[m.material],
            "transmission" if m.trunk else "distribution",
            m.zone,
            layout.spots[m.a].dma if layout.spots[m.a].zone == m.zone else layout.spots[m.b].dma,
            m.name,
        )
    return pipes


def _valves(layout: Layout, planned: list[fittings.PlannedValve], epsg: int) -> dict[str, Valve]:
    if not planned:
        return {}
    where = unproject_array([v.xy for v in planned], epsg)
    valves = {}
    for k, (v, (lon, lat)) in enumerate(zip(planned, where, strict=True), 1):
        dn = float(layout.mains[v.main].dn)
        valves[f"V-{k:05d}"] = Valve(
            f"V-{k:05d}",
            v.main,
            v.node,
            float(lon),
            float(lat),
            "butterfly" if dn >= 400 else "gate",
            dn,
            v.open,
            v.operable,
            v.turns,
        )
    return valves


def _services(settled: Settled, taps: list[fittings.Tap], epsg: int) -> dict[str, Service]:
    behind: dict[int, int] = defaultdict(int)
    for door in settled.door_of:
        behind[door] += 1
    lines = [LineString(unproject_array(t.line, epsg)) for t in taps]
    services = {}
    for k, (premise, door) in enumerate(zip(settled.premises, settled.door_of, strict=True), 1):
        dn = 32.0 if behind[door] == 1 else 50.0 if behind[door] <= 4 else 63.0
        if premise.use in ("hospital", "school", "care"):
            dn = 100.0
        services[f"S-{k:05d}"] = Service(
            f"S-{k:05d}", taps[door].main, taps[door].measure, lines[door], premise.id, dn
        )
    return services


def _made_sound(network: Network, tree: dict[str, str]) -> tuple[Network, DayReport]:
    """Run the day; where pressure is short, enlarge the mains on the way to the source."""
    day = run_day(network, lowest_m=_LEAST_M, highest_m=_MOST_M)
    for _ in range(12):
        if day.min_pressure_m >= _LEAST_M + 2:
            break
        pipes = dict(network.pipes)
        node, grown = day.worst_node, False
        while node in tree:
            pipe = pipes[tree[node]]
            larger = sizing.one_size_up(int(pipe.diameter_mm))
            if larger != pipe.diameter_mm and larger <= 400:
                pipes[pipe.id] = replace(pipe, diameter_mm=float(larger))
                grown = True
            node = pipe.end if pipe.start == node else pipe.start
        if not grown:
            break
        valves = {
            v.id: replace(v, diameter_mm=pipes[v.pipe].diameter_mm) for v in network.valves.values()
        }
        network = replace(network, pipes=pipes, valves=valves)
        day = run_day(network, lowest_m=_LEAST_M, highest_m=_MOST_M)
    return network, day
