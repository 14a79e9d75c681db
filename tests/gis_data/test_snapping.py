"""Snapping: the same main a search through all of them would find."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_data.crs import project, project_geometries
from gis_data.helsinki import City
from gis_data.snapping import SnapError, Snapper


@pytest.fixture(scope="module")
def snapper(helsinki: City) -> Snapper:
    return Snapper(helsinki.network)


@settings(max_examples=300, deadline=None)
@given(u=st.floats(0, 1), v=st.floats(0, 1), radius=st.sampled_from([5.0, 50.0, 200.0]))
def test_the_nearest_main_is_the_nearest_of_all(
    helsinki: City, snapper: Snapper, u: float, v: float, radius: float
) -> None:
    west, south, east, north = helsinki.bounds
    lon, lat = west + u * (east - west), south + v * (north - south)
    hits = snapper.snap(lon, lat, radius)
    mains = [p for p in helsinki.network.pipes.values() if p.role == "distribution"]
    shapes = project_geometries([p.geometry for p in mains], 3067)
    point = shapely.Point(project(lon, lat, 3067))
    distances = shapely.distance(shapes, point)
    assert bool(hits) == bool(distances.min() <= radius)
    if hits:
        assert hits[0].distance_m == pytest.approx(float(distances.min()), abs=0.001)
        assert math.dist(
            project(hits[0].lon, hits[0].lat, 3067), (point.x, point.y)
        ) == pytest.approx(hits[0].distance_m, abs=0.01)


def test_the_main_of_the_premise_comes_first_then_the_street(
    helsinki: City, snapper: Snapper
) -> None:
    service = next(s for s in helsinki.network.services.values())
    lon, lat = service.geometry.coords[-1][:2]
    hits = snapper.snap(lon, lat, 300.0, premise=service.premise)
    assert (hits[0].pipe, hits[0].reason) == (service.pipe, "service")
    street = next(
        h.street
        for h in snapper.snap(lon, lat, 300.0, limit=40)
        if h.street and h.street != hits[0].street
    )
    assert snapper.snap(lon, lat, 300.0, street=street.upper())[0].street == street


def test_a_point_at_a_crossing_is_ambiguous(helsinki: City, snapper: Snapper) -> None:
    ends = [
        e
        for p in helsinki.network.pipes.values()
        if p.role == "distribution"
        for e in (p.start, p.end)
    ]
    node = helsinki.network.nodes[max(ends, key=ends.count)]
    hits = snapper.snap(node.lon, node.lat)
    assert hits.ambiguous
    assert len(hits) >= 2


def test_far_from_any_main_there_is_no_hit(helsinki: City, snapper: Snapper) -> None:
    west, _, _, north = helsinki.bounds
    assert snapper.snap(west, north, 5.0) == []


@pytest.mark.parametrize(
    ("lon", "lat", "field", "says"),
    [
        (float("nan"), 60.17, "lon", "finite"),
        (24.94, float("inf"), "lat", "finite"),
        (60.17, 24.94, "lon,lat", "swapped"),
        (0.0, 0.0, "lon,lat", "not in this city"),
        (24.94, 95.0, "lon,lat", "not in this city"),
        (1e308, -1e308, "lon,lat", "not in this city"),
        ("24.9", 60.1, "lon", "number"),
    ],
)
def test_what_is_no_place_in_the_city_is_named(
    snapper: Snapper, lon: float, lat: float, field: str, says: str
) -> None:
    with pytest.raises(SnapError, match=says) as caught:
        snapper.snap(lon, lat)
    assert caught.value.field == field


def test_a_radius_that_is_none_is_refused(snapper: Snapper) -> None:
    for radius in (0, -1, float("nan"), 1e9):
        with pytest.raises(SnapError, match="radius"):
            snapper.snap(24.94, 60.17, radius)
