"""What tests of the queues share: who wants what, what happened, the router at work."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from telephony.ami import events as told
from telephony.ari.client import AriClient
from telephony.ari.events import StasisStart
from telephony.dialplan import queue_door
from telephony.queues import QueueSettings, write_queues
from telephony.router import Router, Seat
from tests.telephony.conftest import Desk

E = TypeVar("E", bound=told.AmiEvent)
# Callers look for a free agent once a second.
LOOK_S = 1.1


@dataclass
class Script:
    """What each number wants: (queue, priority)."""

    wants: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int, calls: int) -> Script:
        dice = random.Random(seed)
        return cls({
            f"0408{n:06d}": (dice.choice(["faults", "faults", "billing", "quality"]),
                             5 if dice.random() < 0.15 else 0)
            for n in range(calls)
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
    events: list[told.AmiEvent] = field(default_factory=list)
    also: list[Callable[[told.AmiEvent], Awaitable[None]]] = field(default_factory=list)
    guard_s: int = 1

    def has(self, kind: type[told.AmiEvent], count: int) -> Callable[[], Awaitable[bool]]:
        """For `eventually`: so many events of this kind."""

        async def seen() -> bool:
            return sum(isinstance(e, kind) for e in self.events) >= count

        return seen

    def member(self, agent: str, queue: str, *, paused: bool) -> Callable[[], Awaitable[bool]]:
        """For `eventually`: the last word about this member of this queue."""

        async def seen() -> bool:
            told_of = [
                e
                for e in self.events
                if isinstance(e, told.MemberChanged) and (e.agent, e.queue) == (agent, queue)
            ]
            return bool(told_of) and told_of[-1].paused == paused

        return seen

    def first(self, kind: type[E]) -> E:
        return next(e for e in self.events if isinstance(e, kind))

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
        self.events.append(event)
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
                for follow in story.also:
                    await follow(event)

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


async def more_queues(desk: Desk, own: Sequence[QueueSettings] = ()) -> None:
    """Two queues more, written and read again while Asterisk runs; `own` replaces by code."""
    queues = {code: QueueSettings(code) for code in ("faults", "billing", "quality")}
    queues |= {queue.code: queue for queue in own}
    write_queues(desk.config.own, list(queues.values()), "faults")
    async with desk.ami() as ami:
        await ami.action("QueueReload", Parameters="yes", Rules="yes", Members="no")
