"""The compiled network at full size: build, edit, open, ask; beside NetworkX, shapely and wntr.

Rows as in `gis_data.bench`. Times are wall clock; `cpu` in `input` is what the processor spent,
which on a busy machine is the fairer figure. `versus` compares the processor time of the others
with our wall clock, never the other way round. Every answer is compared before it is timed.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gis_data.bench_city import CRS, Tables, generated_city
from gis_data.compiled.columns import NetworkArrays
from gis_data.compiled.editing import Changes, edited
from gis_data.compiled.warm import warm
from gis_data.crs import project
from gis_data.isolation import IsolationPlan, SegmentIndex, isolate
from gis_data.snapping import Snapper

Row = dict[str, Any]
#: Makes a row: (name, size, seconds of each run, {baseline: seconds of each run}, input).
MakeRow = Callable[[str, int, list[float], dict[str, list[float]], str], Row]


def network(make_row: MakeRow, pipes: int = 500_000, *, asked: int = 2000) -> list[Row]:
    """Everything at `pipes` pipes. Errors: AssertionError where an answer differs."""
    warm()
    city = generated_city(pipes)
    count = len(city["pipes"]["id"])
    label = f"made-up city, {count} pipes, {len(city['valves']['id'])} valves, 40 sources"
    rows: list[Row] = []

    def timed(name: str, what: Callable[[], Any], repeats: int = 3) -> Any:
        seconds, cpu, found = [], [], None
        for _ in range(repeats):
            wall, own = time.perf_counter(), time.process_time()
            found = what()
            seconds.append(time.perf_counter() - wall)
            cpu.append(time.process_time() - own)
        text = f"{label}; cpu {float(np.median(cpu)) * 1000:.1f} ms"
        rows.append(make_row(f"network.{name}", count, seconds, {}, text))
        return found

    net = timed("columns", lambda: NetworkArrays.from_tables(city, name="", crs_measure=CRS))
    index = timed("derive", lambda: SegmentIndex(net))
    valves = [v.decode() for v in city["valves"]["id"][:40]]
    turned = iter(valves)
    timed("valve turned", lambda: index.standing(frozenset([next(turned)])), 5)
    timed("valve found stuck", lambda: _with_one_stuck(index), 3)
    timed("edit", lambda: _ready_again(net, _delta(city)))
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "v1"
        timed("save", lambda: index.save(kept), 1)
        opened = timed("open", lambda: SegmentIndex.open(kept))
        rows[-1]["memory_mb"] = _private_mb(kept)
        size = sum(f.stat().st_size for f in kept.iterdir()) / 1e6
        rows[-1]["input"] += f"; {size:.0f} MB shared by all processes, memory_mb is each one's own"
        targets = [t.decode() for t in rng.choice(city["pipes"]["id"], asked)]
        rows.append(_isolation(make_row, city, opened, targets, label))
        rows.append(_snapping(make_row, city, Snapper(opened), asked, label))
    rows += _beside_wntr(make_row)
    return rows


def _with_one_stuck(index: SegmentIndex) -> SegmentIndex:
    operable = index.arrays.valve_operable.copy()
    operable[7] = 1
    return index.with_conditions(operable, index.arrays.valve_access)


def _delta(city: Tables) -> Changes:
    """A street's worth: 60 pipes added, 20 altered, 5 taken out, 30 valves added."""

    def some(table: str, rows: range, new: str = "") -> dict[str, Any]:
        columns = {k: np.asarray(v) for k, v in city[table].items()}
        found = {k: v[list(rows)] for k, v in columns.items() if k not in ("coords", "offsets")}
        if "coords" in columns:
            at = columns["offsets"]
            found["coords"] = columns["coords"][at[rows.start] : at[rows.stop]]
            found["offsets"] = at[rows.start : rows.stop + 1] - at[rows.start]
        if new:
            found["id"] = np.array([f"{new}{k}".encode() for k in rows])
        return found

    altered = some("pipes", range(300, 320))
    added = some("pipes", range(100, 160), "NEW-P")
    both = {
        k: np.concatenate([altered[k], added[k] + altered["offsets"][-1]])
        if k == "offsets" else np.concatenate([altered[k], added[k]])
        for k in added
    }  # fmt: skip
    both["offsets"] = np.delete(both["offsets"], len(altered["offsets"]))
    gone = [p.decode() for p in city["pipes"]["id"][500:505]]
    return Changes({"pipes": both, "valves": some("valves", range(50, 80), "NEW-V")},
                   {"pipes": gone})


def _ready_again(net: NetworkArrays, changes: Changes) -> SegmentIndex:
    index = SegmentIndex(edited(net, changes))
    index.standing()
    assert index.grid is not None
    return index


def _private_mb(folder: Path) -> float:
    """What a process needs of its own to open the folder and answer from it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_open_and_ask, (str(folder),))


def _open_and_ask(folder: str) -> float:
    def private() -> float:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024

    warm()
    before = private()
    index = SegmentIndex.open(Path(folder))
    plan = isolate(index, index.arrays.names("link", [0])[0])
    x, y = index.arrays.line_xy[0]
    Snapper(index)
    return round(private() - before, 1) if plan and x and y else 0.0


def _isolation(
    make_row: MakeRow, city: Tables, index: SegmentIndex, targets: list[str], label: str
) -> Row:
    graph, sources = _networkx_graph(city)
    theirs = []
    for target in targets[:3]:
        own = time.process_time()
        expected = _networkx_isolate(graph, sources, target)
        theirs.append(time.process_time() - own)
        if _elements(isolate(index, target)) != expected:
            raise AssertionError(f"isolation of {target} differs from NetworkX")
    ours, cpu = [], []
    for target in targets:
        began, own = time.perf_counter(), time.process_time()
        isolate(index, target)
        ours.append(time.perf_counter() - began)
        cpu.append(time.process_time() - own)
    return make_row(
        "network.isolate", len(city["pipes"]["id"]), ours, {"networkx": theirs},
        f"{label}; whole plan with unintended isolation, premises, warnings; {_spent(cpu)}",
    )  # fmt: skip


def _spent(cpu: list[float]) -> str:
    return "cpu p50 {:.3f} p95 {:.3f} max {:.3f} ms".format(
        *(float(np.percentile(cpu, q)) * 1000 for q in (50, 95, 100))
    )


def _elements(plan: IsolationPlan) -> set[str]:
    return {
        *plan.segment_pipes, *plan.segment_nodes, *plan.segment_controls, *plan.unintended_pipes,
        *plan.unintended_nodes, *plan.unintended_controls,
    }  # fmt: skip


def _networkx_graph(city: Tables) -> tuple[Any, list[str]]:
    """Edges node - link with what stands between: 0 nothing, 1 a valve, 2 a stuck one, 3 a shut."""
    import networkx

    valves = city["valves"]
    stuck = (valves["operable"] == b"no") | (valves["accessible"] == 0)
    state = np.where(~valves["normally_open"], 3, np.where(stuck, 2, 1)).tolist()
    at = dict(zip(zip(valves["pipe"].tolist(), valves["node"].tolist(), strict=True), state,
                  strict=True))  # fmt: skip
    graph = networkx.DiGraph()
    for table in ("pipes", "controls"):
        links = city[table]
        one_way = links["one_way"] if "one_way" in links else np.ones(len(links["id"]), bool)
        for link, start, end, only in zip(
            links["id"].tolist(), links["start"].tolist(), links["end"].tolist(),
            one_way.tolist(), strict=True,
        ):  # fmt: skip
            for node, out_only in ((start, False), (end, only)):
                between, ends = at.get((link, node), 0), (link.decode(), node.decode())
                graph.add_edge(*ends, valve=between)
                if not out_only:
                    graph.add_edge(*reversed(ends), valve=between)
    nodes = city["nodes"]
    return graph, [n.decode() for n in nodes["id"][nodes["kind"] != b"junction"].tolist()]


def _networkx_isolate(graph: Any, sources: list[str], target: str) -> set[str]:
    """Segment and unintended isolation with filtered views, in the obvious way."""
    import networkx

    def view(ways: tuple[int, ...], without: set[str]) -> Any:
        return networkx.subgraph_view(
            graph,
            filter_node=lambda n: n not in without,
            filter_edge=lambda a, b: graph.edges[a, b]["valve"] in ways,
        )

    joined = view((0, 2), set()).to_undirected(as_view=True)
    segment = set(networkx.node_connected_component(joined, target))

    def reach(within: Any) -> set[str]:
        found: set[str] = set()
        for source in sources:
            if source in within and source not in found:
                found |= {source, *networkx.descendants(within, source)}
        return found

    return segment | (reach(view((0, 1, 2), set())) - reach(view((0, 1, 2), segment)) - segment)


def _snapping(
    make_row: MakeRow, city: Tables, snapper: Snapper, asked: int, label: str
) -> Row:
    net = snapper.arrays
    of = np.repeat(np.arange(net.pipes), np.diff(net.line_starts))
    shapes = shapely.linestrings(net.line_xy, indices=of)
    shapes = shapes[net.pipe_snaps]
    tree = shapely.STRtree(shapes)
    rng = np.random.default_rng(6)
    near = rng.integers(0, len(city["nodes"]["id"]), asked)
    places = [
        (float(city["nodes"]["lon"][k]) + dx, float(city["nodes"]["lat"][k]) + dy)
        for k, (dx, dy) in zip(near, rng.uniform(-4e-4, 4e-4, (asked, 2)), strict=True)
    ]

    def plain(place: tuple[float, float]) -> float:
        point = shapely.Point(project(*place, CRS))
        return float(shapely.distance(shapes[tree.nearest(point)], point))

    for place in places[:300]:
        hits = snapper.snap(*place, 500.0)
        if abs(hits[0].distance_m - plain(place)) > 0.001:
            raise AssertionError("snapping differs from shapely")

    def times(what: Callable[[tuple[float, float]], Any], where: list[Any]) -> Any:
        taken, cpu = [], []
        for place in where:
            began, own = time.perf_counter(), time.process_time()
            what(place)
            taken.append(time.perf_counter() - began)
            cpu.append(time.process_time() - own)
        return taken, cpu

    ours, spent = times(lambda p: snapper.snap(*p), places)
    _, theirs = times(plain, places[:300])
    return make_row(
        "network.snap", net.pipes, ours, {"shapely STRtree, distance alone": theirs},
        f"{label}; five mains with foot, measure and street, both ways of projection included; "
        f"{_spent(spent)}",
    )  # fmt: skip


def _beside_wntr(make_row: MakeRow) -> list[Row]:
    """Labelling segments of Net6, which wntr brings along, beside wntr itself."""
    import pandas
    import wntr

    path = Path(wntr.__file__).parent / "library" / "networks" / "Net6.inp"
    model = wntr.network.WaterNetworkModel(str(path))
    rng = np.random.default_rng(9)
    ends: list[tuple[str, str, str]] = [
        (name, model.get_link(name).start_node_name, model.get_link(name).end_node_name)
        for name in model.link_name_list
    ]
    layer = [(link, node) for link, *both in ends for node in both if rng.random() < 0.36]
    tables: Tables = {
        "nodes": {"id": model.node_name_list, "kind": ["junction"] * model.num_nodes},
        "pipes": {
            "id": [e[0] for e in ends], "start": [e[1] for e in ends], "end": [e[2] for e in ends],
            "length_m": np.ones(len(ends)),
        },
        "valves": {
            "id": [f"v{k}" for k in range(len(layer))], "pipe": [v[0] for v in layer],
            "node": [v[1] for v in layer],
        },
    }  # fmt: skip
    table = pandas.DataFrame(layer, columns=["link", "node"])
    own = time.process_time()
    nodes, links, _ = wntr.metrics.topographic.valve_segments(model.to_graph(), table)
    theirs = time.process_time() - own

    def ours() -> SegmentIndex:
        return SegmentIndex(NetworkArrays.from_tables(tables, name="", crs_measure=CRS))

    index = ours()
    mine = {("node", k): v for k, v in index.node_segments.items()}
    mine |= {("link", k): v for k, v in index.pipe_segments.items()}
    other = {("node", k): int(v) for k, v in nodes.items()}
    other |= {("link", k): int(v) for k, v in links.items()}
    pairs = {(mine[k], other[k]) for k in mine}
    if not len(pairs) == len(set(mine.values())) == len(set(other.values())):
        raise AssertionError("segments of Net6 differ from wntr's")
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        ours()
        taken.append(time.perf_counter() - began)
    label = f"Net6, {len(ends)} links, {len(layer)} valves; ours derives far more than segments"
    return [make_row("network.segments", len(ends), taken, {"wntr": [theirs]}, label)]
