"""An agent hands the caller to a queue: who has them then, in what turn, and what comes along.

    caller 440 Hz      1101 1000 Hz, faults      1102 1300 Hz, billing      other caller 620 Hz
"""

from __future__ import annotations

import asyncio

import pytest

from telephony.agents import join_queue, leave_queue, pause
from telephony.ami.events import (
    AgentCompleted,
    Answered,
    Queued,
    QueueJoined,
    RatingAsked,
    Transferred,
)
from telephony.dialplan import queue_place
from tests.telephony.conftest import Desk, eventually
from tests.telephony.person import Person
from tests.telephony.queues import Script, doors, more_queues
from tests.telephony.sound import loud_tones
from tests.telephony.test_transfer import CALLER, ONE, TWO, Table, table

__all__ = ["table"]
pytestmark = pytest.mark.live
OTHER = 620


def told(table: Table, kind: type) -> list:
    return [event for event in table.heard.events if isinstance(event, kind)]


async def test_the_caller_keeps_the_turn_and_the_sound_and_is_taken_by_who_answers_there(
    asterisk: Desk, table: Table
) -> None:
    await more_queues(asterisk)
    await join_queue(table.ami, "billing", "1102", "Desk 2", paused_for="meeting")
    other = Person(
        asterisk.config.sip_port, "caller", tone_hz=OTHER,
        trunk_secret=asterisk.config.secret_of_trunk,
    )  # fmt: skip
    script = Script({"0408000001": ("billing", 0)})
    try:
        async with doors(asterisk, script), other:
            # Somebody waits there already, for less long than our caller has.
            await other.call(asterisk.config.service_number, "0408000001")
            await table.until(lambda: len(told(table, QueueJoined)) == 2, "the other waits")
            await table.transfer("1101", queue_place("billing", 1))
            await table.until(lambda: len(told(table, QueueJoined)) == 3, "ours waits")
            await table.ears(caller=set(), one=set())
            await table.until(lambda: table.caller.loudness() > 300, "music at the caller's ear")
            await table.until(lambda: not table.one.in_call, "1101 is free")
            await pause(table.ami, "billing", "1102", "")
            await table.ears(caller={TWO}, two={CALLER})
            ours = told(table, Answered)[0].call_id
            assert [(e.call_id, e.agent, e.why) for e in told(table, Answered)] == [
                (ours, "1101", ""), (ours, "1102", ""),
            ]  # fmt: skip
            first, again = (e for e in told(table, Queued) if e.call_id == ours)
            assert (again.queue, again.since, again.priority) == ("billing", first.since, 0)
            assert [(e.agent, e.to, e.to_queue) for e in told(table, Transferred)] == [
                ("1101", "billing", True)
            ]
            assert table.two.invites[-1]["x-sp-call-id"] == ours
            wav = asterisk.config.recordings / f"{ours}.wav"
            before = wav.stat().st_size
            await table.until(lambda: wav.stat().st_size > before + 24_000, "it is recorded on")
            await table.two.hang_up()
            # Which of the two agents would be meant? Nobody is asked.
            await table.until(lambda: not table.caller.in_call, "our caller is let go")
            assert told(table, RatingAsked) == []
            # The other one is next.
            await table.until(lambda: len(told(table, Answered)) == 3, "the other is taken", 12)
            await other.hang_up()
            await table.until(lambda: len(told(table, AgentCompleted)) == 3, "all is over")
        assert loud_tones(wav, [CALLER, ONE, TWO]) == {CALLER, ONE, TWO}
    finally:
        await leave_queue(table.ami, "billing", "1102")


async def test_sent_round_a_fourth_time_the_caller_stands_in_front_of_everybody(
    asterisk: Desk, table: Table
) -> None:
    await more_queues(asterisk)
    await join_queue(table.ami, "billing", "1101", "Desk 1")
    try:
        for turn, queue in enumerate(("billing", "faults", "billing", "faults"), 1):
            await table.transfer("1101", queue_place(queue, 1))
            await table.until(lambda n=turn: len(told(table, Queued)) == n + 1, queue)
            await table.ears(caller={ONE}, one={CALLER})
        assert [e.priority for e in told(table, Queued)] == [0, 0, 0, 0, 20]
        assert len({e.since for e in told(table, Queued)}) == 1
    finally:
        await leave_queue(table.ami, "billing", "1101")


async def test_where_nobody_is_signed_in_the_caller_is_asked_for_a_message(
    asterisk: Desk, table: Table
) -> None:
    await more_queues(asterisk)
    await table.transfer("1101", queue_place("quality", 1))
    call = (await table.heard.one(Answered)).call_id

    async def asked() -> bool:
        await asyncio.sleep(0.1)
        return any(
            line["event"] == "message_offered" and line["call"] == call
            for line in asterisk.log_lines()
        )

    await eventually(asked, "a message is asked for")
    assert table.caller.in_call and not table.one.in_call


@pytest.mark.parametrize(("queue", "place"), [("h", 0), ("1101", 1), ("bil_ling", 1), ("", 1)])
def test_what_is_no_queue_is_no_extension(queue: str, place: int) -> None:
    with pytest.raises(ValueError, match="queue: "):
        queue_place(queue, place)
