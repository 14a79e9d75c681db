"""Who should go: pure, so that any crews and any need may be tried."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.dispatch.ranking import Candidate, Need, Piece, place_in_line, rank
from server.workforce.hours import Hours, Limits

NEED = Need(frozenset({"valve"}), 150.0, 3600.0, "P1", area=1)
DN150 = Piece("clamp", 150, 150, frozenset(), 1)
FREE = Candidate(
    id=1, name="North", lon=24.93, lat=60.17, on_shift=True, shift_left_s=8 * 3600.0,
    state="available", busy_s=0.0, skills=frozenset({"valve"}), max_diameter_mm=300,
    stock=(DN150,), fix_age_s=5.0, area=None, seconds=300.0, metres=3000.0,
)  # fmt: skip

# Many fields, small lists: drawing them must not fail on a machine that is busy.
LIGHT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
SKILLS = st.frozensets(st.sampled_from(["valve", "repair", "meter"]))
PIECES = st.builds(
    Piece, item=st.sampled_from(["clamp", "pipe"]), from_mm=st.integers(50, 400),
    to_mm=st.integers(50, 800), materials=st.frozensets(st.sampled_from(["DI", "PE"])),
    free=st.integers(0, 2),
)  # fmt: skip
HOURS = st.none() | st.builds(
    Hours, worked_s=st.floats(0, 86_400), rest_s=st.none() | st.floats(0, 86_400),
    nights=st.integers(0, 8),
)  # fmt: skip
CREWS = st.lists(
    st.builds(
        Candidate,
        id=st.integers(1, 10**6), name=st.just("crew"), lon=st.just(24.9), lat=st.just(60.1),
        seconds=st.none() | st.floats(0, 7200), metres=st.none() | st.floats(0, 90_000),
        on_shift=st.booleans(), shift_left_s=st.floats(0, 40_000), relieved=st.booleans(),
        state=st.sampled_from(["available", "on_site", "break", "off_duty"]),
        busy_s=st.sampled_from([0.0, 600.0]), skills=SKILLS,
        max_diameter_mm=st.integers(50, 1000), stock=st.lists(PIECES, max_size=3).map(tuple),
        fix_age_s=st.none() | st.floats(0, 1e5), area=st.none() | st.integers(1, 3),
        jobs_today=st.integers(0, 9), on_call=st.booleans(), call_out_s=st.floats(0, 3600),
        leave=st.sampled_from(["", "sick"]), nobody_here=st.booleans(),
        break_left_s=st.none() | st.floats(0, 3600),
        lapsed=st.dictionaries(st.just("valve"), st.just("2026-01-01")),
        away_with=st.dictionaries(st.just("repair"), st.just("Li")),
        valve_keys_mm=st.lists(st.integers(80, 800), max_size=2).map(tuple),
        vehicle_out=st.sampled_from(["", "gearbox"]),
        inspection_due=st.sampled_from(["", "2026-01-01"]), hours=HOURS,
        back_s=st.floats(0, 7200), detour_s=st.none() | st.floats(0, 7200),
    ),
    max_size=6, unique_by=lambda c: c.id,
)  # fmt: skip
NEEDS = st.builds(
    Need, skills=SKILLS, diameter_mm=st.floats(0, 800), work_s=st.floats(0, 20_000),
    priority=st.sampled_from(["P1", "P4"]), area=st.none() | st.integers(1, 3),
    material=st.sampled_from(["", "DI"]), valve_mm=st.floats(0, 800), queued=st.booleans(),
)  # fmt: skip


@LIGHT
@given(CREWS, NEEDS, st.randoms())
def test_every_crew_stands_in_the_list_once_and_chance_has_no_say(crews, need, random):
    ranked = rank(crews, need)
    assert sorted(r.candidate.id for r in ranked) == sorted(c.id for c in crews)
    shuffled = list(crews)
    random.shuffle(shuffled)
    assert [r.candidate.id for r in rank(shuffled, need)] == [r.candidate.id for r in ranked]


@LIGHT
@given(CREWS, NEEDS)
def test_excluded_crews_stand_last_and_the_rest_by_doubt_cost_load_and_id(crews, need):
    ranked = rank(crews, need)
    keys = [
        (r.excluded, r.doubtful, r.score, r.candidate.jobs_today, r.candidate.id) for r in ranked
    ]
    assert keys == sorted(keys)
    assert [place_in_line(r) for r in ranked] == keys
    for r in ranked:
        assert r.score == sum(x.weight for x in r.reasons)
        assert all(x.weight >= 0 for x in r.reasons)
        if r.candidate.seconds is None:
            assert r.excluded


@LIGHT
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
    doubtful = replace(FREE, stock=(), detour_s=60.0, max_diameter_mm=100, fix_age_s=None, area=2,
                       jobs_today=2, shift_left_s=600.0, valve_keys_mm=(100,),
                       inspection_due="2026-01-01", state="break", break_left_s=60.0,
                       hours=Hours(11 * 3600.0, 9 * 3600.0, 5))  # fmt: skip
    need = replace(NEED, valve_mm=300.0)
    assert not codes(doubtful, need, hard=True)
    assert codes(doubtful, need, hard=False) == {
        "drive", "no_clamp", "pipe_too_large", "shift_ends", "no_fix", "other_area", "load",
        "valve_key", "inspection_overdue", "break", "tired", "rest_short", "nights",
    }  # fmt: skip
    assert "stale_fix" in codes(replace(FREE, fix_age_s=121.0), hard=False)
    assert "old_fix" in codes(replace(FREE, fix_age_s=601.0), hard=False)


def test_a_position_older_than_ten_minutes_stands_behind_all_who_can_go():
    lost = replace(FREE, id=1, seconds=10.0, fix_age_s=601.0)
    slow = replace(FREE, id=2, seconds=3000.0, fix_age_s=599.0)
    away = replace(FREE, id=3, on_shift=False)
    assert [r.candidate.id for r in rank([lost, slow, away], NEED)] == [2, 1, 3]


def test_a_crew_without_the_clamp_is_offered_with_the_way_by_the_depot():
    near = replace(FREE, id=1, seconds=100.0, stock=(), detour_s=300.0)
    far = replace(FREE, id=2, seconds=399.0)
    assert [r.candidate.id for r in rank([near, far], NEED)] == [2, 1]
    assert [r.candidate.id for r in rank([near, replace(far, seconds=401.0)], NEED)] == [1, 2]


def test_where_no_depot_has_the_piece_either_that_is_said_and_costs_an_hour():
    (row,) = rank([replace(FREE, stock=())], NEED)
    assert [(r.code, r.weight) for r in row.reasons] == [("drive", 300.0), ("no_stock", 3600.0)]
    assert not row.excluded, "somebody has to close the valves meanwhile"


def test_a_piece_fits_by_size_range_material_and_only_while_one_is_free():
    wide = Piece("clamp", 100, 200, frozenset({"DI", "CI"}), 1)
    need = replace(NEED, material="DI")
    assert wide.fits(need) and DN150.fits(need)
    assert not replace(wide, free=0).fits(need)
    assert not replace(wide, materials=frozenset({"PE"})).fits(need)
    assert not replace(wide, item="coupling").fits(need)
    assert not wide.fits(replace(need, diameter_mm=250.0))
    assert wide.fits(replace(need, material="")), "nobody knows what the pipe is made of"


def test_a_missing_skill_says_whether_it_ran_out_or_went_on_leave():
    need = replace(NEED, skills=frozenset({"valve", "repair", "welding"}))
    crew = replace(FREE, skills=frozenset(), lapsed={"valve": "2026-03-01"},
                   away_with={"repair": "Li"})  # fmt: skip
    (row,) = rank([crew], need)
    said = {r.data["skill"]: (r.code, r.data) for r in row.reasons if r.hard}
    assert said["valve"] == ("skill_lapsed", {"skill": "valve", "day": "2026-03-01"})
    assert said["repair"] == ("skill_away", {"skill": "repair", "who": "Li"})
    assert said["welding"][0] == "skill_missing"


def test_a_crew_on_call_is_offered_with_the_time_it_needs_to_get_going():
    home = replace(FREE, id=1, on_shift=False, on_call=True, call_out_s=1800.0, fix_age_s=None)
    assert codes(home, hard=True) == set()
    assert codes(home, hard=False) == {"drive", "call_out"}
    far = replace(FREE, id=2, seconds=2099.0)
    assert [r.candidate.id for r in rank([home, far], NEED)] == [2, 1]
    assert [r.candidate.id for r in rank([home, replace(far, seconds=2101.0)], NEED)] == [1, 2]


def test_a_busy_crew_is_excluded_unless_it_may_come_afterwards():
    busy = replace(FREE, busy_s=900.0)
    assert codes(busy, hard=True) == {"busy"}
    later = rank([busy], replace(NEED, queued=True))[0]
    assert not later.excluded and later.score == 300.0 + 900.0


def test_hours_cost_first_and_stop_at_the_limit():
    limits = Limits((10.0, 13.0), (11.0, 8.0), (5, 7))
    need = replace(NEED, limits=limits)

    def said(worked_h: float, rest_h: float = 20.0, nights: int = 0) -> set[str]:
        tired = replace(FREE, hours=Hours(worked_h * 3600, rest_h * 3600, nights))
        return {r.code for r in rank([tired], need)[0].reasons} - {"drive"}

    assert said(8.0) == set(), "with the job it stays below ten hours"
    assert said(9.5) == {"tired"}
    assert said(13.0) == {"tired", "hours_over"}
    assert said(1.0, rest_h=10.9) == {"rest_short"}
    assert said(1.0, rest_h=7.9) == {"rest_short", "no_rest"}
    assert said(1.0, nights=5) == {"nights"}
    assert said(1.0, nights=7) == {"nights", "nights_over"}


def test_who_is_on_call_may_be_called_out_of_a_short_rest_at_a_cost():
    home = replace(FREE, on_shift=False, on_call=True, hours=Hours(9 * 3600.0, 3 * 3600.0, 0))
    (row,) = rank([home], NEED)
    assert not row.excluded and "rest_short" in {r.code for r in row.reasons}


def test_the_way_home_counts_when_the_shift_ends():
    need = replace(NEED, diameter_mm=0.0)
    tight = replace(FREE, shift_left_s=300.0 + 3600.0 + 100.0)
    assert codes(tight, need, hard=False) == {"drive"}
    (row,) = rank([replace(tight, back_s=400.0)], need)
    assert [(r.code, r.weight) for r in row.reasons] == [("drive", 300.0), ("shift_ends", 300.0)]


def test_a_crew_whose_next_team_takes_over_goes_before_one_that_lies_in_bed():
    """A burst at 5:30, the night ends at 6: who is out closes the valves, the next team digs."""
    need = replace(NEED, diameter_mm=0.0, priority="P1", work_s=4 * 3600.0)
    night = replace(FREE, id=1, shift_left_s=1800.0, relieved=True)
    home = replace(FREE, id=2, on_shift=False, on_call=True, call_out_s=1800.0, seconds=60.0)
    ends = replace(FREE, id=3, shift_left_s=1800.0)
    assert [r.candidate.id for r in rank([ends, home, night], need)] == [1, 2, 3]
    (row,) = rank([night], need)
    assert [(r.code, r.weight) for r in row.reasons] == [("drive", 300.0), ("relieved", 300.0)]
    # Eight hours worked and four of work ahead: tired, were it not for who takes over.
    worked = Hours(8 * 3600.0, None, 0)
    (tired,) = rank([replace(night, relieved=False, hours=worked)], need)
    assert "tired" in {r.code for r in tired.reasons}
    assert codes(replace(night, hours=worked), need, hard=False) == {"drive", "relieved"}
    short = replace(need, work_s=1600.0)  # 100 s too long
    assert [r.weight for r in rank([night], short)[0].reasons] == [300.0, 100.0]


def test_equal_costs_go_to_the_lower_load_then_the_smaller_id():
    twin = replace(FREE, id=7)
    assert [r.candidate.id for r in rank([twin, FREE], NEED)] == [1, 7]
    # 120 s of load against 120 s of drive: the same cost, less load first.
    loaded = replace(FREE, id=1, seconds=180.0, jobs_today=1)
    rested = replace(FREE, id=9, seconds=300.0)
    assert [r.candidate.id for r in rank([loaded, rested], NEED)] == [9, 1]
