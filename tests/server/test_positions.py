"""Where crews are and were.

A ----- B ----- C        Crew North drives A -> B -> C, one crossing in ten minutes.
|       |       |
D ----- E ----- F        Crew South stands at D.
"""

from __future__ import annotations

import itertools
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from mqtt.messages import Position
from mqtt.positions import Fix
from server.dispatch.models import WorkOrder
from server.events.models import Event
from server.positions import devices, partitions, roster, selectors
from server.positions.models import Device, Last, Refusal, TrackDay
from server.positions.models import Fix as StoredFix
from server.positions.pipeline import Pipeline
from server.workforce.models import CrewPosition, Leave, Shift, Vehicle
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


# -- what is stored, whatever happens on the way --------------------------------------------------


def stored(device: str) -> list[tuple[datetime, str]]:
    rows = StoredFix.objects.filter(device__name=device).order_by("fix_time")
    return list(rows.values_list("fix_time", "flag"))


def refused(device: str) -> dict[str, int]:
    return dict(Refusal.objects.filter(device=device).values_list("reason", "count"))


def hour(device: str, every_s: float = 60, ago_s: float = 3600) -> list[Fix]:
    """An hour's drive north, one fix a minute, as it reached us."""
    start = timezone.now() - timedelta(seconds=ago_s)
    return [
        fix(device, start + timedelta(seconds=every_s * n), "A", lat=60.17 + n * 1e-4)
        for n in range(int(ago_s / every_s))
    ]


def test_shuffled_repeated_five_times_and_cut_anyhow_an_hour_is_stored_once_and_in_order(
    cast: Any,
) -> None:
    sent = hour(cast.north.device)
    chance = random.Random(7)
    now = timezone.now()
    mixed = [f._replace(received_at=now + timedelta(microseconds=n))
             for n, f in enumerate(sent * 5)]  # fmt: skip
    chance.shuffle(mixed)
    pipelines = [Pipeline(), Pipeline()]  # two workers, each with what it happens to get
    while mixed:
        n = chance.randint(1, 40)
        batch, mixed = mixed[:n], mixed[n:]
        chance.choice(pipelines).take(batch)
    assert [at for at, _ in stored(cast.north.device)] == [f.position.fix_time for f in sent]
    assert {flag for _, flag in stored(cast.north.device)} <= {"", "late"}
    marker = CrewPosition.objects.get(crew=cast.north)
    assert marker.fix_time == sent[-1].position.fix_time
    assert refused(cast.north.device) == {"duplicate": 4 * len(sent)}
    assert Last.objects.get(device__name=cast.north.device).fix_time == marker.fix_time


def test_yesterdays_stream_once_more_changes_nothing(cast: Any) -> None:
    sent = hour(cast.north.device)
    drive(*sent)
    before = (
        list(StoredFix.objects.order_by("fix_time").values_list()),
        list(CrewPosition.objects.values_list()), list(Last.objects.values_list()),
        Event.objects.count(),
    )  # fmt: skip
    # A new worker, which remembers nothing, gets it all as if it were new.
    again = [f._replace(received_at=timezone.now()) for f in sent]
    assert Pipeline().take(again)[1].fixes == 0
    assert before == (
        list(StoredFix.objects.order_by("fix_time").values_list()),
        list(CrewPosition.objects.values_list()), list(Last.objects.values_list()),
        Event.objects.count(),
    )  # fmt: skip


def test_every_message_is_stored_or_refused_with_its_reason(cast: Any) -> None:
    now = timezone.now()
    device = cast.north.device
    batch = [
        fix(device, now - timedelta(seconds=60), "A"),
        fix(device, now - timedelta(seconds=55), "A", lat=60.47),  # 33 km in five seconds
        fix(device, now - timedelta(seconds=50), "A", lon=60.17, lat=24.93),
        fix(device, now + timedelta(days=1), "A"),
        fix(device, datetime(1970, 1, 1, tzinfo=UTC), "A"),
        fix(device, now - timedelta(seconds=40), "B", accuracy_m=900.0),
        fix(device, now - timedelta(seconds=90), "A"),
    ]
    batch = [f._replace(received_at=now) for f in batch]
    drive(*batch, batch[0]._replace(received_at=now + timedelta(seconds=1)))
    kept = stored(device)
    assert sorted(flag for _, flag in kept) == ["", "", "inaccurate", "jump"]
    assert refused(device) == {"swapped": 1, "future": 1, "too_old": 1, "duplicate": 1}
    assert len(kept) + sum(refused(device).values()) == 8
    assert CrewPosition.objects.get(crew=cast.north).geom.coords == town.place("A")


def test_off_shift_is_what_the_fix_says_not_when_it_arrives(cast: Any) -> None:
    """The shift ended ten minutes ago; the phone was in a cellar for the last twenty."""
    now = timezone.now()
    Shift.objects.filter(crew=cast.north).update(ends=now - timedelta(minutes=10))
    on, off = now - timedelta(minutes=15), now - timedelta(minutes=5)
    batch = [fix(cast.north.device, at, "A")._replace(received_at=now) for at in (on, off)]
    drive(*batch)
    assert [at for at, _ in stored(cast.north.device)] == [on]
    assert refused(cast.north.device) == {"off_shift": 1}
    drive(fix(cast.night.device, now, "F"))
    assert stored(cast.night.device) == []


def test_a_crew_on_leave_is_not_tracked_in_its_shift(cast: Any) -> None:
    now = timezone.now()
    Leave.objects.create(crew=cast.north, starts=now - timedelta(hours=1),
                         ends=now + timedelta(hours=1))  # fmt: skip
    drive(fix(cast.north.device, now, "A"))
    assert refused(cast.north.device) == {"off_shift": 1}


def test_a_crew_called_to_work_a_second_ago_is_not_turned_away(cast: Any) -> None:
    worker = Pipeline()
    worker.take([fix(cast.north.device, timezone.now(), "A")])  # has read the roster just now
    now = timezone.now()
    Shift.objects.create(crew=cast.night, starts=now - timedelta(minutes=1),
                         ends=now + timedelta(hours=1))  # fmt: skip
    assert worker.take([fix(cast.night.device, now, "F")])[1].fixes == 1


def test_a_device_that_nobody_knows_or_that_was_revoked_is_refused(cast: Any) -> None:
    now = timezone.now()
    drive(fix("stranger", now, "A"))
    assert refused("stranger") == {"unknown_device": 1}
    worker = Pipeline()
    worker.take([fix(cast.south.device, now, "D")])
    devices.revoke(cast.south.device, reason="lost", by="sari")
    worker._roster._read_at = -1e9  # a second later
    assert worker.take([fix(cast.south.device, now + timedelta(seconds=1), "D")])[1].fixes == 0
    assert refused(cast.south.device) == {"unknown_device": 1}


def test_a_batch_that_fails_is_judged_afresh_when_it_comes_again(
    cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Pipeline()
    sent = hour(cast.north.device)[:5]
    with monkeypatch.context() as patch, pytest.raises(DatabaseError):
        patch.setattr(worker._store, "store", lambda *_: (_ for _ in ()).throw(DatabaseError("x")))
        worker.take(sent)
    worker.forget()
    verdicts, done = worker.take(sent)
    assert done.fixes == 5
    assert all(v.marker for v in verdicts)


# -- a vehicle with a unit of its own --------------------------------------------------------------


def test_the_crew_stands_where_the_newest_of_its_devices_says(cast: Any) -> None:
    """The phone lies in the site hut at A; the van, whose unit reports too, drives on to C."""
    Vehicle.objects.filter(crew=cast.north).update(unit="van-7")
    now = timezone.now()
    drive(fix(cast.north.device, now - timedelta(seconds=30), "A"))
    drive(fix("van-7", now - timedelta(seconds=10), "C", engine=True))
    assert CrewPosition.objects.get(crew=cast.north).geom.coords == town.place("C")
    (feature,) = [
        f for f in selectors.vehicles()["features"] if f["properties"]["crew"] == cast.north.pk
    ]
    said = feature["properties"]
    assert (said["device"], said["plate"], said["engine"]) == ("van-7", "T-north", True)


def test_a_vehicle_that_nobody_drives_is_shown_and_one_whose_crew_is_off_is_not(cast: Any) -> None:
    Vehicle.objects.create(plate="POOL-1", kind="jetter", unit="jetter-1")
    Vehicle.objects.filter(crew=cast.night).update(unit="night-van")
    now = timezone.now()
    drive(fix("jetter-1", now, "B"), fix("night-van", now, "F"))
    shown = {f["properties"]["plate"] for f in selectors.vehicles()["features"]}
    assert "POOL-1" in shown
    assert "T-night" not in shown
    assert refused("night-van") == {"off_shift": 1}


def test_looking_for_new_devices_uses_up_no_numbers(cast: Any) -> None:
    """The roster is read once a second for years; a device's number in the track has 31 bits."""
    roster.adopt()
    last = Device.objects.order_by("-pk")[0].pk
    for _ in range(5):
        roster.adopt()
    Vehicle.objects.create(plate="POOL-2", kind="van", unit="pool-2")
    roster.adopt()
    assert Device.objects.get(name="pool-2").pk == last + 1


# -- the days -------------------------------------------------------------------------------------


def test_a_fix_is_never_refused_for_want_of_a_day(cast: Any) -> None:
    with connection.cursor() as cursor:
        for day in partitions.days():
            cursor.execute(f'DROP TABLE "{partitions.name_of(day)}"')
    assert drive(fix(cast.north.device, timezone.now(), "A")) == 1
    assert partitions.maintain()["dropped"] == 0
    today = timezone.now().astimezone(UTC).date()
    assert today + timedelta(days=partitions.AHEAD_DAYS) in partitions.days()
    assert partitions.maintain() == {"dropped": 0, "thinned": 0}


def test_old_days_are_thinned_but_for_arrivals_and_very_old_ones_dropped(
    cast: Any, burst: Any, settings: Any
) -> None:
    """A vehicle drives 40 m a second fix; an order's crew arrived in the middle of it."""
    from server.dispatch import services as dispatch

    drive(fix(cast.north.device, timezone.now(), "A"))
    device = Device.objects.get(name=cast.north.device)
    begin = (timezone.now() - timedelta(days=40)).replace(hour=12, minute=0, second=0)
    ancient = begin - timedelta(days=400)
    partitions.ensure([begin.date(), ancient.date()])

    def put(at: datetime, lat: float, n: int) -> StoredFix:
        return StoredFix(device=device, fix_time=at, seq=n, device_time=at, received_at=at,
                         lon=24.93, lat=lat, accuracy_m=5, flag="")  # fmt: skip

    rows = [put(begin + timedelta(seconds=5 * n), 60.17 + n * 3.6e-5, n) for n in range(720)]
    rows += [put(begin + timedelta(seconds=3600 + 5 * n), 60.2, 720 + n) for n in range(720)]
    StoredFix.objects.bulk_create([*rows, put(ancient, 60.17, 0)])
    order = dispatch.assign(burst, cast.north, by="mika", reason="x")
    arrived = begin + timedelta(minutes=30)
    WorkOrder.objects.filter(pk=order.pk).update(on_site_at=arrived)

    assert partitions.maintain() == {"dropped": 1, "thinned": 1}
    left = [at for at, _ in stored(cast.north.device) if at.date() == begin.date()]
    near = [at for at in left if abs(at - arrived) <= timedelta(seconds=300)]
    assert len(near) == 121  # each of them
    driving = [at for at in left if at < begin + timedelta(minutes=20)]
    # 960 m in twenty minutes: ten cells of 100 m and four stretches of five minutes.
    assert 10 <= len(driving) <= 16
    gaps = [b - a for a, b in itertools.pairwise(left)]
    assert max(gaps) <= timedelta(seconds=305)
    day = TrackDay.objects.get(day=begin.date())
    assert (day.before, day.after) == (1440, len(left))
    assert ancient.date() not in partitions.days()
    assert partitions.maintain() == {"dropped": 0, "thinned": 0}
    assert selectors.position_at(begin + timedelta(minutes=59))[cast.north.pk].fix_time in left
