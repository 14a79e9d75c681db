"""Queues by skill and district, and who sits where.

    Aino: faults (expert), billing        queues   faults        everybody
    Sari: nothing on record               ------>  faultseast    the district of the town
                                                   billing       faults' agents help after 60 s
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.calls import agents, queueing, services
from server.calls.models import AgentInterval, AgentState, Call
from server.calls.queueing import seating, selectors
from server.calls.queueing.demo import furnish
from server.calls.queueing.models import AgentProfile, AgentSkill, PauseReason, Queue
from server.customers.models import Premise
from server.events.models import Event
from server.tickets.models import CallBack
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
    AgentInterval.objects.create(
        user=cast.aino, state="wrap", started_at=at - timedelta(seconds=50),
        ended_at=at - timedelta(seconds=10),
    )  # fmt: skip
    assert selectors.handling_s("faults", at) == pytest.approx(90 + 40 / 2)
    assert {q["queue"]: q["handling_s"] for q in selectors.now(at)}["faults"] == 110


def test_without_any_row_there_is_still_the_general_queue(cast):
    Queue.objects.all().delete()
    assert [q.code for q in selectors.queues()] == ["faults"]
    assert [row["queue"] for row in queueing.now()] == ["faults"]
    assert queueing.place(ring()).queue == "faults"


# -- what a supervisor sets -----------------------------------------------------------------------


def put(client, url, body):
    return client.put(url, body, content_type="application/json")


def test_a_supervisor_makes_a_queue_and_asterisk_is_told(cast, client_of):
    sari = client_of(cast.sari)
    body = {"name": "Billing", "name_zh": "账务", "skill": "billing", "overflow_to": "faults",
            "overflow_after_s": 60, "max_wait_s": 600, "call_back": False}  # fmt: skip
    made = put(sari, "/api/queues/billing", body)
    assert made.status_code == 200 and made.json()["overflow_to"] == "faults"
    assert Event.objects.filter(name="queues.changed").exists()
    assert "context=sp-queue-keys-plain" in render_queues(seating.exchange_settings(), "faults")
    put(sari, "/api/queues/billing", {"ring_s": 20})
    assert Queue.objects.get(code="billing").max_wait_s == 600  # what is not given stays
    codes = [q["code"] for q in sari.get("/api/queues").json()["queues"]]
    assert codes == ["faults", "billing"]
    assert [q["queue"] for q in client_of(cast.aino).get("/api/queues/now").json()] == codes


@pytest.mark.parametrize(
    ("code", "body", "field"),
    [
        ("Bill!", {"name": "x"}, "code"), ("b", {"skill": "billing"}, "name"),
        ("b", {"name": "x", "skill": "Bil ling"}, "skill"), ("b", {"name": "x"}, "skill"),
        ("b", {"name": "x", "skill": "b", "ring_s": 1}, "ring_s"),
        ("b", {"name": "x", "skill": "b", "max_wait_s": "soon"}, "max_wait_s"),
        ("b", {"name": "x", "skill": "b", "max_wait_s": None}, "max_wait_s"),
        ("b", {"name": "x", "skill": "b", "active": "yes"}, "active"),
        ("b", {"name": "x" * 61, "skill": "b"}, "name"),
        ("b", {"name": "x", "skill": "b", "area": "atlantis"}, "area"),
        ("b", {"name": "x", "skill": "b", "overflow_to": "nowhere"}, "overflow_to"),
        ("faults", {"overflow_to": "faults"}, "overflow_to"),
        ("faults", {"active": False}, "active"),
    ],
)  # fmt: skip
def test_a_queue_that_cannot_be_is_refused_naming_the_field(cast, client_of, code, body, field):
    answer = put(client_of(cast.sari), f"/api/queues/{code}", body)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


def test_a_supervisor_sets_what_an_agent_can_do(cast, client_of, east):
    sari = client_of(cast.sari)
    body = {"skills": {"faults": 3, "billing": 1}, "areas": [east.code], "text_limit": 2,
            "text_while_talking": True}  # fmt: skip
    told = put(sari, "/api/agents/aino/skills", body).json()
    assert told["skills"] == {"faults": 3, "billing": 1} and told["areas"] == [east.code]
    rows = {row["username"]: row for row in sari.get("/api/agents/skills").json()}
    assert rows["aino"]["text_while_talking"] and rows["sari"]["works"] == {"faults": 2}
    for bad, field in (
        ({"skills": {"faults": 4}}, "skills"), ({"skills": ["faults"]}, "skills"),
        ({"skills": {"": 1}}, "skill"), ({"areas": "east"}, "areas"), ({"areas": ["x"]}, "areas"),
        ({"text_limit": -1}, "text_limit"), ({"text_while_talking": 1}, "text_while_talking"),
    ):  # fmt: skip
        answer = put(sari, "/api/agents/aino/skills", bad)
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field
    assert put(sari, "/api/agents/mika/skills", body).status_code == 422
    assert put(sari, "/api/agents/nobody/skills", body).status_code == 404


def test_an_agent_pauses_for_a_reason_of_the_table(cast, client_of):
    desk, sari = client_of(cast.aino), client_of(cast.sari)

    def pause(reason: str) -> int:
        body = {"state": "paused", "reason": reason}
        return desk.post("/api/me/state", body, content_type="application/json").status_code

    assert pause("knitting") == 422 and pause("no answer") == 422
    assert put(sari, "/api/pause-reasons/knitting", {"name": "Knitting"}).status_code == 200
    assert pause("knitting") == 200
    put(sari, "/api/pause-reasons/knitting", {"active": False})
    assert pause("knitting") == 422
    assert put(sari, "/api/pause-reasons/no answer", {"name": "x"}).status_code == 409
    assert put(sari, "/api/pause-reasons/Tea!", {"name": "x"}).status_code == 422
    assert put(sari, "/api/pause-reasons/tea", {}).status_code == 422
    told = {row["code"]: row for row in desk.get("/api/pause-reasons").json()}
    assert told["lunch"]["away"] and not told["break"]["away"]


# -- after the call -------------------------------------------------------------------------------


def talk(agent, call: str = "c1", *, draft: bool = True) -> Call:
    ring(call)
    services.queued(call, at=timezone.now(), queue="faults", priority=0)
    services.answered(call, agent.extension, at=timezone.now())
    row = Call.objects.get(call_id=call)
    if draft:
        services.save_draft(row, {"note": "water in the cellar"}, by=agent.username)
    services.ended(call, at=timezone.now())
    row.refresh_from_db()
    return row


def state(user) -> str:
    return AgentState.objects.get(user=user).state


def test_wrap_up_lasts_until_the_form_is_done(cast):
    call = talk(cast.aino)
    assert state(cast.aino) == "wrap"
    services.register(call, {"kind": "enquiry", "note": "done"}, by="aino")
    assert state(cast.aino) == "ready"


def test_wrap_up_ends_at_its_limit_and_the_draft_is_not_lost(cast):
    call = talk(cast.aino)
    assert agents.end_wrap_ups() == 0
    AgentState.objects.update(since=timezone.now() - timedelta(seconds=301))
    assert agents.end_wrap_ups() == 1 and state(cast.aino) == "ready"
    call.refresh_from_db()
    assert call.draft == {"note": "water in the cellar"}
    assert CallBack.objects.get(call_id="c1").reason == "hung_up"


def test_a_queue_may_give_time_after_every_call(cast):
    Queue.objects.filter(code="faults").update(wrap_s=30)
    talk(cast.aino, draft=False)
    assert state(cast.aino) == "wrap" and agents.end_wrap_ups() == 0
    AgentState.objects.update(since=timezone.now() - timedelta(seconds=31))
    assert agents.end_wrap_ups() == 1 and state(cast.aino) == "ready"


def test_a_supervisor_ends_a_wrap_up_and_cuts_no_talk_short(cast, client_of):
    sari = client_of(cast.sari)

    def tell(body):
        return sari.post("/api/agents/aino/state", body, content_type="application/json")

    assert tell({"state": "ready"}).status_code == 409  # not signed in
    talk(cast.aino)
    assert tell({"state": "ready"}).json()["state"] == "ready"
    assert AuditRow.objects.get(action="agent.state").from_state == "wrap"
    assert Event.objects.filter(name="agent.wants").last().payload["state"] == "ready"
    assert tell({"state": "paused"}).status_code == 422  # why?
    assert tell({"state": "paused", "reason": "meeting"}).json()["reason"] == "meeting"
    assert tell({"state": "talking"}).status_code == 422
    agents.set_state(cast.aino, AgentState.State.HOLD)
    assert tell({"state": "ready"}).status_code == 409
    assert sari.post("/api/agents/nobody/state", {}).status_code == 404


def test_who_did_not_answer_is_paused_and_the_reason_is_in_the_times(cast):
    agents.set_state(cast.aino, AgentState.State.READY)
    services.not_answered("1001")
    row = AgentState.objects.get(user=cast.aino)
    assert (row.state, row.reason) == ("paused", "no answer")
    agents.set_state(cast.aino, AgentState.State.PAUSED, reason="lunch")
    times = AgentInterval.objects.filter(user=cast.aino).order_by("started_at", "pk")
    assert [(t.state, t.reason, t.ended_at is None) for t in times] == [
        ("ready", "", False), ("paused", "no answer", False), ("paused", "lunch", True),
    ]  # fmt: skip


def test_the_demo_has_a_second_queue_and_keeps_what_a_supervisor_changed(cast):
    cast.aino.username = "agent1"
    cast.aino.save()
    assert furnish()
    assert seating.seat(cast.aino, "ready", "").penalties == {"faults": 0, "billing": 4}
    AgentSkill.objects.all().delete()
    assert not furnish() and not AgentSkill.objects.exists()
