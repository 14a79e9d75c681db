"""The index gives the same times as Dijkstra on the same streets, to the millisecond."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString

from routing import OffNetwork, Origin, Route, Snap, StreetIndex, Unreachable
from tests.routing.maps import ORIGIN, dijkstra_ms, way_back


@st.composite
def cities(draw: st.DrawFn) -> nx.MultiDiGraph:
    """Small tangles: one-way streets, parallel streets, loops, parts that do not meet."""
    count = draw(st.integers(2, 8))
    spots = draw(
        st.lists(
            st.tuples(st.integers(0, 9), st.integers(0, 9)),
            min_size=count,
            max_size=count,
            unique=True,
        )
    )
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for node, (x, y) in enumerate(spots):
        graph.add_node(node, x=ORIGIN[0] + x * 0.002, y=ORIGIN[1] + y * 0.001)
    streets = draw(
        st.lists(
            st.tuples(
                st.integers(0, count - 1),
                st.integers(0, count - 1),
                st.integers(1, 60_000),
                st.booleans(),
                st.integers(1, 60_000),
            ),
            min_size=1,
            max_size=16,
        )
    )
    for number, (u, v, ms, oneway, back_ms) in enumerate(streets):
        a, b = graph.nodes[u], graph.nodes[v]
        # Each street bends its own way, so that parallel ones do not lie on each other.
        bend = (
            (a["x"] + b["x"]) / 2 + 0.0002 * (1 + number),
            (a["y"] + b["y"]) / 2 + 0.00013 * (1 + number),
        )
        line = [(a["x"], a["y"]), bend, (bend[0] + 0.0001, bend[1]), (b["x"], b["y"])]
        graph.add_edge(u, v, travel_time=ms / 1000, length=ms / 100, geometry=LineString(line))
        if not oneway:
            graph.add_edge(
                v, u, travel_time=back_ms / 1000, length=ms / 100, geometry=LineString(line[::-1])
            )
    return graph


def places(graph: nx.MultiDiGraph) -> st.SearchStrategy[Snap]:
    fractions = st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0.01, 0.99)
    return st.builds(
        lambda edge, fraction: Snap(edge, fraction, 0.0, 0.0, 0.0, ""),
        st.sampled_from(sorted(graph.edges(keys=True))),
        fractions.map(lambda fraction: round(fraction, 3)),
    )


def check_joined(graph: nx.MultiDiGraph, route: Route) -> None:
    for before, after in pairwise(route.legs):
        assert before.edge[1] == after.edge[0]
        assert before.coordinates[-1] == pytest.approx(after.coordinates[0], abs=1e-9)
    assert all(graph.has_edge(*leg.edge) for leg in route.legs)
    assert route.seconds == pytest.approx(sum(leg.seconds for leg in route.legs), abs=1e-9)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_routes_on_any_tangle_of_streets_cost_what_dijkstra_says(data: st.DataObject) -> None:
    graph = data.draw(cities())
    index = StreetIndex.compile(graph)
    closed = data.draw(st.sets(st.sampled_from(sorted(graph.edges(keys=True))), max_size=4))
    index.close(closed, both_ways=False)
    for _ in range(3):
        start, end = data.draw(places(graph)), data.draw(places(graph))
        expected = dijkstra_ms(graph, start, end, closed)
        if expected is None:
            with pytest.raises(Unreachable) as unreachable:
                index.route(start, end)
            reopened = dijkstra_ms(graph, start, end)
            assert unreachable.value.because_of_closures == (reopened is not None)
        else:
            route = index.route(start, end)
            assert round(route.seconds * 1000) == expected
            check_joined(graph, route)
            assert not {leg.edge for leg in route.legs[1:-1]} & closed


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_ranking_on_any_tangle_of_streets_is_the_one_dijkstra_gives(
    data: st.DataObject,
) -> None:
    graph = data.draw(cities())
    index = StreetIndex.compile(graph)
    closed = data.draw(st.sets(st.sampled_from(sorted(graph.edges(keys=True))), max_size=3))
    index.close(closed, both_ways=False)
    spot = st.tuples(st.floats(-0.001, 0.02), st.floats(-0.001, 0.01))
    here = [
        (ORIGIN[0] + x, ORIGIN[1] + y) for x, y in data.draw(st.lists(spot, min_size=2, max_size=6))
    ]
    crews = [Origin(f"crew{i}", *place) for i, place in enumerate(here[1:])]
    target = index.snap(*here[0], max_m=1e6)
    expected: list[tuple[float, str]] = []
    for crew in crews:
        ms = dijkstra_ms(graph, index.snap(crew.lon, crew.lat, 1e6), target, closed)
        expected.append((float("inf") if ms is None else float(ms), crew.id))
    reaches = index.nearest(target, crews, max_m=1e6)
    assert [
        (float("inf") if r.seconds is None else float(round(r.seconds * 1000)), r.id)
        for r in reaches
    ] == sorted(expected)
    for reach in reaches:
        assert (reach.note == "unreachable") == (reach.seconds is None) == (reach.metres is None)
        if reach.seconds is not None:
            crew = next(c for c in crews if c.id == reach.id)
            route = index.route((crew.lon, crew.lat), target, max_m=1e6)
            assert route.seconds == reach.seconds
            assert route.metres == pytest.approx(reach.metres)


def some_places(index: StreetIndex, graph: nx.MultiDiGraph, count: int, seed: int) -> list[Snap]:
    chance = random.Random(seed)
    xs = [x for _, x in graph.nodes(data="x")]
    ys = [y for _, y in graph.nodes(data="y")]
    found: list[Snap] = []
    while len(found) < count:
        try:
            place = chance.uniform(min(xs), max(xs)), chance.uniform(min(ys), max(ys))
            found.append(index.snap(*place))
        except OffNetwork:
            continue
    return found


def test_routes_through_helsinki_cost_what_dijkstra_says(
    free_helsinki: nx.MultiDiGraph, free_index: StreetIndex
) -> None:
    ends = some_places(free_index, free_helsinki, 120, seed=1)
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        route = free_index.route(start, end)
        assert round(route.seconds * 1000) == dijkstra_ms(free_helsinki, start, end)
        check_joined(free_helsinki, route)


def test_junction_to_junction_networkx_agrees_on_the_model_as_it_stands(
    free_helsinki: nx.MultiDiGraph, free_index: StreetIndex
) -> None:
    nodes = sorted(free_helsinki.nodes)
    chance = random.Random(2)
    for _ in range(60):
        a, b = chance.sample(nodes, 2)
        ends = [(free_helsinki.nodes[n]["x"], free_helsinki.nodes[n]["y"]) for n in (a, b)]
        seconds = nx.dijkstra_path_length(free_helsinki, a, b, weight="travel_time")
        assert free_index.route(*ends).seconds == pytest.approx(seconds, rel=1e-6)


def test_routes_through_helsinki_go_round_closed_streets_as_dijkstra_does(
    free_helsinki: nx.MultiDiGraph, free_index: StreetIndex
) -> None:
    chance = random.Random(3)
    ends = some_places(free_index, free_helsinki, 60, seed=4)
    edges = sorted(free_helsinki.edges(keys=True))
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        free_index.reopen()
        closed = set(free_index.close(chance.sample(edges, 25)))
        closed_again = {way_back(free_helsinki, edge) for edge in closed} - {None}
        assert closed_again <= closed
        expected = dijkstra_ms(free_helsinki, start, end, closed)
        try:
            found: int | None = round(free_index.route(start, end).seconds * 1000)
        except Unreachable:
            found = None
        assert found == expected


def test_helsinki_ranks_two_hundred_crews_as_one_reverse_dijkstra_does(
    free_helsinki: nx.MultiDiGraph, free_index: StreetIndex
) -> None:
    nodes = sorted(free_helsinki.nodes)
    chance = random.Random(5)
    there = chance.choice(nodes)
    crews = [chance.choice(nodes) for _ in range(200)]
    away = nx.single_source_dijkstra_path_length(
        free_helsinki.reverse(copy=False), there, weight="travel_time"
    )
    origins = [
        Origin(f"c{i:03}", free_helsinki.nodes[n]["x"], free_helsinki.nodes[n]["y"])
        for i, n in enumerate(crews)
    ]
    target = free_helsinki.nodes[there]["x"], free_helsinki.nodes[there]["y"]
    reaches = free_index.nearest(target, origins, k=3)
    expected = sorted((round(away[n] * 1000), f"c{i:03}") for i, n in enumerate(crews))
    assert [(round((r.seconds or 0) * 1000), r.id) for r in reaches] == expected
    assert [r.metres is not None for r in reaches] == [True] * 3 + [False] * 197


def test_a_route_is_the_same_after_the_clock_has_lifted_a_closure(
    free_helsinki: nx.MultiDiGraph,
) -> None:
    now = [datetime(2026, 11, 23, 8, tzinfo=UTC)]
    index = StreetIndex.compile(free_helsinki, clock=lambda: now[0])
    start, end = some_places(index, free_helsinki, 2, seed=6)
    before = index.route(start, end)
    index.close([before.legs[len(before.legs) // 2].edge], until=now[0].replace(hour=9))
    assert len(index.closures) in (1, 2)
    assert index.route(start, end).seconds > before.seconds
    now[0] = now[0].replace(hour=9)
    assert index.closures == ()
    assert index.route(start, end).seconds == before.seconds
