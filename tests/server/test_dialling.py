"""Ringing people: written down first, never twice, and what became of it.

    dial(key) ── row committed ──► Originate ──► taken? key? over?
       └ same key again: the same row, nobody is rung
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.refusals import Conflict, Refused
from server.calls import dialling, exchange, listeners, recovering, services
from server.calls.dialling import ToAgent, ToNotice, ToQueue
from server.calls.models import AgentState, Call, DialAttempt
from server.tickets.models import CallBack
from server.wallboard.figures import calls_between
from telephony.ami import events as ami
from telephony.dialplan import AFTER_CLICK, AFTER_NOTICE, AFTER_QUEUE

pytestmark = pytest.mark.django_db
ANNA, CAI, FARM = "0401000101", "0401000106", "0401000109"
NOTICE = ToNotice("/prompts/intro", ("/prompts/one",))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Asterisk was asked to do."""
    rows: list[dict[str, Any]] = []

    def act(name: str, *, site: str = "", **fields: Any) -> None:
        assert name == "Originate"
        rows.append(fields)

    monkeypatch.setattr(exchange, "act", act)
    return rows


def ring(number: str = ANNA, **more: Any) -> DialAttempt:
    told = {"by": "aino", "purpose": "campaign", "on_answer": NOTICE, **more}
    return DialAttempt.objects.get(pk=dialling.dial(number, **told))


def tell(event: ami.AmiEvent) -> None:
    listeners.tell(event, timezone.now())


def variables(fields: dict[str, Any]) -> dict[str, str]:
    return dict(v.split("=", 1) for v in fields["Variable"])


def test_a_notice_is_rung_by_the_guarded_way_out_and_its_keys_are_kept(cast, asked):
    row = ring("+358 40 1000101", subject="target:1")
    assert row.number == ANNA and row.subject == "target:1"
    assert asked[0]["Channel"] == f"Local/{ANNA}@sp-dial-out/n"
    assert (asked[0]["Context"], asked[0]["ChannelId"]) == (AFTER_NOTICE, row.call_id)
    assert variables(asked[0])["SP_ASK_1"] == "/prompts/one"
    assert not Call.objects.exists()  # nobody at the desk has anything to do with it
    tell(ami.DialTaken(row.call_id, "HUMAN"))
    tell(ami.DialKey(row.call_id, 1, "1"))
    tell(ami.DialKey(row.call_id, 1, "2"))
    tell(ami.DialOver(row.call_id, "ANSWER", 16))
    row.refresh_from_db()
    assert (row.result, row.heard, row.keys) == ("answered", "human", {"1": "1"})
    assert row.answered_at and row.ended_at


@pytest.mark.parametrize(
    ("status", "cause", "result"),
    [("BUSY", 17, "busy"), ("NOANSWER", 0, "no_answer"), ("CANCEL", 0, "no_answer"),
     ("CHANUNAVAIL", 21, "refused"), ("CHANUNAVAIL", 1, "failed"), ("CONGESTION", 34, "failed"),
     ("NOTALLOWED", 21, "failed"), ("", 0, "failed"), ("ANSWER", 16, "answered")],
)  # fmt: skip
def test_each_ending_is_one_of_five_results(cast, asked, status, cause, result):
    row = ring()
    tell(ami.DialOver(row.call_id, status, cause))
    row.refresh_from_db()
    assert row.result == result and row.ended_at is not None


def test_the_same_key_rings_nobody_twice(cast, asked):
    first = ring(key="target:1:1")
    assert ring(key="target:1:1").pk == first.pk
    tell(ami.DialOver(first.call_id, "NOANSWER", 19))
    assert ring(key="target:1:1").pk == first.pk
    assert len(asked) == 1


def test_a_number_is_rung_by_one_attempt_at_a_time(cast, asked):
    row = ring(key="a")
    with pytest.raises(Conflict) as refused:
        ring(key="b", purpose="click")
    assert refused.value.field == "number"
    tell(ami.DialOver(row.call_id, "BUSY", 17))
    ring(key="c")
    assert len(asked) == 2


def test_an_attempt_whose_end_nobody_told_does_not_block_its_number_for_ever(cast, asked):
    row = ring(key="a")
    DialAttempt.objects.filter(pk=row.pk).update(placed_at=timezone.now() - timedelta(minutes=5))
    assert ring(key="b").pk != row.pk
    row.refresh_from_db()
    assert (row.result, row.note) == ("failed", "lost")


def test_campaigns_do_not_ring_who_asked_for_it_an_agent_may(cast, asked):
    listed = dialling.do_not_call("040 1000101", reason="asked", by="sari")
    with pytest.raises(Refused) as refused:
        ring()
    assert refused.value.code == "do_not_call" and not asked
    ring(purpose="click", on_answer=ToAgent("1001"))
    assert len(asked) == 1
    dialling.may_call_again(listed, by="sari")
    ring(CAI)


@pytest.mark.parametrize("number", ["", "anonymous", "112", "965113", "abc", None, "1" * 40])
def test_what_is_no_number_is_refused_by_name(cast, asked, number):
    with pytest.raises(Refused) as refused:
        ring(number)
    assert refused.value.field == "number" and not asked


def test_asterisk_away_is_an_attempt_that_failed_and_a_sentence(cast, monkeypatch):
    def away(*_: Any, **__: Any) -> None:
        raise Refused("telephone", "exchange", "away")

    monkeypatch.setattr(exchange, "act", away)
    with pytest.raises(Refused) as refused:
        ring(on_answer=ToQueue("faults"), purpose="callback")
    assert refused.value.field == "telephone"
    assert DialAttempt.objects.get().result == "failed"
    assert Call.objects.get().outcome == "not_reached"


def test_an_agent_rings_and_the_talk_is_a_call_with_a_card(cast, asked):
    row = ring(purpose="click", on_answer=ToAgent("1001"))
    assert (asked[0]["Channel"], asked[0]["Exten"]) == ("PJSIP/1001", ANNA)
    assert asked[0]["Context"] == AFTER_CLICK
    call = Call.objects.get(call_id=row.call_id)
    assert call.direction == "out" and call.account.premise.code == "anna"
    tell(ami.DialTaken(row.call_id, ""))
    tell(ami.Answered(row.call_id, "1001"))
    assert AgentState.objects.get(user=cast.aino).state == "talking"
    tell(ami.DialOver(row.call_id, "ANSWER", 16))
    tell(ami.CallEnded(row.call_id, "", "1001", False, ""))
    call.refresh_from_db()
    assert (call.state, call.outcome, call.agent) == ("ended", "answered", cast.aino)
    assert AgentState.objects.get(user=cast.aino).state == "ready"


def test_the_agents_own_telephone_not_taken_ends_the_attempt(cast, asked):
    row = ring(purpose="click", on_answer=ToAgent("1001"))
    tell(ami.DialNotBegun(AFTER_CLICK, ANNA))
    row.refresh_from_db()
    assert row.result == "failed" and "telephone" in row.note


def test_several_homes_behind_a_number_are_not_guessed(cast, asked):
    row = ring(FARM, purpose="callback", on_answer=ToQueue("faults", 6))
    assert asked[0]["Context"] == AFTER_QUEUE and asked[0]["Exten"] == "6"
    call = Call.objects.get(call_id=row.call_id)
    assert call.identity == "many" and call.account is None


def test_nobody_is_owed_a_call_for_a_call_we_made(cast, asked):
    row = ring(purpose="callback", on_answer=ToQueue("faults"))
    tell(ami.DialTaken(row.call_id, ""))
    services.queued(row.call_id, at=timezone.now())
    tell(ami.CallEnded(row.call_id, "ABANDON", "", False, ""))
    assert Call.objects.get().outcome == "abandoned"
    assert not CallBack.objects.exists()
    # and no figure of the queue takes it for somebody who called us
    now = timezone.now()
    assert calls_between(now - timedelta(hours=1), now + timedelta(hours=1))["offered"] == 0


def test_what_asterisk_wrote_while_nobody_listened_is_read_later_once(cast, asked, settings):
    row = ring(key="a")
    file = settings.STANDPIPE["CALL_LOG"] / "dials.jsonl"
    at = "2026-11-26T09:00:00.000Z"
    file.write_text(
        f'{{"event":"taken","call":"{row.call_id}","at":"{at}","heard":""}}\n'
        "not json\n"
        f'{{"event":"key","call":"{row.call_id}","at":"{at}","question":"1","key":"1"}}\n'
        f'{{"event":"over","call":"{row.call_id}","at":"{at}","status":"ANSWER","cause":"16"}}\n'
        '{"event":"over","call":"half'
    )
    assert recovering.recover_dials() == 3
    row.refresh_from_db()
    assert (row.result, row.keys) == ("answered", {"1": "1"})
    assert recovering.recover_dials() == 0


def test_what_went_with_a_killed_asterisk_is_ended(cast, asked):
    here, gone = ring(key="a"), ring(CAI, key="b")
    soon = timezone.now() + timedelta(seconds=1)
    assert dialling.end_absent({here.call_id}, began_before=soon) == 1
    gone.refresh_from_db()
    here.refresh_from_db()
    assert gone.ended_at is not None and here.ended_at is None
