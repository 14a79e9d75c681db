"""The conversation before the queue.

    DECIDING --decided--> PLAYING --played--> WAITING --no key--> queue
        nothing known: PLAYING --played--> queue
        keys in PLAYING and WAITING: 1 emergency, 0 and # person, 9 message, others nothing
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.ari.client import AriError
from telephony.ari.events import (
    Channel,
    ChannelGone,
    Connected,
    KeyPressed,
    Replaced,
    StasisStart,
)
from telephony.fakes import FakeAri
from telephony.flow import (
    Answer,
    Decided,
    Decision,
    Flow,
    Gone,
    Happening,
    NoKey,
    Play,
    Played,
    Pressed,
    Stage,
    Step,
    ToMessage,
    ToQueue,
    WaitForKey,
    next_steps,
)
from telephony.identity import caller_id
from telephony.incoming import Decide, IncomingCall, IncomingCalls, LeftFlow
from telephony.prompts import Speech
from telephony.sentences import Say

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NOTICE = Say("known-shutoff", "en")


def walked(*happenings: Happening) -> tuple[Flow, list[Step]]:
    flow, done = Flow("en"), []
    for happening in happenings:
        flow, steps = next_steps(flow, happening)
        done += steps
    return flow, done


def said(step: Step) -> list[str]:
    assert isinstance(step, Play)
    return [say.prompt for say in step.says]


def test_a_caller_about_whom_nothing_is_known_hears_one_sentence_and_is_queued() -> None:
    _, steps = walked(Decided(Decision()), Played())
    assert isinstance(steps[0], Answer) and said(steps[1]) == ["recorded"]
    assert steps[2:] == [ToQueue(0, "")]


def test_a_caller_in_a_known_shut_off_hears_it_and_may_choose() -> None:
    _, steps = walked(Decided(Decision(announce=[NOTICE], priority=2)), Played(), NoKey())
    assert said(steps[1]) == ["recorded", "known-shutoff", "choose-key"]
    assert isinstance(steps[2], WaitForKey)
    assert steps[3] == ToQueue(2, "")


@pytest.mark.parametrize(
    ("key", "step"),
    [("1", ToQueue(10, "")), ("0", ToQueue(2, "")), ("#", ToQueue(2, "")), ("9", ToMessage())],
)
def test_a_key_cuts_the_announcement_short(key: str, step: Step) -> None:
    flow, steps = walked(Decided(Decision(announce=[NOTICE], priority=2)), Pressed(key))
    assert steps[-1] == step and flow.stage is Stage.OVER


def test_an_emergency_never_lowers_a_priority() -> None:
    _, steps = walked(Decided(Decision(priority=15)), Pressed("1"))
    assert steps[-1] == ToQueue(15, "")


def test_other_keys_change_nothing_but_are_noted() -> None:
    flow, steps = walked(Decided(Decision()), Pressed("5"), Pressed("*"))
    assert flow.keys == "5*" and flow.stage is Stage.PLAYING and len(steps) == 2


def test_a_missing_decision_is_a_late_one_and_queues() -> None:
    flow, steps = walked(Decided(None), Played())
    assert flow.late and steps[-1] == ToQueue(0, "")


HAPPENINGS = st.one_of(
    st.builds(Pressed, st.sampled_from("0123456789*#")),
    st.sampled_from([Played(), NoKey(), Gone(), Decided(None), Decided(Decision())]),
)


@given(st.lists(HAPPENINGS, max_size=12))
def test_no_order_of_events_sends_a_call_to_two_places(happenings: list[Happening]) -> None:
    flow, steps = walked(*happenings)
    ways = [step for step in steps if isinstance(step, ToQueue | ToMessage)]
    assert len(ways) <= 1
    assert sum(isinstance(step, Answer) for step in steps) <= 1
    if ways:
        assert flow.stage is Stage.OVER


@given(st.lists(st.builds(Pressed, st.sampled_from("2345678*")), max_size=5), st.booleans())
def test_a_caller_who_stays_always_reaches_somebody(keys: list[Happening], known: bool) -> None:
    decision = Decision(announce=[NOTICE] if known else [])
    flow, steps = walked(Decided(decision), *keys, Played(), *keys, NoKey())
    assert flow.stage is Stage.OVER and isinstance(steps[-1], ToQueue)


# --- the runner with a fake ARI ------------------------------------------------------------


def start(call: str = "sp-1.0", number: str = "0401234567") -> StasisStart:
    channel = Channel(call, "PJSIP/trunk-1", "Ring", caller_id(number, "Aino"), "965113")
    return StasisStart(channel, ("incoming", "965113"), AT)


async def nothing(call: IncomingCall) -> Decision:
    return Decision()


@asynccontextmanager
async def running(
    ari: FakeAri, decide: Decide = nothing
) -> AsyncIterator[list[LeftFlow]]:
    ended: list[LeftFlow] = []

    async def left(flow: LeftFlow) -> None:
        ended.append(flow)

    calls = IncomingCalls(
        ari, decide, Speech(Path("/p")), left=left, budget_s=0.05
    )
    task = asyncio.create_task(calls.run())
    yield ended
    ari.finish()
    await asyncio.wait_for(task, 5)


async def until(ended: Sequence[object], count: int = 1) -> None:
    async with asyncio.timeout(5):
        while len(ended) < count:
            await asyncio.sleep(0.005)


async def test_a_usual_call_is_answered_greeted_and_queued() -> None:
    ari = FakeAri()
    async with running(ari) as ended:
        ari.feed(start())
        await until(ended)
    assert [(verb, details) for verb, _, details in ari.requests] == [
        ("answer", None),
        ("play", ("/p/en/recorded",)),
        ("continue", ("sp-to-queue", "faults_0_en", 1)),
    ]
    [left] = ended
    assert (left.call_id, left.to, left.priority, left.late) == ("sp-1.0", "queue", 0, False)
    assert [step.node for step in left.path] == ["hello", "known", "queue"]


async def test_a_key_silences_the_announcement_before_the_call_goes_on() -> None:
    ari = FakeAri(play_ends=False)
    async with running(ari) as ended:
        ari.feed(start(), KeyPressed("sp-1.0", "1", AT))
        await until(ended)
    assert [verb for verb, _, _ in ari.requests] == ["answer", "play", "stop", "continue"]
    assert ari.requests[-1][2] == ("sp-to-queue", "faults_10_en", 1)


async def test_a_failing_decision_still_queues_the_caller() -> None:
    async def broken(call: IncomingCall) -> Decision:
        raise RuntimeError("no database")

    ari = FakeAri()
    async with running(ari, broken) as ended:
        ari.feed(start())
        await until(ended)
    assert ended[0].to == "queue" and ended[0].late


async def test_a_late_decision_is_not_waited_for_but_runs_to_its_end() -> None:
    finished = asyncio.Event()

    async def slow(call: IncomingCall) -> Decision:
        await asyncio.sleep(0.15)
        finished.set()
        return Decision(priority=9)

    ari = FakeAri()
    async with running(ari, slow) as ended:
        ari.feed(start())
        await until(ended)
        assert not finished.is_set()
        await asyncio.wait_for(finished.wait(), 5)
    assert (ended[0].to, ended[0].priority, ended[0].late) == ("queue", 0, True)


async def test_a_caller_who_hangs_up_is_let_go() -> None:
    ari = FakeAri(play_ends=False)
    async with running(ari) as ended:
        ari.feed(start(), ChannelGone("sp-1.0", 16))
        await until(ended)
    assert ended[0].to == "gone"
    ari = FakeAri(gone={"sp-1.0"})
    async with running(ari) as ended:
        ari.feed(start())
        await until(ended)
    assert ended[0].to == "gone"


async def test_calls_found_inside_when_the_stream_opens_go_to_the_queue() -> None:
    ari = FakeAri(inside=["sp-7.0", "sp-8.0"], gone={"sp-7.0"})
    async with running(ari):
        ari.feed(Connected())
        async with asyncio.timeout(5):
            while len(ari.requests) < 2:
                await asyncio.sleep(0.005)
    assert ari.requests[-1] == ("continue", "sp-8.0", ("sp-queue", "s", 1))


async def test_when_asterisk_refuses_everything_the_others_are_still_served() -> None:
    ari = FakeAri(broken=AriError("500"))
    async with running(ari) as ended:
        ari.feed(start("sp-1.0"))
        await until(ended)
        ari.broken = None
        ari.feed(start("sp-2.0"))
        await until(ended, 2)
    assert [left.to for left in ended] == ["gone", "queue"]


async def test_what_can_be_no_queue_becomes_the_usual_one() -> None:
    async def elsewhere(call: IncomingCall) -> Decision:
        return Decision(queue="billing" if call.call_id == "sp-1.0" else "no where")

    ari = FakeAri()
    async with running(ari, elsewhere) as ended:
        ari.feed(start("sp-1.0"), start("sp-2.0"))
        await until(ended, 2)
    ways = {call: details[:2] for verb, call, details in ari.requests if verb == "continue"}
    assert ways == {
        "sp-1.0": ("sp-to-queue", "billing_0_en"), "sp-2.0": ("sp-to-queue", "faults_0_en"),
    }  # fmt: skip


async def test_the_second_process_of_the_same_name_ends_the_first() -> None:
    ari = FakeAri()
    calls = IncomingCalls(ari, nothing, Speech(Path("/p")))
    ari.feed(Replaced("standpipe"))
    await asyncio.wait_for(calls.run(), 5)


async def test_a_hundred_calls_at_once_do_not_mix() -> None:
    ari = FakeAri()
    async with running(ari) as ended:
        ari.feed(*(start(f"sp-{n}.0") for n in range(100)))
        await until(ended, 100)
    assert sorted(left.call_id for left in ended) == sorted(f"sp-{n}.0" for n in range(100))
