"""Calls that we make, through a real Asterisk to a simulated public network.

    Originate ──Local──► sp-dial-out ──► PublicNetwork      0401230201 answers and presses keys
                  │                                         0401230202 answers, a machine speaks on
                  └─ taken ─► queue | notice | agent        0401230203 is busy, …204 turns it away
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from telephony.agents import join_queue, leave_queue
from telephony.ami.client import AmiClient
from telephony.ami.events import (
    AgentConnected,
    Answered,
    CallEnded,
    DialKey,
    DialNotBegun,
    DialOver,
    DialTaken,
    RecordingReady,
)
from telephony.dialplan import AFTER_CLICK, AFTER_NOTICE, AFTER_QUEUE, OUT_CONTEXT
from telephony.dials import read_dials
from telephony.network import Line, PublicNetwork
from tests.telephony.conftest import Desk, Heard, eventually, listening
from tests.telephony.sound import loud_tones

pytestmark = pytest.mark.live
PERSON, MACHINE, BUSY, REFUSES = "0401230201", "0401230202", "0401230203", "0401230204"
TALKER, FOR_EVER = "0401230205", "0401230206"
TONES = [440, 700, 1000, 1700]


@pytest.fixture
async def network(asterisk: Desk) -> AsyncIterator[PublicNetwork]:
    host, _, port = asterisk.config.trunk_contact.partition(":")
    lines = {
        PERSON: Line(keys="15", keys_after_s=0.7, talk_s=25, speaks=((0.3, 0.9),)),
        MACHINE: Line(speaks=((0.2, 6.0),), talk_s=8),
        BUSY: Line("busy"), REFUSES: Line("rejects"),
        TALKER: Line(talk_s=3.5, tone_hz=700), FOR_EVER: Line("rings"),
    }  # fmt: skip
    async with PublicNetwork(lines, host=host, port=int(port)) as net:
        yield net


async def ring(
    ami: AmiClient, number: str, attempt: str, context: str, *, exten: str = "s",
    channel: str = "", ring_s: int = 15, **variables: str,
) -> None:  # fmt: skip
    """As server.calls.dialling asks for it."""
    told = {
        "__SP_ATTEMPT": attempt, "__SP_CALL_ID": attempt, "__SP_NUMBER": number,
        "__SP_RING_S": str(ring_s), **variables,
    }  # fmt: skip
    await ami.action(
        "Originate", Channel=channel or f"Local/{number}@{OUT_CONTEXT}/n", Context=context,
        Exten=exten, Priority=1, Async=True, Timeout=(ring_s + 5) * 1000, ChannelId=attempt,
        Variable=[f"{name}={value}" for name, value in told.items()],
    )  # fmt: skip


async def over(heard: Heard, *attempts: str) -> dict[str, DialOver]:
    def ends() -> dict[str, DialOver]:
        return {e.call_id: e for e in heard.events if isinstance(e, DialOver)}

    async def all_there() -> bool:
        return set(attempts) <= set(ends())

    await eventually(all_there, f"the end of {attempts}", 30)
    return ends()


async def test_a_notice_is_spoken_and_its_questions_are_answered_by_key(
    asterisk: Desk, network: PublicNetwork
) -> None:
    prompts = asterisk.config.prompts / "en"
    async with listening(asterisk) as (ami, heard):
        told = {
            "SP_INTRO": str(prompts / "known-planned"), "SP_ASKED": "2",
            "SP_ASK_1": str(prompts / "please-wait"), "SP_ASK_2": str(prompts / "please-wait"),
            "SP_THANKS": str(prompts / "message-thanks"), "SP_MACHINE": "1",
        }  # fmt: skip
        await asyncio.gather(
            ring(ami, PERSON, "n-person", AFTER_NOTICE, **told),
            ring(ami, MACHINE, "n-machine", AFTER_NOTICE, SP_SCREEN="1", **told),
            ring(ami, BUSY, "n-busy", AFTER_NOTICE, **told),
            ring(ami, REFUSES, "n-refuses", AFTER_NOTICE, **told),
            ring(ami, FOR_EVER, "n-nobody", AFTER_NOTICE, ring_s=5, **told),
            ring(ami, "00123456789", "n-abroad", AFTER_NOTICE, **told),
        )
        ends = await over(
            heard, "n-person", "n-machine", "n-busy", "n-refuses", "n-nobody", "n-abroad"
        )
        keys = [(e.question, e.key) for e in heard.events
                if isinstance(e, DialKey) and e.call_id == "n-person"]  # fmt: skip
        taken = {e.call_id: e.heard for e in heard.events if isinstance(e, DialTaken)}
    assert keys == [(1, "1"), (2, "5")]
    assert taken == {"n-person": "", "n-machine": "MACHINE"}
    assert {name: end.status for name, end in ends.items()} == {
        "n-person": "ANSWER", "n-machine": "ANSWER", "n-busy": "BUSY", "n-refuses": "CHANUNAVAIL",
        "n-nobody": "NOANSWER", "n-abroad": "NOTALLOWED",
    }  # fmt: skip
    assert ends["n-refuses"].cause == 21
    assert not network.calls_to("00123456789")
    # Nobody listening would have lost nothing: the file says the same.
    stored = read_dials(asterisk.config.calls_log.with_name("dials.jsonl"))
    lines = [e for e, _at in stored.told if e.call_id == "n-person"]
    assert [type(e) for e in lines] == [DialTaken, DialKey, DialKey, DialOver]
    assert lines == [e for e in heard.events if getattr(e, "call_id", "") == "n-person"
                     and isinstance(e, DialTaken | DialKey | DialOver)]  # fmt: skip
    assert stored.bad == 0


async def test_a_person_who_says_hello_is_told_from_a_machine(
    asterisk: Desk, network: PublicNetwork
) -> None:
    async with listening(asterisk) as (ami, heard):
        prompts = asterisk.config.prompts / "en"
        await ring(ami, PERSON, "s-person", AFTER_NOTICE, SP_SCREEN="1", SP_ASKED="0",
                   SP_INTRO=str(prompts / "message-thanks"))  # fmt: skip
        await over(heard, "s-person")
        assert (await heard.one(DialTaken)).heard == "HUMAN"


async def test_who_answers_goes_to_the_queue_and_is_recorded_as_any_call(
    asterisk: Desk, network: PublicNetwork
) -> None:
    async with listening(asterisk) as (ami, heard), asterisk.phone() as phone:
        await join_queue(ami, "faults", "1101", "Desk 1")
        await ring(ami, TALKER, "q-talker", AFTER_QUEUE, exten="4", SP_TO_QUEUE="faults",
                   SP_PATIENCE="20")  # fmt: skip
        connected = await heard.one(AgentConnected)
        ended = await heard.one(CallEnded)
        ready = await heard.one(RecordingReady)
        await over(heard, "q-talker")
        taken = phone.taken()
        await leave_queue(ami, "faults", "1101")
    assert connected.call_id == ended.call_id == ready.call_id == "q-talker"
    assert [(c.call_id, c.answered) for c in taken] == [("q-talker", True)]
    wav = asterisk.config.recordings / "q-talker.wav"
    assert loud_tones(wav, TONES) == {700, 1000}
    assert loud_tones(wav.with_name("q-talker-in.wav"), TONES) == {700}


async def test_whom_we_called_is_not_kept_waiting_and_leaves_no_message(
    asterisk: Desk, network: PublicNetwork
) -> None:
    async with listening(asterisk) as (ami, heard):
        await ring(ami, TALKER, "q-nobody", AFTER_QUEUE, exten="4", SP_TO_QUEUE="faults",
                   SP_PATIENCE="20")  # fmt: skip
        ended = await heard.one(CallEnded)
        end = await over(heard, "q-nobody")
    assert ended.call_id == "q-nobody" and not ended.message_left and not ended.agent
    assert end["q-nobody"].status == "ANSWER"
    assert not (asterisk.config.recordings / "q-nobody-message.wav").exists()


async def test_an_agent_rings_a_customer_from_the_own_telephone(
    asterisk: Desk, network: PublicNetwork
) -> None:
    async with listening(asterisk) as (ami, heard), asterisk.phone() as phone:
        await ring(ami, TALKER, "c-talker", AFTER_CLICK, exten=TALKER, channel="PJSIP/1101",
                   __SP_CLICKED="1101",
                   **{"PJSIP_HEADER(add,X-SP-Call-Id)": "c-talker"})  # fmt: skip
        answered = await heard.one(Answered)
        ready = await heard.one(RecordingReady)
        await over(heard, "c-talker")
        await ring(ami, BUSY, "c-busy", AFTER_CLICK, exten=BUSY, channel="PJSIP/1101",
                   __SP_CLICKED="1101")  # fmt: skip
        ends = await over(heard, "c-busy")
        # 1102 is signed in nowhere.
        await ring(ami, TALKER, "c-nobody", AFTER_CLICK, exten=TALKER, channel="PJSIP/1102")
        gone = await heard.one(DialNotBegun)
        taken = phone.taken()
    assert (answered.call_id, answered.agent) == ("c-talker", "1101")
    assert taken[0].call_id == "c-talker" and taken[0].answered
    assert ready.call_id == "c-talker"
    wav = asterisk.config.recordings / "c-talker.wav"
    assert loud_tones(wav, TONES) == {700, 1000}
    assert loud_tones(wav.with_name("c-talker-in.wav"), TONES) == {700}
    assert loud_tones(wav.with_name("c-talker-out.wav"), TONES) == {1000}
    assert ends["c-busy"].status == "BUSY" and ends["c-talker"].status == "ANSWER"
    assert (gone.context, gone.extension) == (AFTER_CLICK, TALKER)
    assert len(network.calls_to(TALKER)) == 1
