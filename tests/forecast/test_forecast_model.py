"""The forecast on made-up weeks with a known truth, and on a year of a real call centre."""

from __future__ import annotations

import lzma
import struct
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.forecast import backtest, measures, model
from server.forecast.model import SLOTS, Day, History
from server.forecast.outliers import outliers, storm
from tests.data import shared

MONDAY = date(2026, 1, 5)
# Quiet nights, a morning peak, a smaller one after noon.
SHAPE = np.array([1] * 14 + [6, 12, 20, 28, 30, 30, 26, 22, 18, 20, 24, 26, 24, 20, 16, 12]
                 + [8] * 6 + [4] * 12, float)  # fmt: skip
WEEK = (1.0, 0.9, 0.9, 0.95, 1.1, 0.4, 0.25)


def truth(day: Day, level: float = 1.0) -> np.ndarray:
    factor = 0.3 if day.holiday else WEEK[day.kind] * (1 + 4 * day.off_share)
    return level * factor * SHAPE


def past(weeks: int, *, seed: int = 1, days: dict[int, Day] | None = None) -> History:
    draw = np.random.default_rng(seed)
    known = [Day(MONDAY + timedelta(days=n)) for n in range(7 * weeks)]
    for n, other in (days or {}).items():
        known[n] = replace(other, on=known[n].on)
    return History(tuple(known), np.array([draw.poisson(truth(d)) for d in known], float))


def test_smape_of_the_published_example():
    assert f"{measures.smape([100, 50, 0, 10], [110, 40, 0, 20]):.3f}" == "24.603"


def test_measures_without_anything_to_divide_by_are_none():
    assert measures.smape([], []) is None
    assert measures.wape([0, 0], [1, 2]) is None
    assert measures.mase([1.0], [2.0], 0.0) is None
    assert measures.coverage([], [], []) is None
    assert measures.smape([0, 0], [0, 0]) == 0


def test_measures_counted_by_hand():
    assert measures.wape([10, 20], [12, 16]) == pytest.approx(6 / 30)
    assert measures.mase([10, 20], [12, 16], 2.0) == pytest.approx(1.5)
    assert measures.coverage([1, 5, 9], [0, 6, 9], [2, 7, 9]) == pytest.approx(2 / 3)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=40))
def test_smape_is_between_0_and_200_and_the_same_both_ways(pairs):
    y, f = zip(*pairs, strict=True)
    assert 0 <= measures.smape(y, f) <= 200 + 1e-9
    assert measures.smape(y, f) == pytest.approx(measures.smape(f, y))


def test_an_ordinary_week_is_forecast_close_to_its_truth():
    made = model.fit(past(30))
    for n in range(7):
        day = Day(MONDAY + timedelta(days=210 + n))
        right = truth(day)
        assert made.total(day) == pytest.approx(right.sum(), rel=0.08)
        assert measures.wape(right, made.expected(day)) < (0.12 if n < 5 else 0.25)


def test_a_holiday_a_make_up_workday_and_planned_works_are_told_from_their_weekday():
    """Three Wednesdays were holidays, two Saturdays worked, four days had works for 20 %."""
    marked = {16: Day(MONDAY, holiday=True), 58: Day(MONDAY, holiday=True),
              100: Day(MONDAY, holiday=True), 33: Day(MONDAY, workday=True),
              75: Day(MONDAY, workday=True),
              **{n: Day(MONDAY, off_share=0.2) for n in (43, 86, 129, 171)}}  # fmt: skip
    made = model.fit(past(30, days=marked))
    wednesday, saturday = MONDAY + timedelta(days=212), MONDAY + timedelta(days=215)
    plain = made.total(Day(wednesday))
    assert made.total(Day(wednesday, holiday=True)) < 0.6 * plain
    assert made.total(Day(saturday, workday=True)) == pytest.approx(plain, rel=0.05)
    assert made.total(Day(saturday)) < 0.6 * plain
    works = made.total(Day(wednesday, off_share=0.2))
    assert 1.3 * plain < works < 2.3 * plain  # the truth is 1.8


def test_the_shares_of_a_day_add_up_to_one():
    made = model.fit(past(6))
    assert made.shares.sum(axis=1) == pytest.approx(np.ones(8))
    assert (made.shares >= 0).all()


def test_a_burst_neither_teaches_nor_escapes_the_rule():
    history = past(12)
    stormy = history.counts.copy()
    stormy[40, 20] += 2000  # 2,000 calls in a quarter of an hour
    stormy[60] = 0  # the exchange was down
    found = dict(outliers(History(history.days, stormy)))
    assert found == {40: "storm", 60: "total"}
    days = tuple(replace(d, outlier=n in found) for n, d in enumerate(history.days))
    clean, marked = model.fit(history), model.fit(History(days, stormy))
    day = Day(MONDAY + timedelta(days=84))
    assert marked.total(day) == pytest.approx(clean.total(day), rel=0.03)
    spoilt = model.fit(History(history.days, stormy))
    assert abs(spoilt.total(day) - clean.total(day)) > 3 * abs(marked.total(day) - clean.total(day))


def test_ordinary_weeks_have_no_outliers():
    assert outliers(past(30, seed=3)) == []


def test_a_storm_needs_many_calls_and_much_more_than_usual():
    usual = np.full(SLOTS, 10.0)
    assert not storm(np.array([30.0, 39.0]), usual)
    assert not storm(np.array([45.0]), usual)  # 4.5 times, but 35 calls more
    assert storm(np.array([10.0, 51.0]), usual)
    assert storm(np.array([0.0, 41.0]), np.zeros(SLOTS))
    assert not storm(np.array([0.0, 39.0]), np.zeros(SLOTS))


def test_the_naive_forecast_is_the_same_half_hour_of_the_last_week_known():
    history = past(3)
    on = history.days[-1].on + timedelta(days=1)
    assert (model.naive(history, on) == history.counts[14]).all()
    assert (model.naive(history, on + timedelta(days=6)) == history.counts[20]).all()
    # Two weeks ahead there is still only last week.
    assert (model.naive(history, on + timedelta(days=13)) == history.counts[20]).all()
    hole = history.counts.copy()
    hole[14] = np.nan
    assert (model.naive(History(history.days, hole), on) == history.counts[7]).all()
    assert np.isnan(model.naive(history.until(3), MONDAY + timedelta(days=4))).all()


def test_the_interval_holds_nine_of_ten():
    draw = np.random.default_rng(5)
    expected = np.tile(SHAPE, (400, 1))
    seen = draw.negative_binomial(1 / 0.05, 1 / (1 + 0.05 * expected))
    low, high = model.interval(expected, model.spread(seen.astype(float), expected))
    held = measures.coverage(seen, low, high)
    assert 0.89 < held < 0.96  # whole numbers cannot hit 90 % exactly


def test_the_rest_of_a_busy_day_is_raised_and_what_is_over_is_left_alone():
    expected = SHAPE.copy()
    after = model.update(expected, 1.5 * SHAPE[:20], 0.05)
    assert (after[:20] == expected[:20]).all()
    factor = after[20:] / expected[20:]
    assert 1.3 < factor[0] <= 1.5 and np.ptp(factor) < 1e-9
    few = model.update(expected, [3.0], 0.05)  # one call expected, three came: no news yet
    assert few[1] == pytest.approx(expected[1], rel=0.11)


@pytest.mark.parametrize(
    ("weeks", "why"), [(0.5, "no_history"), (2, "short_history"), (5, "not_tested")]
)
def test_a_short_history_is_answered_by_the_naive_forecast_and_labelled(weeks, why):
    history = past(8).until(round(weeks * 7))
    got = backtest.judge(history)
    assert (got.show, got.why) == ("naive", why)
    assert got.measures == {}


def test_the_model_passes_where_weeks_repeat_with_noise_and_fails_on_a_copied_week():
    got = backtest.judge(past(30))
    assert (got.show, got.why) == ("model", "passed")
    week = got.measures[7]
    assert week["mase"] < 1 and week["wape"] <= 0.9 * week["naive_wape"]
    assert set(got.measures) == {1, 7, 28}
    assert all(0.85 < m["coverage"] <= 1 for m in got.measures.values())
    # Every week exactly like the one before: nothing can beat "as last week".
    same = past(30)
    copied = History(same.days, np.tile(same.counts[:7], (30, 1)))
    assert backtest.judge(copied).show == "naive"


def test_the_gate_asks_for_both():
    good = {"mase": 0.9, "wape": 0.18, "naive_wape": 0.2}
    assert backtest.passes(good)
    assert not backtest.passes({**good, "mase": 1.0})
    assert not backtest.passes({**good, "wape": 0.181})
    assert not backtest.passes({**good, "mase": None})
    assert not backtest.passes(None)


def test_no_origin_sees_what_comes_after_it():
    """Whatever the last month held, what was said before it is the same."""
    history = past(20)
    other = history.counts.copy()
    other[-28:] *= 7
    made = model.fit(history.until(112))
    again = model.fit(History(history.days, other).until(112))
    day = Day(MONDAY + timedelta(days=115))
    assert (made.expected(day) == again.expected(day)).all()


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match="counts"):
        History((Day(MONDAY),), np.zeros((2, SLOTS)))
    with pytest.raises(ValueError, match="counts"):
        model.fit(History((Day(MONDAY),), np.full((1, SLOTS), np.nan)))


def test_a_year_of_a_real_call_centre_is_forecast_better_than_last_week_by_the_gate():
    """445,414 calls of 1999 in 6-minute bins, Friday and Saturday quiet, holidays unknown to us."""
    raw = lzma.decompress(shared("calls/anonymous_bank_1999_6min.RData").read_bytes())
    at = raw.index(struct.pack(">ii", 14, 87_600)) + 8  # a vector of that many doubles
    bins = np.frombuffer(raw[at : at + 8 * 87_600], ">f8").reshape(365, 240)
    assert bins.sum() == pytest.approx(445_414, abs=1)
    counts = bins.reshape(365, SLOTS, 5).sum(axis=2).astype(float)
    days = tuple(Day(date(1999, 1, 1) + timedelta(days=n)) for n in range(365))
    marked = {i for i, _why in outliers(History(days, counts))}
    assert 3 <= len(marked) <= 20
    got = backtest.judge(
        History(tuple(replace(d, outlier=n in marked) for n, d in enumerate(days)), counts)
    )
    assert got.show == "model"
    for horizon in (1, 7, 28):
        m = got.measures[horizon]
        assert m["mase"] < 1 and m["wape"] < 0.9 * m["naive_wape"], (horizon, m)
        assert 0.87 < m["coverage"] < 0.95, (horizon, m["coverage"])
