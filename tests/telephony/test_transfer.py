"""Who hears whom while a call is held, handed over and shared, by the tones that arrive.

    caller 440 Hz      1101 1000 Hz      1102 1300 Hz      1103 1700 Hz, often busy

A screen acts for its agent by the manager interface, as server/desk does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from telephony import features
from telephony.agents import join_queue, leave_queue
from telephony.ami.client import AmiClient
from telephony.ami.events import (
    AgentLeft,
    Answered,
    BackToQueue,
    CallEnded,
    Consulted,
    HeldChanged,
    Queued,
    RatingAsked,
    RecordingReady,
    TransferFailed,
    Transferred,
)
from tests.telephony.conftest import PASSWORDS, Desk, Heard, eventually, listening
from tests.telephony.person import Person
from tests.telephony.sound import loud_tones

pytestmark = pytest.mark.live
CALLER, ONE, TWO, THREE = 440, 1000, 1300, 1700
TONES = (CALLER, ONE, TWO, THREE)


@dataclass
class Table:
    """A talk between the caller and agent 1101, with two colleagues at hand."""

    ami: AmiClient
    heard: Heard
    caller: Person
    one: Person
    two: Person
    three: Person

    async def channel(self, extension: str) -> str:
        for m in await self.ami.actions_list("CoreShowChannels"):
            if m.get("Channel").startswith(f"PJSIP/{extension}-"):
                return m.get("Channel")
        raise AssertionError(f"{extension} is in no call")

    async def press(self, extension: str, code: str) -> None:
        channel = await self.channel(extension)
        for digit in code:
            await self.ami.action(
                "PlayDTMF", Channel=channel, Digit=digit, Duration=80, Receive=True
            )
            await asyncio.sleep(0.1)

    async def transfer(self, extension: str, to: str) -> None:
        await self.ami.action(
            "BlindTransfer", Channel=await self.channel(extension), Context="sp-transfer", Exten=to
        )

    async def consult(self, extension: str, to: str) -> None:
        await self.ami.action(
            "Atxfer", Channel=await self.channel(extension), Context="sp-consult", Exten=to
        )

    async def ears(self, **expected: set[int]) -> None:
        """Wait until everybody named hears just the tones given, from now on."""
        people = {name: getattr(self, name) for name in expected}
        for person in people.values():
            person.forget()

        async def as_expected() -> bool:
            return all(people[n].hears(*TONES) == tones for n, tones in expected.items())

        try:
            await eventually(as_expected, str(expected), 8)
        except AssertionError:
            found = {n: p.hears(*TONES) for n, p in people.items()}
            raise AssertionError(f"expected {expected}, heard {found}") from None

    def nobody_was_asked(self) -> None:
        """Whom to rate is not plain where several have talked."""
        assert not [e for e in self.heard.events if isinstance(e, RatingAsked)]

    async def until(self, true: Callable[[], bool], what: str, seconds: float = 10) -> None:
        async def now() -> bool:
            return true()

        await eventually(now, what, seconds)


@asynccontextmanager
async def _table(asterisk: Desk) -> AsyncIterator[Table]:
    port = asterisk.config.sip_port

    def phone(extension: str, hz: int) -> Person:
        return Person(port, extension, PASSWORDS[extension], tone_hz=hz, ring_s=0.1)

    stranger = Person(
        port, "caller", tone_hz=CALLER, trunk_secret=asterisk.config.secret_of_trunk
    )
    async with (
        listening(asterisk) as (ami, heard),
        phone("1101", ONE) as one, phone("1102", TWO) as two, phone("1103", THREE) as three,
        stranger as caller,
    ):  # fmt: skip
        await join_queue(ami, "faults", "1101", "Desk 1")
        try:
            await caller.call(asterisk.config.service_number, "0401230077")
            table = Table(ami, heard, caller, one, two, three)
            await table.ears(caller={ONE}, one={CALLER})
            yield table
            if caller.in_call:
                await caller.hang_up()
            # The next story must not meet the end of this one.
            await heard.one(RecordingReady)
        finally:
            await leave_queue(ami, "faults", "1101")


@pytest.fixture
async def table(asterisk: Desk) -> AsyncIterator[Table]:
    async with _table(asterisk) as made:
        yield made


async def test_on_hold_the_caller_hears_music_and_the_agent_nothing(table: Table) -> None:
    caller, agent = await table.channel("trunk"), await table.channel("1101")
    for variable, value in (("SHARED(SP_HOLDER)", agent), ("SHARED(SP_HOLD)", "1")):
        await table.ami.action("Setvar", Channel=caller, Variable=variable, Value=value)
    await table.press("1101", features.HOLD)
    await table.ears(caller=set(), one=set())
    await table.until(lambda: table.caller.loudness() > 300, "music at the caller's ear")
    assert (await table.heard.one(HeldChanged)).agent == "1101"
    await table.ami.action("Setvar", Channel=caller, Variable="SHARED(SP_HOLD)", Value="0")
    await table.ears(caller={ONE}, one={CALLER})
    assert [e.held for e in table.heard.events if isinstance(e, HeldChanged)] == [True, False]


async def test_a_blind_transfer_brings_recording_and_call_along(
    asterisk: Desk, table: Table
) -> None:
    await table.transfer("1101", "1102")
    await table.ears(caller={TWO}, two={CALLER})
    assert not table.one.in_call
    said = [e for e in table.heard.events if isinstance(e, Answered)]
    assert [(e.agent, e.why) for e in said] == [("1101", ""), ("1102", "transfer")]
    assert len({e.call_id for e in said}) == 1
    # The colleague's telephone knows which call it is, and why it rang.
    assert table.two.invites[-1]["x-sp-call-id"] == said[0].call_id
    assert table.two.invites[-1]["x-sp-why"] == "transfer"
    assert (await table.heard.one(Transferred)).to == "1102"
    wav = asterisk.config.recordings / f"{said[0].call_id}.wav"
    before = wav.stat().st_size
    # Two seconds more, of 16,000 bytes each.
    await table.until(lambda: wav.stat().st_size > before + 32_000, "the recording goes on")
    await table.two.hang_up()
    await table.heard.one(CallEnded)
    table.nobody_was_asked()
    recording = await table.heard.one(RecordingReady)
    assert recording.call_id == said[0].call_id
    assert loud_tones(wav, list(TONES)) == {CALLER, ONE, TWO}


async def test_nobody_takes_it_so_the_first_agent_has_the_caller_back_three_times_at_most(
    table: Table,
) -> None:
    table.three.answer = "busy"
    for turn in range(3):
        await table.transfer("1101", "1103")
        await table.until(lambda t=turn: table.three.refused == t + 1, "1103 was busy")
        await table.until(
            lambda t=turn: len(table.one.invites) == t + 2 and table.one.in_call, "1101 is back"
        )
        await table.ears(caller={ONE}, one={CALLER})
        assert table.one.invites[-1].get("x-sp-why") == "back"
    failed = [e for e in table.heard.events if isinstance(e, TransferFailed)]
    assert [(e.agent, e.to, e.status, e.returns) for e in failed] == [
        ("1101", "1103", "BUSY", n) for n in (1, 2, 3)
    ]
    # The fourth time the caller goes to the front of the queue.
    await table.transfer("1101", "1103")
    await table.heard.one(BackToQueue)
    await table.until(
        lambda: [e.priority for e in table.heard.events if isinstance(e, Queued)][1:] == [20],
        "the caller waits in front",
    )
    await table.ears(caller={ONE}, one={CALLER})


async def test_asking_a_colleague_first_and_then_three_talk_and_one_leaves(table: Table) -> None:
    await table.consult("1101", "1102")
    await table.ears(caller=set(), one={TWO}, two={ONE})
    await table.until(lambda: table.caller.loudness() > 300, "music at the caller's ear")
    consulted = await table.heard.one(Consulted)
    assert (consulted.agent, table.two.invites[-1]["x-sp-why"]) == ("1102", "consult")
    assert table.two.invites[-1]["x-sp-call-id"] == consulted.call_id
    await table.press("1101", features.CONSULT_SWAP)
    await table.ears(caller={ONE}, one={CALLER}, two=set())
    await table.press("1101", features.CONSULT_SWAP)
    await table.ears(caller=set(), one={TWO}, two={ONE})
    await table.press("1101", features.CONSULT_CONFERENCE)
    await table.ears(caller={ONE, TWO}, one={CALLER, TWO}, two={CALLER, ONE})
    await table.one.hang_up()
    await table.ears(caller={TWO}, two={CALLER})
    left = [e for e in table.heard.events if isinstance(e, AgentLeft)]
    assert [(e.agent, e.cause) for e in left] == [("1101", 16)]
    await table.two.hang_up()
    await table.until(lambda: not table.caller.in_call, "the caller is let go")
    table.nobody_was_asked()


async def test_the_agent_hands_over_after_asking_or_goes_back_to_the_caller(table: Table) -> None:
    await table.consult("1101", "1102")
    await table.ears(one={TWO}, two={ONE})
    await table.press("1101", features.CONSULT_ABORT)
    await table.ears(caller={ONE}, one={CALLER})
    table.three.answer = "busy"
    await table.consult("1101", "1103")
    await table.until(lambda: table.three.refused == 1, "1103 was busy")
    await table.ears(caller={ONE}, one={CALLER})
    await table.until(lambda: not table.two.in_call, "1102 is free again")
    await table.consult("1101", "1102")
    await table.ears(one={TWO}, two={ONE})
    await table.press("1101", features.CONSULT_COMPLETE)
    await table.ears(caller={TWO}, two={CALLER})
    assert not table.one.in_call
    await table.two.hang_up()
    ended = await table.heard.one(CallEnded)
    table.nobody_was_asked()
    assert len({e.call_id for e in table.heard.events if isinstance(e, Answered)}) == 1
    assert ended.call_id == (await table.heard.one(Answered)).call_id


async def test_a_stranger_to_the_desk_cannot_be_reached_by_transfer(table: Table) -> None:
    """Nothing outside the desks is behind a blind transfer: the caller comes to no other number."""
    await table.transfer("1101", "0401234567")
    await table.until(lambda: not table.caller.in_call, "refused")
