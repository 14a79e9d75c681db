"""Fifty calls into three queues of a real Asterisk, answered in the order of an independent rule.

    faults   ---\\            1101 faults, billing      1104 faults
    billing  ----> agents:   1102 faults, billing      1105 billing, quality
    quality  ---/            1103 quality, faults (helps quality only)   1106 all three

The rule: whoever becomes free takes, of all callers whom they may take, the one with the highest
priority, and of those the one who has waited longest, whatever queue they stand in.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from telephony.ami import events as told
from telephony.ari.client import AriClient
from telephony.ari.events import StasisStart
from telephony.dialplan import queue_door
from telephony.queues import QueueSettings, write_queues
from telephony.router import Router, Seat
from tests.telephony.conftest import Desk, eventually

pytestmark = pytest.mark.live
SKILLS = {
    "1101": ("faults", "billing"), "1102": ("faults", "billing"), "1103": ("quality", "faults"),
    "1104": ("faults",), "1105": ("billing", "quality"), "1106": ("faults", "billing", "quality"),
}  # fmt: skip
CALLS = 50
# A caller who came this moment may not have been known when the agent was chosen.
SETTLED_S = 0.3
# Callers look for a free agent once a second.
LOOK_S = 1.1


@dataclass
class Script:
    """What each number wants: (queue, priority)."""

    wants: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int) -> Script:
        dice = random.Random(seed)
        return cls({
            f"0408{n:06d}": (dice.choice(["faults", "faults", "billing", "quality"]),
                             5 if dice.random() < 0.15 else 0)
            for n in range(CALLS)
        })  # fmt: skip


@dataclass
class Story:
    """What happened, from a manager connection of the test's own."""

    joined: dict[str, tuple[float, str]] = field(default_factory=dict)
    rang: list[tuple[float, str, str]] = field(default_factory=list)
    over: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    number: dict[str, str] = field(default_factory=dict)
    busy: dict[str, list[list[float]]] = field(default_factory=dict)
    guard_s: int = 1

    def free(self, agent: str, at: float) -> bool:
        """Whether the agent could have been rung in the second in which Asterisk last looked."""
        edge = at - LOOK_S
        for begin, end in self.busy.get(agent, []):
            if begin > edge:
                return True
            edge = max(edge, end)
        return edge <= at

    def note(self, event: told.AmiEvent) -> None:
        now = time.time()
        match event:
            case told.QueueJoined(call_id=call, queue=queue, caller=caller):
                self.joined[call] = (now, queue)
                self.number[call] = caller.number
            case told.AgentRinging(call_id=call, agent=agent):
                self.rang.append((now, agent, call))
                self.busy.setdefault(agent, []).append([now, float("inf")])
            case told.AgentCompleted(agent=agent):
                self.busy[agent][-1][1] = math.floor(now) + self.guard_s - 0.05
            case told.CallEnded(call_id=call):
                self.over.add(call)
            case told.RecordingReady(call_id=call):
                self.recorded.add(call)


def passed_over(story: Story, script: Script) -> list[str]:
    """The rule, applied again to what happened: whoever should have been taken instead.

    Not the product's code. At each ringing: those before the taken caller in the order are matched
    with the agents who are free, once with and once without the one whose telephone rings. Whoever
    can be matched only with that agent was passed over. Callers look for a free agent once a
    second; an agent who was free in that second counts, whoever has looked first.
    """
    rings = {call: at for at, _, call in reversed(story.rang)}
    wrong = []
    for at, agent, call in story.rang:
        turn = (-script.wants[story.number[call]][1], story.joined[call][0])
        before = [
            other for other, (since, _) in story.joined.items()
            if since < at - SETTLED_S and rings[other] > at
            and (-script.wants[story.number[other]][1], since) < turn
        ]  # fmt: skip
        free = {a for a in SKILLS if a == agent or story.free(a, at)}
        queues = {other: story.joined[other][1] for other in before}
        if matched(queues, free) > matched(queues, free - {agent}):
            wrong.append(f"{at:.1f}: {agent} took {call}; before it waited {queues}, free {free}")
    return wrong


def matched(callers: dict[str, str], free: set[str]) -> int:
    """How many callers (call -> queue) the free agents can take at once (augmenting paths)."""
    taken: dict[str, str] = {}

    def place(caller: str, tried: set[str]) -> bool:
        for agent in sorted(free - tried):
            if callers[caller] in SKILLS[agent]:
                tried.add(agent)
                if agent not in taken or place(taken[agent], tried):
                    taken[agent] = caller
                    return True
        return False

    return sum(place(caller, set()) for caller in callers)


@asynccontextmanager
async def doors(desk: Desk, script: Script) -> AsyncIterator[None]:
    """In place of the conversation: straight into the queue that the script says."""

    async def lead(ari: AriClient) -> None:
        async for event in ari.events():
            if isinstance(event, StasisStart):
                queue, priority = script.wants[event.channel.caller.number]
                await ari.continue_to(event.channel.id, *queue_door(queue, priority))

    async with desk.ari() as ari:
        task = asyncio.create_task(lead(ari))
        await desk.registered(ari)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def routed(desk: Desk, seats: dict[str, Seat]) -> AsyncIterator[tuple[Router, Story]]:
    """The router at work, and the story beside it."""
    story = Story(guard_s=desk.config.guard_s)
    async with desk.ami() as ami, desk.ami() as own:
        router = Router(ami, guard_s=desk.config.guard_s)

        async def route() -> None:
            async for event in ami.events():
                await router.take(event)

        async def watch() -> None:
            async for event in own.events():
                story.note(event)

        async def tick() -> None:
            while True:
                await asyncio.sleep(0.3)
                await router.settle()

        await router.resync(seats)
        tasks = [asyncio.create_task(work()) for work in (route, watch, tick)]
        try:
            yield router, story
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            router.seats.clear()
            await router.settle()


async def more_queues(desk: Desk) -> None:
    """Two queues more, written and read again while Asterisk runs."""
    queues = [QueueSettings(code) for code in ("faults", "billing", "quality")]
    write_queues(desk.config.own, queues, "faults")
    async with desk.ami() as ami:
        await ami.action("QueueReload", Parameters="yes", Rules="yes", Members="no")


def seats_of(skills: dict[str, tuple[str, ...]]) -> dict[str, Seat]:
    return {
        extension: Seat(f"Desk {extension}", dict.fromkeys(queues, 0))
        for extension, queues in skills.items()
    }


async def test_fifty_calls_into_three_queues_are_answered_in_their_turn(asterisk: Desk) -> None:
    script = Script.of(7)
    await more_queues(asterisk)
    phones = [asterisk.phone(e, ring_s=0.1, hold_s=0.4 + 0.2 * n) for n, e in enumerate(SKILLS)]
    await asyncio.gather(*(phone.start() for phone in phones))
    try:
        async with doors(asterisk, script), routed(asterisk, seats_of(SKILLS)) as (_, story):
            dice = random.Random(3)

            async def ring(number: str, after_s: float) -> None:
                await asyncio.sleep(after_s)
                await asterisk.caller().call(number, audio=False, seconds=60)

            begin, calls = 0.0, []
            for number in script.wants:
                calls.append(asyncio.create_task(ring(number, begin)))
                begin += dice.uniform(0.05, 0.25)
            await asyncio.gather(*calls)

            async def all_over() -> bool:
                return len(story.over) == len(story.recorded) == CALLS

            await eventually(all_over, "every call is over", 20)
    finally:
        await asyncio.gather(*(phone.stop() for phone in phones))
    assert len(story.joined) == CALLS == len(story.rang)
    assert passed_over(story, script) == []
    # And the rule had something to decide: neighbours in the order stood in different queues.
    queues = [story.joined[call][1] for _, _, call in story.rang]
    assert sum(a != b for a, b in pairwise(queues)) > CALLS // 4
    assert max(at - story.joined[call][0] for at, _, call in story.rang) > 5
