"""Two Asterisks, one queue: who called first is answered first, wherever the agents sit.

callers          callers
   |                |
site north ===SIP=== site south          the queue is north's while north answers
   |                |
desk 1101        desk 1102
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from telephony.agents import join_queue, leave_queue
from telephony.ami.events import (
    AgentConnected,
    CallEnded,
    PhoneReachable,
    QueueJoined,
    Rated,
    RatingAsked,
)
from telephony.ami.once import ask
from telephony.free import free_and_waiting
from telephony.incoming import Decision, IncomingCall
from telephony.sip import Peer
from telephony.sipp import free_udp_port
from telephony.sites import Sites
from tests.telephony.conftest import Desk, Heard, eventually, private_config, running
from tests.telephony.sound import loud_tones
from tests.telephony.wan import Wan

pytestmark = pytest.mark.live
# Presses five until somebody asks how it went.
CONTENT: dict[str, Any] = {"keys": "5" * 16, "keys_after_s": 5.0, "keys_every_s": 2.0}


@dataclass
class Pair:
    north: Desk
    south: Desk
    north_line: int
    south_line: int

    @asynccontextmanager
    async def wan(self) -> AsyncIterator[list[Wan]]:
        """The line in both directions."""
        north, south = self.north.config.sip_port, self.south.config.sip_port
        async with (
            Wan(("127.0.0.1", north), self.north_line) as up,
            Wan(("127.0.0.1", south), self.south_line) as down,
        ):
            yield [up, down]

    @asynccontextmanager
    async def exchange(self) -> AsyncIterator[tuple[Sites, Heard]]:
        sites = Sites({"north": self.north.ami(), "south": self.south.ami()})
        heard = Heard(sites)  # type: ignore[arg-type]
        task = asyncio.create_task(heard.listen())
        await sites.connect()
        try:
            await eventually(lambda: _true(len(sites.up) == 2), "both sites answer")
            yield sites, heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await sites.close()


async def _true(value: bool) -> bool:
    return value


def _low_port() -> int:
    while True:
        port = random.randrange(26000, 31000)
        if free_udp_port("127.0.0.1", port) == port:
            return port


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    north = private_config(site="north", queue_sites=["north", "south"], rtp_start=32000,
                           rtp_end=32300)  # fmt: skip
    south = private_config(site="south", queue_sites=["north", "south"], rtp_start=32400,
                           rtp_end=32700, recordings=north.recordings)  # fmt: skip
    # Below the range that Asterisk's own odd sockets are taken from.
    lines = _low_port(), _low_port()
    north = replace(north, peers=[Peer("south", f"127.0.0.1:{lines[1]}")])
    south = replace(south, peers=[Peer("north", f"127.0.0.1:{lines[0]}")])
    with running(north, south) as desks:
        yield Pair(*desks, *lines)


async def reachable(desk: Desk, yes: bool = True, seconds: float = 20.0) -> None:
    """Until this site knows that it can (or cannot) reach the other one."""

    async def known() -> bool:
        process = await asyncio.create_subprocess_exec(
            *desk.config.console("pjsip show contacts"), stdout=asyncio.subprocess.PIPE
        )
        text, _ = await process.communicate()
        lines = [line for line in text.decode().splitlines() if "site-" in line]
        return bool(lines) and all(("Avail" in line) == yes for line in lines)

    await eventually(known, f"the other site is {'there' if yes else 'gone'}", seconds)


async def in_queue(heard: Heard, count: int) -> list[str]:
    """Call ids in the order in which they came to stand in a queue, when there are `count`."""

    def joined() -> list[str]:
        return [event.call_id for event in heard.events if isinstance(event, QueueJoined)]

    await eventually(lambda: _true(len(joined()) >= count), f"{count} callers stand in the queue")
    return joined()


async def test_first_come_is_first_served_over_both_sites(pair: Pair) -> None:
    """One agent talks in the north; three callers at both sites wait; the agent of the south comes
    and takes them as they came."""
    async with pair.wan(), pair.exchange() as (sites, heard):
        await reachable(pair.north)
        await reachable(pair.south)
        async with (
            pair.north.phone("1101", hold_s=60),
            pair.south.phone("1102", hold_s=0.5) as desk,
        ):
            await eventually(lambda: _true(sites.home_of("1102") == "south"), "the phone is known")
            await join_queue(sites, "faults", "1101", "Desk 1")
            calls = [asyncio.create_task(pair.south.caller().call("0401230400", seconds=30))]
            await heard.one(AgentConnected)
            for n, site in enumerate([pair.south, pair.north, pair.south]):
                caller = site.caller().call(
                    f"040123041{n}", seconds=40, patience_s=30, **CONTENT
                )
                calls.append(asyncio.create_task(caller))
                await asyncio.sleep(0.4)
            came = await in_queue(heard, 4)
            assert [call_id.partition("-")[0] for call_id in came[1:]] == [
                "south", "north", "south"
            ]  # fmt: skip
            await join_queue(sites, "faults", "1102", "Desk 2")

            async def all_taken() -> bool:
                return sum(call.answered for call in desk.taken()) >= 3

            await eventually(all_taken, "the agent in the south took all three", 45)
            assert [call.call_id for call in desk.taken()] == came[1:]
            await leave_queue(sites, "faults", "1101")
            await leave_queue(sites, "faults", "1102")
            outcomes = await asyncio.gather(*calls)
    assert all(outcome.answered for outcome in outcomes)
    # Whoever answered where: the agents are told by their own numbers.
    agents = {e.call_id: e.agent for e in heard.events if isinstance(e, AgentConnected)}
    assert agents == {came[0]: "1101", **dict.fromkeys(came[1:], "1102")}
    ends = [e for e in heard.events if isinstance(e, CallEnded)]
    assert sorted(e.call_id for e in ends) == sorted(came), "each call ended once"
    # Asked how it went by the site that keeps the queue, wherever they called.
    rated = {e.call_id: e.score for e in heard.events if isinstance(e, Rated)}
    assert rated == dict.fromkeys(came[1:], 5)
    # recorded at the site that keeps the queue, under the name given where it arrived
    sound = pair.north.config.recordings / f"{came[0]}.wav"
    assert loud_tones(sound, [440, 700, 1000]) == {440, 1000}


async def test_a_visitors_language_and_place_come_along(pair: Pair) -> None:
    """Who speaks Chinese in the south and is in front there is so in the north's queue."""

    async def decide(call: IncomingCall) -> Decision:
        return Decision(language="zh", priority=5)

    async with pair.wan(), pair.exchange() as (sites, heard), pair.south.application(decide):
        await reachable(pair.south)
        async with pair.north.phone("1101", ring_s=0.2, hold_s=1.0):
            await join_queue(sites, "faults", "1101", "Desk 1")
            caller = pair.south.caller().call(
                "0401230415", seconds=40, keys="0" + "5" * 16, keys_after_s=1, keys_every_s=2
            )
            calling = asyncio.create_task(caller)
            asked = await heard.one(RatingAsked)
            said = await sites.at("north").actions_list("CoreShowChannels")
            channel = next(m.get("Channel") for m in said if "site-south-" in m.get("Channel"))
            playing = await sites.at("north").action("Getvar", Channel=channel, Variable="SP_SAY")
            assert "/zh/rate-" in playing.get("Value")
            await calling
            await leave_queue(sites, "faults", "1101")
    queued = [line for line in pair.north.log_lines() if line["event"] == "queued"]
    assert (queued[-1]["call"], queued[-1]["priority"]) == (asked.call_id, "5")


async def test_a_site_that_is_killed_costs_its_own_talks_and_nobody_elses_place(pair: Pair) -> None:
    """North is killed: who waited there from the south is back in front of the south's queue, and
    new callers of the south are answered as before. Started again, north keeps the queue again."""
    async with pair.wan(), pair.exchange() as (sites, heard):
        await reachable(pair.south)
        async with pair.south.phone("1102", ring_s=0.2, hold_s=2.0) as desk:
            await eventually(lambda: _true(sites.home_of("1102") == "south"), "the phone is known")
            async with pair.north.phone("1101", ring_s=60, hold_s=60):
                await join_queue(sites, "faults", "1101", "Desk 1")
                waiting = asyncio.create_task(
                    pair.south.caller().call("0401230420", seconds=40, patience_s=30, **CONTENT)
                )
                (came,) = await in_queue(heard, 1)
                pair.north.stop(signal.SIGKILL)
                killed_at = time.monotonic()
                await join_queue(sites, "faults", "1102", "Desk 2")
                new = asyncio.create_task(
                    pair.south.caller().call("0401230421", seconds=40, patience_s=20, **CONTENT)
                )

                async def both() -> bool:
                    return sum(call.answered for call in desk.taken()) >= 2

                await eventually(both, "the south answers on its own", 35)
                took = time.monotonic() - killed_at
                taken = [call.call_id for call in desk.taken()]
                await asyncio.gather(waiting, new)
                pair.north.start()
                await reachable(pair.south)
        await leave_queue(sites, "faults", "1102")
        await leave_queue(sites, "faults", "1101")
    assert came in taken and took < 30
    print(f"both callers of the south were answered {took:.1f} s after north was killed")
    ends = [e.call_id for e in heard.events if isinstance(e, CallEnded)]
    assert sorted(ends) == sorted(taken)
    # what the south wrote down tells the whole of it
    lines = [line["event"] for line in pair.south.log_lines() if line["call"] == came]
    assert lines[:3] == ["arrived", "fallback", "handed"] and "returned" in lines
    assert lines[-1] in ("ended", "recorded")


async def test_a_cut_line_leaves_both_sites_answering_and_no_call_is_counted_twice(
    pair: Pair,
) -> None:
    async with pair.wan() as lines, pair.exchange() as (sites, _):
        await reachable(pair.south)
        async with (
            pair.north.phone("1101", hold_s=1.0) as north,
            pair.south.phone("1102", hold_s=1.0) as south,
        ):
            await eventually(lambda: _true(sites.home_of("1102") == "south"), "the phone is known")
            await join_queue(sites, "faults", "1101", "Desk 1")
            await join_queue(sites, "faults", "1102", "Desk 2")
            for line in lines:
                line.cut = True
            outcomes = await asyncio.gather(
                pair.north.caller().call("0401230430", seconds=40, **CONTENT),
                pair.south.caller().call("0401230431", seconds=40, **CONTENT),
            )
            assert all(outcome.answered for outcome in outcomes)
            assert [len(north.taken()), len(south.taken())] == [1, 1]
            for line in lines:
                line.cut = False
            await reachable(pair.south)
            await leave_queue(sites, "faults", "1101")
            # healed: a caller of the north finds the agent of the south
            outcome = await pair.north.caller().call("0401230432", seconds=40, **CONTENT)
            assert outcome.answered and len(south.taken()) == 2
            await leave_queue(sites, "faults", "1102")
    # The key is the id with its site in it: one call may stand in both sites' files.
    told = {call.call_id: call for desk in (pair.north, pair.south) for call in desk.calls()}
    numbers = [c.caller.number for c in told.values() if c.caller.number.startswith("040123043")]
    assert sorted(numbers) == ["0401230430", "0401230431", "0401230432"]
    split = {c.caller.number: c for c in told.values()}
    assert split["0401230430"].agent == "1101" and split["0401230430"].call_id.startswith("north-")
    assert split["0401230431"].agent == "1102" and split["0401230431"].call_id.startswith("south-")


async def counted(pair: Pair) -> tuple[int, int]:
    """(free agents, callers who wait) as a process that asks both sites counts them."""
    listed = []
    for desk in (pair.north, pair.south):
        c = desk.config
        account = (c.ami_user, c.ami_password)
        asked = ("127.0.0.1", c.ami_port), account, "QueueStatus", {"Queue": "faults"}
        listed.append((await asyncio.to_thread(ask, *asked))[1:])
    return free_and_waiting(listed, time.time(), 3)


async def test_agents_of_both_sites_and_who_waits_are_counted_once(pair: Pair) -> None:
    """An agent sits at each site, three call, one after another: two talk and one waits."""
    async with pair.wan(), pair.exchange() as (sites, heard):
        await reachable(pair.north)
        await reachable(pair.south)
        async with (
            pair.north.phone("1101", ring_s=0.2, hold_s=60),
            pair.south.phone("1102", ring_s=0.2, hold_s=60),
        ):
            async def become(free: int, waiting: int) -> None:
                async def so() -> bool:
                    return await counted(pair) == (free, waiting)

                await eventually(so, f"{free} free, {waiting} waiting", 30)

            await eventually(lambda: _true(sites.home_of("1102") == "south"), "the phone is known")
            await join_queue(sites, "faults", "1101", "Desk 1")
            await join_queue(sites, "faults", "1102", "Desk 2")
            await become(2, 0)
            calls = []
            for n, (site, then) in enumerate(
                [(pair.south, (1, 0)), (pair.south, (0, 0)), (pair.south, (0, 1))]
            ):
                caller = site.caller().call(f"040123045{n}", seconds=45, patience_s=30, **CONTENT)
                calls.append(asyncio.create_task(caller))
                await in_queue(heard, n + 1)
                await become(*then)
            await leave_queue(sites, "faults", "1101")
            await become(0, 1)
            await leave_queue(sites, "faults", "1102")
        await asyncio.gather(*calls)


async def test_an_agent_who_signs_in_at_another_site_is_moved_and_never_offered_twice(
    pair: Pair,
) -> None:
    async with pair.wan(), pair.exchange() as (sites, heard):
        await reachable(pair.north)
        async with pair.north.phone("1102", ring_s=0.2, hold_s=0.5) as before:
            await eventually(lambda: _true(sites.home_of("1102") == "north"), "in the north")
            await join_queue(sites, "faults", "1102", "Desk 2")
            async with pair.south.phone("1102", ring_s=0.2, hold_s=0.5) as after:
                await eventually(lambda: _true(sites.home_of("1102") == "south"), "moved")
                async def moved_in_the_queue() -> bool:
                    found = await sites.at("north").actions_list("QueueStatus", Queue="faults")
                    return [m.get("Location") for m in found if m.get("Location")] == [
                        "PJSIP/1102@site-south"
                    ]

                await eventually(moved_in_the_queue, "the queue knows one place of the agent")
                outcome = await pair.north.caller().call("0401230440", seconds=40, **CONTENT)
                moved = [e for e in heard.events if isinstance(e, PhoneReachable) and e.moved]
                assert [e.agent for e in moved][-1] == "1102"
                assert outcome.answered
                assert [len(before.taken()), len(after.taken())] == [0, 1]
        await leave_queue(sites, "faults", "1102")
