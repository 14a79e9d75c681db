"""While callers wait: told where they stand, kept when nobody answers, helped, called back.

    caller ── faults  ──► 1101 does not answer, 1102 does
    caller ── billing ──► nobody of its own; after 2 s 1103 helps
    caller ── quality ──► presses 2, hangs up, is rung and stands before who came later
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from telephony.ami import events as told
from telephony.announcer import Announcer, Terms, turn_sentence
from telephony.network import Line, PublicNetwork
from telephony.order import HELPER_PENALTY
from telephony.prompts import Speech
from telephony.queues import QueueSettings
from telephony.router import Overflow, Seat
from telephony.sentences import Say
from telephony.tones import tone_samples, write_wav
from tests.telephony.conftest import PASSWORDS, Desk, eventually
from tests.telephony.person import Person
from tests.telephony.queues import Script, doors, more_queues, routed

pytestmark = pytest.mark.live
TOLD_HZ, AGENT_HZ = 1700, 1000


class Humming(Speech):
    """Says everything as one long tone, so that the ear can tell it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.said: list[Say] = []
        write_wav(folder / "told.wav", tone_samples(TOLD_HZ, 8000 * 25))

    async def media(self, say: Say) -> str:
        self.said.append(say)
        return str(self._prompts / "told")


def caller(desk: Desk, number: str) -> Person:
    config = desk.config
    return Person(config.sip_port, number, tone_hz=440, trunk_secret=config.secret_of_trunk)


def agent(desk: Desk, extension: str, **how: str) -> Person:
    password = PASSWORDS[extension]
    return Person(desk.config.sip_port, extension, password, tone_hz=AGENT_HZ, **how)


async def test_a_caller_hears_the_place_and_no_free_agent_waits_for_that(
    asterisk: Desk, tmp_path: Path
) -> None:
    await more_queues(asterisk, [QueueSettings("faults", ring_s=5)])
    script = Script({"0407000001": ("faults", 0), "0407000002": ("faults", 0)})
    on_break = {"1102": Seat("Desk 1102", {"faults": 0}, "break")}
    tmp_path.chmod(0o755)
    speech = Humming(tmp_path)
    async with (
        doors(asterisk, script), routed(asterisk, on_break) as (router, story),
        agent(asterisk, "1101", answer="never"), agent(asterisk, "1102") as second,
        caller(asterisk, "0407000001") as first, caller(asterisk, "0407000002") as later,
    ):  # fmt: skip
        announcer = Announcer(router.ami, speech, time.time)
        story.also.append(announcer.take)
        await first.call("965113", "0407000001")
        await eventually(story.has(told.QueueJoined, 1), "the first waits")
        await later.call("965113", "0407000002")
        await eventually(story.has(told.QueueJoined, 2), "the second waits")
        (waiter, behind) = router.waiting
        assert router.wait_of(waiter.call_id, 120) == (1, None)  # everybody has a break
        assert announcer.due(router.waiting, lambda queue: Terms(30)) == []
        say = turn_sentence("en", position=1, wait_s=None, call_back=True)
        await announcer.say(waiter, say, Terms())

        async def hears_it() -> bool:
            return first.hears(TOLD_HZ) == {TOLD_HZ}

        await eventually(hears_it, "the caller is told the place")
        assert later.hears(TOLD_HZ) != {TOLD_HZ}  # nobody else is

        # Nobody answers at 1101: that agent is paused everywhere, and the place is kept.
        router.seats["1101"] = Seat("Desk 1101", {"faults": 0, "billing": 0})
        await router.settle()
        await eventually(story.has(told.AgentNoAnswer, 1), "1101 does not answer", 20)
        assert router.seats["1101"].paused_for == "no answer"
        await eventually(
            story.member("1101", "billing", paused=True), "1101 is paused in every queue"
        )
        assert [w.call_id for w in router.waiting] == [waiter.call_id, behind.call_id]

        # 1102 is back: connected at once, in the middle of the 25 seconds of announcement.
        await router.seat("1102", Seat("Desk 1102", {"faults": 0}))
        await eventually(story.has(told.AgentConnected, 1), "1102 has the first caller", 12)
        first.forget()

        async def hears_only_the_agent() -> bool:
            return first.hears(TOLD_HZ, AGENT_HZ) == {AGENT_HZ}

        await eventually(hears_only_the_agent, "the announcement is cut off")
        assert [call for _, _, call in story.rang][-1] == waiter.call_id
        assert router.wait_of(behind.call_id, 120) == (1, 120.0)
        await first.hang_up()
        await eventually(story.has(told.AgentConnected, 2), "then the second caller", 12)
        await later.hang_up()
        assert second.in_call or second.ended_calls


async def test_helpers_ring_after_a_while_and_a_kept_place_comes_first(asterisk: Desk) -> None:
    await more_queues(
        asterisk, [QueueSettings("billing", overflow_after_s=3), QueueSettings("quality")]
    )
    script = Script({
        "0407000011": ("billing", 0), "0407000012": ("quality", 0), "0407000013": ("quality", 0),
    })  # fmt: skip
    seats = {
        "1103": Seat("Desk 1103", {"faults": 0, "billing": HELPER_PENALTY}),
        "1104": Seat("Desk 1104", {"quality": 0}, "paperwork"),
    }
    host, port = asterisk.config.trunk_contact.split(":")
    lines = {"0407000012": Line(talk_s=15, tone_hz=700)}
    async with (
        doors(asterisk, script), routed(asterisk, seats) as (router, story),
        agent(asterisk, "1103"), agent(asterisk, "1104"),
        PublicNetwork(lines, host=host, port=int(port)) as net,
        caller(asterisk, "0407000011") as bills, caller(asterisk, "0407000012") as leaves,
        caller(asterisk, "0407000013") as stays,
    ):  # fmt: skip
        router.overflow = {"billing": Overflow(after_s=3)}
        await bills.call("965113", "0407000011")
        await leaves.call("965113", "0407000012")
        await eventually(story.has(told.QueueJoined, 2), "both wait")
        await stays.call("965113", "0407000013")
        await eventually(story.has(told.QueueJoined, 3), "the third waits")

        leaves.press("2")
        await eventually(story.has(told.CallBackWanted, 1), "who wants to be rung says so")
        wish = story.first(told.CallBackWanted)
        assert (wish.queue, wish.priority, wish.number) == ("quality", 0, "0407000012")
        assert abs(wish.since - story.joined[wish.call_id][0]) < 2
        await eventually(story.has(told.CallEnded, 1), "and is thanked and let go", 15)
        (kept,) = [c for c in asterisk.calls() if c.call_id == wish.call_id]
        assert kept.wants_back is not None and kept.wants_back.number == "0407000012"
        assert kept.wants_back.since == pytest.approx(wish.since)

        # The helper's telephone rang for the bill, but not before its time.
        await eventually(story.has(told.AgentConnected, 1), "1103 helps", 15)
        (at, who, call) = story.rang[0]
        assert who == "1103" and at - story.joined[call][0] > 2.0

        await router.ami.action(
            "Originate", Channel="Local/0407000012@sp-dial-out/n", ChannelId="out-kept1",
            Context="sp-dialled-queue", Exten="0", Priority=1, Async=True, Timeout=20000,
            Variable=["__SP_CALL_ID=out-kept1", "__SP_ATTEMPT=out-kept1",
                      "__SP_NUMBER=0407000012", "SP_TO_QUEUE=quality", "SP_POSITION=1",
                      f"SP_SINCE={wish.since:.3f}"],
        )  # fmt: skip
        await eventually(story.has(told.QueueJoined, 4), "who was rung is in the queue", 15)
        assert next(w.call_id for w in router.waiting) == "out-kept1"
        await router.seat("1104", Seat("Desk 1104", {"quality": 0}))
        await eventually(story.has(told.AgentConnected, 2), "1104 takes a call", 12)
        assert story.rang[-1][1:] == ("1104", "out-kept1")
        assert len(net.calls_to("0407000012")) == 1
        await asyncio.gather(bills.hang_up(), stays.hang_up())
