"""Queues by skill and district, and who sits where.

    Aino: faults (expert), billing        queues   faults        everybody
    Sari: nothing on record               ------>  faultseast    the district of the town
                                                   billing       faults' agents help after 60 s
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from server.calls import agents, queueing, services
from server.calls.models import AgentState, Call
from server.calls.queueing import seating, selectors
from server.calls.queueing.models import AgentProfile, AgentSkill, PauseReason, Queue
from server.customers.models import Premise
from server.tickets.placing import area_of
from telephony.queues import render_queues, render_rules
from telephony.router import Overflow

pytestmark = pytest.mark.django_db


def ring(call: str = "c1", number: str = "0401000101") -> Call:
    return services.rang(services.Ring(call, number, "", "965113", timezone.now()))


@pytest.fixture
def east(town):
    """The district in which Anna lives."""
    return area_of(Premise.objects.get(code="anna").geom)


@pytest.fixture
def billing(town):
    faults = Queue.objects.get(code="faults")
    return Queue.objects.create(
        code="billing", name="Billing", name_zh="账务", skill="billing", overflow_to=faults,
        overflow_after_s=60, overflow_waiting=3,
    )  # fmt: skip


def test_a_call_goes_to_the_queue_of_its_skill_and_else_to_the_general_one(cast, billing):
    call = ring()
    assert queueing.place(call).queue == "faults"
    assert queueing.place(call, "billing").queue == "billing"
    assert queueing.place(call, "astrology").queue == "faults"
    billing.active = False
    billing.save()
    assert queueing.place(call, "billing").queue == "faults"


def test_a_district_with_a_queue_of_its_own_takes_its_callers(cast, east):
    local = Queue.objects.create(code="faultseast", name="East", skill="faults", area=east)
    assert queueing.place(ring()).queue == local.code
    assert queueing.place(ring("c2", "0409999999")).queue == "faults"  # who knows where they live


def test_hospitals_stand_in_front_and_a_higher_priority_is_kept(cast):
    call = ring()
    assert queueing.place(call).priority == 0
    call.premise.use = "hospital"
    assert queueing.place(call).priority == 5
    assert queueing.place(call, priority=10).priority == 10


def test_an_expert_rings_before_others_and_a_local_before_a_stranger(cast, east):
    queue = Queue(code="q", skill="s", area=east)
    assert [seating.penalty(queue, level, [east.pk]) for level in (3, 2, 1)] == [0, 2, 4]
    assert seating.penalty(queue, 3, []) == 1
    assert seating.penalty(Queue(code="q", skill="s"), 3, []) == 0


def test_agents_sit_in_every_queue_they_can_take_and_help_where_wanted(cast, east, billing):
    local = Queue.objects.create(code="faultseast", name="East", skill="faults", area=east)
    AgentSkill.objects.create(user=cast.aino, skill="billing", level=3)
    AgentSkill.objects.create(user=cast.aino, skill="faults", level=1)
    profile = AgentProfile.objects.create(user=cast.aino)
    profile.areas.add(east)
    seat = seating.seat(cast.aino, "ready", "")
    assert seat.penalties == {"faults": 4, "billing": 0, local.code: 4}
    # Sari has nothing on record: general work, and billing only when its callers wait too long.
    assert seating.seat(cast.sari, "ready", "").penalties == {
        "faults": 2, local.code: 3, "billing": 52,
    }  # fmt: skip


def test_lunch_takes_an_agent_out_of_the_queues_and_a_break_does_not(cast):
    assert seating.seat(cast.aino, "paused", "lunch") is None
    assert seating.seat(cast.aino, "signed_out", "") is None
    assert seating.seat(cast.aino, "paused", "break").paused_for == "break"
    assert seating.seat(cast.aino, "wrap", "").paused_for == "wrap"
    assert seating.seat(cast.aino, "talking", "").paused_for == ""
    assert PauseReason.objects.get(code="no answer").system


def test_asterisks_queues_are_written_from_the_table(cast, billing):
    text = render_queues(seating.exchange_settings(), "faults")
    assert "[faults](+)" in text and "[billing](sp-defaults)" in text
    assert "defaultrule=billing-helpers" in text
    assert "penaltychange => 60,100" in render_rules(seating.exchange_settings())
    assert seating.overflow_rules()["billing"] == Overflow(60, 3)
    billing.overflow_to = None
    billing.save()
    assert seating.overflow_rules()["billing"] == Overflow(0, 0)


def test_the_queues_now_are_counted_from_the_calls_and_the_agents(cast, billing):
    agents.set_state(cast.aino, AgentState.State.READY)
    agents.set_state(cast.sari, AgentState.State.PAUSED, reason="break")
    AgentSkill.objects.create(user=cast.aino, skill="billing", level=2)
    at = timezone.now()
    for n, (queue, since) in enumerate((("billing", 90), ("billing", 30), ("faults", 10))):
        ring(f"w{n}")
        services.queued(f"w{n}", at=at - timedelta(seconds=since), queue=queue, priority=0)
    found = {row["queue"]: row for row in selectors.now(at)}
    assert (found["billing"]["waiting"], found["faults"]["waiting"]) == (2, 1)
    assert found["billing"]["longest_wait_s"] == pytest.approx(90, abs=0.1)
    # Two wait before a third; the one agent there is free: 2 calls of three minutes first.
    assert found["billing"]["expected_wait_s"] == pytest.approx(2 * 180)
    assert found["faults"]["expected_wait_s"] is None  # Sari has a break, Aino does billing only
    assert found["faults"]["agents"] == {"paused": 1} and found["faults"]["working"] == 0
    call = Call.objects.get(call_id="w0")
    assert (call.queue, call.skill, call.priority) == ("billing", "billing", 0)


def test_how_long_a_call_takes_is_read_from_the_last_two_hours(cast):
    at = timezone.now()
    for n, talk in enumerate((60, 120)):
        call = ring(f"t{n}")
        begun = at - timedelta(minutes=30)
        Call.objects.filter(pk=call.pk).update(
            queue="faults", answered_at=begun, ended_at=begun + timedelta(seconds=talk)
        )
    assert selectors.handling_s("faults", at) == pytest.approx(90)
    assert selectors.handling_s("billing", at) == selectors.USUAL_HANDLING_S


def test_without_any_row_there_is_still_the_general_queue(cast):
    Queue.objects.all().delete()
    assert [q.code for q in selectors.queues()] == ["faults"]
    assert [row["queue"] for row in queueing.now()] == ["faults"]
    assert queueing.place(ring()).queue == "faults"
