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
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from routing.bench_city import grid_city, whole_city
from routing.index import StreetIndex
from routing.model import Origin, Reach
from routing.table import Floats, Ints, StreetTable

Row = dict[str, Any]
Ask = Callable[[int], Floats]
_GRID = 550
_PORTO = Path(__file__).resolve().parents[2] / "shared/data/streets/porto.osm.pbf"
#: The engines that sweep the whole city are asked so many times only.
_SLOW = 7


def load_input(streets: Path | None = None, cache: Path | None = None) -> tuple[StreetTable, str]:
    """(streets, their name): of `streets` if given, else of Porto if it lies beside the checkout,
    each with all its paths and bends; else of a generated city.

    With `cache`, a folder, what was read once is kept there.
    """
    path = streets or (_PORTO if _PORTO.is_file() else None)
    if path is None:
        return grid_city(_GRID), f"generated grid city of {_GRID} x {_GRID} junctions"
    return whole_city(path, cache), f"{path.name}, all paths, unsimplified"


def run(
    streets: Path | None = None,
    *,
    crews: int = 500,
    repeats: int = 40,
    cache: Path | None = None,
) -> list[Row]:
    """All rows of this package; the figure in a name is `crews`."""
    table, name = load_input(streets, cache)
    index = StreetIndex.of_table(table)
    name = f"{name}: {index.nodes} junctions, {index.edges} edges"
    city = City.of(table, index, name, crews, repeats)
    with tempfile.TemporaryDirectory() as folder:
        index.save(folder)
        peak, own, shared = worker_memory_mb(Path(folder))
        rows = [
            *nearest(city), *closing(city), *coverage(city), *matrix(city),
            *opening(city, Path(folder), f"{name}; of a process {own} MB its own, {shared} shared"),
        ]  # fmt: skip
    return [{**row, "memory_mb": peak} for row in rows]


@dataclass(frozen=True)
class City:
    """Streets, crews on some junctions and incidents at others; junctions by their number."""

    table: StreetTable
    index: StreetIndex
    name: str
    crews: list[int]
    targets: list[int]
    origins: list[Origin]

    @classmethod
    def of(
        cls, table: StreetTable, index: StreetIndex, name: str, crews: int, repeats: int
    ) -> City:
        """Places within the part of the city where every place reaches every other."""
        shape = (table.nodes, table.nodes)
        arcs = csr_array((np.ones(table.edges), (table.tail, table.head)), shape=shape)
        _, part = connected_components(arcs, connection="strong")
        inside = np.flatnonzero(part == np.bincount(part).argmax()).tolist()
        chance = random.Random(965113)
        where = [chance.choice(inside) for _ in range(crews)]
        targets = [chance.choice(inside) for _ in range(repeats)]
        lonlat = zip(table.lon[where].tolist(), table.lat[where].tolist(), strict=True)
        origins = [Origin(f"{i:05}", *place) for i, place in enumerate(lonlat)]
        return cls(table, index, name, where, targets, origins)

    def place(self, node: int) -> tuple[float, float]:
        """(lon, lat) of a junction."""
        return float(self.table.lon[node]), float(self.table.lat[node])

    @cached_property
    def arcs(self) -> tuple[Ints, Ints, Ints]:
        """(tail, head, milliseconds) with the fastest of parallel edges."""
        table = self.table
        order = np.lexsort((table.ms, table.head, table.tail))
        tail, head = table.tail[order], table.head[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
        return tail[first], head[first], table.ms[order][first]


def worker_memory_mb(snapshot: Path) -> tuple[float, float, float]:
    """(peak, own, shared) MB of a fresh process that opens a snapshot and asks everything once.

    Shared is what it has mapped of the snapshot and of libraries, own what it has written.
    """
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-c", _WORKER, str(snapshot)],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    peak, own, shared = (round(int(word) / 1024, 1) for word in done.stdout.split())
    return peak, own, shared


_WORKER = """
import sys
from pathlib import Path
from routing import Origin, StreetIndex
index = StreetIndex.open(sys.argv[1])
lon, lat = (float(c[0]) for c in (index._table.lon, index._table.lat))
crews = [Origin(str(i), float(x), float(y)) for i, (x, y) in
         enumerate(zip(index._table.lon[:500], index._table.lat[:500]))]
index.nearest((lon, lat), crews)
index.coverage(crews)
text = Path("/proc/self/status").read_text() + Path("/proc/self/smaps_rollup").read_text()
found = {line.split(":")[0]: line.split()[1] for line in text.splitlines() if " kB" in line}
print(found["VmHWM"], found["Anonymous"], int(found["Rss"]) - int(found["Anonymous"]))
"""


def nearest(city: City) -> list[Row]:
    """Ranks all crews for an incident and finds the best one's route, from scattered junctions.

    The others do one full reverse search from the incident and read off the crews; "routingkit"
    is the bare hierarchy of that library with the crews pinned, and the best one's path; ours is
    the public call, with the list of answers, the best route, geometry and turn list included.
    Raises ValueError when the answers differ.
    """
    index, crews = city.index, len(city.crews)

    def ours(target: int) -> list[Reach]:
        reaches = index.nearest(city.place(target), city.origins, k=0)
        if reaches[0].seconds is not None:
            index.route(city.place(city.crews[int(reaches[0].id)]), city.place(target))
        return reaches

    def seconds(target: int) -> Floats:
        found = np.full(crews, np.inf)
        for reach in index.nearest(city.place(target), city.origins, k=0):
            found[int(reach.id)] = np.inf if reach.seconds is None else reach.seconds
        return found

    times = _times(ours, city.targets)
    ratios = {}
    some = city.targets[:_SLOW]
    for engine, theirs in _engines(city):
        for target in some[:3]:
            _compare(engine, theirs(target), seconds(target))
        asked = city.targets if engine == "routingkit" else some
        ratios[engine] = round(_median(_times(theirs, asked)) / _median(_times(ours, asked)), 2)

    def one_moved(target: int) -> None:
        row = target % crews
        moved = Origin(city.origins[row].id, *city.place(target))
        index.nearest(city.place(target), [*city.origins[:row], moved, *city.origins[row + 1 :]])

    def route(target: int) -> None:
        origin = city.origins[target % crews]
        index.route((origin.lon, origin.lat), city.place(target))

    return [
        _row(f"nearest.rank{crews}", crews, times, city.name, ratios),
        _row(f"nearest.moving{crews}", crews, _times(one_moved, city.targets), city.name),
        _row("route.one", 1, _times(route, city.targets), city.name),
    ]


def closing(city: City) -> list[Row]:
    """Closes one street in use and ranks all crews anew; then opens it again."""
    index, chance, times = city.index, random.Random(965113), []
    for target in city.targets:
        edge = chance.randrange(city.table.edges)
        begin = time.perf_counter()
        index.close([index._edge_id(edge)])
        index.nearest(city.place(target), city.origins, k=0)
        times.append((time.perf_counter() - begin) * 1000)
        index.reopen()
    return [_row("street.close", len(city.crews), times, city.name)]


def coverage(city: City) -> list[Row]:
    """How soon the first of all crews is at every junction. Raises ValueError when wrong."""
    tail, head, ms = city.arcs
    shape = (city.table.nodes, city.table.nodes)
    graph = csr_array((ms / 1000, (tail, head)), shape=shape)
    crews = sorted(set(city.crews))

    def theirs(_: int) -> Floats:
        found: Floats = dijkstra(graph, indices=crews, min_only=True)
        return found

    def ours(_: int) -> Floats:
        return np.asarray(city.index.coverage(city.origins).seconds)

    _compare("scipy", theirs(0), ours(0))
    times = _times(ours, city.targets)
    ratio = round(_median(_times(theirs, range(3))) / _median(times), 2)
    return [_row("coverage.all", city.table.nodes, times, city.name, {"scipy": ratio})]


def matrix(city: City, ends: int = 300) -> list[Row]:
    """Times from all crews to `ends` places, also by the bare hierarchy, its crews pinned."""
    chance = random.Random(7)
    targets = [chance.choice(city.targets + city.crews) for _ in range(ends)]
    starts, places = [(o.lon, o.lat) for o in city.origins], [city.place(t) for t in targets]
    times = _times(lambda _: city.index.matrix(starts, places), range(5))
    ratios = {}
    for engine, theirs in _routingkit(city):
        found = city.index.matrix(starts, places)
        _compare(engine, theirs(targets[0]), found[:, 0])
        began = time.perf_counter()
        for target in targets:
            theirs(target)
        ratios[engine] = round((time.perf_counter() - began) * 1000 / _median(times), 2)
    name = f"matrix.{len(starts)}x{ends}"
    return [_row(name, len(starts) * ends, times, city.name, ratios)]


def opening(city: City, folder: Path, name: str) -> list[Row]:
    """Opens a snapshot until the first answer, in a process that has the library loaded."""
    place = city.place(city.targets[0])

    def open_and_ask(_: int) -> None:
        StreetIndex.open(folder).nearest(place, city.origins[:1])

    return [_row("snapshot.open", 1, _times(open_and_ask, range(7)), name)]


def _engines(city: City) -> Iterator[tuple[str, Ask]]:
    """The other engines that are installed, each as target -> seconds per crew."""
    yield from _routingkit(city)
    tail, head, ms = city.arcs
    seconds, crews, nodes = ms / 1000, city.crews, city.table.nodes
    matrix = csr_array((seconds, (head, tail)), shape=(nodes, nodes))

    def scipy(target: int) -> Floats:
        found: Floats = dijkstra(matrix, indices=target)[crews]
        return found

    yield "scipy", scipy
    backward = list(zip(head.tolist(), tail.tolist(), strict=True))
    if importlib.util.find_spec("igraph"):
        import igraph as ig

        iga = ig.Graph(n=nodes, edges=backward, directed=True)
        wanted = sorted(set(crews))

        def igraph(target: int) -> Floats:
            away = iga.distances([target], wanted, weights=seconds.tolist())[0]
            by_node = dict(zip(wanted, away, strict=True))
            return np.array([by_node[n] for n in crews])

        yield "igraph", igraph
        del iga
    if importlib.util.find_spec("rustworkx"):
        import rustworkx as rx

        rxa = rx.PyDiGraph()
        rxa.add_nodes_from(range(nodes))
        rxa.add_edges_from(
            [(a, b, w) for (a, b), w in zip(backward, seconds.tolist(), strict=True)]
        )

        def rustworkx(target: int) -> Floats:
            away = rx.dijkstra_shortest_path_lengths(rxa, target, float)
            return np.array(
                # Its mapping has no get.
                [0.0 if n == target else away[n] if n in away else np.inf for n in crews]  # noqa: SIM401
            )

        yield "rustworkx", rustworkx
        del rxa
    graph: Any = nx.DiGraph()
    graph.add_weighted_edges_from(
        ((a, b, w) for (a, b), w in zip(backward, seconds.tolist(), strict=True)), weight="s"
    )

    def networkx(target: int) -> Floats:
        away = nx.single_source_dijkstra_path_length(graph, target, weight="s")
        return np.array([away.get(n, np.inf) for n in crews])

    yield "networkx", networkx


def _routingkit(city: City) -> Iterator[tuple[str, Ask]]:
    """The library that orders our hierarchy, asked by itself: crews pinned, one path."""
    from routingkit_cch import CCH, CCHManyToOne, CCHMetric, CCHQuery

    states, rank = city.index._engine.states, city.index._engine.hierarchy.rank
    if states.count != city.table.nodes:
        return
    tail, head, ms = city.arcs
    cch = CCH(np.argsort(rank).tolist(), tail.tolist(), head.tolist(), False)
    metric = CCHMetric(cch, ms.tolist())
    many, query = CCHManyToOne(metric, city.crews), CCHQuery(metric)

    def routingkit(target: int) -> Floats:
        found = np.array(many.distances_to_multi([(target, 0)]), dtype=np.float64)
        best = city.crews[int(np.nanargmin(found))]
        result = query.run_multi([(best, 0)], [(target, 0)])
        path = result.arc_path
        # The result must be gone before the next question.
        del result, path
        return np.where(np.isnan(found), np.inf, found / 1000)

    yield "routingkit", routingkit


def _compare(engine: str, theirs: Floats, ours: Floats) -> None:
    with np.errstate(invalid="ignore"):
        near = np.abs(theirs - ours) <= 1e-9 * np.abs(ours) + 1e-6
    same = (theirs == ours) | near
    wrong = np.flatnonzero(~same)
    if len(wrong):
        raise ValueError(
            f"{engine} needs {theirs[wrong[0]]} s to place {wrong[0]}, the street index "
            f"{ours[wrong[0]]} s."
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
