"""The compiled network against the definitions, followed with nothing but sets."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gis_data.bench_city import generated_city
from gis_data.compiled.columns import NetworkArrays, tables_of
from gis_data.compiled.editing import Changes, edited
from gis_data.compiled.storage import StorageError
from gis_data.isolation import SegmentIndex, isolate
from gis_data.model import ONE_WAY_CONTROLS, Network, NetworkError, Pipe
from gis_data.tracing import dry_after, trace
from tests.gis_data.networks import networks
from tests.gis_data.town import slow_isolation, town, without_water

TABLES = ("nodes", "pipes", "valves", "controls", "hydrants", "services", "stations")


def some(data: st.DataObject, names: Any, most: int = 3) -> list[str]:
    return data.draw(st.lists(st.sampled_from(sorted(names)), max_size=most)) if names else []


@settings(max_examples=250, deadline=None)
@given(networks(), st.data())
def test_random_networks_agree_with_the_definitions(network: Network, data: st.DataObject) -> None:
    inoperable, closed, opened, usable = (some(data, network.valves) for _ in range(4))
    target = data.draw(st.sampled_from([*network.nodes, *network.pipes, *network.controls]))
    state = {"inoperable": inoperable, "closed": closed, "opened": opened, "usable": usable}
    plan = isolate(network, target, **state)
    slow = slow_isolation(network, [target], **state)
    assert {*plan.segment_pipes, *plan.segment_nodes, *plan.segment_controls} == slow.segment
    assert set(plan.valves_to_close) == slow.valves
    assert {
        *plan.unintended_pipes,
        *plan.unintended_nodes,
        *plan.unintended_controls,
    } == slow.unintended
    assert set(plan.minimal_valves) == slow.minimal
    assert set(plan.premises) == slow.premises
    assert set(plan.hydrants_lost) == {
        h.id for h in network.hydrants.values() if h.node in slow.segment | slow.unintended
    }
    assert {p for p, hours in plan.delayed if hours == 4.0} <= slow.premises


def water_graph(network: Network, shut: set[str]) -> networkx.DiGraph:
    """What water can pass, an edge for each step; `shut` names valves, pipes and controls."""
    graph = networkx.DiGraph()
    graph.add_nodes_from([*network.nodes, *network.pipes, *network.controls])
    for link in network.links():
        one_way = link.one_way if isinstance(link, Pipe) else link.kind in ONE_WAY_CONTROLS
        if link.closed or link.id in shut:
            continue
        for node, out_only in ((link.start, False), (link.end, one_way)):
            here = {v.id for v in network.valves.values() if (v.pipe, v.node) == (link.id, node)}
            if not here & shut:
                graph.add_edge(link.id, node)
                if not out_only:
                    graph.add_edge(node, link.id)
    return graph


def fed(graph: networkx.DiGraph, sources: list[str]) -> set[str]:
    return {e for s in sources if s in graph for e in (s, *networkx.descendants(graph, s))}


@settings(max_examples=80, deadline=None)
@given(networks(10), st.data())
def test_traces_agree_with_networkx(network: Network, data: st.DataObject) -> None:
    index = SegmentIndex(network)
    closed = some(data, [*network.valves, *network.pipes, *network.controls])
    opened = some(data, network.valves)
    target = data.draw(st.sampled_from([*network.nodes, *network.pipes, *network.controls]))
    normal = {v.id for v in network.valves.values() if not v.normally_open}
    graph = water_graph(network, (normal | set(closed)) - set(opened))
    sources = [n.id for n in network.sources()]
    wet = fed(graph, sources)

    def found(kind: str) -> set[str]:
        t = trace(index, target, kind, closed=closed, opened=opened)  # type: ignore[arg-type]
        assert t.reached == (target in wet)
        assert t.length_m == sum(network.pipes[p].length_m for p in t.pipes)
        return {*t.pipes, *t.nodes, *t.controls}

    assert found("connected") == networkx.node_connected_component(graph.to_undirected(), target)
    without = graph.copy()
    without.remove_node(target)
    assert found("downstream") == wet - fed(without, sources)

    upstream = found("upstream")
    if target not in wet:
        assert upstream == {target}
        assert not found("source_path")
        return
    on_walk = graph.subgraph(wet & (networkx.ancestors(graph, target) | {target})).to_undirected()
    on_walk.add_edges_from(("all", s) for s in sources if s in on_walk)
    on_walk.add_edge("all", target)
    block = next(
        b for b in networkx.biconnected_components(on_walk) if {"all", target} <= b
    )
    assert upstream == block - {"all"}

    weights = {p.id: p.length_m for p in network.pipes.values()}
    for a, b in graph.edges:
        graph.edges[a, b]["m"] = weights.get(b, 0.0)
    graph.add_edges_from(("all", s, {"m": 0.0}) for s in sources)
    path = trace(index, target, "source_path", closed=closed, opened=opened)
    assert path.length_m == networkx.shortest_path_length(graph, "all", target, weight="m")
    assert path.sources[0] == path.nodes[0]
    ends = [(network.pipes.get(p) or network.controls[p]) for p in path.pipes]
    assert all({a.start, a.end} & set(path.nodes) for a in ends)


@settings(max_examples=60, deadline=None)
@given(networks(10), st.data())
def test_who_is_dry_agrees_with_networkx(network: Network, data: st.DataObject) -> None:
    index = SegmentIndex(network)
    closed = some(data, [*network.valves, *network.pipes, *network.controls])
    opened = some(data, network.valves)
    blocked = data.draw(st.sets(st.integers(0, index.segment_count - 1), max_size=2))
    normal = {v.id for v in network.valves.values() if not v.normally_open}
    sources = [n.id for n in network.sources()]
    before = fed(water_graph(network, normal), sources)
    graph = water_graph(network, (normal | set(closed)) - set(opened))
    labels = {**index.node_segments, **index.pipe_segments}
    graph.remove_nodes_from([e for e in list(graph) if labels[e] in blocked])
    after = fed(graph, sources)
    found = dry_after(index, closed=closed, opened=opened, blocked_segments=blocked)
    assert {*found.pipes, *found.nodes, *found.controls} == before - after
    assert set(found.premises) == without_water(network, before - after, after)


@settings(max_examples=100, deadline=None)
@given(networks(12), st.data())
def test_who_loses_supply_is_found_in_the_tree_of_reach(
    network: Network, data: st.DataObject
) -> None:
    """Any set of cells taken out, also such as no segment would ever be."""
    index = SegmentIndex(network)
    standing, top = index.standing(), index.top
    out = data.draw(st.sets(st.integers(0, top.cells - 1), min_size=1, max_size=3))
    _, lost = standing.lost(top, np.array(sorted(out), np.int32))
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(top.cells))
    for cell in range(top.cells):
        for k in range(top.out_starts[cell], top.out_starts[cell + 1]):
            if top.out_valves[k] < 0 or not standing.shut[top.out_valves[k]]:
                graph.add_edge(cell, int(top.out_heads[k]))
    sources = {int(c) for c in top.cell[top.source_nodes]}
    before = fed(graph, list(sources))  # type: ignore[arg-type]
    graph.remove_nodes_from(out)
    after = fed(graph, list(sources))  # type: ignore[arg-type]
    assert set(lost.tolist()) == before - after - out


@settings(max_examples=60, deadline=None)
@given(networks(10), networks(10), st.data())
def test_an_edit_gives_what_reading_anew_would(
    network: Network, other: Network, data: st.DataObject
) -> None:
    parts: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for table in TABLES:
        mine, theirs = dict(getattr(network, table)), dict(getattr(other, table))
        put = {k: theirs[k] for k in some(data, theirs)}
        gone = [] if table == "nodes" else [k for k in some(data, mine, 2) if k not in put]
        if table in ("pipes", "controls"):
            nodes = {*network.nodes, *parts["nodes"][0]}
            put = {k: v for k, v in put.items() if {v.start, v.end} <= nodes}
        parts[table] = put, gone
    after = replace(network, **{
        t: {**{k: v for k, v in getattr(network, t).items() if k not in gone}, **put}
        for t, (put, gone) in parts.items()
    })  # fmt: skip
    assume(not _came_back(network, after, parts))
    put_tables = tables_of(Network("", 3067, **{t: put for t, (put, _) in parts.items()}))
    changes = Changes(
        {t: c for t, c in put_tables.items() if parts[t][0]}, {t: g for t, (_, g) in parts.items()}
    )
    one = edited(NetworkArrays.from_network(network), changes)
    two = NetworkArrays.from_network(after)
    # Premises and streets are numbered as they come, and keep their numbers.
    assert one.names("premise", one.service_premise) == two.names("premise", two.service_premise)
    assert (one.street_name[one.pipe_street] == two.street_name[two.pipe_street]).all()
    apart = {"name", "premise_id", "premise_sorted", "service_premise", "street_name",
             "pipe_street"}  # fmt: skip
    for f in fields(one):
        if f.name not in apart:
            assert np.array_equal(getattr(one, f.name), getattr(two, f.name)), f.name
    index, fresh = SegmentIndex(one), SegmentIndex(two)
    for target in [*after.pipes, *after.nodes][:6]:
        assert isolate(index, target) == isolate(fresh, target)


def _came_back(network: Network, after: Network, parts: dict[str, Any]) -> bool:
    """Whether something in place refers to what was missing before and is there now."""
    def known(net: Network) -> dict[str, set[str]]:
        return {
            "pipe": {*net.pipes, *net.controls}, "node": {*net.nodes}, "station": {*net.stations},
            "service": {*net.services},
        }  # fmt: skip

    was, now = known(network), known(after)
    for table in ("valves", "hydrants", "services", "stations"):
        for name, item in getattr(after, table).items():
            for column in ("pipe", "node", "station", "service"):
                to = getattr(item, column, None)
                revived = to in now[column] and (
                    to not in was[column]
                    or any(to in gone for _, gone in parts.values())
                )
                if name not in parts[table][0] and revived:
                    return True
    return False


def test_a_pipe_cannot_lose_its_node() -> None:
    net = NetworkArrays.from_network(town("R-o-A-o-B"))
    with pytest.raises(NetworkError, match="AB leads to a node"):
        edited(net, Changes({}, {"nodes": ["B"]}))


@settings(max_examples=15, deadline=None)
@given(networks(10))
def test_a_network_opened_from_disk_answers_as_the_one_saved(
    tmp_path_factory: pytest.TempPathFactory, network: Network
) -> None:
    folder = tmp_path_factory.mktemp("net") / "v1"
    index = SegmentIndex(network)
    index.save(folder, "v1")
    opened = SegmentIndex.open(folder, "v1")
    assert opened.pipe_segments == index.pipe_segments
    for target in [*network.pipes, *network.valves, *network.nodes][:8]:
        assert isolate(opened, target) == isolate(index, target)


def test_a_damaged_or_foreign_folder_is_refused(tmp_path: Path) -> None:
    SegmentIndex(town("R-o-A-o-B")).save(tmp_path / "v1", "mine")
    with pytest.raises(StorageError, match="another network"):
        SegmentIndex.open(tmp_path / "v1", "yours")
    file = tmp_path / "v1" / "top.cell.npy"
    file.write_bytes(file.read_bytes()[:-4] + b"\1\1\1\1")
    with pytest.raises(StorageError, match="not what was saved"):
        SegmentIndex.open(tmp_path / "v1", "mine")
    file.unlink()
    with pytest.raises(StorageError):
        SegmentIndex.open(tmp_path / "v1", "mine")
    with pytest.raises(StorageError):
        SegmentIndex.open(tmp_path / "nothing", "mine")


def test_the_columns_of_a_city_give_the_same_network_as_its_values() -> None:
    """The made-up city with its stations, second lines and controls, asked about premises."""
    city = generated_city(600, seed=2)
    index = SegmentIndex(NetworkArrays.from_tables(city, name="city", crs_measure=32649))
    services, stations = city["services"], city["stations"]
    inlet = dict(zip(stations["id"].tolist(), stations["service"].tolist(), strict=True))
    main = dict(zip(services["id"].tolist(), services["pipe"].tolist(), strict=True))
    feeds: dict[bytes, set[str]] = {}
    for own, premise, through in zip(
        services["id"].tolist(), services["premise"].tolist(), services["station"].tolist(),
        strict=True,
    ):  # fmt: skip
        pipe = main[inlet[through]] if through else main[own]
        feeds.setdefault(premise, set()).add(pipe.decode())
    affected = 0
    for pipe in city["pipes"]["id"][::40].tolist():
        plan = isolate(index, pipe.decode())
        dry = {*plan.segment_pipes, *plan.unintended_pipes}
        expected = {p.decode() for p, mains in feeds.items() if mains <= dry}
        assert set(plan.premises) == expected
        affected += len(expected)
    assert affected > 50
