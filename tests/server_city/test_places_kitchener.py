"""Kitchener, for real: where the town says that its mains broke, by house number and street.

The register of streets knows the first and last number on both sides of each block. Of 2,137
breaks on record most come with the nearest house number and with the place that was dug up.
"""

from __future__ import annotations

from statistics import median

import pytest

from server.cityload.kitchener_bench import NONSENSE, breaks, load, metres
from server.places.search import find_places
from tests.data import shared

pytestmark = pytest.mark.django_db


@pytest.fixture
def kitchener(db):
    shared("kitchener/roads.csv.gz")
    load()


def test_breaks_are_found_by_number_and_street_where_they_were_dug_up(kitchener):
    apart, unplaced = [], 0
    asked = breaks()[::12]
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
