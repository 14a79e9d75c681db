"""The tables of shut-offs by themselves: every cell of state, verb and role; notice; permits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.outages import law, permits, states
from server.outages.states import Kind, Role, State, Verb

S, V = State, Verb

# Written down apart from the table, as an engineer would: who may do what from where.
FLOW = {
    Kind.PLANNED: [S.DRAFT, S.APPROVED, S.NOTICED, S.ACTIVE, S.PARTLY_RESTORED, S.RESTORED,
                   S.CLOSED],
    Kind.UNPLANNED: [S.DRAFT, S.ACTIVE, S.PARTLY_RESTORED, S.RESTORED, S.CLOSED],
}  # fmt: skip


def test_what_is_closed_or_cancelled_stays_so():
    for kind, verb in product(Kind, Verb):
        assert not states.results(kind, S.CLOSED, verb)
        assert not states.results(kind, S.CANCELLED, verb)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_state_is_reached_from_the_draft_and_leads_on(kind):
    seen, edge = {S.DRAFT}, [S.DRAFT]
    while edge:
        here = edge.pop()
        for verb in Verb:
            for there in states.results(kind, here, verb) - seen:
                seen.add(there)
                edge.append(there)
    assert seen == {*FLOW[kind], S.CANCELLED}
    assert set(states.OVER) | set(states.OPEN) | set(states.AHEAD) == set(State)


@pytest.mark.parametrize("kind", list(Kind))
def test_no_step_jumps_forward_over_a_state_that_has_to_be_passed(kind):
    """Water never goes off before the approval, and nothing is closed before it is restored."""
    order = {s: n for n, s in enumerate(FLOW[kind])}
    for (here, verb), there in states.TRANSITIONS[kind].items():
        for end in there - {S.CANCELLED}:
            jump = order[end] - order[here]
            skips_notice = (here, verb) == (S.APPROVED, V.CLOSE_VALVE)  # only after an override
            skips_parts = end == S.RESTORED or S.PARTLY_RESTORED in there
            assert jump <= 1 or skips_notice or skips_parts, (here, verb, end)
        if here in (S.ACTIVE, S.PARTLY_RESTORED):
            assert S.CANCELLED not in there, "water that is off is restored, not cancelled"


@pytest.mark.parametrize(
    ("verb", "roles"),
    [
        (V.APPROVE, {"engineer", "supervisor"}),
        (V.RELEASE, {"dispatcher", "supervisor"}),
        (V.CLOSE_VALVE, {"dispatcher", "supervisor", "crew", "system"}),
        (V.OPEN_VALVE, {"dispatcher", "supervisor", "crew", "system"}),
        (V.LEAVE_CLOSED, {"engineer"}),
        (V.REACHED, {"engineer", "supervisor", "dispatcher", "agent"}),
        (V.NOTICED, {"system"}),
    ],
)
def test_a_step_is_for_those_named_and_for_nobody_else(verb, roles):
    assert {str(r) for r in Role if states.may(verb, r)} == roles


def test_an_agent_a_manager_and_an_auditor_change_nothing_but_the_list_of_calls():
    for role in (Role.MANAGER, Role.AUDITOR):
        assert not [v for v in Verb if states.may(v, role)]
    assert [v for v in Verb if states.may(v, Role.AGENT)] == [V.REACHED]


@pytest.mark.parametrize("word", ["", "burst", "DRAFT", None])
def test_words_the_table_does_not_know_lead_nowhere(word):
    assert states.results(word, "draft", "approve") == frozenset()
    assert states.results("planned", word, "approve") == frozenset()
    assert states.results("planned", "draft", word) == frozenset()
    assert not states.may(word, "engineer") and not states.may("approve", word)


# -- the law of notice ----------------------------------------------------------------------------

EIGHT = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours_off", "lead"), [(1, 24), (12, 24), (12.02, 48), (13, 48), (200, 48)]
)
def test_a_day_before_and_two_where_it_lasts_longer_than_twelve_hours(hours_off, lead):
    ends = EIGHT + timedelta(hours=hours_off)
    assert law.lead(law.Notice(), EIGHT, ends) == timedelta(hours=lead)
    assert law.latest(law.Notice(), EIGHT, ends) == EIGHT - timedelta(hours=lead)


@pytest.mark.parametrize(
    ("asked", "leaves"),
    [("07:59", "28 08:00"), ("08:00", "28 08:00"), ("20:59", "28 20:59"), ("21:00", "29 08:00"),
     ("23:30", "29 08:00"), ("00:10", "28 08:00")],
)  # fmt: skip
def test_nobody_is_woken_by_a_notice(asked, leaves):
    now = datetime.fromisoformat(f"2026-11-28 {asked}+00:00")
    assert f"{law.may_text_at(law.Notice(), now):%d %H:%M}" == leaves


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 100))
def test_enough_is_a_share_of_those_to_be_told(told, total, share):
    rules = law.Notice(share=share)
    told = min(told, total)
    assert law.enough(rules, told, total) == (total == 0 or told / total >= share / 100 - 1e-12)


# -- permits --------------------------------------------------------------------------------------


def facts(start: str, hours: float, **more) -> permits.Facts:
    starts = datetime.fromisoformat(f"2026-11-28 {start}+00:00")
    return permits.Facts(starts, starts + timedelta(hours=hours), **more)


@pytest.mark.parametrize(
    ("start", "hours", "night"),
    [("08:00", 8, False), ("06:00", 16, False), ("05:59", 1, True), ("21:30", 1, True),
     ("21:00", 1, False), ("08:00", 24, True), ("14:00", 10, True)],
)  # fmt: skip
def test_work_in_the_night_asks_for_leave(start, hours, night):
    assert ("night_work" in permits.needed(facts(start, hours))) is night


def test_each_rule_looks_at_its_own_fact():
    assert permits.needed(facts("09:00", 4)) == []
    for more, kind in [
        ({"works": frozenset({"road"})}, "road_opening"),
        ({"works": frozenset({"lane"})}, "traffic"),
        ({"works": frozenset({"hot"})}, "hot_work"),
        ({"hydrants_lost": 1}, "fire_service"),
        ({"deepest_chamber_m": 1.3}, "confined_space"),
        ({"gas": True}, "confined_space"),
    ]:
        assert permits.needed(facts("09:00", 4, **more)) == [kind]
    assert not permits.needed(facts("09:00", 4, deepest_chamber_m=1.2))


def test_no_emergency_excuses_from_what_keeps_people_alive():
    assert {k for k in permits.KINDS if not permits.may_wait(k)} == {
        "fire_service", "confined_space", "hot_work",
    }  # fmt: skip
    assert permits.file_by("road_opening", EIGHT) == EIGHT + timedelta(hours=24)
    assert permits.file_by("hot_work", EIGHT) is None
