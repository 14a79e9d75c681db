"""Ranking, routing, closing and snapping on drawn maps; bad input; threads; snapshots."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import networkx as nx
import pytest
from shapely import Polygon, box

from routing import (
    BadCoordinate,
    OffNetwork,
    Origin,
    RoutingError,
    SnapshotError,
    StreetIndex,
    Unreachable,
    snapshot,
)
from routing.errors import UnknownEdge
from routing.grid import generate_grid_city
from routing.snapshot import write_snapshot
from tests.routing.maps import at, street_map

TOWN = """
    A---------B---------C
    |         v         |
    |         |         |
    D---------E>>>>>>>>>F
"""
NAMES = {"AB": "High", "BC": "High", "AD": "West", "BE": "Mid", "CF": "East", "DE": "Low"}
# A and D are 60 m apart, A and B 100 m; everyone drives 10 m/s.


@pytest.fixture
def town() -> StreetIndex:
    return StreetIndex.compile(street_map(TOWN, NAMES))


def crew(name: str, x: float, y: float) -> Origin:
    return Origin(name, *at(x, y))


def test_crews_are_ranked_by_driving_time_and_not_by_distance(town: StreetIndex) -> None:
    # near stands on the one-way Mid Street below the incident and has to go round the block.
    reaches = town.nearest(at(100, 10), [crew("near", 100, 30), crew("far", 20, 0)])
    assert [(r.id, r.seconds) for r in reaches] == [
        ("far", pytest.approx(9.0, abs=0.002)),
        ("near", pytest.approx(3 + 10 + 6 + 10 + 1, abs=0.002)),
    ]
    assert reaches[0].metres == pytest.approx(90, abs=0.02)


def test_every_crew_is_in_the_list_and_the_lost_stand_last(town: StreetIndex) -> None:
    crews = [
        crew("z-far-away", 0, 5000),
        Origin("nan", float("nan"), 60.0),
        Origin("swapped", *reversed(at(0, 0))),
        crew("here", 10, 0),
    ]
    reaches = town.nearest(at(0, 0), crews)
    assert [(r.id, r.note) for r in reaches] == [
        ("here", ""),
        ("z-far-away", "off_network"),
        ("nan", "bad_position"),
        ("swapped", "bad_position"),
    ]
    assert reaches[1].seconds is None and reaches[1].metres is None
    assert town.nearest(at(0, 0), []) == []


def test_equal_times_are_ordered_by_id(town: StreetIndex) -> None:
    crews = [crew(name, 100, 0) for name in ("c", "a", "b")]
    assert [r.id for r in town.nearest(at(0, 0), crews)] == ["a", "b", "c"]


def test_on_one_street_the_way_is_straight_along_it(town: StreetIndex) -> None:
    route = town.route(at(10, 0), at(90, 0))
    assert route.seconds == pytest.approx(8.0, abs=0.002)
    assert len(route.legs) == 1
    back = town.route(at(90, 0), at(10, 0))
    assert back.seconds == pytest.approx(8.0, abs=0.002)
    assert back.legs[0].edge == (ord("B"), ord("A"), 0)


def test_against_a_oneway_street_the_way_goes_round_the_block(town: StreetIndex) -> None:
    down = town.route(at(100, 10), at(100, 50))
    assert down.seconds == pytest.approx(4.0, abs=0.002)
    up = town.route(at(100, 50), at(100, 10))
    assert up.seconds == pytest.approx(1 + 10 + 6 + 10 + 1, abs=0.002)


def test_the_turn_list_names_streets_and_turns(town: StreetIndex) -> None:
    route = town.route(at(0, 30), at(200, 30))
    assert [(s.turn, s.street) for s in route.steps] == [
        ("depart", "West"),
        ("right", "High"),
        ("right", "East"),
        ("arrive", "East"),
    ]
    assert [round(s.metres) for s in route.steps] == [30, 200, 30, 0]
    assert sum(s.seconds for s in route.steps) == pytest.approx(route.seconds)
    assert route.geometry.coords[0] == pytest.approx(at(0, 30), abs=1e-6)
    assert route.geometry.coords[-1] == pytest.approx(at(200, 30), abs=1e-6)
    left = town.route(at(50, 60), at(0, 20))
    assert [s.turn for s in left.steps] == ["depart", "right", "arrive"]


def test_a_route_to_where_one_stands_has_no_length(town: StreetIndex) -> None:
    route = town.route(at(50, 0), at(50, 0))
    assert (route.seconds, route.metres, route.legs) == (0.0, 0.0, ())
    assert [s.turn for s in route.steps] == ["depart", "arrive"]
    assert len(route.geometry.coords) == 2


def test_of_parallel_streets_the_faster_is_taken_and_then_the_other() -> None:
    graph = street_map("A---------B")
    slow = dict(graph.edges[ord("A"), ord("B"), 0])
    from shapely import LineString

    bent = LineString([at(0, 0), at(50, 40), at(100, 0)])
    graph.add_edge(ord("A"), ord("B"), **{**slow, "geometry": bent, "travel_time": 4.0})
    index = StreetIndex.compile(graph)
    assert index.route(at(0, 0), at(100, 0)).seconds == 4.0
    index.close([(ord("A"), ord("B"), 1)])
    assert index.route(at(0, 0), at(100, 0)).seconds == 10.0


def test_snapping_tells_street_place_side_and_distance(town: StreetIndex) -> None:
    snap = town.snap(*at(40, -7))
    assert snap.street == "High"
    assert snap.distance_m == pytest.approx(7, abs=0.05)
    assert (snap.lon, snap.lat) == pytest.approx(at(40, 0), abs=1e-6)
    along = snap.fraction if snap.edge[0] == ord("A") else 1 - snap.fraction
    assert along == pytest.approx(0.4, abs=0.001)
    assert snap.side == ("left" if snap.edge[0] == ord("A") else "right")
    assert town.snap(*at(0, 0)).fraction in (0.0, 1.0)
    assert town.route(snap, at(0, 0)).seconds == pytest.approx(4.0, abs=0.005)


def test_a_closed_street_is_driven_round_and_reopened(town: StreetIndex) -> None:
    before, epoch = town.route(at(0, 0), at(200, 0)).seconds, town.epoch
    closed = town.close([(ord("A"), ord("B"), 0)])
    assert set(closed) == {(ord("A"), ord("B"), 0), (ord("B"), ord("A"), 0)}
    assert town.epoch == epoch + 1
    assert before == 20.0
    assert town.route(at(0, 0), at(200, 0)).seconds == pytest.approx(6 + 10 + 10 + 6)
    assert {c.edge for c in town.closures} == set(closed)
    town.reopen(closed[:1])
    assert town.closures == ()
    assert town.route(at(0, 0), at(200, 0)).seconds == before


def test_a_place_on_a_closed_street_is_reached_from_its_end(town: StreetIndex) -> None:
    town.close([(ord("A"), ord("B"), 0)])
    assert town.route(at(0, 0), at(40, 0)).seconds == pytest.approx(4.0, abs=0.002)
    (reach,) = town.nearest(at(200, 0), [crew("inside", 60, 0)])
    assert (reach.seconds, reach.note) == (pytest.approx(14.0, abs=0.002), "on_closed_street")


def test_an_area_closes_every_street_it_touches_until_its_time() -> None:
    now = [datetime(2026, 11, 23, 9, tzinfo=UTC)]
    index = StreetIndex.compile(street_map(TOWN, NAMES), clock=lambda: now[0])
    west, north = at(90, -10)
    east, south = at(110, 10)
    closed = index.close_polygon(box(west, south, east, north), now[0] + timedelta(hours=1))
    assert {frozenset((chr(u), chr(v))) for u, v, _ in closed} == {
        frozenset("AB"),
        frozenset("BC"),
        frozenset("BE"),
    }
    with pytest.raises(Unreachable) as unreachable:
        index.route(at(0, 0), at(100, 0))
    assert unreachable.value.because_of_closures
    assert unreachable.value.straight_m == pytest.approx(100, abs=0.5)
    (reach,) = index.nearest(at(100, 0), [crew("c", 0, 0)])
    assert (reach.note, reach.seconds) == ("unreachable", None)
    now[0] += timedelta(hours=1)
    assert index.route(at(0, 0), at(100, 0)).seconds == 10.0


def test_what_cannot_be_reached_says_so_with_the_straight_distance() -> None:
    index = StreetIndex.compile(street_map("A---B>>>C"))
    with pytest.raises(Unreachable, match="straight line") as unreachable:
        index.route(at(80, 0), at(0, 0))
    assert unreachable.value.straight_m == pytest.approx(80, abs=0.5)
    assert not unreachable.value.because_of_closures


@pytest.mark.parametrize(
    ("lon", "lat", "field", "says"),
    [
        (float("nan"), 60.0, "lon", "not a number"),
        (25.0, float("inf"), "lat", "not a number"),
        (181.0, 60.0, "lon", "outside"),
        (25.0, -90.5, "lat", "outside"),
        (60.0, 25.0, "position", "swapped"),
        ("25", 60.0, "lon", "not a number"),
        (None, 60.0, "lon", "not a number"),
    ],
)
def test_a_position_that_is_none_is_refused_by_field(
    town: StreetIndex, lon: float, lat: float, field: str, says: str
) -> None:
    for ask in (
        lambda: town.snap(lon, lat),
        lambda: town.route((lon, lat), at(0, 0)),
        lambda: town.route(at(0, 0), (lon, lat)),
        lambda: town.nearest((lon, lat), []),
    ):
        with pytest.raises(BadCoordinate, match=says) as refused:
            ask()
        assert refused.value.field == field


def test_a_swapped_position_out_of_range_gets_the_hint() -> None:
    index = StreetIndex.compile(generate_grid_city(3, lon=117.0, lat=36.6))
    with pytest.raises(BadCoordinate, match="swapped"):
        index.snap(36.6, 117.0)


def test_a_place_far_from_every_street_is_refused_with_its_distance(town: StreetIndex) -> None:
    with pytest.raises(OffNetwork) as refused:
        town.route(at(0, 0), at(100, 1060))
    assert refused.value.distance_m == pytest.approx(1000, abs=5)
    assert town.snap(*at(100, 1060), max_m=1100).distance_m == pytest.approx(1000, abs=5)


def test_closing_what_is_not_there_is_refused(town: StreetIndex) -> None:
    for edge in ((1, 2, 3), (1, 2), ("A", "B", 0), None):
        with pytest.raises(UnknownEdge):
            town.close([edge])  # type: ignore[list-item]
    with pytest.raises(RoutingError, match="time zone"):
        town.close([(65, 66, 0)], until=datetime(2026, 11, 23))  # noqa: DTZ001
    with pytest.raises(RoutingError, match="area"):
        town.close_polygon(Polygon())
    with pytest.raises(BadCoordinate):
        town.close_polygon(box(59.9, 24.9, 60.1, 25.1))
    assert town.closures == ()


def test_eight_threads_ask_at_once_while_streets_close_and_open() -> None:
    index = StreetIndex.compile(generate_grid_city(12))
    place = [(24.9 + 0.002 * i, 60.2 + 0.001 * i) for i in range(10)]
    crews = [Origin(f"c{i}", 24.9 + 0.0015 * i, 60.2005) for i in range(12)]
    edge = index.route(place[0], place[9]).legs[3].edge

    def ask() -> list[object]:
        routes = [index.route(place[i], place[9 - i]).seconds for i in range(10)]
        return [routes, *(index.nearest(place[i], crews) for i in (1, 5, 8))]

    opened = ask()
    index.close([edge])
    shut = ask()
    index.reopen()
    assert opened != shut
    begin = threading.Barrier(9)

    def work(_: int) -> list[list[object]]:
        begin.wait()
        return [ask() for _ in range(6)]

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(work, i) for i in range(8)]
        begin.wait()
        for _ in range(20):
            index.close([edge])
            index.reopen()
        answers = [answer for job in jobs for answer in job.result()]
    flat = [set(map(str, pair)) for pair in zip(opened, shut, strict=True)]
    for answer in answers:
        assert answer[0] is not None
        # Between two questions a closure may come or go, within one it may not.
        for part, allowed in zip(answer[1:], flat[1:], strict=True):
            assert str(part) in allowed
    assert ask() == opened


def test_an_index_made_in_one_thread_ends_in_another_without_noise(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def use() -> StreetIndex:
        made = StreetIndex.compile(generate_grid_city(3))
        made.warm()
        return made

    with ThreadPoolExecutor(1) as pool:
        index = pool.submit(use).result()
        index.warm()
        del index
        pool.submit(use).result()
    use()
    assert "panicked" not in capfd.readouterr().err


def test_a_saved_index_opens_with_the_same_answers(
    helsinki: nx.MultiDiGraph, tmp_path: Path
) -> None:
    index = StreetIndex.compile(helsinki)
    index.save(tmp_path / "streets")
    opened = StreetIndex.open(tmp_path / "streets")
    assert opened.version == index.version == helsinki.graph["version"]
    crews = [Origin(str(i), 24.937 + 0.001 * i, 60.167 + 0.0008 * i) for i in range(12)]
    there = (24.9414, 60.1699)
    assert opened.nearest(there, crews) == index.nearest(there, crews)
    assert opened.route(there, (24.95, 60.176)) == index.route(there, (24.95, 60.176))
    opened.close([opened.snap(*there).edge])


def test_a_newer_snapshot_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    small, large = (StreetIndex.compile(generate_grid_city(n)) for n in (3, 4))
    for index in (small, large, small, large):
        index.save(tmp_path / "streets")
        assert StreetIndex.open(tmp_path / "streets").version == index.version
    assert len(list((tmp_path / "streets").glob("g-*"))) == 2
    assert not list((tmp_path / "streets").glob(".*"))


def _manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "damage", ["absent", "bit", "cut", "gone", "format", "garbage", "list", "version", "outside"]
)
def test_a_damaged_snapshot_is_refused(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "streets"
    StreetIndex.compile(generate_grid_city(3)).save(folder)
    column = next(folder.glob("g-*/ms.npy"))
    content = bytearray(column.read_bytes())
    if damage == "absent":
        folder = tmp_path / "nothing"
    elif damage == "bit":
        content[-1] ^= 1
        column.write_bytes(content)
    elif damage == "cut":
        column.write_bytes(content[:100])
    elif damage == "gone":
        column.unlink()
    elif damage == "format":
        _manifest(folder, format="standpipe-street-index-0")
    elif damage == "garbage":
        (folder / "manifest.json").write_text("{")
    elif damage == "list":
        (folder / "manifest.json").write_text("[]")
    elif damage == "version":
        _manifest(folder, version="000000000000")
    else:
        _manifest(folder, generation="../..")
    with pytest.raises(SnapshotError):
        StreetIndex.open(folder)


def test_streets_saved_before_the_engine_are_compiled_and_saved_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = StreetIndex.compile(generate_grid_city(3))
    columns = index._table.arrays()
    for name in ("turn_at", "turn_edges", "turn_only", "access"):
        del columns[name]
    write_snapshot(tmp_path, index.version, {**columns, "order": columns["tail"]}, {})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    digests = {name: entry["sha256"] for name, entry in manifest.pop("files").items()}
    (tmp_path / "manifest.json").write_text(
        json.dumps({**manifest, "format": "standpipe-street-index-1", "sha256": digests})
    )
    crews = [Origin("a", 24.9001, 60.2001)]

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("routing.index.write_snapshot", full)
        assert StreetIndex.open(tmp_path).nearest((24.902, 60.201), crews)[0].seconds
    for _ in range(2):
        opened = StreetIndex.open(tmp_path)
        assert opened.version == index.version == StreetIndex.verify(tmp_path)
        assert opened.nearest((24.902, 60.201), crews) == index.nearest((24.902, 60.201), crews)
    assert json.loads((tmp_path / "manifest.json").read_text())["format"].endswith("-2")


def test_a_large_file_that_changed_is_found_by_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_SMALL", 1000)
    StreetIndex.compile(generate_grid_city(10)).save(tmp_path)
    column = next(tmp_path.glob("g-*/hierarchy.up_head.npy"))
    assert StreetIndex.verify(tmp_path)
    content = bytearray(column.read_bytes())
    content[-1] ^= 1
    column.write_bytes(content)
    StreetIndex.open(tmp_path)
    with pytest.raises(SnapshotError, match="damaged"):
        StreetIndex.verify(tmp_path)
    column.write_bytes(content[:-8])
    with pytest.raises(SnapshotError, match="damaged"):
        StreetIndex.open(tmp_path)
