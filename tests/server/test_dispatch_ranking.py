"""Who should go: pure, so that any crews and any need may be tried."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from server.dispatch.ranking import Candidate, Need, rank

NEED = Need(frozenset({"valve"}), 150.0, 3600.0, 300.0, "P1", area=1)
FREE = Candidate(
    id=1, name="North", lon=24.93, lat=60.17, on_shift=True, shift_left_s=8 * 3600.0,
    state="available", busy_s=0.0, skills=frozenset({"valve"}), max_diameter_mm=300,
    clamps_mm=frozenset({150}), fix_age_s=5.0, area=None, seconds=300.0, metres=3000.0,
)  # fmt: skip

SKILLS = st.frozensets(st.sampled_from(["valve", "repair", "meter"]))
CREWS = st.lists(
    st.builds(
        Candidate,
        id=st.integers(1, 10**6), name=st.just("crew"), lon=st.just(24.9), lat=st.just(60.1),
        seconds=st.none() | st.floats(0, 7200), metres=st.none() | st.floats(0, 90_000),
        on_shift=st.booleans(), shift_left_s=st.floats(0, 40_000),
        state=st.sampled_from(["available", "on_site", "break", "off_duty"]),
        busy_s=st.sampled_from([0.0, 600.0]), skills=SKILLS,
        max_diameter_mm=st.integers(50, 1000), clamps_mm=st.frozensets(st.integers(50, 800)),
        fix_age_s=st.none() | st.floats(0, 1e5), area=st.none() | st.integers(1, 3),
        jobs_today=st.integers(0, 9),
    ),
    max_size=12, unique_by=lambda c: c.id,
)  # fmt: skip
NEEDS = st.builds(
    Need, skills=SKILLS, diameter_mm=st.floats(0, 800), work_s=st.floats(0, 20_000),
    depot_detour_s=st.floats(0, 3600), priority=st.sampled_from(["P1", "P4"]),
    area=st.none() | st.integers(1, 3),
)  # fmt: skip


@given(CREWS, NEEDS, st.randoms())
def test_every_crew_stands_in_the_list_once_and_chance_has_no_say(crews, need, random):
    ranked = rank(crews, need)
    assert sorted(r.candidate.id for r in ranked) == sorted(c.id for c in crews)
    shuffled = list(crews)
    random.shuffle(shuffled)
    assert [r.candidate.id for r in rank(shuffled, need)] == [r.candidate.id for r in ranked]


@given(CREWS, NEEDS)
def test_excluded_crews_stand_last_and_the_rest_by_cost_load_and_id(crews, need):
    ranked = rank(crews, need)
    keys = [(r.excluded, r.score, r.candidate.jobs_today, r.candidate.id) for r in ranked]
    assert keys == sorted(keys)
    for r in ranked:
        assert r.score == sum(x.weight for x in r.reasons)
        assert all(x.weight >= 0 for x in r.reasons)
        if r.candidate.seconds is None:
            assert r.excluded


@given(CREWS, NEEDS, st.floats(0, 3600))
def test_driving_longer_never_brings_a_crew_forward(crews, need, more):
    if not crews or crews[0].seconds is None:
        return
    before = [r.candidate.id for r in rank(crews, need)].index(crews[0].id)
    slower = [replace(crews[0], seconds=crews[0].seconds + more), *crews[1:]]
    after = [r.candidate.id for r in rank(slower, need)].index(crews[0].id)
    assert after >= before


def codes(crew: Candidate, need: Need = NEED, *, hard: bool) -> set[str]:
    return {r.code for r in rank([crew], need)[0].reasons if r.hard == hard}


def test_every_reason_that_excludes_is_given_not_only_the_first():
    wrong = replace(FREE, on_shift=False, busy_s=60.0, skills=frozenset(), seconds=None,
                    state="break")  # fmt: skip
    assert codes(wrong, hard=True) == {
        "off_shift", "busy", "skill_missing", "unreachable", "not_available",
    }  # fmt: skip


def test_doubts_cost_but_do_not_exclude():
    assert codes(FREE, hard=False) == {"drive"}
    doubtful = replace(FREE, clamps_mm=frozenset(), max_diameter_mm=100, fix_age_s=None, area=2,
                       jobs_today=2, shift_left_s=600.0)  # fmt: skip
    assert not codes(doubtful, hard=True)
    assert codes(doubtful, hard=False) == {
        "drive", "no_clamp", "pipe_too_large", "shift_ends", "no_fix", "other_area", "load",
    }  # fmt: skip
    assert "stale_fix" in codes(replace(FREE, fix_age_s=121.0), hard=False)
    assert "old_fix" in codes(replace(FREE, fix_age_s=601.0), hard=False)


def test_a_crew_without_the_clamp_is_offered_with_the_way_by_the_depot():
    near = replace(FREE, id=1, seconds=100.0, clamps_mm=frozenset())
    far = replace(FREE, id=2, seconds=399.0)
    assert [r.candidate.id for r in rank([near, far], NEED)] == [2, 1]
    assert [r.candidate.id for r in rank([near, replace(far, seconds=401.0)], NEED)] == [1, 2]


def test_equal_costs_go_to_the_lower_load_then_the_smaller_id():
    twin = replace(FREE, id=7)
    assert [r.candidate.id for r in rank([twin, FREE], NEED)] == [1, 7]
    # 120 s of load against 120 s of drive: the same cost, less load first.
    loaded = replace(FREE, id=1, seconds=180.0, jobs_today=1)
    rested = replace(FREE, id=9, seconds=300.0)
    assert [r.candidate.id for r in rank([loaded, rested], NEED)] == [9, 1]
