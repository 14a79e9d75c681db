"""The agent hangs up first, and the caller is asked how it went.

    caller 440 Hz ──queue──► desk 1101 1000 Hz ──hangs up──► "one to five?" ──► let go
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from telephony.agents import join_queue, leave_queue
from telephony.ami.client import AmiClient
from telephony.ami.events import (
    Answered,
    CallEnded,
    MemberChanged,
    Rated,
    RatingAsked,
    RecordingReady,
)
from telephony.incoming import Decision, IncomingCall
from telephony.recovery import RecoveredCall
from tests.telephony.conftest import PASSWORDS, Desk, Heard, eventually, listening
from tests.telephony.person import Person
from tests.telephony.sound import loud_tones, seconds_of

pytestmark = pytest.mark.live
CALLER, AGENT = 440, 1000


async def english(call: IncomingCall) -> Decision:
    return Decision()


async def chinese(call: IncomingCall) -> Decision:
    return Decision(language="zh")


@dataclass
class Talk:
    """The caller talks with agent 1101."""

    ami: AmiClient
    heard: Heard
    caller: Person
    agent: Person

    async def until_let_go(self, seconds: float = 30) -> None:
        async def gone() -> bool:
            return not self.caller.in_call

        await eventually(gone, "the caller is let go", seconds)
        await self.heard.one(CallEnded)

    async def asked_in(self) -> str:
        """The file that the caller hears."""
        await self.heard.one(RatingAsked)
        for m in await self.ami.actions_list("CoreShowChannels"):
            if m.get("Channel").startswith("PJSIP/trunk-"):
                said = await self.ami.action("Getvar", Channel=m.get("Channel"), Variable="SP_SAY")
                return said.get("Value")
        raise AssertionError("the caller is not there any more")

    def scores(self) -> list[int]:
        return [e.score for e in self.heard.events if isinstance(e, Rated)]

    def was_asked(self) -> bool:
        return any(isinstance(e, RatingAsked) for e in self.heard.events)


@asynccontextmanager
async def talking(desk: Desk, number: str, *, keys: str = "") -> AsyncIterator[Talk]:
    port = desk.config.sip_port
    stranger = Person(port, "caller", tone_hz=CALLER, trunk_secret=desk.config.secret_of_trunk)
    async with (
        listening(desk) as (ami, heard), stranger as caller,
        Person(port, "1101", PASSWORDS["1101"], tone_hz=AGENT, ring_s=0.1) as agent,
    ):  # fmt: skip
        await join_queue(ami, "faults", "1101", "Desk 1")
        try:
            await caller.call(desk.config.service_number, number)
            caller.press(keys)
            talk = Talk(ami, heard, caller, agent)

            async def hear_each_other() -> bool:
                return caller.hears(CALLER, AGENT) == {AGENT} and agent.hears(CALLER) == {CALLER}

            await eventually(hear_each_other, "they talk")
            yield talk
        finally:
            await leave_queue(ami, "faults", "1101")


def _talk_s(call: RecoveredCall) -> float:
    assert call.answered_at is not None and call.ended_at is not None
    return (call.ended_at - call.answered_at).total_seconds()


async def test_five_is_kept_without_the_application_and_the_agent_is_free_meanwhile(
    asterisk: Desk,
) -> None:
    async with talking(asterisk, "0401230701") as talk:
        call_id = (await talk.heard.one(Answered)).call_id
        wav = asterisk.config.recordings / f"{call_id}.wav"

        async def a_second_of_sound() -> bool:
            return wav.exists() and wav.stat().st_size > 20_000

        await eventually(a_second_of_sound, "something is said")
        await talk.agent.hang_up()
        await talk.heard.one(RatingAsked)
        # The recording is closed, and the telephone free, while the caller is still there.
        recording = await talk.heard.one(RecordingReady)

        async def free() -> bool:
            states = [e.status for e in talk.heard.events if isinstance(e, MemberChanged)]
            return states[-1] == 1

        await eventually(free, "the agent is free")

        async def spoken_to() -> bool:
            return talk.caller.loudness() > 300

        await eventually(spoken_to, "the question at the caller's ear")
        assert talk.caller.in_call
        length = wav.stat().st_size
        talk.caller.press("5")
        assert (await talk.heard.one(Rated)) == Rated(call_id, 5)
        await talk.until_let_go()
    stored = asterisk.call_from("0401230701")
    assert (stored.score, stored.agent, stored.status) == (5, "1101", "")
    assert stored.asked_at == stored.ended_at and stored.rated_at is not None
    assert stored.asked_at is not None and stored.asked_at < stored.rated_at
    assert wav.stat().st_size == length == recording.bytes
    assert abs(seconds_of(wav) - _talk_s(stored)) < 1
    assert loud_tones(wav.with_name(f"{wav.stem}-in.wav"), [CALLER, AGENT]) == {CALLER}


async def test_who_says_nothing_is_thanked_and_let_go(asterisk: Desk) -> None:
    async with asterisk.application(english), talking(asterisk, "0401230702", keys="0") as talk:
        await talk.agent.hang_up()
        await talk.until_let_go()
        assert talk.was_asked() and talk.scores() == []
    stored = asterisk.call_from("0401230702")
    assert stored.asked_at is not None and (stored.score, stored.rated_at) == (0, None)


async def test_a_key_that_is_no_answer_is_asked_about_once_more_in_the_callers_language(
    asterisk: Desk,
) -> None:
    async with asterisk.application(chinese), talking(asterisk, "0401230703", keys="0") as talk:
        await talk.agent.hang_up()
        assert (await talk.asked_in()).endswith("/zh/rate-service")
        talk.caller.press("9")

        async def again() -> bool:
            return (await talk.asked_in()).endswith("/zh/rate-again")

        await eventually(again, "asked once more")
        talk.caller.press("4")
        await talk.until_let_go()
        assert talk.scores() == [4]
    assert asterisk.call_from("0401230703").score == 4


async def test_who_presses_nonsense_twice_is_let_go(asterisk: Desk) -> None:
    async with asterisk.application(english), talking(asterisk, "0401230704", keys="0") as talk:
        await talk.agent.hang_up()
        await talk.heard.one(RatingAsked)
        talk.caller.press("0#")
        await talk.until_let_go(8)
        assert talk.scores() == []


async def test_in_danger_nobody_is_asked(asterisk: Desk) -> None:
    async with asterisk.application(english), talking(asterisk, "0401230705", keys="1") as talk:
        await talk.agent.hang_up()
        await talk.until_let_go(5)
        assert not talk.was_asked()
