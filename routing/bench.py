"""Benchmarks of the street index against other engines, in one run, answers compared first.

Each function returns the public list of rows:
{"bench", "n", "p50_ms", "p95_ms", "rate_per_s", "memory_mb", "versus": {engine: ratio}, "input"};
a ratio of 50 says that the other engine takes 50 times as long at the median. `memory_mb` is the
peak of a fresh process that opens the index and asks it, Python and libraries included.
"""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from routing.errors import StreetFileError
from routing.graphfile import load_graph, save_graph
from routing.grid import generate_grid_city
from routing.index import StreetIndex
from routing.model import Origin, Reach
from routing.streets import build_streets

Row = dict[str, Any]
Ask = Callable[[int], dict[int, float]]
_GRID = 120
_PORTO = Path(__file__).resolve().parents[2] / "shared/data/streets/porto.osm.pbf"


def load_input(
    streets: Path | None = None, cache: Path | None = None
) -> tuple[nx.MultiDiGraph, str]:
    """(graph, its name): of `streets` if given, else of Porto if it lies beside the checkout,
    else of a generated city.

    With `cache`, a folder, a graph once built is kept there and read again.
    """
    path = streets or (_PORTO if _PORTO.is_file() else None)
    if path is None:
        return generate_grid_city(_GRID), f"generated grid city of {_GRID} x {_GRID} junctions"
    if not path.is_file():
        raise StreetFileError(f"There is no street file {path.name}.")
    kept = cache / f"{path.name}-{path.stat().st_size}.npz" if cache else None
    if kept is not None and kept.is_file():
        return load_graph(kept), path.name
    graph = build_streets(path)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_graph(graph, kept)
    return graph, path.name


def run(
    streets: Path | None = None,
    *,
    crews: int = 500,
    repeats: int = 40,
    cache: Path | None = None,
) -> list[Row]:
    """All rows of this package: nearest.rank500, nearest.moving500, route.one, street.close,
    snapshot.open (the figure in the name is `crews`)."""
    graph, name = load_input(streets, cache)
    index = StreetIndex.compile(graph)
    name = f"{name}: {index.nodes} junctions, {index.edges} edges"
    rows = [
        *nearest(graph, index, name, crews, repeats),
        *closing(graph, index, name, repeats),
        *opening(graph, index, name),
    ]
    memory = worker_memory_mb(index)
    return [{**row, "memory_mb": memory} for row in rows]


_WORKER = """
import sys
from pathlib import Path
from routing import StreetIndex
index = StreetIndex.open(sys.argv[1])
index.warm()
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def worker_memory_mb(index: StreetIndex) -> float:
    """Peak memory in MB of a fresh process that opens the index and asks a question."""
    root = str(Path(__file__).resolve().parents[1])
    with tempfile.TemporaryDirectory() as folder:
        index.save(folder)
        done = subprocess.run(
            [sys.executable, "-c", _WORKER, folder],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    return round(int(done.stdout) / 1024, 1)


def nearest(
    graph: nx.MultiDiGraph, index: StreetIndex, name: str, crews: int, repeats: int
) -> list[Row]:
    """Ranks all crews for an incident and finds the best one's route, from scattered junctions.

    The others do one full reverse search from the incident and read off the crews; ours is the
    public call, with the list of answers, the best route, geometry and turn list included.
    Raises ValueError when the answers differ.
    """
    chance = random.Random(965113)
    nodes = sorted(graph.nodes)
    where = [chance.choice(nodes) for _ in range(crews)]
    targets = [chance.choice(nodes) for _ in range(repeats)]
    place = {n: (float(graph.nodes[n]["x"]), float(graph.nodes[n]["y"])) for n in nodes}
    origins = [Origin(f"{i:05}", *place[n]) for i, n in enumerate(where)]

    def ours(target: int) -> list[Reach]:
        reaches = index.nearest(place[target], origins, k=0)
        index.route(place[where[int(reaches[0].id)]], place[target])
        return reaches

    def seconds_of(reaches: Sequence[Reach]) -> dict[int, float]:
        return {where[int(r.id)]: float("inf") if r.seconds is None else r.seconds for r in reaches}

    others = dict(_engines(graph, nodes, where))
    for engine, ask in others.items():
        for target in targets[:3]:
            _compare(engine, ask(target), seconds_of(ours(target)))
    mine = _times(ours, targets)
    versus = {
        engine: round(_median(_times(ask, targets[: max(5, repeats // 4)])) / _median(mine), 1)
        for engine, ask in others.items()
    }
    moved = list(origins)

    def one_moved(target: int) -> None:
        i = chance.randrange(crews)
        lon, lat = place[chance.choice(nodes)]
        moved[i] = Origin(f"{i:05}", lon + chance.uniform(0, 1e-5), lat)
        index.nearest(place[target], moved, k=1)

    pairs = list(zip(targets, reversed(targets), strict=True))
    return [
        _row(f"nearest.rank{crews}", crews, mine, name, versus),
        _row(f"nearest.moving{crews}", crews, _times(one_moved, targets), name),
        _row("route.one", 1, _times(lambda p: index.route(place[p[0]], place[p[1]]), pairs), name),
    ]


def closing(graph: nx.MultiDiGraph, index: StreetIndex, name: str, repeats: int) -> list[Row]:
    """Closes one street: until the index gives right answers again."""
    chance = random.Random(965113)
    edges = [edge for edge in sorted(graph.edges(keys=True)) if edge[0] != edge[1]]
    times = _times(lambda edge: index.close([edge]), [chance.choice(edges) for _ in range(repeats)])
    index.reopen()
    return [_row("street.close", 1, times, name)]


def opening(graph: nx.MultiDiGraph, index: StreetIndex, name: str, repeats: int = 5) -> list[Row]:
    """Opens the snapshot, checks every file and asks the first question."""
    first = next(iter(graph.nodes))
    place = float(graph.nodes[first]["x"]), float(graph.nodes[first]["y"])
    with tempfile.TemporaryDirectory() as folder:
        index.save(folder)
        saved = Path(folder) / "graph.npz"
        save_graph(graph, saved)
        times = _times(lambda _: StreetIndex.open(folder).route(place, place), range(repeats))
        graphs = _times(lambda _: load_graph(saved), range(2))
    return [
        _row(
            "snapshot.open",
            index.edges,
            times,
            name,
            {"load_graph": round(_median(graphs) / _median(times), 1)},
        )
    ]


def _engines(
    graph: nx.MultiDiGraph, nodes: Sequence[int], where: Sequence[int]
) -> Iterator[tuple[str, Ask]]:
    """The other engines that are installed, each as target -> seconds per crew node."""
    number = {node: i for i, node in enumerate(nodes)}
    backward = graph.reverse(copy=True)

    def networkx(target: int) -> dict[int, float]:
        away = nx.single_source_dijkstra_path_length(backward, target, weight="travel_time")
        return {n: away.get(n, float("inf")) for n in where}

    yield "networkx", networkx
    fastest: dict[tuple[int, int], float] = {}
    for u, v, seconds in graph.edges(data="travel_time"):
        arc = (number[v], number[u])
        fastest[arc] = min(seconds, fastest.get(arc, float("inf")))
    arcs, seconds = list(fastest), list(fastest.values())
    crews = [number[n] for n in where]
    if importlib.util.find_spec("scipy"):
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import dijkstra

        tails, heads = zip(*arcs, strict=True)
        matrix = csr_array((seconds, (tails, heads)), shape=(len(nodes), len(nodes)))

        def scipy(target: int) -> dict[int, float]:
            away = dijkstra(matrix, indices=number[target])[crews]
            return dict(zip(where, away.tolist(), strict=True))

        yield "scipy", scipy
    if importlib.util.find_spec("igraph"):
        import igraph as ig

        iga = ig.Graph(n=len(nodes), edges=arcs, directed=True)

        def igraph(target: int) -> dict[int, float]:
            wanted = sorted(set(crews))
            away = iga.distances([number[target]], wanted, weights=seconds)[0]
            return {nodes[i]: value for i, value in zip(wanted, away, strict=True)}

        yield "igraph", igraph
    if importlib.util.find_spec("rustworkx"):
        import rustworkx as rx

        rxa = rx.PyDiGraph()
        rxa.add_nodes_from(range(len(nodes)))
        rxa.add_edges_from([(a, b, w) for (a, b), w in fastest.items()])

        def rustworkx(target: int) -> dict[int, float]:
            away = rx.dijkstra_shortest_path_lengths(rxa, number[target], float)
            here = number[target]
            return {
                n: 0.0 if i == here else away[i] if i in away else float("inf")
                for n, i in zip(where, crews, strict=True)
            }

        yield "rustworkx", rustworkx


def _compare(engine: str, theirs: dict[int, float], ours: dict[int, float]) -> None:
    for node, seconds in ours.items():
        if not (seconds == theirs[node] or abs(seconds - theirs[node]) <= 1e-6 * seconds + 1e-6):
            raise ValueError(
                f"{engine} needs {theirs[node]} s from node {node}, the street index {seconds} s."
            )


def _times(ask: Callable[[Any], object], inputs: Sequence[Any]) -> list[float]:
    """Milliseconds of each call, after one that does not count."""
    ask(inputs[0])
    times = []
    for value in inputs:
        begin = time.perf_counter()
        ask(value)
        times.append((time.perf_counter() - begin) * 1000)
    return times


def _median(times: Sequence[float]) -> float:
    return float(np.median(times))


def _row(
    bench: str, n: int, times: Sequence[float], name: str, versus: dict[str, float] | None = None
) -> Row:
    p50 = _median(times)
    return {
        "bench": bench,
        "n": n,
        "p50_ms": round(p50, 4),
        "p95_ms": round(float(np.percentile(times, 95)), 4),
        "rate_per_s": round(1000 / p50, 1),
        "memory_mb": 0.0,
        "versus": versus or {},
        "input": name,
    }
