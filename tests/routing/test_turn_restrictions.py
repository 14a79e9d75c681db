"""Forbidden turns: read from OpenStreetMap, kept in the model, obeyed to the millisecond."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing import (
    Origin,
    RoutingError,
    Snap,
    StreetIndex,
    Unreachable,
    build_streets,
    load_graph,
    save_graph,
    stamp,
)
from routing.osmfile import RawStreets, RawWay, read_osm
from routing.restrictions import understood
from routing.streets import streets_of
from tests.data import shared
from tests.routing.lines import LineGraph
from tests.routing.maps import at, street_map
from tests.routing.test_answers import check_joined, cities, places

# A and D are 60 m apart, A and B 100 m; everyone drives 10 m/s.
TOWN = """
    A---------B---------C
    |         |         |
    |         |         |
    D---------E---------F
"""


def edge(ends: str) -> tuple[int, int, int]:
    return (ord(ends[0]), ord(ends[1]), 0)


def town(*rules: tuple[str, str]) -> nx.MultiDiGraph:
    """The town with rules such as ("no", "AB BE"): edges in a row, the last forbidden."""
    graph = street_map(TOWN)
    graph.graph["restrictions"] = [rule(kind, path) for kind, path in rules]
    return graph


def rule(kind: str, path: str) -> dict[str, Any]:
    first, *between, last = map(edge, path.split())
    return {"from": first, "via": between or first[1], "to": last, "kind": kind}


def test_a_forbidden_turn_is_driven_round() -> None:
    index = StreetIndex.compile(town(("no", "AB BE")))
    # Not down at B: back to A and round the block; from near B on to C, turned and back.
    assert index.route(at(50, 0), at(100, 30)).seconds == pytest.approx(5 + 6 + 10 + 3)
    assert index.route(at(99, 0), at(100, 10)).seconds == pytest.approx(0.1 + 10 + 10 + 1)
    # Who starts at the junction, or comes from elsewhere, may go down.
    assert index.route(at(100, 0), at(100, 60)).seconds == pytest.approx(6.0)
    assert index.route(at(150, 0), at(100, 60)).seconds == pytest.approx(11.0)
    assert index.states == index.nodes + 1


def test_the_only_way_on_forbids_all_others_and_turning_back() -> None:
    graph = town(("only", "AB BC"))
    graph.remove_edge(*edge("BA"))
    index = StreetIndex.compile(graph)
    assert index.route(at(50, 0), at(100, 60)).seconds == pytest.approx(5 + 10 + 6 + 10)
    assert index.route(at(50, 0), at(150, 0)).seconds == pytest.approx(10.0)


def test_a_restriction_over_a_street_between_binds_those_only_who_came_that_way() -> None:
    index = StreetIndex.compile(town(("no", "AB BE ED")))
    assert index.route(at(50, 0), at(50, 60)).seconds == pytest.approx(5 + 6 + 5)
    graph = town(("no", "AB BE ED"), ("no", "BA AD"))
    index = StreetIndex.compile(graph)
    lines = LineGraph(graph)
    start, end = index.snap(*at(50, 0)), index.snap(*at(50, 60))
    assert round(index.route(start, end).seconds * 1000) == lines.ms(start, end) > 16_000
    # From C the street BE leads on to D.
    assert index.route(at(150, 0), at(50, 60)).seconds == pytest.approx(5 + 6 + 5)


def test_crews_are_ranked_by_what_they_may_turn_into() -> None:
    index = StreetIndex.compile(town(("no", "AB BE")))
    crews = [Origin("west", *at(60, 0)), Origin("east", *at(155, 0))]
    reaches = index.nearest(at(100, 20), crews)
    assert [(r.id, r.seconds) for r in reaches] == [
        ("east", pytest.approx(7.5)),
        ("west", pytest.approx(6 + 6 + 10 + 4)),
    ]


def test_a_turn_that_becomes_the_only_way_is_told_unreachable() -> None:
    graph = street_map("A---B>>>C")
    graph.graph["restrictions"] = [rule("no", "AB BC")]
    index = StreetIndex.compile(graph)
    with pytest.raises(Unreachable) as unreachable:
        index.route(at(10, 0), at(80, 0))
    assert not unreachable.value.because_of_closures
    assert index.route(at(40, 0), at(80, 0)).seconds == pytest.approx(4.0)


def test_closures_and_restrictions_are_in_force_together() -> None:
    index = StreetIndex.compile(town(("no", "AB BE")))
    index.apply([edge("BC"), edge("CB")])
    # Neither on nor down: back, and round by D.
    assert index.route(at(50, 0), at(100, 30)).seconds == pytest.approx(5 + 6 + 10 + 3)
    index.apply([])
    assert index.route(at(50, 0), at(150, 0)).seconds == pytest.approx(10.0)


@st.composite
def restricted_cities(draw: st.DrawFn) -> nx.MultiDiGraph:
    """Small tangles with forbidden turns, over streets between too."""
    graph = draw(cities())
    rules = []
    for _ in range(draw(st.integers(0, 6))):
        path = [draw(st.sampled_from(sorted(graph.edges(keys=True))))]
        for _ in range(draw(st.integers(1, 3))):
            onward = sorted(graph.out_edges(path[-1][1], keys=True))
            if not onward:
                break
            path.append(draw(st.sampled_from(onward)))
        if len(path) > 1:
            kind = draw(st.sampled_from(["no", "no", "only"]))
            via = path[1:-1] or path[0][1]
            rules.append({"from": path[0], "via": via, "to": path[-1], "kind": kind})
    graph.graph["restrictions"] = rules
    return graph


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_on_any_tangle_the_answers_are_those_of_the_graph_of_edges(data: st.DataObject) -> None:
    graph = data.draw(restricted_cities())
    index = StreetIndex.compile(graph)
    edges = sorted(graph.edges(keys=True))
    closed = data.draw(st.sets(st.sampled_from(edges), max_size=3))
    speeds = data.draw(st.dictionaries(st.sampled_from(edges), st.floats(1, 90), max_size=3))
    for count in range(len(closed) + 1):
        # One after the other, so that every step is a partial update of the one before.
        index.apply(sorted(closed)[:count], speeds if count else {})
    index.apply(closed, speeds)
    for e, kph in speeds.items():
        ms = round(graph.edges[e]["length"] / kph * 3600)
        graph.edges[e]["travel_time"] = max(ms, 1) / 1000
    lines = LineGraph(graph, closed)
    starts = [data.draw(places(graph)) for _ in range(3)]
    ends = [data.draw(places(graph)) for _ in range(2)]
    matrix = index.matrix(starts, ends)
    for i, start in enumerate(starts):
        for j, end in enumerate(ends):
            expected = lines.ms(start, end)
            if expected is None:
                assert np.isinf(matrix[i, j])
                with pytest.raises(Unreachable):
                    index.route(start, end)
                continue
            assert round(matrix[i, j] * 1000) == expected
            route = index.route(start, end)
            assert round(route.seconds * 1000) == expected
            check_joined(graph, route)
            assert not broken(graph, [leg.edge for leg in route.legs])
    check_coverage(index, graph, lines)


def broken(graph: nx.MultiDiGraph, driven: list[tuple[int, int, int]]) -> bool:
    """Whether the edges driven break a restriction."""
    for row in graph.graph["restrictions"]:
        between = row["via"] if isinstance(row["via"], list) else []
        path = [row["from"], *between, row["to"]]
        for i in range(len(driven) - len(path) + 1):
            there = driven[i : i + len(path)]
            if there[:-1] == path[:-1] and (there[-1] == path[-1]) == (row["kind"] == "no"):
                return True
    return False


def check_coverage(index: StreetIndex, graph: nx.MultiDiGraph, lines: LineGraph) -> None:
    node = min(graph.nodes)
    begin = Origin("c", graph.nodes[node]["x"], graph.nodes[node]["y"])
    snap = index.snap(begin.lon, begin.lat, 1e6)
    if snap.fraction not in (0, 1):
        return
    stands = snap.edge[int(snap.fraction)]
    away = nx.single_source_dijkstra_path_length(lines.lines, (stands, ()), weight="ms")
    expected = {n: min(away.get((n, d), np.inf) for d in lines.at[n]) for n in graph}
    found = index.coverage([begin], max_m=1e6)
    assert np.rint(found.seconds * 1000).tolist() == [expected[n] for n in sorted(graph)]


# 1---2---3     Main Street, driven from 1; 2-5 is South Road.
#     |
# 4---5---6     Low Street
OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
  <node id="1" lon="25.000" lat="60.001"/><node id="2" lon="25.001" lat="60.001"/>
  <node id="3" lon="25.002" lat="60.001"/><node id="4" lon="25.000" lat="60.000"/>
  <node id="5" lon="25.001" lat="60.000"/><node id="6" lon="25.002" lat="60.000"/>
  <way id="10"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/>
    <tag k="name" v="Main"/></way>
  <way id="11"><nd ref="2"/><nd ref="3"/><tag k="highway" v="residential"/>
    <tag k="name" v="East Main"/></way>
  <way id="12"><nd ref="2"/><nd ref="5"/><tag k="highway" v="residential"/>
    <tag k="name" v="South"/></way>
  <way id="13"><nd ref="4"/><nd ref="5"/><nd ref="6"/><tag k="highway" v="residential"/>
    <tag k="name" v="Low"/></way>
  <way id="14"><nd ref="1"/><nd ref="4"/><tag k="highway" v="residential"/>
    <tag k="name" v="West"/></way>
  <way id="15"><nd ref="3"/><nd ref="6"/><tag k="highway" v="residential"/>
    <tag k="name" v="East"/></way>
%s
</osm>
"""


def relation(members: str, **tags: str) -> str:
    """A relation such as "from 10, via n2, to 12"; underscores in tags stand for colons."""
    rows = []
    for member in members.split(", "):
        role, ref = member.split()
        kind = "node" if ref[0] == "n" else "way"
        rows.append(f'<member type="{kind}" ref="{ref.lstrip("n")}" role="{role}"/>')
    rows += [f'<tag k="{k.replace("__", ":")}" v="{v}"/>' for k, v in tags.items()]
    return f'<relation id="{abs(hash(members)) % 999 + 1}">{"".join(rows)}</relation>'


def read(tmp_path: Path, *relations: str) -> nx.MultiDiGraph:
    path = tmp_path / "town.osm"
    path.write_text(OSM % "\n".join(relations), encoding="utf-8")
    return build_streets(path)


def test_a_restriction_of_the_map_becomes_one_of_the_model(tmp_path: Path) -> None:
    left = relation("from 10, via n2, to 12", type="restriction", restriction="no_right_turn")
    graph = read(tmp_path, left)
    assert graph.graph["restrictions"] == [
        {"from": (1, 2, 0), "via": 2, "to": (2, 5, 0), "kind": "no"}
    ]
    assert graph.graph["report"]["restrictions"] == {"read": 1, "turns": 1, "off_the_streets": 0}
    index = StreetIndex.compile(graph)
    south = graph.nodes[5]["x"], graph.nodes[5]["y"]
    straight = graph.edges[2, 5, 0]["travel_time"] + graph.edges[1, 2, 0]["travel_time"]
    middle = Snap((1, 2, 0), 0.1, 0, 0, 0, "")
    assert index.route(middle, south).seconds > straight


def test_a_restriction_by_a_street_between_and_one_on_turning_back(tmp_path: Path) -> None:
    graph = read(
        tmp_path,
        relation("from 10, via 12, to 13", type="restriction", restriction="no_left_turn"),
        relation("from 11, via n2, to 11", type="restriction", restriction="no_u_turn"),
        relation("from 14, via n1, to 10", type="restriction", restriction="only_right_turn"),
    )
    # Low Street runs through node 5, so that 13 could be meant either way.
    assert graph.graph["report"]["restrictions"] == {
        "read": 3, "turns": 2, "off_the_streets": 0, "ambiguous": 1,
    }  # fmt: skip
    found = {(r["kind"], r["from"][:2], r["to"][:2]) for r in graph.graph["restrictions"]}
    assert found == {("no", (3, 2), (2, 3)), ("only", (4, 1), (1, 2))}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"restriction": "no_left_turn"}, ("no_left_turn", "")),
        ({"restriction": "only_straight_on", "except": "psv;bicycle"}, ("only_straight_on", "")),
        ({"restriction": "no_entry", "except": "psv; motorcar"}, ("", "exempt")),
        ({"restriction:hgv": "no_left_turn"}, ("", "other_vehicles")),
        ({"restriction:motorcar": "no_exit"}, ("no_exit", "")),
        ({"restriction:conditional": "no_left_turn @ (Mo-Fr 07:00-09:00)"}, ("", "conditional")),
        ({"restriction": "no_u_turn", "hour_on": "07:00"}, ("", "conditional")),
        ({"restriction": "no_flying"}, ("", "unknown")),
        ({}, ("", "unknown")),
    ],
)
def test_which_restrictions_bind_a_van(tags: dict[str, str], expected: tuple[str, str]) -> None:
    assert understood({"type": "restriction", **tags}) == expected


def test_restrictions_are_saved_hashed_and_checked(tmp_path: Path) -> None:
    graph = town(("no", "AB BE"), ("only", "DE EB BA"))
    plain = StreetIndex.compile(town()).version
    assert stamp(graph) != plain == StreetIndex.compile(street_map(TOWN)).version
    save_graph(graph, tmp_path / "town.npz")
    back = load_graph(tmp_path / "town.npz")

    def key(row: dict[str, Any]) -> str:
        return str(row["from"])

    rules = back.graph["restrictions"]
    assert sorted(rules, key=key) == sorted(graph.graph["restrictions"], key=key)
    StreetIndex.compile(graph).save(tmp_path / "index")
    opened = StreetIndex.open(tmp_path / "index")
    assert opened.route(at(50, 0), at(100, 30)).seconds == pytest.approx(24.0)
    for wrong, says in (
        ({"from": edge("AB"), "via": ord("B"), "to": edge("EF"), "kind": "no"}, "follow"),
        ({"from": edge("AB"), "via": ord("B"), "to": (1, 2, 3), "kind": "no"}, "not there"),
        ({"from": edge("AB"), "via": ord("B"), "to": edge("BE"), "kind": "maybe"}, "kind"),
        ({"from": edge("AB"), "to": edge("BE"), "kind": "no"}, "lacks"),
    ):
        graph.graph["restrictions"] = [wrong]
        with pytest.raises(RoutingError, match=f"restriction 1.*{says}|kind of turn restriction 1"):
            StreetIndex.compile(graph)


@pytest.mark.parametrize(
    ("name", "lon", "lat"), [("heidelberg", 8.675, 49.408), ("porto", -8.612, 41.158)]
)
def test_in_a_real_city_the_answers_are_those_of_the_graph_of_edges(
    name: str, lon: float, lat: float
) -> None:
    graph = streets_of(cropped(read_osm(shared(f"streets/{name}.osm.pbf")), lon, lat), name)
    assert len(graph.graph["restrictions"]) > 5
    index, lines = StreetIndex.compile(graph), LineGraph(graph)
    free = graph.copy()
    free.graph["restrictions"] = []
    without = StreetIndex.compile(free)
    chance = random.Random(7)
    concerned = sorted({e for r in graph.graph["restrictions"] for e in (r["from"], r["to"])})
    differ = 0
    for _ in range(25):
        start, end = (Snap(e, 0.5, 0, 0, 0, "") for e in chance.sample(concerned, 2))
        expected = lines.ms(start, end)
        try:
            found: int | None = round(index.route(start, end).seconds * 1000)
        except Unreachable:
            found = None
        assert found == expected
        differ += found != round(without.route(start, end).seconds * 1000)
    assert differ > 0, "a city in which no restriction matters proves nothing"


def cropped(raw: RawStreets, lon: float, lat: float, half: float = 0.012) -> RawStreets:
    """The streets near a place; pieces that leave the box are cut off."""
    inside = {
        node for node, (x, y) in raw.nodes.items() if abs(x - lon) < half and abs(y - lat) < half
    }
    ways = [
        RawWay(w.id, w.tags, [(u, v) for u, v in w.pieces if u in inside and v in inside])
        for w in raw.ways
    ]
    nodes = {node: raw.nodes[node] for node in inside}
    return RawStreets(nodes, [w for w in ways if w.pieces], 0, raw.restrictions)


def test_helsinki_with_its_restrictions_and_some_closures_agrees_with_the_graph_of_edges(
    helsinki: nx.MultiDiGraph, helsinki_index: StreetIndex
) -> None:
    assert len(helsinki.graph["restrictions"]) > 10
    chance = random.Random(3)
    edges = sorted(helsinki.edges(keys=True))
    for closed in (set(), set(chance.sample(edges, 20))):
        helsinki_index.apply(closed)
        lines = LineGraph(helsinki, closed)
        for _ in range(40):
            start, end = (Snap(e, 0.5, 0, 0, 0, "") for e in chance.sample(edges, 2))
            seconds = helsinki_index.matrix([start], [end])[0, 0]
            expected = lines.ms(start, end)
            assert seconds * 1000 == pytest.approx(np.inf if expected is None else expected)
