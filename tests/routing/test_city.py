"""Questions about many places at once: matrix, coverage, isochrone, other ways, speeds."""

from __future__ import annotations

import random

import networkx as nx
import numpy as np
import pytest
import shapely
from shapely import box

from routing import BadCoordinate, Origin, RoutingError, StreetIndex, UnknownEdge, Unreachable
from tests.routing.maps import at, dijkstra_ms, street_map
from tests.routing.test_answers import some_places

# A and D are 60 m apart, A and B 100 m; everyone drives 10 m/s; B to E and E to F are one-way.
TOWN = """
    A---------B---------C
    |         v         |
    |         |         |
    D---------E>>>>>>>>>F
"""
NAMES = {"AB": "High", "BC": "High", "AD": "West", "BE": "Mid", "CF": "East", "DE": "Low"}


@pytest.fixture
def town() -> StreetIndex:
    return StreetIndex.compile(street_map(TOWN, NAMES))


def edge(ends: str) -> tuple[int, int, int]:
    return (ord(ends[0]), ord(ends[1]), 0)


def test_a_matrix_holds_the_seconds_of_each_way(
    free_helsinki: nx.MultiDiGraph, free_index: StreetIndex
) -> None:
    places = some_places(free_index, free_helsinki, 14, seed=8)
    starts, ends = places[:8], places[8:]
    seconds = free_index.matrix(starts, ends)
    assert seconds.shape == (8, 6)
    for i, start in enumerate(starts):
        for j, end in enumerate(ends):
            expected = dijkstra_ms(free_helsinki, start, end)
            assert round(seconds[i, j] * 1000) == expected


def test_a_matrix_is_infinite_off_the_streets_and_where_no_way_leads(town: StreetIndex) -> None:
    town.apply([edge("CF"), edge("EF")])
    seconds = town.matrix([at(0, 0), at(0, 5000)], [at(200, 60), at(100, 60), at(20, 0)])
    assert seconds == pytest.approx(np.array([[np.inf, 16, 2], [np.inf] * 3]), abs=0.01)
    assert town.matrix([], [at(0, 0)]).shape == (0, 1)
    with pytest.raises(BadCoordinate):
        town.matrix([at(0, 0)], [(float("nan"), 60.0)])


def test_coverage_tells_when_the_first_of_the_crews_is_at_each_junction(
    free_helsinki: nx.MultiDiGraph, free_index: StreetIndex
) -> None:
    chance = random.Random(4)
    nodes = sorted(free_helsinki.nodes)
    crews = chance.sample(nodes, 3)
    origins = [
        Origin(str(n), free_helsinki.nodes[n]["x"], free_helsinki.nodes[n]["y"]) for n in crews
    ]
    found = free_index.coverage(origins)
    expected = nx.multi_source_dijkstra_path_length(free_helsinki, set(crews), weight="travel_time")
    by_place = {
        (lon, lat): seconds
        for lon, lat, seconds in zip(found.lon, found.lat, found.seconds, strict=True)
    }
    for node, data in free_helsinki.nodes(data=True):
        assert by_place[data["x"], data["y"]] == pytest.approx(expected.get(node, np.inf), abs=1e-6)
    nobody = free_index.coverage([Origin("far", 20.0, 50.0)])
    assert np.isinf(nobody.seconds).all()


def test_an_isochrone_ends_where_the_time_is_over(town: StreetIndex) -> None:
    short, long = town.isochrone([Origin("c", *at(50, 0))], [4.0, 8.0])
    # Four seconds are 40 m each way along the High Street; eight also bend into the side streets.
    assert metres(short.streets) == pytest.approx(80, abs=0.5)
    assert short.streets.bounds[0] == pytest.approx(at(10, 0)[0], abs=1e-5)
    assert metres(long.streets) == pytest.approx(100 + 3 * 30, abs=0.5)
    assert long.area.contains(long.streets) and long.area.contains(short.area)
    assert not long.area.contains(shapely.Point(*at(400, 0)))


def test_an_isochrone_does_not_lead_through_closed_streets_or_against_one_way(
    town: StreetIndex,
) -> None:
    town.apply([edge("BC"), edge("AB"), edge("BA")])
    (found,) = town.isochrone([Origin("c", *at(100, 50))], [11.0])
    # 10 m down Mid Street, then 100 m each way along Low Street.
    assert metres(found.streets) == pytest.approx(10 + 100 + 100, abs=0.5)
    with pytest.raises(RoutingError, match="limit"):
        town.isochrone([], [float("nan")])
    (nothing,) = town.isochrone([], [600.0])
    assert nothing.streets.is_empty and nothing.area.is_empty


def metres(streets: shapely.MultiLineString) -> float:
    """Length of the streets, those driven both ways counted once."""
    (x, y), (east, south) = at(0, 0), at(1, 1)
    flat = shapely.transform(streets, lambda c: (c - (x, y)) / (east - x, y - south))
    flat = shapely.set_precision(flat, 0.01)
    return float(shapely.union_all(list(flat.geoms)).length)


def test_other_ways_differ_and_tell_their_true_time(
    free_helsinki: nx.MultiDiGraph, free_index: StreetIndex
) -> None:
    places = some_places(free_index, free_helsinki, 16, seed=9)
    several = 0
    for start, end in zip(places[::2], places[1::2], strict=True):
        ways = free_index.alternatives(start, end, k=3)
        assert ways[0] == free_index.route(start, end)
        assert [w.seconds for w in ways] == sorted(w.seconds for w in ways)
        several += len(ways) > 1
        for way in ways[1:]:
            for leg in way.legs[1:-1]:
                assert leg.seconds == free_helsinki.edges[leg.edge]["travel_time"]
            mine = {leg.edge for leg in way.legs}
            shared = sum(leg.metres for leg in way.legs if leg.edge in mine & ways_edges(ways[0]))
            assert shared <= 0.7 * way.metres
    assert several >= 4


def ways_edges(route: object) -> set[tuple[int, int, int]]:
    return {leg.edge for leg in route.legs}  # type: ignore[attr-defined]


def test_without_another_way_there_is_one_and_none_where_nothing_leads(town: StreetIndex) -> None:
    town.apply([edge("AD"), edge("DA"), edge("BE")])
    assert len(town.alternatives(at(0, 0), at(200, 60))) == 1
    with pytest.raises(Unreachable):
        town.alternatives(at(0, 0), at(0, 60))


def test_a_slower_street_is_driven_round_and_a_place_on_it_takes_longer(town: StreetIndex) -> None:
    before = town.epoch
    town.apply([], {edge("AB"): 9.0, edge("BA"): 9.0})
    assert town.epoch == before + 1
    # A quarter of the speed: 40 s along the High Street, 22 s round by Mid, Low and West.
    assert town.route(at(0, 0), at(50, 0)).seconds == pytest.approx(20.0, abs=0.01)
    assert town.route(at(200, 0), at(0, 0)).seconds == pytest.approx(32.0, abs=0.01)
    (reach,) = town.nearest(at(0, 0), [Origin("c", *at(100, 0))])
    assert reach.seconds == pytest.approx(22.0, abs=0.01)
    town.apply([], {edge("AB"): 9.0, edge("BA"): 9.0})
    assert town.epoch == before + 1, "nothing new"
    assert town.speeds == {edge("AB"): 9.0, edge("BA"): 9.0}
    town.apply([])
    assert town.route(at(0, 0), at(50, 0)).seconds == pytest.approx(5.0, abs=0.01)


def test_the_whole_state_is_set_at_once(town: StreetIndex) -> None:
    town.close([edge("BC")])
    town.apply([edge("AB")], {edge("DE"): 36.5})
    assert [c.edge for c in town.closures] == [edge("AB")]
    assert town.route(at(100, 0), at(0, 0)).seconds == 10.0, "only the one direction is closed"
    with pytest.raises(UnknownEdge):
        town.apply([(1, 2, 3)])
    for kph in (0.0, float("nan"), -3):
        with pytest.raises(RoutingError, match="above zero"):
            town.apply([], {edge("AB"): kph})
    assert [c.edge for c in town.closures] == [edge("AB")], "a refused state changes nothing"


def test_streets_of_an_area_tell_their_edges_names_and_lines(town: StreetIndex) -> None:
    (west, north), (east, south) = at(90, -10), at(110, 10)
    crossed = town.crossed_by(box(west, south, east, north))
    assert {frozenset(map(chr, e[:2])) for e in crossed} == {*map(frozenset, ("AB", "BC", "BE"))}
    assert edge("AB") in crossed and edge("BA") in crossed and edge("EB") not in crossed
    assert town.closures == (), "nothing is closed by asking"
    assert town.edge_name(edge("BE")) == "Mid"
    assert town.edge_line(edge("BA")).coords[0] == pytest.approx(at(100, 0))
    assert town.has_edge(edge("AB")) and not town.has_edge(edge("EB"))
