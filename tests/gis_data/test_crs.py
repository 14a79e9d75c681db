"""Coordinates: measured in metres, shifted only in China and only once."""

from __future__ import annotations

import math

import pytest
from pyproj import Geod

from gis_data import crs
from gis_data.crs import CoordinateError, Position

GEOD = Geod(ellps="WGS84")
CITIES = {
    "Xi'an": (108.9402, 34.261, 462.5),
    "Beijing": (116.404, 39.915, 554.9),
    "Shanghai": (121.4737, 31.2304, 481.2),
    "Guangzhou": (113.2644, 23.1291, 621.0),
}


def test_the_bell_tower_of_xian_shifts_as_published() -> None:
    lon, lat = crs.wgs84_to_gcj02(108.9402, 34.261)
    assert (round(lon, 6), round(lat, 6)) == (108.94485, 34.259409)


@pytest.mark.parametrize("city", CITIES)
def test_the_shift_has_the_known_size_and_goes_back(city: str) -> None:
    lon, lat, metres = CITIES[city]
    there = crs.wgs84_to_gcj02(lon, lat)
    assert GEOD.inv(lon, lat, *there)[2] == pytest.approx(metres, rel=0.03)
    back = crs.gcj02_to_wgs84(*there)
    assert GEOD.inv(lon, lat, *back)[2] < 1e-6
    baidu = crs.gcj02_to_bd09(*there)
    again = crs.bd09_to_gcj02(*baidu)
    assert GEOD.inv(*there, *again)[2] < 1e-6


@pytest.mark.parametrize("place", [(24.94, 60.17), (127.0, 37.56), (105.8, 21.03), (139.7, 35.7)])
def test_outside_china_there_is_no_shift(place: tuple[float, float]) -> None:
    with pytest.raises(CoordinateError, match="not in China"):
        crs.wgs84_to_gcj02(*place)


def test_a_position_is_never_shifted_twice() -> None:
    once = crs.convert(Position(108.9402, 34.261), "gcj02")
    assert crs.convert(once, "gcj02") == once
    home = crs.convert(crs.convert(once, "bd09"), "wgs84")
    assert (home.lon, home.lat) == pytest.approx((108.9402, 34.261), abs=1e-9)


def test_web_mercator_would_overstate_xian_by_a_fifth_and_is_refused() -> None:
    a, b = (108.94, 34.26), (108.95, 34.26)
    true = GEOD.inv(*a, *b)[2]
    local = math.dist(crs.project(*a, 4545), crs.project(*b, 4545))
    assert local == pytest.approx(true, rel=2e-4)
    assert (b[0] - a[0]) * math.pi / 180 * 6378137 / true == pytest.approx(1.209, abs=0.001)
    with pytest.raises(CoordinateError, match="Web Mercator"):
        crs.project(*a, 3857)


@pytest.mark.parametrize("epsg", [4326, 999999, -1])
def test_a_system_that_cannot_measure_is_a_clear_error(epsg: int) -> None:
    with pytest.raises(CoordinateError):
        crs.project(24.9, 60.1, epsg)


def test_feet_are_read_as_metres() -> None:
    # Kentucky's single zone counts in US survey feet.
    x, y = crs.project(-85.0, 38.0, 3089)
    feet = crs.check_projected([(x / 0.3048006096, y / 0.3048006096)], 3089)
    assert tuple(feet[0]) == pytest.approx((-85.0, 38.0), abs=1e-7)


def test_coordinates_of_another_place_are_refused_with_a_hint() -> None:
    assert crs.is_plausible(541000, 4807000, 26917)
    assert not crs.is_plausible(24.9, 60.1, 3067)
    with pytest.raises(CoordinateError, match="degrees"):
        crs.check_projected([(24.9, 60.1)], 3067)


def test_positions_that_are_none_are_named() -> None:
    with pytest.raises(CoordinateError, match="swapped"):
        crs.check_lonlat(34.26, 108.94)
    with pytest.raises(CoordinateError, match="finite"):
        crs.check_lonlat(float("nan"), 1.0)
