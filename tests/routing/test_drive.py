"""A drive follows its route: never backwards, at each street's speed, and it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing import Drive, RoutingError, StreetIndex
from routing.snap import straight_m
from tests.routing.maps import at, street_map

#   A---------B      A-B 100 m east at 10 m/s, B-C 60 m south at 5 m/s
#             |
#             |
#             C
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def corner() -> StreetIndex:
    graph = street_map(
        "A---------B\n          |\n          |\n          C", {"AB": "One", "BC": "Two"}
    )
    for u, v, data in graph.edges(data=True):
        if ord("C") in (u, v):
            data.update(travel_time=12.0, speed_kph=18.0)
    return StreetIndex.compile(graph)


INDEX = corner()
DRIVE = Drive(INDEX.route(at(0, 0), at(100, 60)), START)


def test_a_drive_is_where_its_speed_takes_it() -> None:
    halfway = DRIVE.at(START + timedelta(seconds=5))
    assert (halfway.lon, halfway.lat) == pytest.approx(at(50, 0), abs=1e-6)
    assert (halfway.street, halfway.speed_mps, halfway.done) == ("One", 10.0, False)
    assert halfway.heading == pytest.approx(90, abs=0.1)
    assert halfway.remaining_s == pytest.approx(17)
    south = DRIVE.at(START + timedelta(seconds=16))
    assert (south.lon, south.lat) == pytest.approx(at(100, 30), abs=1e-6)
    assert (south.street, south.speed_mps) == ("Two", 5.0)
    assert south.heading == pytest.approx(180, abs=0.1)
    assert south.metres == pytest.approx(130)


def test_a_drive_stands_before_it_starts_and_after_it_ends() -> None:
    before = DRIVE.at(START - timedelta(seconds=9))
    assert (before.lon, before.lat) == pytest.approx(at(0, 0), abs=1e-6)
    assert (before.speed_mps, before.metres, before.done) == (0.0, 0.0, False)
    assert DRIVE.arrives_at == START + timedelta(seconds=22)
    after = DRIVE.at(DRIVE.arrives_at)
    assert (after.lon, after.lat) == pytest.approx(at(100, 60), abs=1e-6)
    assert (after.speed_mps, after.remaining_s, after.done) == (0.0, 0.0, True)
    assert after.heading == pytest.approx(180, abs=0.1)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(-5, 30), min_size=2, max_size=20))
def test_a_drive_never_goes_back(seconds: list[float]) -> None:
    moments = [DRIVE.at(START + timedelta(seconds=s)) for s in sorted(seconds)]
    for earlier, later in pairwise(moments):
        assert later.metres >= earlier.metres
        assert later.remaining_s <= earlier.remaining_s
        assert later.done or not earlier.done


def test_a_drive_through_helsinki_keeps_to_its_speed(helsinki_index: StreetIndex) -> None:
    route = helsinki_index.route((24.9381, 60.1665), (24.9500, 60.1760))
    drive = Drive(route, START)
    fastest = max(leg.metres / leg.seconds for leg in route.legs)
    last = drive.at(START)
    for second in range(1, round(route.seconds) + 2):
        now = drive.at(START + timedelta(seconds=second))
        assert straight_m(last.lon, last.lat, now.lon, now.lat) <= fastest * 1.02 + 0.1
        last = now
    assert last.done and last.metres == pytest.approx(route.metres, abs=0.5)


def test_a_drive_of_no_length_is_done_at_once() -> None:
    drive = Drive(INDEX.route(at(50, 0), at(50, 0)), START)
    assert drive.at(START).done
    assert not drive.route.legs


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises(RoutingError, match="time zone"):
        Drive(DRIVE.route, datetime(2026, 11, 23))  # noqa: DTZ001
    with pytest.raises(RoutingError, match="time zone"):
        DRIVE.at(datetime(2026, 11, 23))  # noqa: DTZ001
