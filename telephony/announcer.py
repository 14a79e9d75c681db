"""Tells callers where they stand and how long it will take, without holding up a free agent.

The sentence is whispered into the caller's channel (`dialplan/whisper.py`) and cut off when an
agent takes the call.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from telephony.ami import events as ami_events
from telephony.ami.client import AmiActions, AmiError
from telephony.dialplan import WHISPER_CONTEXT
from telephony.order import Waiter
from telephony.prompts import Speech
from telephony.sentences import Language, Say, say_number

log = logging.getLogger(__name__)
# So many are spoken to at the same time; each costs two channels.
MOST_AT_ONCE = 10
LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Terms:
    """A queue's announcements: the first after so many seconds (0: none), then every so many."""

    after_s: float = 20.0
    every_s: float = 45.0
    call_back: bool = True


def turn_sentence(
    language: Language, *, position: int, wait_s: float | None, call_back: bool
) -> Say:
    """Where the caller stands, from 1; the wait rounded up to minutes, left out when unknown."""
    position = min(max(1, position), 9999)
    minutes = None if wait_s is None else max(1, math.ceil(wait_s / 60))
    long = minutes is not None and minutes * 60 > LONGEST_S
    if language == "zh":
        text = f"您排在第{say_number(position, 'zh')}位。"
        if minutes is not None:
            text += (
                "预计等待时间超过一小时。" if long
                else f"预计等待约{'两' if minutes == 2 else say_number(minutes, 'zh')}分钟。"
            )  # fmt: skip
        text += "如需挂机并保留排队位置，由我们给您回电，请按二。" if call_back else ""
        return Say("waiting-turn", "zh", text)
    text = f"You are number {say_number(position, 'en')} in the queue."
    if minutes is not None:
        many = "minute" if minutes == 1 else "minutes"
        text += (
            " We expect the wait to be more than an hour." if long
            else f" We expect you to wait about {say_number(minutes, 'en')} {many}."
        )  # fmt: skip
    text += " To hang up, keep your place and be called back, press two." if call_back else ""
    return Say("waiting-turn", "en", text)


@dataclass
class Announcer:
    """Who is to be told next, and who is being told. `clock` gives epoch seconds."""

    ami: AmiActions
    speech: Speech
    clock: Callable[[], float]
    _next: dict[str, float] = field(default_factory=dict)
    _speaking: dict[str, tuple[str, float]] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    def due(self, waiting: Iterable[Waiter], terms: Callable[[str], Terms]) -> list[Waiter]:
        """Whose time has come, the longest overdue first; who left the queue is forgotten."""
        now = self.clock()
        waiters = {w.call_id: w for w in waiting}
        for gone in self._next.keys() - waiters.keys():
            del self._next[gone]
        self._speaking = {
            call: (channel, until)
            for call, (channel, until) in self._speaking.items() if until > now
        }  # fmt: skip
        for call, waiter in waiters.items():
            rule = terms(waiter.queue)
            if rule.after_s > 0:
                self._next.setdefault(call, now + rule.after_s)
        late = sorted((at, call) for call, at in self._next.items() if at <= now)
        room = max(0, MOST_AT_ONCE - len(self._speaking))
        return [waiters[call] for _, call in late[:room]]

    async def say(self, waiter: Waiter, say: Say, terms: Terms) -> None:
        """Whisper it to the caller; whoever has gone meanwhile is no error."""
        now = self.clock()
        self._next[waiter.call_id] = now + max(15.0, terms.every_s)
        media = await self.speech.media(say)
        channel = f"say-{os.getpid()}-{int(now)}-{next(self._ids)}"
        self._speaking[waiter.call_id] = (channel, now + 20.0)
        try:
            await self.ami.action(
                "Originate", Channel=f"Local/s@{WHISPER_CONTEXT}/n", ChannelId=channel,
                Application="Playback", Data=media, Async=True, Timeout=5000,
                Variable=[f"SP_TARGET={waiter.call_id}"],
            )  # fmt: skip
        except AmiError as refused:
            log.info("call %s was not told its place: %s", waiter.call_id, refused)

    async def take(self, event: ami_events.AmiEvent) -> None:
        """Be quiet when an agent answers."""
        if isinstance(event, ami_events.AgentConnected):
            spoken = self._speaking.pop(event.call_id, None)
            if spoken is not None:
                try:
                    await self.ami.action("Hangup", Channel=spoken[0])
                except AmiError as over:
                    log.debug("the announcement was over: %s", over)
