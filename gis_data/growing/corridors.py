"""From streets to corridors: the simple graph along which mains can be laid.

Works in projected metres. Carriageways of one road become one corridor, crossings drawn as several
points become one place, stubs cut off by the edge of the extract go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import LineString, Point

from gis_data.crs import project_array
from gis_data.places import Street

#: Order of importance of a street; classes not listed carry no main.
RANK = {
    "trunk": 1,
    "primary": 1,
    "secondary": 2,
    "tertiary": 3,
    "unclassified": 4,
    "residential": 4,
    "living_street": 5,
    "pedestrian": 5,
    "service": 6,
}
_MERGE_M = 16.0
_TWIN_M = 22.0
_STUB_M = 70.0
_LINK_M = 160.0

Line = list[tuple[float, float]]


@dataclass(slots=True)
class Corridor:
    """A stretch between places `a` and `b`; `line` runs from a to b, in metres."""

    a: int
    b: int
    line: Line
    name: str
    rank: int

    @property
    def shape(self) -> LineString:
        return LineString(self.line)

    @property
    def length(self) -> float:
        return float(LineString(self.line).length)


@dataclass(slots=True)
class Corridors:
    """Places (x, y in metres) and the corridors between them."""

    places: dict[int, tuple[float, float]]
    edges: list[Corridor]

    def at(self) -> dict[int, list[int]]:
        """Place -> indices of the corridors that end there."""
        found: dict[int, list[int]] = defaultdict(list)
        for index, edge in enumerate(self.edges):
            found[edge.a].append(index)
            found[edge.b].append(index)
        return found


def corridors(streets: Sequence[Street], buildings: Sequence[Any], epsg: int) -> Corridors:
    """The graph of corridors; `buildings` are polygons in metres, which links must not cross."""
    graph = _contracted(_largest_part(_merged(_split(streets, epsg))))
    graph = _contracted(_largest_part(_without_twins(graph)))
    graph = _contracted(_largest_part(_without_stubs(graph, 25.0)))
    graph = _linked_ends(graph, buildings)
    graph = _contracted(_largest_part(_without_stubs(graph, _STUB_M)))
    return _numbered(graph)


def _split(streets: Sequence[Street], epsg: int) -> Corridors:
    """Cut streets where they share a point; points are the same if equal to a centimetre."""
    # A drive or yard carries no main; a service road with a name is a street closed to traffic.
    kept = [s for s in streets if s.klass in RANK and (s.klass != "service" or s.name)]
    if not kept:
        return Corridors({}, [])
    coordinates = [np.asarray(s.geometry.coords, dtype=float)[:, :2] for s in kept]
    flat = project_array(np.vstack(coordinates), epsg)
    keys = np.round(np.vstack(coordinates) * 1e7).astype(np.int64)
    _, place = np.unique(keys, axis=0, return_inverse=True)
    place = place.ravel()
    uses = np.bincount(place)
    ends = np.cumsum([len(c) for c in coordinates])
    starts = ends - [len(c) for c in coordinates]
    for start, end in zip(starts, ends, strict=True):
        uses[place[start]] += 1
        uses[place[end - 1]] += 1
    edges: list[Corridor] = []
    places: dict[int, tuple[float, float]] = {}
    for street, start, end in zip(kept, starts, ends, strict=True):
        cut = start
        for index in range(start + 1, end):
            if uses[place[index]] < 2:
                continue
            line = [(float(x), float(y)) for x, y in flat[cut : index + 1]]
            a, b = int(place[cut]), int(place[index])
            places[a], places[b] = line[0], line[-1]
            if LineString(line).length > 0.01:
                edges.append(Corridor(a, b, line, street.name, RANK[street.klass]))
            cut = index
    return Corridors(places, edges)


def _merged(graph: Corridors) -> Corridors:
    """Places closer than a road is wide become one."""
    ids = sorted(graph.places)
    if len(ids) < 2:
        return graph
    xy = np.array([graph.places[i] for i in ids])
    group = list(range(len(ids)))
    members = {i: [i] for i in group}
    pairs = cKDTree(xy).query_pairs(_MERGE_M, output_type="ndarray")
    far = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    for i, j in pairs[np.lexsort((pairs[:, 1], pairs[:, 0], np.round(far, 3)))]:
        a, b = group[i], group[j]
        if a == b:
            continue
        both = members[a] + members[b]
        if np.ptp(xy[both], axis=0).max() > 2 * _MERGE_M:
            continue
        members[a] = both
        for k in members.pop(b):
            group[k] = a
    centre = {g: tuple(float(v) for v in xy[m].mean(axis=0)) for g, m in members.items()}
    new = {old: group[k] for k, old in enumerate(ids)}
    edges = []
    for edge in graph.edges:
        a, b = new[edge.a], new[edge.b]
        line: Line = [centre[a], *edge.line[1:-1], centre[b]]  # type: ignore[list-item]
        if a == b and (len(line) < 4 or LineString(line).length < 80):
            continue
        edges.append(Corridor(a, b, line, edge.name, edge.rank))
    return _no_loops(Corridors({g: (c[0], c[1]) for g, c in centre.items()}, edges))


def _no_loops(graph: Corridors) -> Corridors:
    """A street that returns to its start is cut in the middle, so that every edge has two ends."""
    places, edges = dict(graph.places), []
    fresh = max(places, default=0) + 1
    for edge in graph.edges:
        if edge.a != edge.b:
            edges.append(edge)
            continue
        cut = len(edge.line) // 2
        places[fresh] = edge.line[cut]
        edges.append(Corridor(edge.a, fresh, edge.line[: cut + 1], edge.name, edge.rank))
        edges.append(Corridor(fresh, edge.b, edge.line[cut:], edge.name, edge.rank))
        fresh += 1
    return Corridors(places, edges)


def _largest_part(graph: Corridors) -> Corridors:
    """The connected part with the longest streets."""
    group = {i: i for i in graph.places}

    def find(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    for edge in graph.edges:
        group[find(edge.a)] = find(edge.b)
    size: dict[int, float] = defaultdict(float)
    for edge in graph.edges:
        size[find(edge.a)] += edge.length
    if not size:
        return Corridors({}, [])
    best = max(sorted(size), key=lambda g: size[g])
    edges = [e for e in graph.edges if find(e.a) == best]
    used = {e.a for e in edges} | {e.b for e in edges}
    return Corridors({i: p for i, p in graph.places.items() if i in used}, edges)


def _without_twins(graph: Corridors) -> Corridors:
    """Drop the second carriageway, ramps and drives that run beside a corridor already kept."""
    order = sorted(
        range(len(graph.edges)),
        key=lambda i: (graph.edges[i].rank, -round(graph.edges[i].length, 2), graph.edges[i].line),
    )
    shapes = np.array([e.shape for e in graph.edges], dtype=object)
    tree = shapely.STRtree(shapes)
    kept: set[int] = set()
    for i in order:
        edge = graph.edges[i]
        near = [
            int(j)
            for j in tree.query(shapes[i], predicate="dwithin", distance=_TWIN_M)
            if int(j) in kept
        ]
        beside = [j for j in near if _beside(edge, graph.edges[j])]
        if beside:
            cover = shapely.union_all(shapely.buffer(shapes[beside], _TWIN_M, cap_style="flat"))
            covered = shapely.intersection(shapes[i], cover).length / max(edge.length, 0.01)
            if covered > 0.8:
                continue
        kept.add(i)
    edges = [graph.edges[i] for i in sorted(kept)]
    used = {e.a for e in edges} | {e.b for e in edges}
    return Corridors({i: p for i, p in graph.places.items() if i in used}, edges)


def _beside(one: Corridor, other: Corridor) -> bool:
    """Whether two corridors run the same way, so that one main serves both."""
    same = {one.a, one.b} == {other.a, other.b}
    (x0, y0), (x1, y1) = one.line[0], one.line[-1]
    shape = other.shape
    foot0, foot1 = shape.project(Point(x0, y0)), shape.project(Point(x1, y1))
    straight = float(np.hypot(x1 - x0, y1 - y0))
    along = abs(foot1 - foot0) > 0.6 * straight
    return along and (same or not one.name or one.name == other.name)


def _contracted(graph: Corridors) -> Corridors:
    """Join the two corridors at a place where nothing else meets."""
    edges: dict[int, Corridor] = dict(enumerate(graph.edges))
    at: dict[int, set[int]] = defaultdict(set)
    for index, edge in edges.items():
        at[edge.a].add(index)
        at[edge.b].add(index)
    for place in sorted(graph.places):
        if len(at[place]) != 2:
            continue
        i, j = sorted(at[place])
        one, two = edges[i], edges[j]
        first = one.line if one.b == place else one.line[::-1]
        second = two.line if two.a == place else two.line[::-1]
        a = one.a if one.b == place else one.b
        b = two.b if two.a == place else two.a
        if a == b or any({edges[k].a, edges[k].b} == {a, b} for k in at[a] - {i, j}):
            continue
        longer = one if one.length >= two.length else two
        joined = Corridor(
            a, b, first + second[1:], longer.name or one.name or two.name, min(one.rank, two.rank)
        )
        edges[i] = joined
        del edges[j]
        at[place].clear()
        at[b].discard(j)
        at[b].add(i)
    kept = [edges[i] for i in sorted(edges)]
    used = {e.a for e in kept} | {e.b for e in kept}
    return Corridors({i: p for i, p in graph.places.items() if i in used}, kept)


def _without_stubs(graph: Corridors, shorter_than: float) -> Corridors:
    edges = list(graph.edges)
    while True:
        degree: dict[int, int] = defaultdict(int)
        for edge in edges:
            degree[edge.a] += 1
            degree[edge.b] += 1
        kept = [
            e for e in edges if (degree[e.a] > 1 and degree[e.b] > 1) or e.length >= shorter_than
        ]
        if len(kept) == len(edges) or len(kept) < 3:
            break
        edges = kept
    used = {e.a for e in edges} | {e.b for e in edges}
    return Corridors({i: p for i, p in graph.places.items() if i in used}, edges)


def _linked_ends(graph: Corridors, buildings: Sequence[Any]) -> Corridors:
    """Join dead ends to a near place, where no building stands between: water wants two ways in."""
    at = graph.at()
    ends = sorted(p for p, found in at.items() if len(found) == 1)
    if not ends or len(graph.places) < 4:
        return graph
    ids = sorted(graph.places)
    xy = np.array([graph.places[i] for i in ids])
    kd = cKDTree(xy)
    walls = shapely.STRtree(list(buildings)) if len(buildings) else None
    roads = shapely.STRtree([e.shape for e in graph.edges])
    edges, joined = list(graph.edges), set()
    for end in ends:
        if end in joined:
            continue
        here = graph.places[end]
        near = kd.query_ball_point(here, _LINK_M)
        near.sort(key=lambda k: (round(float(np.hypot(*(xy[k] - here))), 2), ids[k]))
        own = graph.edges[at[end][0]]
        for k in near:
            other = ids[k]
            if other in (end, own.a, own.b):
                continue
            link = LineString([here, graph.places[other]])
            if walls is not None and len(walls.query(link, predicate="crosses")):
                continue
            if len(roads.query(link, predicate="crosses")):
                continue
            edges.append(Corridor(end, other, [here, graph.places[other]], own.name, 4))
            joined |= {end, other}
            break
    return Corridors(graph.places, edges)


def _numbered(graph: Corridors) -> Corridors:
    """Number places from west to east and sort edges, so that ids follow the ground."""
    order = sorted(
        graph.places, key=lambda i: (round(graph.places[i][0], 2), round(graph.places[i][1], 2))
    )
    new = {old: k for k, old in enumerate(order)}
    edges = []
    for e in graph.edges:
        if new[e.a] <= new[e.b]:
            edges.append(Corridor(new[e.a], new[e.b], e.line, e.name, e.rank))
        else:
            edges.append(Corridor(new[e.b], new[e.a], e.line[::-1], e.name, e.rank))
    edges.sort(key=lambda e: (e.a, e.b, round(e.length, 2), e.line))
    return Corridors({new[i]: graph.places[i] for i in order}, edges)
