"""Erlang's formulas against published tables and against a simulation of the rule itself."""

from __future__ import annotations

import heapq
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.forecast import erlang

NAN = float("nan")


# 1,000 calls an hour of 120 s, answered within 15 s: a published call-centre table.
@pytest.mark.parametrize(
    ("agents", "waits", "level", "mean"),
    [(34, "0.8686", "0.2008", "156.3"), (35, "0.6965", "0.4345", "50.1"),
     (36, "0.5519", "0.6046", "24.8"), (37, "0.4318", "0.7270", "14.1")],
)  # fmt: skip
def test_erlang_c_prints_the_published_table(agents, waits, level, mean):
    got = erlang.erlang_c(agents, erlang.load(1000, 120), 120, 15)
    assert f"{got.waits:.4f}" == waits
    assert f"{got.service_level:.4f}" == level
    assert f"{got.mean_wait_s:.1f}" == mean


@pytest.mark.parametrize(
    ("agents", "level", "mean"),
    [(11, "0.3896", "122.78"), (12, "0.6402", "40.44"), (13, "0.7956", "17.12"),
     (14, "0.8884", "7.84"), (15, "0.9415", "3.67")],
)  # fmt: skip
def test_erlang_c_for_ten_erlang(agents, level, mean):
    got = erlang.erlang_c(agents, erlang.load(200, 180), 180, 20)
    assert (f"{got.service_level:.4f}", f"{got.mean_wait_s:.2f}") == (level, mean)


@pytest.mark.parametrize("agents", [0, 1, 9, 10])
def test_a_load_that_is_not_below_the_agents_has_no_number(agents):
    got = erlang.erlang_c(agents, 10, 180, 20)
    assert got == erlang.UNSTABLE
    assert not got.stable and got.service_level is None and got.mean_wait_s is None


@pytest.mark.parametrize(
    ("agents", "waits", "abandoned", "mean", "level"),
    [(10, "0.4969", "0.1375", "16.50", "0.6399"), (8, "0.7226", "0.2580", "30.96", "0.4032")],
)
def test_erlang_a_with_a_patience_of_two_minutes(agents, waits, abandoned, mean, level):
    got = erlang.erlang_a(agents, 10, 180, 20, 120)
    assert f"{got.waits:.4f}" == waits
    assert f"{got.abandoned:.4f}" == abandoned
    assert f"{got.mean_wait_s:.2f}" == mean
    assert f"{got.service_level:.4f}" == level


@pytest.mark.parametrize(
    ("servers", "load", "blocked"),
    [(10, 10, "0.214582"), (30, 20, "0.008457"), (117, 100, "0.009790")],
)
def test_erlang_b(servers, load, blocked):
    assert f"{erlang.erlang_b(servers, load):.6f}" == blocked


def test_lines_for_one_percent_blocking():
    assert [erlang.trunks_needed(e) for e in (0, 5, 10, 20, 50)] == [0, 11, 18, 30, 64]


def _simulated(agents: int, arrive: float, aht: float, patience: float, within: float, n: int):
    """M/M/N+M by events: (share that waits, share that gives up, mean wait, service level)."""
    draw = random.Random(7)
    free, busy, line = agents, [], []  # line: (joined, gives up at)
    now = waited = gave_up = good = total_wait = 0.0

    def serve_until(at: float) -> None:
        nonlocal free, good, total_wait, gave_up
        while busy and busy[0] <= at:
            done = heapq.heappop(busy)
            free += 1
            while line:
                joined, limit = line.pop(0)
                if limit <= done:
                    gave_up += 1
                    total_wait += limit - joined
                    continue
                free -= 1
                total_wait += done - joined
                good += done - joined <= within
                heapq.heappush(busy, done + draw.expovariate(1 / aht))
                break

    for _ in range(n):
        now += draw.expovariate(arrive)
        serve_until(now)
        if free:
            free -= 1
            good += 1
            heapq.heappush(busy, now + draw.expovariate(1 / aht))
        else:
            waited += 1
            line.append((now, now + draw.expovariate(1 / patience)))
    return waited / n, gave_up / n, total_wait / n, good / n


def test_erlang_a_is_what_a_simulation_of_callers_who_give_up_shows():
    got = erlang.erlang_a(10, 10, 180, 20, 120)
    waits, gone, mean, level = _simulated(10, 10 / 180, 180, 120, 20, 150_000)
    assert got.waits == pytest.approx(waits, abs=0.02)
    assert got.abandoned == pytest.approx(gone, abs=0.01)
    assert got.mean_wait_s == pytest.approx(mean, rel=0.08)
    assert got.service_level == pytest.approx(level, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 60), st.floats(30, 600), st.floats(20, 900))
def test_one_agent_more_never_makes_it_worse(load, aht, patience):
    before = None
    for agents in range(max(0, int(load) - 2), int(load) + 6):
        got = erlang.erlang_a(agents, load, aht, 15, patience)
        assert got.stable and 0 <= got.service_level <= 1 + 1e-9
        assert 0 <= got.abandoned <= 1 and got.mean_wait_s >= 0
        if before is not None:
            assert got.service_level >= before.service_level - 1e-9
            assert got.abandoned <= before.abandoned + 1e-9
        before = got


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 80), st.floats(60, 400), st.floats(0.5, 0.95))
def test_the_agents_named_are_enough_and_one_fewer_is_not(load, aht, target):
    c = erlang.agents_for(load, aht, target=target, within_s=15, patience_s=None)
    assert erlang.erlang_c(c, load, aht, 15).service_level >= target
    fewer = erlang.erlang_c(c - 1, load, aht, 15).service_level
    assert fewer is None or fewer < target
    a = erlang.agents_for(load, aht, target=target, within_s=15, patience_s=120)
    assert erlang.erlang_a(a, load, aht, 15, 120).service_level >= target
    assert a <= c  # callers who give up leave room for the others


def test_very_patient_callers_are_those_of_erlang_c():
    a, c = erlang.erlang_a(13, 10, 180, 20, 1e7), erlang.erlang_c(13, 10, 180, 20)
    assert a.service_level == pytest.approx(c.service_level, abs=1e-3)
    assert a.mean_wait_s == pytest.approx(c.mean_wait_s, rel=1e-2)


def test_a_large_centre_is_answered_in_no_time_and_without_overflow():
    assert 450 < erlang.agents_for(500, 240, target=0.8, within_s=15, patience_s=120) < 520


def test_the_roster_is_longer_than_the_row_of_desks():
    assert erlang.rostered(7, 0.3) == 10
    assert erlang.rostered(0, 0.3) == 0
    with pytest.raises(ValueError, match="shrinkage"):
        erlang.rostered(7, 1.0)


@pytest.mark.parametrize(
    ("call", "field"),
    [(lambda: erlang.load(-1, 10), "calls_per_hour"), (lambda: erlang.load(1, NAN), "aht"),
     (lambda: erlang.erlang_b(-1, 3), "servers"), (lambda: erlang.erlang_b(1, 1e400), "erlang"),
     (lambda: erlang.trunks_needed(3, 0), "blocking"),
     (lambda: erlang.agents_for(3, 60, target=1, within_s=15, patience_s=None), "target"),
     (lambda: erlang.erlang_a(-1, 3, 60, 15, 60), "agents"),
     (lambda: erlang.agents_for(1e9, 60, target=0.8, within_s=15, patience_s=None), "erlang")],
)  # fmt: skip
def test_what_is_no_question_is_refused_by_name(call, field):
    with pytest.raises(ValueError, match=field):
        call()


def test_no_calls_need_nobody():
    assert erlang.agents_for(0, 180, target=0.8, within_s=15, patience_s=120) == 0
    assert erlang.erlang_c(3, 0, 180, 15).service_level == 1
    assert erlang.erlang_a(3, 0, 180, 15, 60).occupancy == 0
