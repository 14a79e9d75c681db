"""Valves, hydrants and service lines: where a crew finds something to turn or to open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import LineString, Point

from gis_data.growing.layout import XY, Layout, Main
from gis_data.growing.premises import Door
from gis_data.model import Operable

_VALVE_EVERY_M = 290.0
_HYDRANT_APART_M = 66.0
_OTHER_STREET_M = 25.0
_THROUGH_WALL_M = 45.0


@dataclass(frozen=True, slots=True)
class PlannedValve:
    """An isolation valve to be: on `main` at its `node` end."""

    main: str
    node: str
    xy: XY
    open: bool
    operable: Operable
    turns: int


@dataclass(frozen=True, slots=True)
class Tap:
    """A service line to be: foot on the main at `measure` (0..1), to the door."""

    main: str
    measure: float
    line: list[XY]


def plan_valves(layout: Layout, rng: np.random.Generator) -> list[PlannedValve]:
    """Valves at crossings (all but one of the pipes there), works, boundaries and on long runs."""
    at = layout.at()
    wanted: set[tuple[str, str]] = set()
    for main in layout.mains.values():
        if main.shut_at:
            wanted.add((main.id, main.shut_at))
        for node in (main.a, main.b):
            if layout.spots[node].fixed:
                wanted.add((main.id, node))
    for node, found in at.items():
        if layout.spots[node].fixed or len(found) < 3:
            continue
        bare: Main | None = None
        if len(found) == 3 or min(m.dn for m in found) < 250:
            # The pipe left without a valve here must have one at its other end, and never the
            # dead end or the trunk: those are what one wants to shut by themselves.
            free = [
                m
                for m in found
                if not m.trunk and (m.id, node) not in wanted and len(at[_other(m, node)]) > 1
            ]
            held = [m for m in free if (m.id, _other(m, node)) in wanted]
            pool = held or [
                m for m in free if len(at[_other(m, node)]) >= 3 and _other(m, node) > node
            ]
            bare = pool[int(rng.integers(len(pool)))] if pool else None
        wanted |= {(m.id, node) for m in found if m is not bare}
    wanted |= _on_long_runs(layout, at, wanted)
    return [_planned(layout, main, node, rng) for main, node in sorted(wanted)]


def _other(main: Main, node: str) -> str:
    return main.b if main.a == node else main.a


def _on_long_runs(
    layout: Layout, at: dict[str, list[Main]], wanted: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Walk each street from crossing to crossing; a valve whenever the last is too far back."""
    extra: set[tuple[str, str]] = set()
    seen: set[str] = set()
    for start in sorted(at):
        if len(at[start]) == 2:
            continue
        for main in at[start]:
            if main.id in seen:
                continue
            node, run = start, 0.0
            while True:
                seen.add(main.id)
                if (main.id, node) in wanted:
                    run = 0.0
                run += main.length
                node = _other(main, node)
                if len(at[node]) != 2 or (main.id, node) in wanted:
                    break
                following = next(m for m in at[node] if m is not main)
                if following.id in seen:
                    break
                main = following
                if run + main.length > _VALVE_EVERY_M and (main.id, node) not in wanted:
                    extra.add((main.id, node))
                    run = 0.0
    return extra


def _planned(layout: Layout, main_id: str, node: str, rng: np.random.Generator) -> PlannedValve:
    main = layout.mains[main_id]
    shape = LineString(main.line)
    back = min(4.0, 0.3 * shape.length)
    foot = shape.interpolate(back if main.a == node else shape.length - back)
    chance = float(rng.random())
    age = max(0, 2026 - main.year) / 100.0
    stuck, doubtful = 0.008 + 0.022 * age, 0.05 + 0.15 * age
    operable: Operable = (
        "no" if chance < stuck else "unknown" if chance < stuck + doubtful else "yes"
    )
    if layout.spots[node].fixed or main.shut_at == node:
        operable = "yes"
    return PlannedValve(
        main_id,
        node,
        (foot.x, foot.y),
        main.shut_at != node,
        operable,
        max(8, round(main.dn / 25.4 * 3) + 2),
    )


def plan_hydrants(layout: Layout) -> list[str]:
    """Nodes that carry a hydrant, near enough to each other for a hose, no two side by side."""
    at = layout.at()
    nodes = [s for s in sorted(layout.spots) if not layout.spots[s].fixed]
    xy = np.array([layout.spots[s].xy for s in nodes])
    tree = cKDTree(xy)
    # Dead ends first (they are flushed there), then mid-street, then crossings.
    order = sorted(
        range(len(nodes)),
        key=lambda i: (
            0 if len(at[nodes[i]]) == 1 else 1 if len(at[nodes[i]]) == 2 else 2,
            nodes[i],
        ),
    )
    chosen: set[int] = set()
    for i in order:
        if not any(j in chosen for j in tree.query_ball_point(xy[i], _HYDRANT_APART_M)):
            chosen.add(i)
    return [nodes[i] for i in sorted(chosen)]


def plan_taps(layout: Layout, doors: list[Door], buildings: list[shapely.Polygon]) -> list[Tap]:
    """For each door the main it hangs on: near, on its own street, not through another house."""
    mains = [m for m in layout.mains.values() if not m.trunk]
    shapes = [LineString(m.line) for m in mains]
    tree, walls = shapely.STRtree(shapes), shapely.STRtree(buildings)
    taps = []
    for door in doors:
        point = Point(door.xy)
        start = point
        own = door.building
        near = [int(i) for i in tree.query(point, predicate="dwithin", distance=130.0)]
        near = near or [int(tree.nearest(point))]
        # Nearest first; beyond the nearest main, only one on the door's own street is worth a look.
        near.sort(key=lambda i: (round(float(shapes[i].distance(point)), 2), mains[i].id))
        near = near[:3] + [i for i in near[3:] if mains[i].name == door.street][:2]
        best: tuple[float, str, int, LineString] | None = None
        for i in near:
            if own is not None:
                start = _on_wall(buildings[own], point, shapes[i])
            line = LineString([_clamped_foot(shapes[i], start), start])
            cost = line.length + (0.0 if mains[i].name == door.street else _OTHER_STREET_M)
            crossed = walls.query(line, predicate="crosses")
            cost += _THROUGH_WALL_M * sum(int(k) != own for k in crossed)
            if best is None or (round(cost, 2), mains[i].id) < best[:2]:
                best = (round(cost, 2), mains[i].id, i, line)
        assert best is not None
        shape, line = shapes[best[2]], best[3]
        measure = shape.project(Point(line.coords[0])) / shape.length
        taps.append(
            Tap(best[1], round(float(measure), 6), [(float(x), float(y)) for x, y in line.coords])
        )
    return taps


def _on_wall(building: shapely.Polygon, door: Point, main: LineString) -> Point:
    """Where the line enters the house: the door's own wall, else the wall facing the main."""
    wall = building.exterior
    if wall.distance(door) < 12.0:
        return wall.interpolate(wall.project(door))
    return Point(shapely.shortest_line(wall, main).coords[0])


def _clamped_foot(main: LineString, point: Point) -> Point:
    """The foot on the main, kept clear of the fittings at its ends."""
    margin = min(5.0, main.length * 0.35)
    along = min(max(main.project(point), margin), main.length - margin)
    return main.interpolate(along)
