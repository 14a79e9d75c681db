"""An agent's screen and the telephone: who has the caller, who is credited, what is pressed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow, User
from server.accounts.refusals import Conflict, Refused
from server.calls import agents, exchange, recovering, services
from server.calls.listeners import tell
from server.calls.models import AgentInterval, AgentState, Call
from server.calls.queueing.models import AgentSkill, Queue
from server.desk import control
from server.tickets.models import CallBack
from telephony import features
from telephony.ami import events as told
from telephony.ami.parser import Message

pytestmark = pytest.mark.django_db
START = timezone.now()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def call(cast: Any) -> Call:
    """Anna rang; Aino (1001) has the call."""
    User.objects.filter(username="mika").update(extension="1002")
    services.rang(services.Ring("c1", "0401000101", "", "965113", START))
    tell(told.Queued("c1", "faults", 0), at(1))
    tell(told.Answered("c1", "1001", "PJSIP/1001-1"), at(3))
    return Call.objects.get(call_id="c1")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What is asked of Asterisk; Aino's and Mika's telephones are in a call."""
    said: list[tuple[str, dict[str, Any]]] = []

    def act(name: str, *, site: str = "", **fields: Any) -> Message:
        said.append((name, fields))
        return Message((("Response", "Success"),))

    def listed_at_each(name: str, **fields: Any) -> dict[str, list[Message]]:
        held = [
            Message((("Channel", f"PJSIP/{n}-1"), ("ChannelStateDesc", "Up")))
            for n in ("trunk", "1001")
        ]
        return {"sp": held}

    monkeypatch.setattr(exchange, "act", act)
    monkeypatch.setattr(exchange, "listed_at_each", listed_at_each)
    monkeypatch.setattr(control, "_GAP_S", 0)
    return said


def state(name: str) -> str:
    row = AgentState.objects.filter(user__username=name).first()
    return row.state if row else "signed_out"


def legs(call: Call) -> list[tuple[str, str, bool]]:
    found = control.talk_of(call)["legs"]
    return [(leg["user"], leg["how"], leg["to"] is not None) for leg in found]


def test_a_blind_transfer_credits_both_and_frees_the_first(call: Call) -> None:
    tell(told.Transferred("c1", "1001", "1002"), at(20))
    tell(told.AgentLeft("c1", "1001", "PJSIP/1001-1", 16), at(20))
    assert state("aino") == "ready"
    tell(told.Answered("c1", "1002", "PJSIP/1002-2", "transfer"), at(24))
    call.refresh_from_db()
    assert call.agent is not None and call.agent.username == "mika"
    assert (state("mika"), call.state) == ("talking", "talking")
    tell(told.CallEnded("c1", "", "1001", False, ""), at(60))
    assert legs(call) == [("aino", "queue", True), ("mika", "transfer", True)]
    talked = AgentInterval.objects.filter(state="talking", call=call)
    assert {i.user.username for i in talked} == {"aino", "mika"}
    # The ticket, the draft and the recording hang on the one call.
    assert Call.objects.count() == 1


def test_a_transfer_nobody_takes_brings_the_first_agent_back(call: Call) -> None:
    tell(told.AgentLeft("c1", "1001", "PJSIP/1001-1", 16), at(20))
    tell(told.TransferFailed("c1", "1001", "1002", "BUSY", 1), at(25))
    tell(told.Answered("c1", "1001", "PJSIP/1001-3", "back"), at(26))
    call.refresh_from_db()
    assert call.agent is not None and call.agent.username == "aino"
    assert state("aino") == "talking" and state("mika") == "signed_out"
    assert legs(call) == [("aino", "queue", True), ("aino", "back", False)]


def test_who_is_asked_first_gets_the_caller_when_the_agent_leaves(call: Call) -> None:
    tell(told.HeldChanged("c1", "1001", True), at(10))
    assert state("aino") == "hold"
    tell(told.Consulted("c1", "1002", "PJSIP/1002-4"), at(12))
    assert state("mika") == "talking"
    tell(told.HeldChanged("c1", "1001", False), at(15))
    assert state("aino") == "talking"
    tell(told.AgentLeft("c1", "1001", "PJSIP/1001-1", 16), at(16))
    call.refresh_from_db()
    assert call.agent is not None and call.agent.username == "mika"
    assert state("aino") == "ready"


def test_a_colleague_who_was_only_asked_leaves_the_caller_where_it_is(call: Call) -> None:
    tell(told.Consulted("c1", "1002", "PJSIP/1002-4"), at(12))
    tell(told.AgentLeft("c1", "1002", "PJSIP/1002-4", 16), at(15))
    call.refresh_from_db()
    assert call.agent is not None and call.agent.username == "aino"
    assert (state("mika"), state("aino")) == ("ready", "talking")


def test_a_page_loaded_again_keeps_the_agent_in_the_talk(call: Call) -> None:
    tell(told.AgentLeft("c1", "1001", "PJSIP/1001-1", 44), at(10))
    tell(told.AgentLost("c1", "1001"), at(10))
    assert state("aino") == "talking"
    tell(told.Answered("c1", "1001", "PJSIP/1001-2", "resume"), at(13))
    assert legs(call) == [("aino", "queue", True), ("aino", "resume", False)]


def test_a_page_that_does_not_come_back_sends_the_caller_to_the_front(call: Call) -> None:
    tell(told.AgentLeft("c1", "1001", "PJSIP/1001-1", 44), at(10))
    tell(told.AgentLost("c1", "1001"), at(10))
    tell(told.BackToQueue("c1"), at(18))
    call.refresh_from_db()
    assert (call.state, call.agent) == ("queued", None)
    assert state("aino") == "paused"
    tell(told.Answered("c1", "1002", "PJSIP/1002-9"), at(20))
    call.refresh_from_db()
    assert call.agent is not None and call.agent.username == "mika"


def test_a_telephone_that_only_rang_is_nobodys_leg(call: Call) -> None:
    tell(told.AgentLeft("c1", "1002", "PJSIP/1002-5", 17), at(10))
    assert legs(call) == [("aino", "queue", False)]


@pytest.mark.parametrize(("what", "code"), [
    ("abort", features.CONSULT_ABORT), ("complete", features.CONSULT_COMPLETE),
    ("conference", features.CONSULT_CONFERENCE), ("swap", features.CONSULT_SWAP),
])  # fmt: skip
def test_a_button_presses_the_keys_of_the_exchange(
    call: Call, asked: Any, cast: Any, what: str, code: str
) -> None:
    control.act(call, what, by=cast.aino)
    assert "".join(fields["Digit"] for _name, fields in asked) == code
    assert {fields["Channel"] for _name, fields in asked} == {"PJSIP/1001-1"}
    assert AuditRow.objects.filter(action=f"call.{what}", by="aino").exists()


def test_the_exchange_is_asked_for_what_the_agent_wants(
    call: Call, asked: Any, cast: Any
) -> None:
    control.act(call, "transfer", by=cast.aino, to="1002")
    control.act(call, "consult", by=cast.aino, to="1002")
    control.act(call, "consult", by=cast.aino, to="040 765 4321")
    control.act(call, "mute", by=cast.aino, on=False)
    control.act(call, "hangup", by=cast.aino)
    control.act(call, "key", by=cast.aino, key="5")
    assert [(n, f.get("Context"), f.get("Exten")) for n, f in asked[:3]] == [
        ("BlindTransfer", "sp-transfer", "1002"), ("Atxfer", "sp-consult", "1002"),
        ("Atxfer", "sp-consult", "0407654321"),
    ]  # fmt: skip
    assert asked[3][1]["State"] == "off"
    assert asked[4][0] == "Hangup"
    # Keys are for the caller's ear.
    assert (asked[5][1]["Channel"], asked[5][1]["Digit"]) == ("c1", "5")


def test_a_caller_of_the_other_site_is_held_by_the_line_that_stands_for_them_here(
    call: Call, asked: Any, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """caller ── sp ══ line ══ sp2 ── Aino: sp2 has her keys, and plays the music into the line."""
    talks = {
        "sp": [("trunk", "one"), ("site-sp2", "one")],
        "sp2": [("1002", "another"), ("site-sp", "two"), ("1001", "two")],
    }
    monkeypatch.setattr(exchange, "listed_at_each", lambda name, **_: {
        site: [
            Message((("Channel", f"PJSIP/{n}-1"), ("ChannelStateDesc", "Up"), ("BridgeId", bridge)))
            for n, bridge in rows
        ]
        for site, rows in talks.items()
    })  # fmt: skip
    where: list[tuple[str, str, str]] = []

    def act(name: str, *, site: str = "", **fields: Any) -> Message:
        where.append((name, site, fields["Channel"]))
        return Message((("Response", "Success"),))

    monkeypatch.setattr(exchange, "act", act)
    control.act(call, "hold", by=cast.aino)
    line, keys = ("Setvar", "sp2", "PJSIP/site-sp-1"), ("PlayDTMF", "sp2", "PJSIP/1001-1")
    assert where == [line, line, *([keys] * len(features.HOLD))]
    control.act(call, "hold", by=cast.aino, on=False)
    assert where[-1] == line


@pytest.mark.parametrize(("said", "field"), [
    ({"act": "explode"}, "act"), ({"act": "transfer", "to": ""}, "to"),
    ({"act": "transfer", "to": "0401234567"}, "to"), ({"act": "transfer", "to": "1001"}, "to"),
    ({"act": "consult", "to": "; rm -rf"}, "to"), ({"act": "consult", "to": "112\r\nx: y"}, "to"),
    ({"act": "queue", "to": "billing"}, "to"), ({"act": "queue", "to": ""}, "to"),
    ({"act": "queue", "to": "faults_1"}, "to"), ({"act": "queue", "to": 7}, "to"),
    ({"act": "key", "key": "55"}, "key"), ({"act": "key", "key": "A"}, "key"), ({}, "act"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_its_name(
    call: Call, asked: Any, cast: Any, client_of: Any, said: Any, field: str
) -> None:
    door = client_of(cast.aino).post("/api/calls/c1/talk", said, "application/json")
    assert (door.status_code, door.json()["errors"][0]["field"]) == (422, field)
    assert asked == []


def test_without_a_talk_or_a_line_nothing_is_pressed(call: Call, asked: Any, cast: Any) -> None:
    with pytest.raises(Conflict):
        control.act(call, "hangup", by=User.objects.get(username="mika"))
    with pytest.raises(Refused):
        control.act(call, "hangup", by=cast.juho)
    assert asked == []


def test_colleagues_are_listed_free_first(call: Call, cast: Any, client_of: Any) -> None:
    agents.set_state(User.objects.get(username="mika"), "ready")
    listed = client_of(cast.aino).get("/api/desk/colleagues").json()["colleagues"]
    assert [(c["user"], c["state"]) for c in listed] == [("mika", "ready")]


@pytest.fixture
def billing(call: Call) -> Queue:
    """Mika answers bills; two callers wait there, one for longer than Anna has waited."""
    User.objects.filter(username="mika").update(role="agent")
    mika = User.objects.get(username="mika")
    AgentSkill.objects.create(user=mika, skill="billing", level=3)
    agents.set_state(mika, "ready")
    for name, since in (("b1", at(-30)), ("b2", at(10))):
        services.rang(services.Ring(name, "0401000202", "", "965113", since))
        tell(told.Queued(name, "billing", 0), since)
    return Queue.objects.create(code="billing", name="Billing", name_zh="水费", skill="billing")


def test_a_caller_is_handed_to_a_queue_at_the_place_of_their_turn(
    call: Call, asked: Any, cast: Any, billing: Queue
) -> None:
    control.act(call, "queue", by=cast.aino, to="billing")
    # Anna waits since second 1: after b1, before b2. Danger goes before everybody.
    Call.objects.filter(call_id="c1").update(priority=10)
    control.act(Call.objects.get(call_id="c1"), "queue", by=cast.aino, to="billing")
    assert [(name, f["Channel"], f["Context"], f["Exten"]) for name, f in asked] == [
        ("BlindTransfer", "PJSIP/1001-1", "sp-transfer", "billing_2"),
        ("BlindTransfer", "PJSIP/1001-1", "sp-transfer", "billing_1"),
    ]
    audit = AuditRow.objects.filter(action="call.queue", subject="call:c1", by="aino")
    assert [row.note for row in audit] == ["billing"] * 2
    billing.active = False
    billing.save()
    with pytest.raises(Refused) as no:
        control.act(call, "queue", by=cast.aino, to="billing")
    assert (no.value.field, no.value.code) == ("to", "unknown")


def handed(call: Call, second: float) -> Call:
    tell(told.Transferred("c1", "1001", "billing"), at(second))
    tell(told.AgentLeft("c1", "1001", "PJSIP/1001-1", 16), at(second))
    tell(told.Queued("c1", "billing", 0, at(1).timestamp()), at(second))
    call.refresh_from_db()
    return call


def test_both_agents_are_credited_and_the_call_stays_one(call: Call, billing: Queue) -> None:
    now = handed(call, 20)
    assert (now.state, now.agent, now.queue, now.skill) == ("queued", None, "billing", "billing")
    # Since when they wait is what it was; the first agent is free for others.
    assert (now.queued_at, state("aino"), now.transfers) == (at(1), "ready", 1)
    tell(told.Answered("c1", "1002", "PJSIP/1002-2"), at(24))
    call.refresh_from_db()
    assert call.agent is not None and call.agent.username == "mika"
    tell(told.CallEnded("c1", "", "1002", False, ""), at(60))
    assert legs(call) == [("aino", "queue", True), ("mika", "queue", True)]
    assert not CallBack.objects.filter(call_id="c1").exists()
    talked = AgentInterval.objects.filter(state="talking", call=call)
    assert {i.user.username for i in talked} == {"aino", "mika"}


@pytest.mark.parametrize(("words", "reason"), [(False, "missed"), (True, "message")])
def test_who_gives_up_in_the_second_queue_is_owed_a_call(
    call: Call, billing: Queue, words: bool, reason: str
) -> None:
    handed(call, 20)
    tell(told.CallEnded("c1", "TIMEOUT" if words else "ABANDON", "1001", words, ""), at(90))
    assert [row.reason for row in CallBack.objects.filter(call_id="c1")] == [reason]
    assert Call.objects.get(call_id="c1").outcome == "answered"


def wrote(settings: Any, call_id: str, *more: tuple[str, float, dict[str, str]]) -> None:
    """Asterisk's own file: handed to billing after a talk with 1001, and what followed."""
    lines: list[tuple[str, float, dict[str, str]]] = [
        ("arrived", 0, {"number": "0401000101", "to": "965113"}),
        ("queued", 1, {"queue": "faults", "priority": "0"}), ("answered", 3, {"agent": "1001"}),
        ("transferred", 20, {"agent": "1001", "to": "billing"}),
        ("queued", 20, {"queue": "billing", "priority": "0"}), *more,
    ]  # fmt: skip
    folder = settings.STANDPIPE["CALL_LOG"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calls.jsonl").write_text("".join(
        json.dumps({"event": event, "call": call_id, "at": at(second).isoformat(), **fields}) + "\n"
        for event, second, fields in lines
    ))  # fmt: skip


@pytest.mark.parametrize("call_id", ["c1", "c2"])
def test_who_gives_up_there_while_none_of_ours_runs_is_owed_a_call_as_well(
    call: Call, billing: Queue, settings: Any, call_id: str
) -> None:
    """Of c1 we had seen the talk with Aino, of c2 nothing."""
    wrote(settings, call_id, ("ended", 90, {"status": "ABANDON", "abandoned": "1"}))
    recovering.recover_calls()
    assert [row.reason for row in CallBack.objects.filter(call_id=call_id)] == ["missed"]
    found = Call.objects.get(call_id=call_id)
    assert (found.state, found.outcome) == ("ended", "answered")


def test_whom_somebody_there_took_while_none_of_ours_ran_is_owed_nothing(
    call: Call, billing: Queue, settings: Any
) -> None:
    handed(call, 20)
    wrote(settings, "c1", ("answered", 24, {"agent": "1002"}), ("ended", 60, {"agent": "1002"}))
    recovering.recover_calls()
    assert Call.objects.get(call_id="c1").state == "ended"
    assert not CallBack.objects.filter(call_id="c1").exists()


def test_queues_are_listed_beside_colleagues_as_they_stand(
    call: Call, cast: Any, billing: Queue, client_of: Any
) -> None:
    listed = client_of(cast.aino).get("/api/desk/colleagues").json()["queues"]
    found = {q["queue"]: (q["waiting"], q["free"], q["working"], q["mine"]) for q in listed}
    assert found == {"faults": (0, 0, 1, True), "billing": (2, 1, 1, False)}


def test_dialling_needs_a_line_and_a_free_telephone(
    call: Call, cast: Any, client_of: Any
) -> None:
    busy = client_of(cast.aino).post("/api/desk/dial", {"number": "0401"}, "application/json")
    assert (busy.status_code, busy.json()["errors"][0]["field"]) == (409, "number")
    User.objects.filter(username="mika").update(extension="")
    none = client_of(cast.mika).post("/api/desk/dial", {"number": "0401"}, "application/json")
    assert (none.status_code, none.json()["errors"][0]["code"]) == (422, "no_extension")
