"""Kitchener, for real: where the town says that its mains broke, by house number and street.

The register of streets knows the first and last number on both sides of each block. Of 2,137
breaks on record most come with the nearest house number and with the place that was dug up.
"""

from __future__ import annotations

import csv
import gzip
import math
from statistics import median

import pytest
from django.contrib.gis.geos import Point, Polygon

from gis_data.crs import unproject_array
from gis_data.street_table import read_street_table
from server.cityload import filling
from server.places.models import City
from server.places.search import find_places
from tests.data import shared
from tests.server_city.test_places import NONSENSE

pytestmark = pytest.mark.django_db
UTM = 26917


@pytest.fixture
def kitchener(db):
    table = read_street_table(shared("kitchener/roads.csv.gz"), UTM)
    filling.fill_places(table.extract)  # fmt: skip
    border = Polygon.from_bbox((-80.8, 43.2, -80.2, 43.6))
    border.srid = 4326
    City.objects.create(code="kitchener", name="Kitchener", measure_epsg=UTM, bounds=border,
                        depot=Point(-80.49, 43.45, srid=4326))  # fmt: skip


def breaks(every: int) -> list[tuple[str, float, float]]:
    """(house number and street as written down, lon, lat) of every so many-th break."""
    path = shared("kitchener/water_main_breaks_to_2015.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8-sig") as stream:
        rows = [r for r in csv.DictReader(stream) if r["Closest Civic Number"] and r["Street"]]
    rows = rows[::every]
    lonlat = unproject_array([(float(r["x"]), float(r["y"])) for r in rows], UTM).tolist()
    return [(f"{r['Closest Civic Number']} {r['Street']}", lon, lat)
            for r, (lon, lat) in zip(rows, lonlat, strict=True)]  # fmt: skip


def metres(a_lon: float, a_lat: float, b_lon: float, b_lat: float) -> float:
    return math.hypot((a_lon - b_lon) * math.cos(math.radians(a_lat)), a_lat - b_lat) * 111_320


def test_breaks_are_found_by_number_and_street_where_they_were_dug_up(kitchener):
    apart, unplaced = [], 0
    asked = breaks(every=12)
    for text, lon, lat in asked:
        best = next(iter(find_places(text).results), None)
        if best is None or best.grade != "number":
            unplaced += 1
        else:
            apart.append(metres(best.lon, best.lat, lon, lat))
    assert len(asked) > 150
    assert median(apart) <= 30
    assert unplaced <= 0.1 * len(asked)


def test_people_write_the_streets_of_a_register_in_full_and_with_slips(kitchener):
    known = find_places("35 MAX BECKER DR").results[0]
    assert known.source == "range" and "side" in known.note
    for text in ("35 Max Becker Drive", "Max Becker Dr 35", "35 max beker dr", "35 Max Becker"):
        found = find_places(text).results[0]
        assert (found.lon, found.lat) == (known.lon, known.lat), text
    assert find_places("35 max beker dr").results[0].confidence < known.confidence


def test_opposite_numbers_stand_on_opposite_sides_of_the_street(kitchener):
    odd, even = (find_places(f"{n} Max Becker Dr").results[0] for n in (35, 36))
    assert 12 < metres(odd.lon, odd.lat, even.lon, even.lat) < 80
    assert "left" in odd.note and "right" in even.note


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_finds_nothing_among_eighteen_hundred_streets(kitchener, text):
    assert find_places(text).results == ()
