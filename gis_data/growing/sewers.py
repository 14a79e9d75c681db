"""Grow a drainage network in the same streets as the mains, the same for the same seed.

Everything runs downhill to outfalls at the lowest places of the rim; where a sewer would have to
lie too deep a pumping manhole lifts it. Nothing of it touches the mains: it lies beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString

from gis_data.crs import project_geometries, unproject_array
from gis_data.drainage import Drainage, Manhole, Sewer
from gis_data.model import Network, Pipe

_SPACING_M = 60.0
_COVER_M = 1.8
_DEEPEST_M = 6.5
#: Sewers lie this far beside the mains, in metres east and north.
_BESIDE = (2.6, -1.9)
#: (premises upstream, diameter in mm, least fall per metre), smallest first.
_SIZES = ((120, 200, 1 / 150), (500, 300, 1 / 250), (1500, 400, 1 / 350), (10**9, 600, 1 / 500))
_MATERIALS = (("VC", 0.45), ("PVC", 0.35), ("concrete", 0.20))
#: Going uphill is possible where it must be, and dear: metres of way for a metre of height.
_CLIMB = 400.0
_OUTFALL_SHARE = 0.03


@dataclass(slots=True)
class _Stretch:
    """A stretch of street that carries a sewer from junction `start` to `end`."""

    start: str
    end: str
    line: LineString
    pipe: Pipe
    premises: int = 0


def grow_drainage(network: Network, *, seed: int = 965113) -> Drainage:
    """Manholes and sewers along the distribution mains of a grown network."""
    rng = np.random.default_rng([seed, 2])
    pipes = [
        p for p in network.pipes.values()
        if p.role == "distribution" and p.start in network.nodes and p.end in network.nodes
        and p.geometry.length > 0
    ]  # fmt: skip
    if not pipes:
        return Drainage(network.crs_measure)
    shapes = project_geometries([p.geometry for p in pipes], network.crs_measure)
    lines = [shapely.transform(line, lambda c: c + np.array(_BESIDE)) for line in shapes]
    heights = {n.id: n.elevation_m for n in network.nodes.values()}
    way, outfalls = _ways_down(pipes, lines, heights)
    stretches = _directed(pipes, lines, way, heights)
    _count_premises(stretches, network)
    return _built(network.crs_measure, stretches, heights, outfalls, rng)


def _ways_down(
    pipes: Sequence[Pipe], lines: Sequence[LineString], heights: Mapping[str, float]
) -> tuple[dict[str, int], list[str]]:
    """Junction -> the pipe its water leaves by, and the outfalls, where it leaves the network."""
    near: dict[str, list[int]] = {}
    for k, p in enumerate(pipes):
        near.setdefault(p.start, []).append(k)
        near.setdefault(p.end, []).append(k)
    left = set(near)
    way: dict[str, int] = {}
    outfalls: list[str] = []
    while left:
        # One part that hangs together at a time: each has outfalls of its own.
        part, queue = {min(left)}, [min(left)]
        while queue:
            for k in near[queue.pop()]:
                for other in (pipes[k].start, pipes[k].end):
                    if other not in part:
                        part.add(other)
                        queue.append(other)
        left -= part
        lowest = sorted(part, key=lambda n: (heights[n], n))
        chosen = lowest[: max(1, round(len(part) * _OUTFALL_SHARE))]
        outfalls += chosen
        cost = dict.fromkeys(chosen, 0.0)
        heap = [(0.0, n) for n in chosen]
        while heap:
            far, here = heappop(heap)
            if far > cost[here]:
                continue
            for k in near[here]:
                p = pipes[k]
                there = p.end if p.start == here else p.start
                # Water comes from `there` to `here`: it climbs where `here` is higher.
                climb = max(0.0, heights[here] - heights[there])
                total = far + float(lines[k].length) + climb * _CLIMB
                if total < cost.get(there, float("inf")):
                    cost[there], way[there] = total, k
                    heappush(heap, (total, there))
    return {n: k for n, k in way.items() if n not in outfalls}, outfalls


def _directed(
    pipes: Sequence[Pipe],
    lines: Sequence[LineString],
    way: Mapping[str, int],
    heights: Mapping[str, float],
) -> list[_Stretch]:
    """Every street drains: those on nobody's way run from a head of their own to the lower end."""
    used = {k: n for n, k in way.items()}
    found = []
    for k, (p, line) in enumerate(zip(pipes, lines, strict=True)):
        if k in used:
            start = used[k]
            end = p.end if p.start == start else p.start
        else:
            start, end = sorted((p.start, p.end), key=lambda n: (-heights[n], n))
        shape = line if p.start == start else line.reverse()
        if k not in used:
            # Its own head manhole a little way in, so that it takes nothing from the junction.
            share = min(0.25, 12.0 / shape.length) if shape.length else 0.0
            shape = shapely.ops.substring(shape, share, 1.0, normalized=True)
            start = f"{p.id}/head"
        found.append(_Stretch(start, end, shape, p))
    return found


def _count_premises(stretches: list[_Stretch], network: Network) -> None:
    by_pipe = {s.pipe.id: s for s in stretches}
    for service in network.services.values():
        if service.pipe in by_pipe:
            by_pipe[service.pipe].premises += 1


def _built(
    epsg: int,
    stretches: list[_Stretch],
    heights: Mapping[str, float],
    outfalls: Sequence[str],
    rng: Any,
) -> Drainage:
    leaving = {s.start: s for s in stretches}
    waiting = dict.fromkeys(leaving, 0)
    for s in stretches:
        if s.end in waiting:
            waiting[s.end] += 1
    load = dict.fromkeys([*leaving, *(s.end for s in stretches)], 0)
    invert: dict[str, float] = {}
    pumped: set[str] = set()
    points: dict[str, tuple[float, float]] = {}
    rows: list[tuple[_Stretch, int, float]] = []
    ready = sorted(n for n, count in waiting.items() if count == 0)
    while ready:
        name = ready.pop()
        s = leaving[name]
        total = load[name] + s.premises
        _, dn, least = next(size for size in _SIZES if total <= size[0])
        ground = heights.get(name, max(heights[s.pipe.start], heights[s.pipe.end]))
        here = min(invert.get(name, ground - _COVER_M), ground - _COVER_M)
        if here < ground - _DEEPEST_M:
            pumped.add(name)
            here = ground - _COVER_M
        # Deep enough under the lower end, and never flatter than the water needs.
        there = min(here - least * s.line.length, heights[s.end] - _COVER_M)
        invert.setdefault(name, here)
        invert[s.end] = min(invert.get(s.end, there), there)
        rows.append((s, dn, here))
        load[s.end] += total
        points[name], points[s.end] = s.line.coords[0][:2], s.line.coords[-1][:2]
        if s.end in waiting:
            waiting[s.end] -= 1
            if waiting[s.end] == 0:
                ready.append(s.end)
    return _numbered(epsg, rows, invert, points, pumped, heights, set(outfalls), rng)


def _numbered(
    epsg: int, rows: list[tuple[_Stretch, int, float]], invert: Mapping[str, float],
    points: Mapping[str, tuple[float, float]], pumped: set[str], heights: Mapping[str, float],
    outfalls: set[str], rng: Any,
) -> Drainage:  # fmt: skip
    """Stretches cut at manholes every 60 m; ids in the order of the streets' mains."""
    manholes: dict[str, Manhole] = {}
    names: dict[str, str] = {}
    sewers: dict[str, Sewer] = {}

    def add(xy: tuple[float, float], ground: float, bottom: float, kind: Any) -> str:
        name = f"MH-{len(manholes) + 1:04d}"
        lon, lat = (float(v) for v in unproject_array([xy], epsg)[0])
        manholes[name] = Manhole(name, lon, lat, round(ground, 2), round(bottom, 2), kind)
        return name

    words, shares = zip(*_MATERIALS, strict=True)
    for s, dn, top in sorted(rows, key=lambda row: row[0].pipe.id):
        ground_top = heights.get(s.start, max(heights[s.pipe.start], heights[s.pipe.end]))
        ground_end = heights[s.end]
        bottom = min(invert[s.end], top)
        for end, ground in ((s.start, ground_top), (s.end, ground_end)):
            if end not in names:
                kind = "pump" if end in pumped else "outfall" if end in outfalls else "manhole"
                names[end] = add(points[end], ground, min(invert[end], ground - _COVER_M), kind)
        pieces = max(1, round(s.line.length / _SPACING_M))
        stops = np.linspace(0.0, 1.0, pieces + 1)
        before = names[s.start]
        material = str(rng.choice(words, p=shares))
        year = int(rng.integers(1952, 2016))
        for a, b in pairwise(stops):
            part = shapely.ops.substring(s.line, a, b, normalized=True)
            high, low = (top + (bottom - top) * t for t in (a, b))
            if b == 1.0:
                after = names[s.end]
            else:
                ground = ground_top + (ground_end - ground_top) * b
                after = add(part.coords[-1][:2], ground, low, "manhole")
            ends = [(manholes[m].lon, manholes[m].lat) for m in (before, after)]
            inner = unproject_array(list(part.coords), epsg).tolist()[1:-1]
            name = f"SW-{len(sewers) + 1:04d}"
            sewers[name] = Sewer(
                name, before, after, LineString([ends[0], *inner, ends[1]]),
                round(float(part.length), 2), float(dn), material, year, "foul",
                round(high, 2), round(low, 2), s.pipe.street,
            )  # fmt: skip
            before = after
    return Drainage(epsg, manholes, sewers)
