"""Along which streets somebody drove.

    Mill Street
    A ----- B ----- C        Crew North drives A -> B -> E at 36 km/h, stands at E for ten minutes
    |       |       |        and drives on to F. From B to E it is Middle Lane.
    D ----- E ----- F        Church Street
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from mqtt.messages import Position
from mqtt.positions import Fix
from routing.model import EdgeId, Matched
from server.positions import driving, selectors
from server.positions.driving import BREAK_S, stretches
from server.positions.pipeline import Pipeline
from server.streets import index as streets
from tests import town

T0 = datetime(2026, 11, 2, 8, tzinfo=UTC)


def along(a: str, b: str, begin: datetime, every_s: float = 5.0) -> list[driving.Seen]:
    """Positions from one crossing to the next, at ten metres a second."""
    (x, y), (u, v) = town.place(a), town.place(b)
    steps = round(222.0 / (10 * every_s))
    return [
        (x + (u - x) * n / steps, y + (v - y) * n / steps, begin + timedelta(seconds=every_s * n))
        for n in range(steps)
    ]


def day(begin: datetime) -> list[driving.Seen]:
    row = along("A", "B", begin)
    row += along("B", "E", row[-1][2] + timedelta(seconds=5))
    arrived = row[-1][2] + timedelta(seconds=5)
    lon, lat = town.place("E")
    row += [(lon, lat - 1e-4, arrived + timedelta(seconds=60 * n)) for n in range(11)]
    return row + along("E", "F", row[-1][2] + timedelta(seconds=5))


def sent(device: str, seen: Sequence[driving.Seen]) -> list[Fix]:
    return [
        Fix(device, Position(
            id=str(uuid.uuid4()), seq=int(at.timestamp() * 1000), fix_time=at, device_time=at,
            lon=lon, lat=lat, accuracy_m=5.0, speed_mps=8.0, heading=90.0, battery=80.0,
        ), at)
        for lon, lat, at in seen
    ]  # fmt: skip


@pytest.mark.django_db
def test_who_looks_at_a_track_reads_which_streets_were_driven_and_how_far(
    cast: Any, client_of: Any
) -> None:
    begin = timezone.now() - timedelta(hours=1)
    Pipeline().take(sent(cast.north.device, day(begin)))
    answer = client_of(cast.sari).get(f"/api/crews/{cast.north.pk}/track?reason=a complaint")
    (drive,) = answer.json()["drives"]
    assert drive["device"] == cast.north.device
    assert drive["metres"] == pytest.approx(3 * 222 - 55, abs=60)
    named = [s["street"] for s in drive["stretches"]]
    assert named[0] == "Mill Street" and named[-1] == "Church Street"
    assert "Middle Lane" in named
    stood = max(drive["stretches"], key=lambda s: _seconds(s["to"]) - _seconds(s["from"]))
    assert _seconds(stood["to"]) - _seconds(stood["from"]) >= 600
    assert [s["from"] for s in drive["stretches"]] == sorted(s["from"] for s in drive["stretches"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.django_db
def test_the_vehicle_s_card_names_the_street_and_nothing_where_there_is_none(cast: Any) -> None:
    at = timezone.now() - timedelta(minutes=1)
    lon, lat = town.place("A")
    halfway = (lon + town.place("B")[0]) / 2
    Pipeline().take(sent(cast.north.device, [(halfway, lat + 1e-4, at)]))
    Pipeline().take(sent(cast.south.device, [(lon, lat + 0.01, at)]))
    told = {f["id"]: f["properties"]["street"] for f in selectors.vehicles()["features"]}
    assert told[cast.north.device] == "Mill Street"
    assert told[cast.south.device] == ""


@pytest.mark.django_db
def test_without_streets_the_track_is_shown_all_the_same(
    cast: Any, client_of: Any, settings: Any, tmp_path: Any
) -> None:
    begin = timezone.now() - timedelta(hours=1)
    Pipeline().take(sent(cast.north.device, day(begin)))
    settings.STANDPIPE = {**settings.STANDPIPE, "STREETS": tmp_path / "none"}
    streets.forget()
    answer = client_of(cast.sari).get(f"/api/crews/{cast.north.pk}/track?reason=a complaint")
    streets.forget()
    assert answer.status_code == 200
    assert answer.json()["fixes"] and answer.json()["drives"] == []


def matched(names: Sequence[str | None]) -> Matched:
    edge: EdgeId = (1, 2, 0)
    return Matched(
        tuple(None if n is None else edge for n in names), (0.5,) * len(names),
        tuple(n or "" for n in names), 0.0, (),
    )  # fmt: skip


def row(*pairs: tuple[float, str | None]) -> list[tuple[str | None, float, float]]:
    seen = [(24.9, 60.1, T0 + timedelta(seconds=s)) for s, _name in pairs]
    told = stretches(seen, matched([name for _s, name in pairs]))
    return [
        (one.street, (one.begin - T0).total_seconds(), (one.end - T0).total_seconds())
        for one in told
    ]


def test_a_crossing_is_no_visit_to_the_street_that_is_crossed() -> None:
    assert row((0, "Mill"), (5, "Mill"), (10, "B"), (15, "Mill")) == [("Mill", 0, 15)]


def test_who_turns_off_for_longer_was_there() -> None:
    told = row((0, "Mill"), (5, "B"), (35, "B"), (40, "Mill"))
    assert told == [("Mill", 0, 0), ("B", 5, 35), ("Mill", 40, 40)]


def test_a_long_silence_ends_a_stay() -> None:
    assert row((0, "Mill"), (BREAK_S + 1, "Mill")) == [
        ("Mill", 0, 0), ("Mill", BREAK_S + 1, BREAK_S + 1),
    ]  # fmt: skip


def test_a_yard_away_from_all_streets_is_told_apart_from_a_street_without_a_name() -> None:
    assert [name for name, *_ in row((0, None), (60, None), (90, ""), (120, ""))] == [None, ""]


@given(some.lists(some.tuples(some.integers(1, 2000), some.sampled_from(["a", "b", "", None]))))
def test_every_position_lies_in_one_stretch_and_neighbours_differ(
    steps: list[tuple[int, str | None]],
) -> None:
    at = 0
    pairs: list[tuple[float, str | None]] = []
    for step, name in steps:
        at += step
        pairs.append((float(at), name))
    told = row(*pairs)
    for second, _name in pairs:
        assert sum(begin <= second <= end for _street, begin, end in told) == 1
    for (a, _b, end), (b, begin, _e) in pairwise(told):
        assert end < begin
        assert a != b or begin - end > BREAK_S
