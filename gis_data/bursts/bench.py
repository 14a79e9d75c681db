"""How well bursts are found, against a town that behaves otherwise than we think it does.

The town is held out: its demands and roughnesses are not those of the model, the main opens between
nodes, customers have thresholds of their own and call more or less readily, some have no reason at
all, some are put on the wrong main. Compared with the plain way, the mains nearest to the median
of the callers' coordinates. Rows as in gis_data.bench.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.ops import substring

from gis_data.bursts.locating import (
    Evidence,
    Site,
    candidates,
    coordinate_median,
    rank,
    severity_of_both,
    severity_of_pressures,
    severity_of_topology,
)
from gis_data.bursts.reach import PipeGraph, Spot
from gis_data.bursts.simulating import Pressures, simulate_bursts
from gis_data.crs import project_geometries, unproject_array
from gis_data.model import Network, Node, Pipe

Row = dict[str, Any]


@dataclass(frozen=True)
class Homes:
    """Where the premises are: parallel lists."""

    ids: tuple[str, ...]
    spots: tuple[Spot, ...]


@dataclass(frozen=True)
class Event:
    """A burst that happened: the main, and who called (indices into the homes, spots as told)."""

    pipe: str
    callers: tuple[int, ...]
    told: tuple[Spot, ...]


@dataclass(frozen=True)
class Score:
    """Of `events` with enough calls: how often the main was first, and among the first ten."""

    events: int
    silent: int
    first: dict[str, int]
    ten: dict[str, int]


def practice_town(size: int = 12, seed: int = 5) -> Network:
    """A town on a grid with gaps: one source, mains of 80 to 200 mm, slopes."""
    rng = np.random.default_rng(seed)
    step = 110.0
    where = [(385000 + step * (k % size), 6672000 + step * (k // size)) for k in range(size**2)]
    lonlat = unproject_array(where, 3067)
    nodes = {
        f"J{k}": Node(
            f"J{k}", "junction", float(lon), float(lat), 8.0 + 14.0 * (k // size) / size,
            base_demand_m3s=float(rng.uniform(0.5, 1.5)) * 1.5e-4,
        )
        for k, (lon, lat) in enumerate(lonlat)
    }  # fmt: skip
    lon, lat = unproject_array([(385000 - 200.0, 6672000 - 200.0)], 3067)[0]
    nodes["R"] = Node("R", "reservoir", float(lon), float(lat), 10.0, head_m=50.0)
    pipes = {
        "P0": Pipe("P0", "R", "J0", LineString([(lon, lat), lonlat[0]]), 283.0, 300.0, "DI", 2000,
                   130.0, role="transmission")
    }  # fmt: skip
    for k in range(size**2):
        for other, fits in ((k + 1, k % size < size - 1), (k + size, k // size < size - 1)):
            tree = (other == k + 1 and k < size) or other == k + size
            if not fits or (not tree and rng.random() < 0.5):
                continue
            name = f"P{len(pipes)}"
            bore = 200.0 if other == k + 1 and k < size else 100.0 if other == k + size else 80.0
            line = LineString([lonlat[k], lonlat[other]])
            material, year = ("CI", 1958) if rng.random() < 0.3 else ("DI", 1995)
            pipes[name] = Pipe(name, f"J{k}", f"J{other}", line, step, bore, material, year, 120.0)
    return Network(f"practice town {size}", 3067, nodes, pipes)


def homes_of(network: Network, count: int, seed: int = 1) -> Homes:
    """`count` premises along the distribution mains, by length."""
    rng = np.random.default_rng(seed)
    mains = [p for p in network.pipes.values() if p.role == "distribution"]
    length = np.array([p.length_m for p in mains])
    chosen = rng.choice(len(mains), count, p=length / length.sum())
    at = rng.random(count)
    spots = tuple(Spot(mains[k].id, float(m)) for k, m in zip(chosen, at, strict=True))
    return Homes(tuple(f"h{n}" for n in range(count)), spots)


def held_out(network: Network, homes: Homes, count: int, seed: int = 2) -> Iterator[Event]:
    """`count` bursts in the town as it really is."""
    rng = np.random.default_rng(seed)
    mains = [p for p in network.pipes.values() if p.role == "distribution" and not p.closed]
    # Old cast iron breaks more often here too, but not as much more as the model's table has it.
    often = np.array([p.length_m * (2.0 if p.material.startswith("CI") else 1.0) for p in mains])
    beside: dict[str, list[str]] = {}
    for p in network.pipes.values():
        for end in (p.start, p.end):
            beside.setdefault(end, []).append(p.id)
    for _ in range(count):
        main = mains[rng.choice(len(mains), p=often / often.sum())]
        at = float(rng.uniform(0.15, 0.85))
        true = _otherwise(_opened(network, main, at), rng)
        size = 0.02 * (main.diameter_mm / 100) ** 1.5 * float(np.exp(rng.normal(0, 0.5)))
        field = simulate_bursts(true, ["~burst"], sizes_m3s=(size,))
        column = field.column()
        now, usual = field.open_at[0, 0], field.usual
        pressure, before = (
            np.array([_at(network, spot, main.id, at, values, column) for spot in homes.spots])
            for values in (now, usual)
        )
        # Each has their own idea of "too little", but what they have always had bothers nobody;
        # and a share of the town calls at all today.
        own = rng.normal(13.0, 6.0, len(homes.ids))
        bothered = 1 / (1 + np.exp((pressure - own) / 2)) - 1 / (1 + np.exp((before - own) / 2))
        calls = rng.random(len(homes.ids)) < bothered * rng.beta(2.0, 5.0)
        calls |= rng.random(len(homes.ids)) < 2e-5
        callers = tuple(int(n) for n in np.flatnonzero(calls))
        told = []
        for n in callers:
            spot = homes.spots[n]
            if rng.random() < 0.08:
                end = network.pipes[spot.pipe].start
                spot = Spot(str(rng.choice(beside[end])), 0.5)
            told.append(spot)
        yield Event(main.id, callers, tuple(told))


def _opened(network: Network, main: Pipe, at: float) -> Network:
    """The network with a node where the main is open."""
    a, b = network.nodes[main.start], network.nodes[main.end]
    place = main.geometry.interpolate(at, normalized=True)
    high = a.elevation_m * (1 - at) + b.elevation_m * at
    node = Node("~burst", "junction", place.x, place.y, high)
    first = replace(
        main, id=f"{main.id}~1", end="~burst", length_m=main.length_m * at,
        geometry=substring(main.geometry, 0, at, normalized=True),
    )  # fmt: skip
    second = replace(
        main, id=f"{main.id}~2", start="~burst", length_m=main.length_m * (1 - at),
        geometry=substring(main.geometry, at, 1, normalized=True),
    )  # fmt: skip
    pipes = {n: p for n, p in network.pipes.items() if n != main.id}
    pipes.update({first.id: first, second.id: second})
    return replace(network, nodes={**network.nodes, "~burst": node}, pipes=pipes)


def _otherwise(network: Network, rng: Any) -> Network:
    """Demands and roughnesses as they are, not as they were surveyed."""
    nodes = {
        n.id: replace(n, base_demand_m3s=n.base_demand_m3s * float(rng.uniform(0.6, 1.4)))
        for n in network.nodes.values()
    }
    pipes = {
        p.id: replace(p, roughness=p.roughness * float(rng.uniform(0.8, 1.15)))
        for p in network.pipes.values()
    }
    return replace(network, nodes=nodes, pipes=pipes)


def _at(
    network: Network, spot: Spot, broken: str, at: float, values: Any, column: dict[str, int]
) -> float:
    pipe = network.pipes[spot.pipe]
    a, b = values[column[pipe.start]], values[column[pipe.end]]
    if pipe.id != broken:
        return float(a * (1 - spot.measure) + b * spot.measure)
    middle = values[column["~burst"]]
    if spot.measure <= at:
        return float(a + (middle - a) * spot.measure / at)
    return float(middle + (b - middle) * (spot.measure - at) / (1 - at))


def sites_of(homes: Homes, event: Event) -> list[Site]:
    """Premises in quarters of a main; callers where they are thought to be."""
    told = dict(zip(event.callers, event.told, strict=True))
    grouped: dict[tuple[str, int], list[int]] = {}
    for n, spot in enumerate(homes.spots):
        spot = told.get(n, spot)
        grouped.setdefault((spot.pipe, min(int(spot.measure * 4), 3)), []).append(n)
    return [
        Site(
            Spot(pipe, (quarter + 0.5) / 4),
            len(members),
            sum(n in told for n in members),
            tuple(homes.ids[n] for n in members),
        )
        for (pipe, quarter), members in grouped.items()
    ]


def ways(
    network: Network, graph: PipeGraph, homes: Homes, event: Event, pressures: Pressures
) -> dict[str, list[str]]:
    """Mains in order of suspicion, by each way: likelihood, topology alone, coordinate median."""
    reach = graph.pipes_within(event.told, 2000.0)
    sites = [s for s in sites_of(homes, event) if s.spot.pipe in reach]
    names = candidates(graph, network.pipes.keys(), event.told)
    evidence = Evidence(sites)
    found = {}
    felt = severity_of_pressures(pressures, network.pipes, names, sites)
    near, metres = severity_of_topology(graph, names, sites, {})
    for way, severity in (
        ("likelihood", severity_of_both(felt, near)), ("pressures", felt), ("topology", near),
    ):  # fmt: skip
        ranked = rank(names, network.pipes, graph, evidence, severity, metres=metres)
        found[way] = [r.pipe for r in ranked]
    shapes = project_geometries([p.geometry for p in network.pipes.values()], network.crs_measure)
    of = dict(zip(network.pipes, shapes, strict=True))
    called = [of[s.pipe].interpolate(s.measure, normalized=True) for s in event.told]
    middle = Point(*coordinate_median([(p.x, p.y) for p in called]))
    away = shapely.distance(np.array(list(of.values())), middle)
    found["median"] = [n for _, n in sorted(zip(away, of, strict=True))]
    return found


def compare(
    network: Network, homes: Homes, events: Sequence[Event], *, places: Sequence[str] = ()
) -> Score:
    """How often each way names the main first, and among its first ten; events of 3 calls up."""
    graph = PipeGraph.of(network)
    loud = [e for e in events if len(e.callers) >= 3]
    places = places or [n for n, node in network.nodes.items() if node.kind == "junction"]
    pressures = simulate_bursts(network, places, seconds=300.0)
    first: dict[str, int] = {}
    ten: dict[str, int] = {}
    for event in loud:
        for way, names in ways(network, graph, homes, event, pressures).items():
            first[way] = first.get(way, 0) + (event.pipe == names[0])
            ten[way] = ten.get(way, 0) + (event.pipe in names[:10])
    return Score(len(loud), len(events) - len(loud), first, ten)


def run(events: int = 120, size: int = 10) -> list[Row]:
    """The practice town: what share is found by each way, and how long judging an event takes."""
    network = practice_town(size)
    homes = homes_of(network, 3000)
    told = list(held_out(network, homes, events))
    begin = time.perf_counter()
    score = compare(network, homes, told)
    each = (time.perf_counter() - begin) * 1000 / max(score.events, 1)
    label = ", ".join(
        f"{way}: first {first / score.events:.0%}, ten {score.ten[way] / score.events:.0%}"
        for way, first in score.first.items()
    )
    return [
        {
            "bench": "bursts.locate", "n": score.events, "p50_ms": each, "p95_ms": each,
            "rate_per_s": 1000 / each, "memory_mb": 0.0, "versus": {},
            "input": f"{network.name}, {len(network.pipes)} pipes, {score.silent} of {events} "
                     f"bursts with under 3 calls; {label}",
        }
    ]  # fmt: skip
