"""What is wrong or doubtful in a network's records; each finding names element and place."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from gis_data.crs import CoordinateError, measuring_system, project_array
from gis_data.model import Finding, Network, Pipe

_LENGTH_SHARE, _LENGTH_M = 0.02, 0.5
_OFF_NODE_M = 2.0


def validate(network: Network) -> list[Finding]:
    """Findings, errors first, then in the order of the network. Never raises."""
    found = [*_system(network), *_nodes(network), *_links(network)]
    if not any(f.severity == "error" for f in found):
        found += _measured(network)
    found += [*_valves(network), *_hydrants(network), *_services(network), *_connection(network)]
    return sorted(found, key=lambda f: f.severity != "error")


def _system(network: Network) -> Iterator[Finding]:
    try:
        measuring_system(network.crs_measure)
    except CoordinateError as error:
        yield Finding("error", "crs", "", error.message)
    if not network.sources():
        yield Finding("warning", "no_source", "", "the network has no reservoir or tank")


def _bad_place(lon: float, lat: float) -> bool:
    return not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90)


def _nodes(network: Network) -> Iterator[Finding]:
    for key, n in network.nodes.items():
        if key != n.id:
            yield Finding("error", "id", key, f"stored as {key!r} but calls itself {n.id!r}")
        if _bad_place(n.lon, n.lat):
            yield Finding("error", "position", n.id, "no position on earth")
            continue
        if not math.isfinite(n.elevation_m) or not -430 <= n.elevation_m <= 6000:
            yield Finding(
                "warning", "elevation", n.id, f"elevation {n.elevation_m:g} m", n.lon, n.lat
            )
        if n.base_demand_m3s < 0:
            yield Finding(
                "warning",
                "negative_demand",
                n.id,
                "demand below zero: an unnamed inlet?",
                n.lon,
                n.lat,
            )
        if n.kind == "tank":
            t = n.tank
            if t is None:
                yield Finding("error", "tank_shape", n.id, "a tank without a shape", n.lon, n.lat)
            elif not (t.diameter_m > 0 and t.min_level_m <= t.initial_level_m <= t.max_level_m):
                yield Finding(
                    "error", "tank_levels", n.id, "diameter or levels make no tank", n.lon, n.lat
                )


def _links(network: Network) -> Iterator[Finding]:
    pairs: dict[tuple[str, str], str] = {}
    for p in network.links():
        missing = [e for e in (p.start, p.end) if e not in network.nodes]
        if missing:
            yield Finding("error", "end_missing", p.id, f"ends at {missing[0]!r}, which is no node")
            continue
        here = network.nodes[p.start]
        where = (here.lon, here.lat)
        if p.start == p.end:
            yield Finding("error", "same_ends", p.id, "starts and ends at the same node", *where)
        if not isinstance(p, Pipe):
            continue
        if not (math.isfinite(p.diameter_mm) and p.diameter_mm > 0):
            yield Finding("error", "diameter", p.id, f"diameter {p.diameter_mm:g} mm", *where)
        elif not 20 <= p.diameter_mm <= 4000:
            yield Finding("warning", "diameter", p.id, f"diameter {p.diameter_mm:g} mm", *where)
        if not (math.isfinite(p.length_m) and p.length_m > 0):
            yield Finding("error", "length", p.id, f"length {p.length_m:g} m", *where)
        if not (math.isfinite(p.roughness) and p.roughness > 0):
            yield Finding("error", "roughness", p.id, f"roughness {p.roughness:g}", *where)
        if p.year is not None and not 1800 <= p.year <= 2100:
            yield Finding("warning", "year", p.id, f"laid in {p.year}", *where)
        pair = (min(p.start, p.end), max(p.start, p.end))
        if pair in pairs:
            yield Finding(
                "warning", "parallel", p.id, f"runs between the same nodes as {pairs[pair]}", *where
            )
        pairs.setdefault(pair, p.id)


def _measured(network: Network) -> Iterator[Finding]:
    """Lengths against geometry, and geometry against the nodes it should meet."""
    pipes = [p for p in network.pipes.values() if not p.geometry.is_empty]
    if not pipes:
        return
    coordinates = [np.asarray(p.geometry.coords, dtype=float)[:, :2] for p in pipes]
    flat = project_array(np.vstack(coordinates), network.crs_measure)
    names = list(network.nodes)
    at = dict(
        zip(
            names,
            project_array([(n.lon, n.lat) for n in network.nodes.values()], network.crs_measure),
            strict=True,
        )
    )
    start = 0
    for p, c in zip(pipes, coordinates, strict=True):
        line = flat[start : start + len(c)]
        start += len(c)
        drawn = float(np.hypot(*np.diff(line, axis=0).T).sum())
        lon, lat = float(c[0][0]), float(c[0][1])
        if abs(drawn - p.length_m) > max(_LENGTH_SHARE * p.length_m, _LENGTH_M):
            yield Finding(
                "warning",
                "length_differs",
                p.id,
                f"{p.length_m:.1f} m in the records, {drawn:.1f} m as drawn",
                lon,
                lat,
            )
        gap = max(
            float(np.hypot(*(line[0] - at[p.start]))), float(np.hypot(*(line[-1] - at[p.end])))
        )
        if not gap <= _OFF_NODE_M:
            yield Finding(
                "warning", "off_node", p.id, f"drawn {gap:.1f} m away from its node", lon, lat
            )


def _valves(network: Network) -> Iterator[Finding]:
    taken: dict[tuple[str, str], str] = {}
    for v in network.valves.values():
        pipe = network.pipes.get(v.pipe) or network.controls.get(v.pipe)
        if _bad_place(v.lon, v.lat):
            yield Finding("error", "position", v.id, "no position on earth")
        if pipe is None:
            yield Finding(
                "error", "valve_pipe", v.id, f"on {v.pipe!r}, which is no pipe", v.lon, v.lat
            )
        elif v.node not in (pipe.start, pipe.end):
            yield Finding(
                "error", "valve_side", v.id, f"{v.node!r} is no end of {v.pipe}", v.lon, v.lat
            )
        elif (v.pipe, v.node) in taken:
            yield Finding(
                "warning",
                "valve_twice",
                v.id,
                f"at the same end of {v.pipe} as {taken[v.pipe, v.node]}",
                v.lon,
                v.lat,
            )
        taken.setdefault((v.pipe, v.node), v.id)


def _hydrants(network: Network) -> Iterator[Finding]:
    for h in network.hydrants.values():
        if h.node not in network.nodes:
            yield Finding(
                "error", "hydrant_node", h.id, f"on {h.node!r}, which is no node", h.lon, h.lat
            )


def _services(network: Network) -> Iterator[Finding]:
    for s in network.services.values():
        pipe = network.pipes.get(s.pipe)
        if pipe is None:
            yield Finding("error", "service_pipe", s.id, f"taps {s.pipe!r}, which is no pipe")
        elif not 0 <= s.measure <= 1:
            yield Finding("error", "service_measure", s.id, f"taps at {s.measure:g}, not in 0..1")
        if not s.premise:
            yield Finding("warning", "service_premise", s.id, "leads to no premise")


def _connection(network: Network) -> Iterator[Finding]:
    """Parts no source reaches even with every valve open."""
    near: dict[str, list[str]] = defaultdict(list)
    for link in network.links():
        near[link.start].append(link.end)
        near[link.end].append(link.start)
    reached = {n.id for n in network.sources()}
    queue = list(reached)
    while queue:
        for other in near[queue.pop()]:
            if other not in reached:
                reached.add(other)
                queue.append(other)
    for n in network.nodes.values():
        if n.id not in reached and (reached or not near[n.id]):
            what = "is joined to nothing" if not near[n.id] else "has no way to any source"
            yield Finding("warning", "unconnected", n.id, what, n.lon, n.lat)
