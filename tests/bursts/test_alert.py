"""When a cluster is an alert: against the usual rate here at this hour, not by a bare count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from gis_data.bursts.alert import DEFAULT_RATE, HOURS, Rates, judge, poisson_tail
from gis_data.bursts.clusters import Call, Memory, Rule
from gis_data.bursts.reach import Main, PipeGraph, Spot


@given(st.integers(0, 200), st.floats(1e-6, 150))
def test_the_tail_is_that_of_scipy(count, expected):
    assert poisson_tail(count, expected) == pytest.approx(poisson.sf(count - 1, expected), rel=1e-6)


def test_impossible_means_are_answered_and_not_divided_by():
    assert poisson_tail(3, 0.0) == 0.0
    assert poisson_tail(0, 0.0) == 1.0
    assert poisson_tail(3, float("inf")) == 1.0


def test_three_calls_are_an_alert_in_a_quiet_street_and_nothing_where_three_are_usual():
    quiet = judge(3, premises=200, hours=1, rate=DEFAULT_RATE)
    assert quiet.alert and quiet.p < 1e-6
    assert not judge(3, premises=20_000, hours=1, rate=DEFAULT_RATE).alert
    assert not judge(2, premises=1, hours=1, rate=1e-9).alert, "two are never enough"


def test_an_area_that_always_calls_more_on_mondays_at_eight_is_expected_to():
    premises = {"old town": 1000, "new town": 1000}
    busy = [("old town", 8)] * 80 + [("new town", h) for h in range(0, HOURS, 8)]
    rates = Rates.of(busy, premises, weeks=8)
    assert rates.rate("old town", 8) > 10 * rates.rate("old town", 30)
    assert rates.rate("old town", 8) > 3 * rates.rate("new town", 8)
    # 80 calls in 8 weeks are 10 per thousand premises; shrinkage takes some, not most.
    assert 0.004 < rates.rate("old town", 8) < 0.011


def test_without_history_the_default_holds_and_with_much_of_it_the_default_is_forgotten():
    assert Rates().rate("anywhere", 5) == DEFAULT_RATE
    true = 20 * DEFAULT_RATE
    rng = np.random.default_rng(3)
    calls = [("a", h) for h in range(HOURS) for _ in range(rng.poisson(true * 5000 * 100))]
    rates = Rates.of(calls, {"a": 5000}, weeks=100)
    means = [rates.rate("a", h) for h in range(HOURS)]
    assert np.mean(means) == pytest.approx(true, rel=0.1)
    assert Rates.of([], {"a": 5000}, weeks=100).rate("a", 3) < DEFAULT_RATE
    assert rates.rate("unheard of", 3) == pytest.approx(true, rel=0.5)


def grid(size: int, step: float = 100.0) -> PipeGraph:
    mains = []
    for x in range(size):
        for y in range(size):
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx < size and y + dy < size:
                    ends = (f"{x},{y}", f"{x + dx},{y + dy}")
                    mains.append(Main("-".join(ends), *ends, step))
    return PipeGraph(mains)


def test_a_month_of_usual_calls_raises_at_most_four_false_alerts_and_a_burst_is_seen():
    """40,000 premises on a grid of 3,120 mains; at the default rate some 80 calls a week."""
    graph, rule = grid(40), Rule()
    mains = list(graph.mains)
    per_main = 40_000 / len(mains)
    rng = np.random.default_rng(11)
    week_s, false = 7 * 86400, 0
    for _week in range(4):
        online = Memory(graph, rule)
        count = rng.poisson(DEFAULT_RATE * 40_000 * HOURS)
        times = np.sort(rng.uniform(0, week_s, count))
        for n, at in enumerate(times):
            where = Spot(mains[rng.integers(len(mains))], float(rng.random()))
            false += raised(online, Call(n, float(at), where, "no_water", f"h{n}"), per_main)
    assert count > 40, "the background is there"
    assert false <= 4
    # Six neighbours of one crossing within half an hour.
    heard = [
        raised(online, Call(10_000 + n, week_s + 300.0 * n, Spot(main, 0.4), "no_water", f"b{n}"),
               per_main)
        for n, main in enumerate(m for m in mains if "20,20" in m.split("-"))
    ]  # fmt: skip
    assert heard == [False, False, True, True]


def raised(online: Memory, call: Call, per_main: float) -> bool:
    """Whether this call makes its cluster an alert."""
    label = online.add(call)
    if label is None:
        return False
    members = [online.call(m) for m in online.members(label)]
    reach = online.graph.pipes_within([m.spot for m in members], online.rule.eps_m)
    hours = max(max(m.at_s for m in members) - min(m.at_s for m in members), 3600.0) / 3600.0
    return judge(len({m.premise for m in members}), premises=int(len(reach) * per_main),
                 hours=hours, rate=DEFAULT_RATE).alert  # fmt: skip
