"""A point copied from a map service in China lies across the street, and half a kilometre more."""

from __future__ import annotations

import pytest
from django.contrib.gis.geos import Point, Polygon

from gis_data.crs import gcj02_to_bd09, wgs84_to_gcj02
from server.accounts.refusals import Refused
from server.places import houses, names
from server.places.models import Address, City
from server.places.shifted import check_datum

pytestmark = pytest.mark.django_db

# The bell tower of Xi'an, and a house beside it.
LON, LAT = 108.940200, 34.261000


@pytest.fixture
def xian(town):
    bounds = Polygon.from_bbox((LON - 0.1, LAT - 0.1, LON + 0.1, LAT + 0.1))
    bounds.srid = 4326
    City.objects.create(
        code="xian", name="Xi'an", name_zh="西安", measure_epsg=4545, bounds=bounds,
        depot=Point(LON, LAT, srid=4326),
    )  # fmt: skip
    street_key, number_key, value, until = houses.columns("东大街", "1")
    Address.objects.create(
        source_id="a", street="东大街", number="1", street_key=street_key, number_key=number_key,
        value=value, until=until, geom=Point(LON, LAT, srid=4326),
    )  # fmt: skip
    names.refresh()


def test_gcj02_sent_as_gps_is_noticed_by_its_address_and_put_right(xian):
    lon, lat = wgs84_to_gcj02(LON, LAT)
    with pytest.raises(Refused) as refused:
        check_datum(lon, lat, "东大街1号")
    assert refused.value.code == "shifted_datum"
    right = refused.value.extra["suggestion"]
    assert abs(right["lon"] - LON) < 1e-6 and abs(right["lat"] - LAT) < 1e-6
    assert "460" in str(refused.value)


def test_bd09_is_noticed_as_well(xian):
    with pytest.raises(Refused) as refused:
        check_datum(*gcj02_to_bd09(*wgs84_to_gcj02(LON, LAT)), "东大街1号")
    assert "BD09" in str(refused.value)


def test_a_true_point_an_unknown_address_and_a_real_walk_are_left_alone(xian):
    check_datum(LON + 0.0005, LAT, "东大街1号")
    check_datum(*wgs84_to_gcj02(LON, LAT), "此路不存在99号")
    check_datum(*wgs84_to_gcj02(LON, LAT), "")
    check_datum(LON - 0.02, LAT - 0.03, "东大街1号")  # kilometres off: somewhere else altogether


def test_outside_china_nothing_is_shifted(town):
    check_datum(24.93, 60.17, "Church Street 25")


def test_the_register_refuses_it_with_the_right_point(xian, cast, client):
    client.force_login(cast.mika)
    lon, lat = wgs84_to_gcj02(LON, LAT)
    answer = client.post(
        "/api/tickets",
        {"kind": "leak", "place": {"lon": lon, "lat": lat, "address": "东大街1号"}},
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 422
    body = answer.json()
    assert body["errors"][0]["code"] == "shifted_datum"
    assert abs(body["suggestion"]["lon"] - LON) < 1e-6
