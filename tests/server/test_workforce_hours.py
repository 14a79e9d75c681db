"""How long people worked and rested, and what shift patterns make of a calendar. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.workforce import patterns
from server.workforce.hours import Hours, reckon, worst
from server.workforce.patterns import PATTERNS, STEP, Turn, apply, span

HELSINKI = ZoneInfo("Europe/Helsinki")
NOON = datetime(2026, 3, 11, 10, tzinfo=UTC)  # 12:00 in Helsinki


def ago(*hours: float) -> tuple[datetime, datetime]:
    start, end = hours
    return NOON - timedelta(hours=start), NOON - timedelta(hours=end)


def test_who_has_not_worked_has_no_hours():
    assert reckon([], NOON, HELSINKI) == Hours()


def test_work_going_on_counts_up_to_now():
    assert reckon([ago(4, -4)], NOON, HELSINKI) == Hours(4 * 3600.0, None, 0)


def test_the_rest_is_what_lay_before_this_stretch_of_work():
    found = reckon([ago(22, 14), ago(4, -4)], NOON, HELSINKI)
    assert (found.worked_s, found.rest_s) == (12 * 3600.0, 10 * 3600.0)


def test_a_gap_below_an_hour_is_a_break_not_a_rest():
    found = reckon([ago(30, 20), ago(8, 4.5), ago(4, -4)], NOON, HELSINKI)
    assert found.rest_s == 12 * 3600.0


def test_who_is_at_home_rests_until_now():
    assert reckon([ago(20, 12)], NOON, HELSINKI).rest_s == 12 * 3600.0


def test_a_night_counts_from_three_hours_on():
    # 23:00 to 06:00 in Helsinki is 21:00 to 04:00 in UTC: 13 to 6 hours before noon.
    assert reckon([ago(13, 10)], NOON, HELSINKI).nights == 1
    assert reckon([ago(13, 10.1)], NOON, HELSINKI).nights == 0
    three = [ago(13 + 24 * n, 6 + 24 * n) for n in range(3)]
    assert reckon(three, NOON, HELSINKI).nights == 3


def test_a_crew_is_as_tired_as_its_most_tired_member():
    assert worst([]) is None
    assert worst([Hours(10.0, 50.0, 1), Hours(20.0, None, 0)]) == Hours(20.0, 50.0, 1)


SPANS = st.lists(
    st.tuples(st.integers(0, 9 * 24 * 4), st.integers(1, 60)), max_size=12
)  # quarters of an hour before now, and how many


@settings(max_examples=80, deadline=None)
@given(SPANS)
def test_worked_hours_are_what_a_walk_over_the_quarters_counts(rows):
    quarter = timedelta(minutes=15)
    spans = [(NOON - q * quarter, NOON - q * quarter + n * quarter) for q, n in rows]
    walked = sum(
        any(s <= NOON - k * quarter < e for s, e in spans) for k in range(1, 24 * 4 + 1)
    )
    assert reckon(spans, NOON, HELSINKI).worked_s == walked * 900.0


# -- patterns ------------------------------------------------------------------------------------


def test_four_teams_of_twelve_hours_are_never_without_somebody_and_never_two():
    planned = apply(PATTERNS["four_team_12"], 4, date(2026, 3, 20), date(2026, 4, 10), HELSINKI,
                    step=STEP["four_team_12"])  # fmt: skip
    assert all(a.ends == b.starts for a, b in pairwise(planned))
    assert {p.crew for p in planned} == {0, 1, 2, 3}


def test_four_teams_of_eight_hours_cover_the_day_with_one_each():
    planned = apply(PATTERNS["four_team_8"], 4, date(2026, 3, 2), date(2026, 3, 9), HELSINKI,
                    step=STEP["four_team_8"])  # fmt: skip
    assert all(a.ends == b.starts for a, b in pairwise(planned))
    assert sorted(p.crew for p in planned) == sorted([0, 1, 2, 3] * 6)


def test_weekdays_are_free_at_the_week_s_end():
    planned = apply(PATTERNS["weekdays"], 1, date(2026, 3, 2), date(2026, 3, 15), HELSINKI)
    assert [p.starts.astimezone(HELSINKI).weekday() for p in planned] == [0, 1, 2, 3, 4] * 2


def test_a_range_added_later_goes_on_where_the_one_before_ended():
    def lay(first: date, last: date) -> list[patterns.Planned]:
        return apply(PATTERNS["four_team_8"], 4, first, last, HELSINKI, step=2)

    whole = lay(date(2026, 3, 1), date(2026, 3, 31))
    assert whole == lay(date(2026, 3, 1), date(2026, 3, 13)) + lay(
        date(2026, 3, 14), date(2026, 3, 31)
    )


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 11), (date(2026, 10, 24), 13), (date(2026, 6, 1), 12)],
)
def test_a_night_over_the_change_of_clocks_keeps_its_times_on_the_wall(day, hours):
    starts, ends = span(day, Turn("night", time(20), time(8)), HELSINKI)
    assert ends - starts == timedelta(hours=hours)
    assert starts.astimezone(HELSINKI).time() == time(20)
    assert ends.astimezone(HELSINKI).time() == time(8)
