from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt.messages import Position
from mqtt.positions import (
    QUARANTINED,
    STEPS,
    Fix,
    Known,
    Latest,
    Rules,
    Verdict,
    advance,
    distance_m,
    process,
)
from tests.mqtt.samples import NOON, position

# One degree of latitude is 111.2 km everywhere: north is easy to count in.
DEG_M = 111_195.0


def north(metres: float) -> float:
    return 60.17 + metres / DEG_M


def fixes(*positions: Position, device: str = "crew1", delay: float = 0.5) -> list[Fix]:
    return [Fix(device, p, p.device_time + timedelta(seconds=delay)) for p in positions]


def reasons(verdicts: list[Verdict]) -> list[str | None]:
    return [v.reason for v in verdicts]


def spot(at: Position) -> Latest:
    return Latest(at.fix_time, at.lon, at.lat, at.accuracy_m)


def shown(knowledge: dict[str, Known], device: str = "crew1") -> Latest:
    marker = knowledge[device].marker
    assert marker is not None
    return marker


def test_the_steps_are_read_from_top_to_bottom() -> None:
    assert [step.__name__ for step in STEPS] == [
        "reject_invalid", "reject_future", "reject_too_old", "reject_stranger",
        "reject_off_shift", "reject_duplicate", "flag_outside", "flag_inaccurate", "flag_late",
        "flag_jump",
    ]


def test_a_driving_crew_moves_its_marker_with_every_fix() -> None:
    drive = [position(s, lat=north(14 * s)) for s in range(20)]
    verdicts, known = advance(fixes(*drive), {})
    assert all(v.keep and v.marker for v in verdicts)
    assert shown(known) == spot(drive[-1])


def test_the_same_fix_five_times_is_kept_once() -> None:
    one = position()
    verdicts = process(fixes(*[one] * 5), {})
    assert [v.keep for v in verdicts] == [True, False, False, False, False]
    assert reasons(verdicts)[1:] == ["duplicate"] * 4


def test_the_last_place_from_the_database_is_enough_to_start_with() -> None:
    known = {"crew1": Latest(NOON, 24.94, north(0))}
    verdicts = process(fixes(position(-60), position(5, lat=north(200_000)), position(9)), known)
    assert reasons(verdicts) == ["late", "jump", None]


def test_a_fix_repeated_in_a_later_batch_is_a_duplicate() -> None:
    one = position()
    _, known = advance(fixes(one), {})
    assert reasons(process(fixes(one), known)) == ["duplicate"]


def test_a_shuffled_hour_ends_at_the_newest_fix_without_teleports() -> None:
    drive = [position(s * 10, lat=north(100 * s)) for s in range(360)]
    mixed = fixes(*drive)
    random.Random(1).shuffle(mixed)
    known: dict[str, Known] = {}
    kept = []
    for start in range(0, len(mixed), 7):
        verdicts, news = advance(mixed[start : start + 7], known)
        known.update(news)
        assert "jump" not in reasons(verdicts)
        kept += [v for v in verdicts if v.keep]
    assert len(kept) == 360
    assert shown(known) == spot(drive[-1])


def test_a_late_fix_belongs_to_the_track_and_does_not_move_the_marker() -> None:
    _, known = advance(fixes(position(60, lat=north(500))), {})
    (verdict,), after = advance(fixes(position(30, lat=north(200))), known)
    assert (verdict.keep, verdict.marker, verdict.reason) == (True, False, "late")
    assert shown(after).lat == north(500)


@pytest.mark.parametrize(
    ("seconds", "metres", "reason"),
    [(5, 200_000, "jump"), (10, 1111, "jump"), (10, 400, None), (1, 60, None)],
)
def test_a_vehicle_does_not_fly(seconds: float, metres: float, reason: str | None) -> None:
    verdicts = process(fixes(position(0), position(seconds, lat=north(metres))), {})
    assert verdicts[1].reason == reason
    assert verdicts[1].keep
    assert verdicts[1].marker is (reason is None)


def test_after_one_wild_fix_the_crew_goes_on_where_it_was() -> None:
    wild = position(5, lat=north(150_000))
    verdicts, known = advance(fixes(position(0), wild, position(10, lat=north(100))), {})
    assert reasons(verdicts) == [None, "jump", None]
    assert shown(known).lat == north(100)


def test_fixes_that_agree_correct_a_marker_that_was_wrong() -> None:
    wrong = position(0, lat=north(300_000))
    true = [position(5 * n, lat=north(20 * n)) for n in range(1, 6)]
    verdicts, known = advance(fixes(wrong, *true), {})
    assert reasons(verdicts) == [None, "jump", "jump", None, None, None]
    assert shown(known) == spot(true[-1])


@pytest.mark.parametrize(
    ("fix_time", "reason"),
    [
        (NOON + timedelta(minutes=1), None),
        (NOON + timedelta(minutes=3), "future"),
        (NOON + timedelta(days=1), "future"),
        (NOON - timedelta(hours=8), None),
        (NOON - timedelta(hours=25), "too_old"),
        (datetime(1970, 1, 1, tzinfo=UTC), "too_old"),
    ],
)
def test_a_fix_far_from_our_time_is_put_aside(fix_time: datetime, reason: str | None) -> None:
    (verdict,) = process([Fix("crew1", position(fix_time=fix_time), NOON)], {})
    assert verdict.reason == reason
    if reason is not None:
        assert not verdict.keep
        assert reason in QUARANTINED


def test_how_old_is_too_old_counts_from_the_start_of_the_shift() -> None:
    known = {"crew1": Known(shifts=((NOON - timedelta(hours=40), NOON),))}
    fix = Fix("crew1", position(fix_time=NOON - timedelta(hours=33)), NOON)
    assert reasons(process([fix], known)) == [None]
    assert reasons(process([fix], {})) == ["too_old"]


def test_the_error_of_a_clock_is_seen_through_the_delay_of_the_network() -> None:
    queued = [position(s, device_time=NOON + timedelta(days=1, seconds=s)) for s in range(0, 60, 5)]
    batch = [Fix("crew1", p, NOON + timedelta(seconds=60)) for p in queued]
    verdicts = process(batch, {})
    assert all(v.keep for v in verdicts)  # the satellites' time is right
    assert verdicts[-1].skew_s == pytest.approx(86400 - 5)


def test_an_area_catches_axes_that_were_exchanged_inside_the_legal_range() -> None:
    rules = Rules(area=(24.0, 59.5, 26.0, 61.0))
    swapped, far = position(0, lon=60.17, lat=24.94), position(1, lon=10.0, lat=50.0)
    verdicts = process(fixes(swapped, far, position(2)), {}, rules)
    assert reasons(verdicts) == ["swapped", "outside", None]
    assert [v.keep for v in verdicts] == [False, True, True]


def test_a_vague_fix_does_not_move_the_marker() -> None:
    assert reasons(process(fixes(position(accuracy_m=1500)), {})) == ["inaccurate"]


def test_devices_are_judged_apart() -> None:
    there, here = position(0), position(1, lat=north(100_000))
    verdicts = process([*fixes(there), *fixes(here, device="crew2")], {})
    assert reasons(verdicts) == [None, None]


def test_nothing_given_is_changed() -> None:
    _, known = advance(fixes(position()), {})
    before = dict(known)
    advance(fixes(position(5), position(5, lat=north(9e6 / 90))), known)
    assert known == before


moves = st.lists(
    st.tuples(st.floats(-1e5, 1e5), st.floats(-179, 179), st.floats(-89, 89), st.floats(0, 5000)),
    max_size=15,
)


@given(moves)
def test_every_fix_gets_one_verdict_and_the_marker_never_goes_back_in_time(
    rows: list[tuple[float, float, float, float]],
) -> None:
    batch = [
        Fix("crew1", position(t, lon=lon, lat=lat, accuracy_m=a), NOON) for t, lon, lat, a in rows
    ]
    known: dict[str, Known] = {}
    last = None
    for fix in batch:
        (verdict,), news = advance([fix], known)
        known.update(news)
        assert verdict.position == fix.position
        assert verdict.marker <= verdict.keep
        assert (verdict.reason is None) == verdict.marker
        marker = known["crew1"].marker
        if marker is not None:
            assert last is None or marker.fix_time >= last
            last = marker.fix_time


def test_distance_is_that_of_the_sphere() -> None:
    a = position()
    assert distance_m(a, replace(a, lat=a.lat + 1)) == pytest.approx(DEG_M, rel=1e-4)
    assert distance_m(a, a) == 0
