"""How fast isolation and snapping are, against the plain way in the same run.

Each function returns a list of {"bench", "n", "p50_ms", "p95_ms", "rate_per_s", "memory_mb",
"versus": {baseline: how many times slower it is}, "input"}. Answers are compared before anything
is timed; a bench whose answers differ raises AssertionError.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString

from gis_data import bench_network
from gis_data.crs import project, project_geometries, unproject_array
from gis_data.helsinki import demo_city
from gis_data.isolation import SegmentIndex, isolate
from gis_data.model import Network, Node, Pipe, Valve
from gis_data.snapping import Snapper

Row = dict[str, Any]


def trace(grid: int = 70) -> list[Row]:
    """`isolate` on the demo city and on a grid of `grid` x `grid` crossings, against NetworkX."""
    rows = []
    for name, network in (("demo city", demo_city().network), ("grid", grid_network(grid))):
        begin = time.perf_counter()
        index = SegmentIndex(network)
        build = time.perf_counter() - begin
        rng = np.random.default_rng(5)
        targets = [str(t) for t in rng.choice(list(network.pipes), 60)]
        graph = _element_graph(network)
        for target in targets[:8]:
            plan = isolate(index, target)
            expected = _networkx_isolate(graph, network, target)
            found = {
                *plan.segment_pipes,
                *plan.segment_nodes,
                *plan.unintended_pipes,
                *plan.unintended_nodes,
                *plan.segment_controls,
                *plan.unintended_controls,
            }
            if found != expected:
                raise AssertionError(f"isolation of {target} differs from NetworkX")
        ours = _times(lambda t, i=index: isolate(i, t), targets)  # type: ignore[misc]
        theirs = _times(
            lambda t, g=graph, n=network: _networkx_isolate(g, n, t),  # type: ignore[misc]
            targets[:8],
        )
        label = f"{name}, {len(network.pipes)} pipes, {len(network.valves)} valves"
        rows.append(_row("trace.isolate", len(network.pipes), ours, {"networkx": theirs}, label))
        rows.append(_row("trace.index", len(network.pipes), [build], {}, label))
    return rows


def snap(points: int = 1000, grid: int = 70) -> list[Row]:
    """Snapping random points of a grid town, against shapely measuring to every main at once."""
    network = grid_network(grid)
    snapper = Snapper(network)
    mains = list(network.pipes.values())
    shapes = project_geometries([p.geometry for p in mains], network.crs_measure)
    west, south, east, north = shapely.total_bounds([p.geometry for p in mains])
    where = np.random.default_rng(5).uniform((west, south), (east, north), (points, 2))

    def plain(place: Any) -> float:
        point = shapely.Point(project(float(place[0]), float(place[1]), network.crs_measure))
        return float(shapely.distance(shapes, point).min())

    for place in where[:100]:
        hits = snapper.snap(float(place[0]), float(place[1]), 500.0)
        if not hits or abs(hits[0].distance_m - plain(place)) > 0.001:
            raise AssertionError("snapping differs from measuring to every main")
    ours = _times(lambda p: snapper.snap(float(p[0]), float(p[1])), list(where))
    theirs = _times(plain, list(where[:100]))
    label = f"grid, {len(mains)} mains, {points} points"
    return [_row("snap.point", len(mains), ours, {"every main": theirs}, label)]


def network(pipes: int = 500_000) -> list[Row]:
    """The compiled network of a made-up city of `pipes` pipes (`gis_data.bench_network`)."""
    return bench_network.network(_row, pipes)


BENCHES: dict[str, Callable[..., list[Row]]] = {"trace": trace, "snap": snap, "network": network}


def run(name: str, **how: int) -> list[Row]:
    """The rows of one bench; `pipes` is for "network". Errors: ValueError for an unknown name."""
    if name not in BENCHES:
        raise ValueError(f"bench: {name[:40]!r} is none of {', '.join(BENCHES)}")
    return BENCHES[name](**how)


def grid_network(size: int, step_m: float = 100.0) -> Network:
    """A square town: a source in each corner, two valves on most pipes, some missing by lot."""
    rng = np.random.default_rng(3)
    lonlat = unproject_array(
        [
            (385000 + step_m * (k % size), 6672000 + step_m * (k // size))
            for k in range(size * size)
        ],
        3067,
    )
    corners = {0, size - 1, size * (size - 1), size * size - 1}
    nodes = {
        f"J{k}": Node(
            f"J{k}", "reservoir" if k in corners else "junction", float(lon), float(lat), 10.0
        )
        for k, (lon, lat) in enumerate(lonlat)
    }
    pipes: dict[str, Pipe] = {}
    valves: dict[str, Valve] = {}
    for k in range(size * size):
        for other, fits in ((k + 1, k % size < size - 1), (k + size, k // size < size - 1)):
            if not fits:
                continue
            name = f"P{len(pipes)}"
            line = LineString([lonlat[k], lonlat[other]])
            pipes[name] = Pipe(name, f"J{k}", f"J{other}", line, step_m, 150.0, "DI", 1990, 120.0)
            for node in (k, other):
                if rng.random() < 0.75:
                    valves[f"{name}.{node}"] = Valve(
                        f"{name}.{node}",
                        name,
                        f"J{node}",
                        float(lonlat[node][0]),
                        float(lonlat[node][1]),
                        "gate",
                        150.0,
                    )
    return Network(f"grid {size}", 3067, nodes, pipes, valves)


def _element_graph(network: Network) -> Any:
    import networkx

    graph = networkx.DiGraph()
    at = {(v.pipe, v.node): v for v in network.valves.values()}
    for link in network.links():
        one_way = not isinstance(link, Pipe) or link.one_way
        for node, out_only in ((link.start, False), (link.end, one_way)):
            valve = at.get((link.id, node))
            if not out_only:
                graph.add_edge(node, link.id, valve=valve)
            graph.add_edge(link.id, node, valve=valve)
    return graph


def _networkx_isolate(graph: Any, network: Network, target: str) -> set[str]:
    """Segment and unintended isolation with filtered NetworkX views, in the obvious way."""
    import networkx

    def joined(a: str, b: str) -> bool:
        valve = graph.edges[a, b]["valve"]
        return valve is None or (valve.operable == "no" and valve.normally_open)

    def passable(a: str, b: str) -> bool:
        valve = graph.edges[a, b]["valve"]
        return valve is None or bool(valve.normally_open)

    segment_view = networkx.subgraph_view(graph, filter_edge=joined).to_undirected(as_view=True)
    segment = set(networkx.node_connected_component(segment_view, target))
    open_view = networkx.subgraph_view(graph, filter_edge=passable)
    rest = networkx.subgraph_view(
        graph, filter_edge=passable, filter_node=lambda n: n not in segment
    )

    def reach(view: Any) -> set[str]:
        found: set[str] = set()
        for source in network.sources():
            if source.id in view and source.id not in found:
                found |= {source.id, *networkx.descendants(view, source.id)}
        return found

    return segment | (reach(open_view) - reach(rest) - segment)


def _times(what: Callable[[Any], Any], inputs: Sequence[Any]) -> list[float]:
    what(inputs[0])
    taken = []
    for value in inputs:
        begin = time.perf_counter()
        what(value)
        taken.append(time.perf_counter() - begin)
    return taken


def _row(
    name: str, n: int, seconds: list[float], versus: dict[str, list[float]], label: str
) -> Row:
    p50, p95 = (float(np.percentile(seconds, q)) * 1000 for q in (50, 95))
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "bench": name,
        "n": n,
        "p50_ms": round(p50, 4),
        "p95_ms": round(p95, 4),
        "rate_per_s": round(1000.0 / p50, 1) if p50 else None,
        "memory_mb": round(usage / 1024, 1),
        "versus": {k: round(float(np.median(v)) * 1000 / p50, 1) for k, v in versus.items()},
        "input": label,
    }


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Benchmarks of the pipe network.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--pipes", type=int, default=500_000, help="size of `network`")
    asked = parser.parse_args()
    every = [
        row
        for name in asked.names or list(BENCHES)
        for row in run(name, **({"pipes": asked.pipes} if name == "network" else {}))
    ]
    sys.stdout.write(json.dumps(every, indent=1) + "\n")
