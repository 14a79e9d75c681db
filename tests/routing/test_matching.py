"""Drives with wrong positions, laid back on the streets that were driven; the truth is known."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import networkx as nx
import pytest

from routing import BadCoordinate, Drive, RoutingError, StreetIndex, Unreachable
from routing.grid import generate_grid_city
from tests.routing.maps import at, street_map

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
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


def noisy(drive: Drive, every_s: float, sigma: float, chance: random.Random):
    """(positions with their error, the true edge of each) of a drive."""
    points, truth = [], []
    whole = (drive.arrives_at - drive.started_at).total_seconds()
    times = [every_s * i for i in range(int(whole / every_s) + 1)] + [whole]
    legs = [(leg.seconds, leg.edge) for leg in drive.route.legs if leg.seconds > 0]
    for t in times:
        moment = drive.at(NOON + timedelta(seconds=t))
        north, east = chance.gauss(0, sigma), chance.gauss(0, sigma)
        scale = math.cos(math.radians(moment.lat)) * 111_195
        points.append((moment.lon + east / scale, moment.lat + north / 111_195,
                       NOON + timedelta(seconds=t)))  # fmt: skip
        gone = 0.0
        for seconds, edge in legs:
            gone += seconds
            if t <= gone + 1e-9:
                truth.append(edge)
                break
        else:
            truth.append(legs[-1][1])
    return points, truth


def test_the_way_round_the_block_is_told_street_by_street(town: StreetIndex) -> None:
    chance = random.Random(1)
    drive = Drive(town.route(at(100, 50), at(100, 10)), NOON)
    points, _ = noisy(drive, 2.0, 3.0, chance)
    found = town.match(points, sigma_m=3.0)
    streets = [name for name in dict.fromkeys(found.streets) if name]
    assert streets == ["Mid", "Low", "West", "High"]
    assert found.metres == pytest.approx(drive.route.metres, rel=0.08)
    assert len(found.edges) == len(found.fractions) == len(points)
    assert [e[:2] for e in found.driven][1:4] == [(69, 68), (68, 65), (65, 66)]


def test_a_vehicle_that_stands_has_driven_nothing(town: StreetIndex) -> None:
    chance = random.Random(2)
    (lon, lat), far = at(30, 2), 3 / 111_195
    points = [(lon + chance.gauss(0, far), lat + chance.gauss(0, far), float(i)) for i in range(90)]
    found = town.match(points, sigma_m=6.0)
    assert set(found.streets) == {"High"}
    assert found.metres < 10


def test_a_position_far_from_all_streets_is_on_none_and_does_not_tear_the_drive(
    town: StreetIndex,
) -> None:
    points = [(*at(x, 1), float(x)) for x in range(0, 200, 20)]
    points[4] = (*at(80, -90), 80.0)
    found = town.match(points, sigma_m=5.0)
    assert found.edges[4] is None and found.streets[4] == ""
    assert found.metres == pytest.approx(180, abs=4)
    assert town.match([]).metres == 0.0 and town.match(points[4:5]).edges == (None,)


def test_turning_round_in_the_street_is_seen(town: StreetIndex) -> None:
    xs = [*range(10, 71, 10), *range(60, 9, -10)]
    found = town.match([(*at(x, 0), float(i)) for i, x in enumerate(xs)], sigma_m=3.0)
    assert set(found.streets) == {"High"}
    assert found.metres == pytest.approx(120, abs=3)
    assert [e[:2] for e in found.driven] == [(65, 66), (66, 65)]


def test_positions_out_of_order_are_put_in_order_and_bad_ones_refused(town: StreetIndex) -> None:
    points = [(*at(x, 1), float(x)) for x in range(0, 100, 10)]
    shuffled = [points[i] for i in (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)]
    assert town.match(shuffled, 3.0).metres == town.match(points, 3.0).metres
    with pytest.raises(BadCoordinate):
        town.match([(float("nan"), 60.0, 0.0)])
    with pytest.raises(RoutingError, match="sigma_m"):
        town.match(points, sigma_m=0)


@pytest.mark.parametrize(("every_s", "sigma"), [(1.0, 5.0), (5.0, 8.0), (10.0, 12.0)])
def test_most_positions_come_back_to_the_street_they_were_driven_on(
    every_s: float, sigma: float
) -> None:
    graph = generate_grid_city(10)
    check_drives(graph, StreetIndex.compile(graph), every_s, sigma, right=0.85, off=0.05)


def test_in_helsinki_too(helsinki: nx.MultiDiGraph, helsinki_index: StreetIndex) -> None:
    check_drives(helsinki, helsinki_index, 2.0, 5.0, right=0.75, off=0.08)


def check_drives(
    graph: nx.MultiDiGraph,
    index: StreetIndex,
    every_s: float,
    sigma: float,
    right: float,
    off: float,
) -> None:
    chance = random.Random(11)
    nodes = sorted(graph.nodes)
    good = points_seen = 0
    true_m = found_m = 0.0
    for _ in range(12):
        a, b = (graph.nodes[n] for n in chance.sample(nodes, 2))
        try:
            drive = Drive(index.route((a["x"], a["y"]), (b["x"], b["y"])), NOON)
        except Unreachable:
            continue
        points, truth = noisy(drive, every_s, sigma, chance)
        found = index.match(points, sigma_m=sigma)
        good += sum(x == y for x, y in zip(found.edges, truth, strict=True))
        points_seen += len(points)
        true_m += drive.route.metres
        found_m += found.metres
    assert good / points_seen >= right
    assert abs(found_m / true_m - 1) <= off, "the distance driven"
