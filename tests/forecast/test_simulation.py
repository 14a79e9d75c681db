"""The simulation for days that break Erlang's assumptions: right where he is, and on a burst."""

from __future__ import annotations

import pytest

from server.forecast.erlang import erlang_a
from server.forecast.simulate import simulate


def test_a_steady_day_is_what_erlang_a_says():
    """10 Erlang on 10 agents, patience 120 s: after the first half hour the day is steady."""
    slots = simulate([100] * 24, [10] * 24, aht_s=180, patience_s=120, within_s=20, runs=25)
    steady = slots[1:]
    calls = sum(s.calls for s in steady)
    right = erlang_a(10, 10, 180, 20, 120)
    assert sum(s.within for s in steady) / calls == pytest.approx(right.service_level, abs=0.02)
    assert sum(s.gone for s in steady) / calls == pytest.approx(right.abandoned, abs=0.015)
    assert sum(s.wait_s for s in steady) / calls == pytest.approx(right.mean_wait_s, rel=0.1)


def test_a_burst_is_felt_in_the_half_hour_after_it():
    quiet = simulate([20, 20, 20], [4, 4, 4], aht_s=180, patience_s=600, within_s=20)
    burst = simulate([20, 400, 20], [4, 4, 4], aht_s=180, patience_s=600, within_s=20)
    assert burst[1].abandoned > 0.7 and burst[0].abandoned < 0.1
    assert burst[2].service_level < 0.5 < quiet[2].service_level
    more = simulate([20, 400, 20], [4, 40, 40], aht_s=180, patience_s=600, within_s=20)
    assert more[1].abandoned < burst[1].abandoned


def test_those_who_wait_already_are_in_it_and_nobody_is_counted_twice():
    empty = simulate([0, 0], [1, 1], aht_s=180, patience_s=1e9, within_s=20, runs=1)
    assert [s.calls for s in empty] == [0, 0] and empty[0].service_level is None
    some = simulate([0, 0], [1, 1], aht_s=60, patience_s=1e9, within_s=20, waiting=5, runs=1)
    assert [s.calls for s in some] == [5, 0]
    many = simulate([50, 50], [3, 3], aht_s=180, patience_s=100, within_s=20, runs=10)
    assert all(0 <= s.gone <= s.calls and s.within <= s.calls for s in many)


def test_with_nobody_there_everybody_gives_up():
    assert simulate([30], [0], aht_s=180, patience_s=60, within_s=20)[0].abandoned == 1.0


def test_what_cannot_be_simulated_is_refused_by_name():
    with pytest.raises(ValueError, match="agents"):
        simulate([1, 2], [1], aht_s=1, patience_s=1, within_s=1)
    with pytest.raises(ValueError, match="calls"):
        simulate([1e6], [1], aht_s=1, patience_s=1, within_s=1)
