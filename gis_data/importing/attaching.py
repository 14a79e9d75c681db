"""Valves, hydrants, pumps and taps onto the lines they stand on. Everything is in metres."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gis_data.importing.joining import Lines, Namer
from gis_data.importing.values import Tolerances

#: A point this close to a cut made already stands at that cut.
_SAME_M = 0.05
_CONTROL_M = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Something to be put on a line. `lines`: the only line numbers allowed, if a record says."""

    key: int
    x: float
    y: float
    lines: frozenset[int] | None = None
    node: str = ""
    diameter: float = 0.0


@dataclass(frozen=True, slots=True)
class Spot:
    """The nearest place on a part: metres along it, and how far away from it the thing stands."""

    part: int
    along: float
    away: float


def nearest(
    lines: Lines,
    things: Sequence[Standing],
    reach: float,
    diameters: Sequence[float] = (),
) -> dict[int, Spot]:
    """Thing -> its place on the nearest part within reach; things without one are left out.

    Of parts equally near, one of the thing's own diameter goes before others, then the first.
    """
    if not things or not lines.parts:
        return {}
    geometries = lines.geometries()
    points = shapely.points(np.array([(t.x, t.y) for t in things]))
    tree = shapely.STRtree(geometries)
    which, on = tree.query(points, predicate="dwithin", distance=reach)
    named = [(k, t.lines) for k, t in enumerate(things) if t.lines is not None]
    if named:
        of_line: dict[int, list[int]] = defaultdict(list)
        for k, part in enumerate(lines.parts):
            of_line[part.line].append(k)
        extra = [(k, p) for k, only in named for line in sorted(only or ()) for p in of_line[line]]
        keep = np.array([things[int(k)].lines is None for k in which], dtype=bool)
        which = np.concatenate([which[keep], [k for k, _ in extra]]).astype(int)
        on = np.concatenate([on[keep], [p for _, p in extra]]).astype(int)
    if not len(which):
        return {}
    away = shapely.distance(points[which], geometries[on])
    of = np.array([p.line for p in lines.parts])
    fits = np.zeros(len(which), dtype=int)
    if len(diameters):
        sizes = np.array(diameters, dtype=float)[of[on]]
        mine = np.array([t.diameter for t in things])[which]
        fits = ((mine > 0) & (np.abs(sizes - mine) > 1)).astype(int)
    at_node = np.array(
        [
            bool(things[int(k)].node)
            and things[int(k)].node not in (lines.parts[int(p)].start, lines.parts[int(p)].end)
            for k, p in zip(which, on, strict=True)
        ],
        dtype=int,
    )
    order = np.lexsort((on, fits, np.round(away, 2), at_node, which))
    # The first row of each thing is its best.
    best = order[np.unique(which[order], return_index=True)[1]]
    along = shapely.line_locate_point(geometries[on[best]], points[which[best]])
    return {
        things[thing].key: Spot(part, measure, gap)
        for thing, part, measure, gap in zip(
            which[best].tolist(), on[best].tolist(), along.tolist(), away[best].tolist(),
            strict=True,
        )
    }  # fmt: skip


def _near_end(spot: Spot, length: float, limit: float) -> int | None:
    """0 or 1 for the end the spot counts as standing at, None for the middle."""
    if min(spot.along, length - spot.along) > limit:
        return None
    return 0 if spot.along <= length - spot.along else 1


def place_hydrants(
    lines: Lines, things: Sequence[Standing], namer: Namer, tolerances: Tolerances
) -> dict[int, str]:
    """Hydrant -> its node: one within reach of a hand, the end of its pipe, or a new one on it."""
    out: dict[int, str] = {}
    used = sorted({n for p in lines.parts for n in (p.start, p.end)})
    if used and things:
        tree = cKDTree(np.array([namer.at[n] for n in used]))
        away, index = tree.query([(t.x, t.y) for t in things])
        for thing, gap, k in zip(things, np.atleast_1d(away), np.atleast_1d(index), strict=True):
            if gap <= tolerances.snap:
                out[thing.key] = used[int(k)]
    rest = [t for t in things if t.key not in out]
    cuts: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for key, spot in nearest(lines, rest, tolerances.hydrant).items():
        part = lines.parts[spot.part]
        end = _near_end(spot, part.geometry.length, tolerances.near_end)
        out[key] = (
            _cut_here(cuts[spot.part], spot.along, part.geometry, namer)
            if end is None else (part.start, part.end)[end]
        )  # fmt: skip
    lines.cut(cuts)
    return out


def _cut_here(cuts: list[tuple[float, str]], along: float, geometry: Any, namer: Namer) -> str:
    for at, node in cuts:
        if abs(at - along) <= _SAME_M:
            return node
    point = geometry.interpolate(along)
    node = namer.make(point.x, point.y)
    cuts.append((along, node))
    return node


@dataclass(slots=True)
class _OnPart:
    key: int
    spot: Spot
    end: int | None


def place_valves(
    lines: Lines,
    things: Sequence[Standing],
    namer: Namer,
    tolerances: Tolerances,
    diameters: Sequence[float],
) -> tuple[dict[int, tuple[int, int]], dict[int, int]]:
    """(valve -> (part, end 0 or 1)), (valve -> the valve that holds its place already).

    A valve near an end of its pipe stands at that end; one in the middle cuts the pipe. Two valves
    at one end: the second gets a piece of pipe of its own, unless both stand in the same place.
    Valves in neither dictionary are too far from every pipe.
    """
    by_part: dict[int, list[_OnPart]] = defaultdict(list)
    wanted = {t.key: t.node for t in things}
    for key, spot in sorted(nearest(lines, things, tolerances.valve, diameters).items()):
        part = lines.parts[spot.part]
        length = part.geometry.length
        limit = max(tolerances.near_end, tolerances.near_end_share * length)
        end = _near_end(spot, length, limit)
        if wanted[key] and wanted[key] in (part.start, part.end):
            end = 0 if wanted[key] == part.start else 1
        by_part[spot.part].append(_OnPart(key, spot, end))
    twice: dict[int, int] = {}
    cuts: dict[int, list[tuple[float, str]]] = {}
    at_end: dict[tuple[int, int], int] = {}
    in_middle: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for k, valves in by_part.items():
        part = lines.parts[k]
        length = part.geometry.length
        for end in (0, 1):
            mine = [v for v in valves if v.end == end]
            mine.sort(key=lambda v: (v.spot.along if v.end == 0 else length - v.spot.along, v.key))
            for v in mine[:1]:
                at_end[k, end] = v.key
            for v in mine[1:]:
                gap = abs(v.spot.along - mine[0].spot.along)
                if gap <= tolerances.snap or wanted[v.key]:
                    twice[v.key] = mine[0].key
                else:
                    v.end = None
        middle = sorted((v for v in valves if v.end is None), key=lambda v: (v.spot.along, v.key))
        for v in middle:
            taken = in_middle[k]
            if taken and v.spot.along - taken[-1][0] <= tolerances.snap:
                twice[v.key] = taken[-1][1]
            elif v.spot.along <= _SAME_M or v.spot.along >= length - _SAME_M:
                twice[v.key] = at_end.get((k, 0 if v.spot.along <= _SAME_M else 1), v.key)
            else:
                taken.append((v.spot.along, v.key))
        cuts[k] = []
        for along, _ in in_middle[k]:
            _cut_here(cuts[k], along, part.geometry, namer)
    lines.cut({k: c for k, c in cuts.items() if c})
    return _after_cuts(lines, cuts, at_end, in_middle), twice


def _after_cuts(
    lines: Lines,
    cuts: Mapping[int, Sequence[tuple[float, str]]],
    at_end: Mapping[tuple[int, int], int],
    in_middle: Mapping[int, Sequence[tuple[float, int]]],
) -> dict[int, tuple[int, int]]:
    """Part numbers have moved: part k begins after all cuts before it."""
    out: dict[int, tuple[int, int]] = {}
    before = 0
    last = 0
    for k in sorted({*cuts, *(k for k, _ in at_end)}):
        number = len(cuts.get(k, ()))
        begins = k + before
        if (k, 0) in at_end:
            out[at_end[k, 0]] = (begins, 0)
        if (k, 1) in at_end:
            out[at_end[k, 1]] = (begins + number, 1)
        for i, (_, key) in enumerate(in_middle.get(k, ())):
            out[key] = (begins + i, 1)
        before += number
        last = begins + number
    assert last < max(len(lines.parts), 1)
    return out


def place_controls(
    lines: Lines, things: Sequence[Standing], namer: Namer, reach: float
) -> dict[int, tuple[int, int]]:
    """Pump or control valve drawn as a point -> (line it stands on, part that becomes it).

    It takes a metre of the pipe it stands on, in the direction the pipe is drawn.
    """
    cuts: dict[int, list[tuple[float, str]]] = defaultdict(list)
    middles: dict[int, tuple[int, float]] = {}
    for key, spot in sorted(nearest(lines, things, reach).items()):
        part = lines.parts[spot.part]
        length = part.geometry.length
        half = min(_CONTROL_M, length / 2) / 2
        centre = min(max(spot.along, half), length - half)
        if any(abs(at - centre) < 2 * half for at, _ in cuts[spot.part]):
            continue
        for at in (centre - half, centre + half):
            if _SAME_M < at < length - _SAME_M:
                _cut_here(cuts[spot.part], at, part.geometry, namer)
        middles[key] = (part.line, part.since + centre)
    lines.cut({k: c for k, c in cuts.items() if c})
    of_line: dict[int, list[int]] = defaultdict(list)
    for k, part in enumerate(lines.parts):
        of_line[part.line].append(k)
    return {
        key: (line, next(k for k in of_line[line]
                         if lines.parts[k].since <= at <= lines.parts[k].until))
        for key, (line, at) in middles.items()
    }  # fmt: skip
