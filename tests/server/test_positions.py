"""Where crews are and were.

A ----- B ----- C        Crew North drives A -> B -> C, one crossing in ten minutes.
|       |       |
D ----- E ----- F        Crew South stands at D.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from mqtt.messages import Position
from mqtt.positions import Fix
from server.positions import selectors
from server.positions.pipeline import Pipeline
from tests import town

pytestmark = pytest.mark.django_db


def fix(device: str, at: datetime, where: str, **more: Any) -> Fix:
    lon, lat = town.place(where)
    values = {
        "id": str(uuid.uuid4()), "seq": int(at.timestamp() * 1000), "fix_time": at,
        "device_time": at, "lon": lon, "lat": lat, "accuracy_m": 5.0, "speed_mps": 8.0,
        "heading": 90.0, "battery": 80.0, **more,
    }  # fmt: skip
    return Fix(device, Position(**values), at)


def drive(*fixes: Fix) -> int:
    return Pipeline().take(fixes)[1].fixes


def test_where_everybody_was_at_a_moment_in_the_past(cast: Any) -> None:
    now = timezone.now()
    ago = [now - timedelta(minutes=m) for m in (30, 20, 10)]
    drive(
        *(fix(cast.north.device, at, where) for at, where in zip(ago, "ABC", strict=True)),
        fix(cast.south.device, ago[0], "D"),
    )
    found = selectors.position_at(now - timedelta(minutes=15))
    assert found == {
        cast.north.pk: (*town.place("B"), ago[1]), cast.south.pk: (*town.place("D"), ago[0]),
    }  # fmt: skip
    assert selectors.position_at(now - timedelta(minutes=31)) == {}


def test_a_jump_is_not_where_a_crew_was(cast: Any) -> None:
    now = timezone.now()
    at = now - timedelta(minutes=9)
    drive(fix(cast.north.device, at, "A"),
          fix(cast.north.device, at + timedelta(seconds=5), "A", lat=62.0))  # fmt: skip
    assert selectors.position_at(now)[cast.north.pk][:2] == town.place("A")


def test_the_marker_of_each_device(cast: Any) -> None:
    at = timezone.now() - timedelta(seconds=20)
    drive(fix(cast.north.device, at, "A"), fix(cast.south.device, at, "D"))
    assert selectors.latest([cast.south.device]) == {cast.south.device: (*town.place("D"), at)}
    assert selectors.latest().keys() >= {cast.north.device, cast.south.device}


def test_a_vehicle_says_who_drives_it_how_fast_and_when_that_was(cast: Any) -> None:
    at = timezone.now() - timedelta(minutes=5)
    drive(fix(cast.north.device, at, "B"))
    (feature,) = [f for f in selectors.vehicles()["features"] if f["id"] == cast.north.device]
    said = feature["properties"]
    assert (said["crew"], said["speed_mps"], said["heading"]) == (cast.north.pk, 8.0, 90.0)
    assert said["stale"]
    assert 290 < said["age_s"] < 330
