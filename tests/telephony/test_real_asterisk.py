"""Real calls through a real Asterisk: SIPp calls, the dialplan routes, a SIPp phone answers.

    SIPp caller --INVITE--> Asterisk --ARI--> IncomingCalls --continue--> queue --> SIPp phone
      440 Hz                                                                         1000 Hz
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from telephony.agents import calls_present, join_queue, leave_queue, members, pause
from telephony.ami.client import AmiClient, SignInRefused
from telephony.ami.events import (
    AgentCompleted,
    AgentConnected,
    AgentRinging,
    CallEnded,
    Disconnected,
    Fallback,
    MessageLeft,
    Queued,
    QueueJoined,
    RecordingReady,
)
from telephony.incoming import Decision, IncomingCall
from telephony.notices import shutoff_notice
from tests.telephony.conftest import Desk, eventually, listening
from tests.telephony.sound import loud_tones, seconds_of

pytestmark = pytest.mark.live
TONES = [440, 700, 1000, 1700]


async def nothing_known(call: IncomingCall) -> Decision:
    return Decision()


async def test_a_call_is_announced_answered_and_recorded_with_both_voices(asterisk: Desk) -> None:
    arrived: list[IncomingCall] = []

    async def decide(call: IncomingCall) -> Decision:
        arrived.append(call)
        return Decision()

    async with listening(asterisk) as (ami, heard), asterisk.phone() as phone:
        await join_queue(ami, "faults", "1101", "Desk 1")
        async with asterisk.application(decide) as ended:
            outcome = await asterisk.caller().call("0401230001", "Aino Virtanen", seconds=7)
            ready = await heard.one(RecordingReady)
            over = await heard.one(CallEnded)
            taken = phone.taken()
        await leave_queue(ami, "faults", "1101")

    assert outcome.answered and outcome.final_code == 200
    assert arrived[0].caller.number == "0401230001"
    assert arrived[0].caller.name == "Aino Virtanen"
    call_id = arrived[0].call_id
    # one name for the call everywhere: ARI, AMI, the agent's phone, the files
    ringing = await heard.one(AgentRinging)
    assert ringing.call_id == call_id and ringing.agent == "1101"
    assert [(call.call_id, call.answered) for call in taken] == [(call_id, True)]
    assert ready.call_id == over.call_id == call_id
    assert over.agent == "1101" and not over.message_left
    assert [(left.to, left.late) for left in ended] == [("queue", False)]
    assert (await heard.one(AgentCompleted)).reason == "caller"

    recording = asterisk.config.recordings / f"{call_id}.wav"
    assert str(recording) == ready.path and recording.stat().st_size == ready.bytes
    assert loud_tones(recording, TONES) == {440, 1000}
    assert loud_tones(recording.with_name(f"{call_id}-in.wav"), TONES) == {440}
    assert loud_tones(recording.with_name(f"{call_id}-out.wav"), TONES) == {1000}

    stored = asterisk.call_from("0401230001")
    assert stored.call_id == call_id and stored.agent == "1101" and stored.fallback == ""
    # Who hangs up first is asked nothing.
    assert stored.asked_at is None
    assert stored.recording == recording
    assert stored.talk_s is not None and stored.talk_s >= 1
    invited = outcome.invited_at
    assert invited is not None
    took = (arrived[0].received_at - invited).total_seconds()
    print(f"INVITE to the application {took * 1000:.1f} ms")


async def test_a_key_during_the_greeting_goes_in_front_of_the_queue(asterisk: Desk) -> None:
    async with listening(asterisk) as (ami, heard), asterisk.phone():
        await join_queue(ami, "faults", "1101", "Desk 1")
        async with asterisk.application(nothing_known) as ended:
            await asterisk.caller().call("0401230002", keys="1", keys_after_s=0.8, seconds=4)
            queued = await heard.one(Queued)
            await heard.one(CallEnded)
        await leave_queue(ami, "faults", "1101")
    assert [left.keys for left in ended] == ["1"]
    assert queued.priority == 10 and queued.queue == "faults"
    stored = asterisk.call_from("0401230002")
    assert stored.priority == 10
    assert stored.queued_at and stored.arrived_at
    # the greeting (3.1 s) was cut short by the key
    assert (stored.queued_at - stored.arrived_at).total_seconds() < 2.5


async def test_a_caller_in_a_known_shut_off_hears_of_it_and_may_leave_a_message(
    asterisk: Desk,
) -> None:
    since = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)

    async def decide(call: IncomingCall) -> Decision:
        notice = shutoff_notice("en", since=since, until=None, now=since)
        return Decision(announce=[notice])

    async with listening(asterisk) as (_, heard):
        async with asterisk.application(decide) as ended:
            outcome = await asterisk.caller().call(
                "0401230003", keys="9", keys_after_s=2.0, seconds=17
            )
            left = await heard.one(MessageLeft)
        await heard.one(CallEnded)
    assert outcome.answered
    assert [(flow.to, flow.keys) for flow in ended] == [("message", "9")]
    stored = asterisk.call_from("0401230003")
    assert stored.message is not None and str(stored.message) == left.path
    assert seconds_of(stored.message) > 2
    assert loud_tones(stored.message, TONES) == {440}
    assert list((asterisk.config.prompts / "spoken").glob("en-*.wav"))


async def test_without_the_application_the_caller_still_reaches_an_agent(asterisk: Desk) -> None:
    async with listening(asterisk) as (ami, heard), asterisk.phone(hold_s=1.5) as phone:
        await join_queue(ami, "faults", "1101", "Desk 1")
        outcome = await asterisk.caller().call(
            "0401230004", keys="5", keys_after_s=9, seconds=30
        )
        await heard.one(RecordingReady)
        fallback = await heard.one(Fallback)
        taken = phone.taken()
        await leave_queue(ami, "faults", "1101")
    assert outcome.answered and outcome.hung_up_by == "desk"
    assert fallback.reason == "absent"
    stored = asterisk.call_from("0401230004")
    assert [call.call_id for call in taken] == [stored.call_id]
    assert stored.fallback == "absent" and stored.agent == "1101"
    # Asked how it went, and heard, with nobody of ours there.
    assert stored.score == 5
    assert stored.recording is not None
    assert loud_tones(stored.recording, TONES) == {440, 1000}


async def test_with_nobody_at_all_the_caller_leaves_a_message_that_is_found_later(
    asterisk: Desk,
) -> None:
    outcome = await asterisk.caller().call("0401230005", "老王", seconds=19)
    assert outcome.answered
    stored = asterisk.call_from("0401230005")
    assert stored.caller.name == "老王"
    assert stored.status == "JOINEMPTY" and stored.answered_at is None and not stored.agent
    assert stored.message is not None and seconds_of(stored.message) > 2
    assert stored.ended_at is not None


async def test_a_hung_application_is_passed_by_after_the_watchdogs_time(asterisk: Desk) -> None:
    code = (
        "import asyncio, sys\n"
        "from telephony.ari.client import AriClient\n"
        "async def main():\n"
        "    async with AriClient(sys.argv[1], 'standpipe', 'ari-secret') as ari:\n"
        "        async for event in ari.events():\n"
        "            print(type(event).__name__, flush=True)\n"
        "asyncio.run(main())\n"
    )
    url = f"http://127.0.0.1:{asterisk.config.ari_port}/ari"
    hung = subprocess.Popen(
        [sys.executable, "-c", code, url], stdout=subprocess.PIPE, cwd=os.curdir
    )
    try:
        assert hung.stdout is not None and hung.stdout.readline().strip() == b"Connected"
        async with asterisk.ari() as ari:
            await asterisk.registered(ari)
        hung.send_signal(signal.SIGSTOP)
        async with listening(asterisk) as (ami, heard), asterisk.phone():
            await join_queue(ami, "faults", "1101", "Desk 1")
            outcome = await asterisk.caller().call("0401230006", seconds=5)
            fallback = await heard.one(Fallback)
            await heard.one(AgentCompleted)
            await leave_queue(ami, "faults", "1101")
    finally:
        hung.kill()
        hung.wait()
    assert outcome.answered and fallback.reason == "watchdog"
    assert asterisk.call_from("0401230006").agent == "1101"


async def test_a_slow_decision_does_not_hold_the_caller_up(asterisk: Desk) -> None:
    finished = asyncio.Event()

    async def slow(call: IncomingCall) -> Decision:
        await asyncio.sleep(0.45)
        finished.set()
        return Decision()

    async with (
        listening(asterisk) as (_, heard),
        asterisk.application(slow, budget_s=0.1) as ended,
    ):
        await asterisk.caller().call("0401230007", seconds=4)
        await heard.one(CallEnded)
        await asyncio.wait_for(finished.wait(), 5)
    assert [(left.to, left.late) for left in ended] == [("queue", True)]


async def test_callers_found_inside_at_a_restart_are_sent_to_the_queue(asterisk: Desk) -> None:
    stuck = asyncio.Event()

    async def never(call: IncomingCall) -> Decision:
        stuck.set()
        await asyncio.Event().wait()
        return Decision()

    async with listening(asterisk) as (ami, heard), asterisk.phone():
        await join_queue(ami, "faults", "1101", "Desk 1")
        async with asterisk.application(never, budget_s=60):
            call = asyncio.create_task(asterisk.caller().call("0401230008", seconds=3))
            await asyncio.wait_for(stuck.wait(), 10)
        async with asterisk.application(nothing_known):
            joined = await heard.one(QueueJoined)
            outcome = await call
        await leave_queue(ami, "faults", "1101")
    assert outcome.answered
    stored = asterisk.call_from("0401230008")
    assert stored.call_id == joined.call_id and stored.fallback == ""


async def test_a_hidden_caller_has_no_number_anywhere(asterisk: Desk) -> None:
    arrived: list[IncomingCall] = []

    async def decide(call: IncomingCall) -> Decision:
        arrived.append(call)
        return Decision()

    async with listening(asterisk) as (_, heard), asterisk.application(decide):
        await asterisk.caller().call("", seconds=4)
        ended = await heard.one(CallEnded)
    assert arrived[0].caller.hidden and arrived[0].caller.name == ""
    stored = next(call for call in asterisk.calls() if call.call_id == ended.call_id)
    assert stored.caller.hidden


async def test_a_name_of_500_characters_with_markup_stays_text_and_is_cut(asterisk: Desk) -> None:
    arrived: list[IncomingCall] = []

    async def decide(call: IncomingCall) -> Decision:
        arrived.append(call)
        return Decision()

    name = '<script>alert("x")</script>${SHELL(id)}[call_id],;' * 10
    assert len(name) == 500
    async with listening(asterisk) as (_, heard), asterisk.application(decide):
        outcome = await asterisk.caller().call("0401230009", name, seconds=4)
        await heard.one(CallEnded)
    assert outcome.answered
    got = arrived[0].caller
    assert got.number == "0401230009" and 0 < len(got.name) <= 80
    assert name.startswith(got.name[:60])
    assert asterisk.call_from("0401230009").caller.name == got.name


async def test_the_public_network_reaches_the_service_number_and_nothing_else(
    asterisk: Desk,
) -> None:
    caller = asterisk.caller()
    for number in ("1101", "00358401234567", "+358401234567"):
        outcome = await caller.call("0401230010", to=number, seconds=1)
        assert not outcome.answered and outcome.final_code in {404, 503}, number


async def test_whoever_does_not_know_the_trunks_secret_is_refused(asterisk: Desk) -> None:
    from telephony.caller import Caller

    stranger = Caller("127.0.0.1", asterisk.config.sip_port, asterisk.config.pstn_port, "guess")
    outcome = await stranger.call("0401230011", seconds=1)
    assert not outcome.answered and outcome.final_code == 401


async def test_a_wrong_manager_password_is_said_at_once(asterisk: Desk) -> None:
    ami = AmiClient("127.0.0.1", asterisk.config.ami_port, "standpipe", "wrong")
    with pytest.raises(SignInRefused, match="standpipe"):
        await ami.connect()
    await ami.close()


async def test_joining_pausing_and_leaving_the_queue_may_be_repeated(asterisk: Desk) -> None:
    async with listening(asterisk) as (ami, _), asterisk.phone("1102"):
        for _ in range(2):
            await join_queue(ami, "faults", "1102", "Desk 2", paused_for="sign-in")
        assert [(m.agent, m.paused, m.paused_reason) for m in await members(ami, "faults")] == [
            ("1102", True, "sign-in")
        ]
        for _ in range(2):
            await pause(ami, "faults", "1102", "")
        assert [m.paused for m in await members(ami, "faults")] == [False]
        for _ in range(2):
            await leave_queue(ami, "faults", "1102")
        assert await members(ami, "faults") == []


async def test_a_caller_whose_agents_phone_dies_comes_back_in_front(asterisk: Desk) -> None:
    async with (
        listening(asterisk) as (ami, heard),
        asterisk.phone("1101") as dying,
        asterisk.phone("1102") as other,
        asterisk.application(nothing_known),
    ):
        await join_queue(ami, "faults", "1101", "Desk 1")
        call = asyncio.create_task(asterisk.caller().call("0401230014", seconds=24))
        await heard.one(AgentConnected)
        await dying.vanish()
        await leave_queue(ami, "faults", "1101")
        await join_queue(ami, "faults", "1102", "Desk 2")

        async def second_agent() -> bool:
            return [e.agent for e in heard.events if isinstance(e, AgentConnected)] == [
                "1101", "1102",
            ]  # fmt: skip

        await eventually(second_agent, "the second agent has the call", 30)
        await heard.one(RecordingReady)
        outcome = await call
        taken = other.taken()
        await leave_queue(ami, "faults", "1102")
    stored = asterisk.call_from("0401230014")
    assert outcome.answered and [c.call_id for c in taken] == [stored.call_id]
    assert stored.priority == 20


async def test_five_callers_at_once_each_get_their_own_call(asterisk: Desk) -> None:
    seen: set[str] = set()

    async def decide(call: IncomingCall) -> Decision:
        seen.add(call.caller.number)
        return Decision()

    numbers = {f"04012301{n:02d}" for n in range(5)}
    async with asterisk.application(decide):
        caller = asterisk.caller()
        outcomes = await asyncio.gather(*(caller.call(n, seconds=4) for n in sorted(numbers)))
    assert all(outcome.answered for outcome in outcomes)
    assert seen == numbers
    ids = [call.call_id for call in asterisk.calls() if call.caller.number in numbers]
    assert len(set(ids)) == 5


async def test_after_a_kill_the_calls_before_it_are_on_record_and_calls_go_on(
    asterisk: Desk,
) -> None:
    async with listening(asterisk) as (ami, heard):
        call = asyncio.create_task(
            asterisk.caller().call("0401230012", seconds=6, patience_s=5)
        )

        async def arrived() -> bool:
            return any(line.get("number") == "0401230012" for line in asterisk.log_lines())

        await eventually(arrived, "the call is on record")
        asterisk.stop(signal.SIGKILL)
        await heard.one(Disconnected)
        asterisk.start()
        await call

        async def back() -> bool:
            try:
                return await calls_present(ami) is not None
            except Exception as failure:  # noqa: BLE001 - any refusal means: not yet
                return bool(not str(failure))

        await eventually(back, "the manager connection is back")
    stored = asterisk.call_from("0401230012")
    assert stored.arrived_at is not None and stored.ended_at is None
    again = await asterisk.caller().call("0401230013", seconds=3)
    assert again.answered
    assert asterisk.call_from("0401230013").fallback == "absent"
