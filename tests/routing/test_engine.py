"""The engine's parts by themselves: weights, labels, projection, snapping, states."""

from __future__ import annotations

import random

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from routing import Origin, Snap, StreetIndex
from routing.bench_city import grid_city
from routing.compiled import weights
from routing.compiled.projection import to_metres, utm_zone
from routing.grid import generate_grid_city


@pytest.fixture(scope="module")
def city() -> StreetIndex:
    return StreetIndex.of_table(grid_city(24))


def test_a_partial_update_gives_what_customising_anew_gives(city: StreetIndex) -> None:
    engine, chance = city._engine, random.Random(1)
    h, metric = engine.hierarchy, engine.base
    for round_ in range(12):
        closed = chance.sample(range(city.edges), chance.choice([0, 1, 5, 60]))
        ms = engine.base.ms.copy()
        slow = chance.sample(range(city.edges), chance.choice([0, 3, 40]))
        ms[slow] = [chance.randrange(1, 90_000) for _ in slow]
        metric = engine.weighted(metric, round_ + 1, ms, closed)
        up, down = weights.customise(h.up_at, h.up_head, h.up_input, h.down_input, metric.cost)
        assert (metric.up == up).all() and (metric.down == down).all()
    back = engine.weighted(metric, 99, engine.base.ms, ())
    assert back.up is engine.base.up, "back to the map's weights without any work"


def test_more_changes_than_are_worth_following_are_customised_anew(
    city: StreetIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = city._engine
    closed = random.Random(2).sample(range(city.edges), 30)
    few = engine.weighted(engine.base, 1, engine.base.ms, closed)
    monkeypatch.setattr("routing.engine._MANY", 3)
    many = engine.weighted(engine.base, 1, engine.base.ms, closed)
    assert (few.up == many.up).all() and (few.down == many.down).all()


def test_what_is_shared_cannot_be_written_to(city: StreetIndex) -> None:
    columns = {**city._engine.columns(), **city._snapper.squares.columns()}
    assert not [name for name, column in columns.items() if column.flags.writeable]
    metric = city._engine.weighted(city._engine.base, 1, city._engine.base.ms, [3])
    assert not metric.up.flags.writeable and not metric.cost.flags.writeable


def test_a_fleet_whose_crews_move_ranks_as_one_never_seen(city: StreetIndex) -> None:
    chance = random.Random(3)
    other = StreetIndex.of_table(grid_city(24))
    west, south, east, north, _ = city._snapper.squares.frame

    def somewhere() -> tuple[float, float]:
        return chance.uniform(west, east), chance.uniform(south, north)

    crews = [Origin(f"c{i:02}", *somewhere()) for i in range(40)]
    for n in range(25):
        for i in chance.sample(range(40), chance.choice([0, 1, 3])):
            place = somewhere() if chance.random() < 0.8 else (0.0, 80.0)
            crews[i] = Origin(crews[i].id, *place)
        if n % 5 == 4:
            closed = [city._edge_id(e) for e in chance.sample(range(city.edges), 4)]
            city.apply(closed, {closed[0]: 7.0})
            other.apply(closed, {closed[0]: 7.0})
        there = somewhere()
        # A longer list is another fleet, made from nothing each time.
        fresh = [*crews, Origin("zz", *somewhere())]
        expected = [reach for reach in other.nearest(there, fresh, k=41) if reach.id != "zz"]
        assert city.nearest(there, crews, k=41) == expected
    city.apply([])


def test_metres_are_those_of_the_projection_library() -> None:
    chance = random.Random(4)
    for _ in range(60):
        lon, lat = chance.uniform(-179, 179), chance.uniform(-79, 83)
        zone = utm_zone(lon, lat)
        epsg = (32600 if zone > 0 else 32700) + abs(zone)
        # Cities lie across the borders of zones.
        lon += chance.uniform(-2, 2)
        theirs = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
        assert to_metres(lon, lat, zone) == pytest.approx(theirs, abs=1e-4)


def test_the_nearest_street_is_the_one_that_measuring_all_of_them_gives(city: StreetIndex) -> None:
    chance = random.Random(5)
    squares = city._snapper.squares
    west, south, east, north, zone = squares.frame.tolist()
    lines = [
        shapely.LineString(squares.xy[squares.ends[e] : squares.ends[e + 1]])
        for e in range(city.edges)
    ]
    for wide in (0.0, 0.001, 0.05):
        for _ in range(40):
            lon = chance.uniform(west - wide, east + wide)
            lat = chance.uniform(south - wide, north + wide)
            point = shapely.Point(to_metres(lon, lat, int(zone)))
            metres = shapely.distance(point, lines)
            snap = city.snap(lon, lat, max_m=1e6)
            assert snap.distance_m == pytest.approx(metres.min(), abs=1e-6)
            edge = city._edge_number(snap.edge)
            assert metres[edge] == pytest.approx(metres.min(), abs=1e-6)
            assert snap.fraction == pytest.approx(
                lines[edge].project(point, normalized=True), abs=1e-4
            )


def test_streets_around_a_place_come_nearest_first(city: StreetIndex) -> None:
    west, south, east, north, _ = city._snapper.squares.frame.tolist()
    lon, lat = (west + east) / 2, (south + north) / 2
    edges, _, metres = city._snapper.around(lon, lat, 150.0, 64)
    assert len(set(edges.tolist())) == len(edges) > 3
    assert (np.diff(metres) >= 0).all() and metres.max() <= 150
    few, _, near = city._snapper.around(lon, lat, 150.0, 2)
    assert few.tolist() == edges[:2].tolist() and near.tolist() == metres[:2].tolist()


def test_a_snap_tells_who_may_use_the_street() -> None:
    graph = generate_grid_city(3)
    for u, v in ((0, 1), (1, 0)):
        graph.edges[u, v, 0]["access"] = "private"
    index = StreetIndex.compile(graph)
    assert index.snap(*middle(graph, 0, 1)).access == "private"
    assert index.snap(*middle(graph, 1, 2)).access == ""
    assert Snap((0, 1, 0), 0.5, 0, 0, 0, "").access == ""


def middle(graph: object, u: int, v: int) -> tuple[float, float]:
    nodes = graph.nodes  # type: ignore[attr-defined]
    return (nodes[u]["x"] + nodes[v]["x"]) / 2, (nodes[u]["y"] + nodes[v]["y"]) / 2
