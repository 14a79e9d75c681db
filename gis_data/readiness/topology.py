"""How the pipes hang together: what is fed, what nearly touches, what crosses. In metres."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gis_data.crs import project_array, project_geometries, unproject_array
from gis_data.model import ONE_WAY_CONTROLS, Control, Network, Pipe
from gis_data.readiness.values import SENTENCES, Finding

#: Ends further from everything than this are dead ends, nearer ones were meant to meet it.
NEAR_M = 3.0
_AT_NODE_M = 0.5
_VALVE_OFF_M = 2.0
_JUMP = 1.5


def finding(
    code: str, element: str, lon: float | None = None, lat: float | None = None, **params: Any
) -> Finding:
    severity, sentence = SENTENCES[code]
    return Finding(severity, code, element, sentence.format(**params), lon, lat, params)


class Drawn:
    """The network's drawing in metres, made once for all checks."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.names = list(network.nodes)
        self.index = {n: k for k, n in enumerate(self.names)}
        nodes = list(network.nodes.values())
        self.xy = project_array([(n.lon, n.lat) for n in nodes], network.crs_measure)
        known = network.nodes.keys()
        self.pipes = [p for p in network.pipes.values() if p.start in known and p.end in known]
        self.controls = [
            c for c in network.controls.values() if c.start in known and c.end in known
        ]
        shapes = np.empty(len(self.pipes), dtype=object)
        shapes[:] = [p.geometry for p in self.pipes]
        self.shapes = project_geometries(shapes, network.crs_measure) if len(shapes) else shapes
        self.starts = np.array([self.index[p.start] for p in self.pipes], dtype=int)
        self.ends = np.array([self.index[p.end] for p in self.pipes], dtype=int)
        self.degree = np.zeros(len(nodes), dtype=int)
        self.links: list[Pipe | Control] = [*self.pipes, *self.controls]
        for link in self.links:
            self.degree[self.index[link.start]] += 1
            self.degree[self.index[link.end]] += 1
        self.tree = shapely.STRtree(self.shapes)

    def place(self, node: str) -> tuple[float, float]:
        n = self.network.nodes[node]
        return n.lon, n.lat


def loose_ends(drawn: Drawn) -> Iterator[Finding]:
    """Dead ends that nothing explains, and those that stop just short of something."""
    network = drawn.network
    ends = np.flatnonzero(drawn.degree == 1)
    if not len(ends):
        return
    kept = {h.node for h in network.hydrants.values()}
    valves = {(v.pipe, v.node) for v in network.valves.values()}
    tapped = {s.pipe for s in network.services.values()}
    link_of: dict[int, str] = {}
    beside: dict[int, str] = {}
    for link in drawn.links:
        for end, far in ((link.start, link.end), (link.end, link.start)):
            if drawn.degree[drawn.index[end]] == 1:
                link_of[drawn.index[end]] = link.id
                # What a stub stands on is near it, of course.
                if not isinstance(link, Pipe) or link.length_m <= 2 * NEAR_M:
                    beside[drawn.index[end]] = far
    points = shapely.points(drawn.xy[ends])
    which, on = drawn.tree.query(points, predicate="dwithin", distance=NEAR_M)
    near: dict[int, tuple[float, str]] = {}
    if len(which):
        gaps = shapely.distance(points[which], drawn.shapes[on])
        for k in np.lexsort((on, gaps, which)):
            at = int(ends[which[k]])
            pipe = drawn.pipes[int(on[k])]
            if at in near or {drawn.names[at], beside.get(at)} & {pipe.start, pipe.end}:
                continue
            near[at] = (float(gaps[k]), pipe.id)
    for k in ends.tolist():
        node = network.nodes[drawn.names[k]]
        if node.kind != "junction":
            continue
        if k in near:
            gap, other = near[k]
            yield finding("near_miss", link_of[k], node.lon, node.lat, node=node.id,
                          gap_m=round(gap, 2), other=other)  # fmt: skip
            continue
        own = link_of[k]
        used = node.id in kept or node.base_demand_m3s or (own, node.id) in valves
        if not used and own not in tapped:
            yield finding("dangling_end", own, node.lon, node.lat, node=node.id)


def crossings(drawn: Drawn) -> Iterator[Finding]:
    """Pipes that cross each other away from any node they share."""
    if not len(drawn.shapes):
        return
    a, b = drawn.tree.query(drawn.shapes, predicate="intersects")
    once = a < b
    a, b = a[once], b[once]
    if not len(a):
        return
    meeting = shapely.intersection(drawn.shapes[a], drawn.shapes[b])
    # Nearly all meet in one point, an end of one of them.
    single = np.flatnonzero(shapely.get_type_id(meeting) == 0)
    points = shapely.get_coordinates(meeting[single])
    at_end = np.zeros(len(single), dtype=bool)
    for side in (drawn.starts[a], drawn.ends[a], drawn.starts[b], drawn.ends[b]):
        at_end |= np.hypot(*(drawn.xy[side[single]] - points).T) <= _AT_NODE_M
    left = np.ones(len(a), dtype=bool)
    left[single[at_end]] = False
    a, b, meeting = a[left], b[left], meeting[left]
    for first, second, shape in zip(a.tolist(), b.tolist(), meeting, strict=True):
        one, two = drawn.pipes[first], drawn.pipes[second]
        for point in shapely.get_coordinates(shape)[:20]:
            # An end that lies on the other pipe is a near miss of no metres, not a crossing.
            touches = any(
                np.hypot(*(drawn.xy[k] - point)) <= _AT_NODE_M
                for k in (drawn.starts[first], drawn.ends[first], drawn.starts[second],
                          drawn.ends[second])
            )  # fmt: skip
            if touches:
                continue
            lon, lat = unproject_array([point], drawn.network.crs_measure)[0]
            yield finding("crossing_without_node", one.id, float(lon), float(lat), other=two.id)
            break


def valves_off_pipe(drawn: Drawn) -> Iterator[Finding]:
    network = drawn.network
    number = {p.id: k for k, p in enumerate(drawn.pipes)}
    valves = [v for v in network.valves.values() if v.pipe in number]
    if not valves:
        return
    points = shapely.points(
        project_array([(v.lon, v.lat) for v in valves], network.crs_measure)
    )
    gaps = shapely.distance(points, drawn.shapes[[number[v.pipe] for v in valves]])
    for k in np.flatnonzero(gaps > _VALVE_OFF_M):
        v = valves[int(k)]
        yield finding("valve_off_pipe", v.id, v.lon, v.lat, gap_m=round(float(gaps[k]), 1),
                      pipe=v.pipe)  # fmt: skip


class Fed:
    """Which pipes are joined to a source at all, and which are fed as valves normally stand."""

    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn
        network = drawn.network
        count = len(drawn.names)
        sources = [drawn.index[n.id] for n in network.sources()]
        shut = {(v.pipe, v.node) for v in network.valves.values() if not v.normally_open}
        links = drawn.links
        tails = np.array([drawn.index[x.start] for x in links], dtype=int)
        heads = np.array([drawn.index[x.end] for x in links], dtype=int)
        _, self.group = connected_components(
            coo_array((np.ones(len(links)), (tails, heads)), shape=(count, count)), directed=False
        )
        supplied = np.zeros(int(self.group.max(initial=0)) + 1, dtype=bool)
        supplied[self.group[sources]] = True
        self.joined = supplied[self.group[drawn.starts]] if len(drawn.pipes) else np.zeros(0, bool)
        rows, columns = [], []
        for link, tail, head in zip(links, tails.tolist(), heads.tolist(), strict=True):
            if link.closed or (link.id, link.start) in shut or (link.id, link.end) in shut:
                continue
            one_way = link.one_way if isinstance(link, Pipe) else link.kind in ONE_WAY_CONTROLS
            rows.append(tail)
            columns.append(head)
            if not one_way:
                rows.append(head)
                columns.append(tail)
        # One node more, from which every source is filled.
        rows += [count] * len(sources)
        columns += sources
        graph = coo_array(
            (np.ones(len(rows)), (rows, columns)), shape=(count + 1, count + 1)
        ).tocsr()
        reached = np.zeros(count + 1, dtype=bool)
        reached[breadth_first_order(graph, count, return_predecessors=False)] = True
        self.fed = np.array(
            [
                not p.closed
                and (
                    (bool(reached[a]) and (p.id, p.start) not in shut)
                    or (bool(reached[b]) and (p.id, p.end) not in shut and not p.one_way)
                )
                for p, a, b in zip(drawn.pipes, drawn.starts.tolist(), drawn.ends.tolist(),
                                   strict=True)
            ],
            dtype=bool,
        )  # fmt: skip

    def findings(self) -> Iterator[Finding]:
        drawn = self.drawn
        groups: dict[int, list[int]] = defaultdict(list)
        for k in np.flatnonzero(~self.joined).tolist():
            groups[int(self.group[drawn.starts[k]])].append(k)
        for members in groups.values():
            first = drawn.pipes[members[0]]
            length = sum(drawn.pipes[k].length_m for k in members)
            yield finding("pipe_without_source", first.id, *drawn.place(first.start),
                          pipes=len(members) - 1, length_m=round(length))  # fmt: skip
        for k in np.flatnonzero(self.joined & ~self.fed).tolist():
            pipe = drawn.pipes[k]
            if not pipe.closed:
                yield finding("pipe_shut_off", pipe.id, *drawn.place(pipe.start))
        yield from self._zones()

    def _zones(self) -> Iterator[Finding]:
        by_zone: dict[str, list[int]] = defaultdict(list)
        for k, pipe in enumerate(self.drawn.pipes):
            if pipe.zone:
                by_zone[pipe.zone].append(k)
        for zone, members in by_zone.items():
            if not self.fed[members].any():
                place = self.drawn.place(self.drawn.pipes[members[0]].start)
                yield finding("zone_without_source", zone, *place, pipes=len(members))


def diameter_jumps(drawn: Drawn) -> Iterator[Finding]:
    """A run of one diameter between two runs that are both much narrower, or both much wider."""
    at: dict[int, list[int]] = defaultdict(list)
    for k, (a, b) in enumerate(zip(drawn.starts.tolist(), drawn.ends.tolist(), strict=True)):
        at[a].append(k)
        at[b].append(k)

    def through(node: int, pipe: int) -> int | None:
        """The pipe on the other side, where just two pipes meet and nothing else."""
        if drawn.degree[node] != 2 or len(at[node]) != 2:
            return None
        return at[node][0] if at[node][1] == pipe else at[node][1]

    seen: set[int] = set()
    for k, pipe in enumerate(drawn.pipes):
        if k in seen:
            continue
        seen.add(k)
        run = [k]
        neighbours: list[int] = []
        for node in (int(drawn.starts[k]), int(drawn.ends[k])):
            here, at_node = k, node
            while (other := through(at_node, here)) is not None and other not in seen:
                if drawn.pipes[other].diameter_mm != pipe.diameter_mm:
                    break
                seen.add(other)
                run.append(other)
                far = int(drawn.starts[other]), int(drawn.ends[other])
                here, at_node = other, far[1] if far[0] == at_node else far[0]
            if other is not None and other not in run:
                neighbours.append(other)
        if len(neighbours) != 2:
            continue
        before, after = (drawn.pipes[n].diameter_mm for n in neighbours)
        mine = pipe.diameter_mm
        if mine > _JUMP * max(before, after) or mine * _JUMP < min(before, after):
            middle = drawn.pipes[min(run)]
            yield finding("diameter_jump", middle.id, *drawn.place(middle.start),
                          diameter_mm=round(mine), before_mm=round(before),
                          after_mm=round(after))  # fmt: skip
