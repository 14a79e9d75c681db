"""ARI and AMI without Asterisk, at the library's border: for tests of whoever uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from telephony.ami.client import AmiError
from telephony.ami.events import AmiEvent
from telephony.ami.parser import FieldValue, Message, render_action
from telephony.ari.client import AriError, CallGone
from telephony.ari.events import AriEvent, PlaybackFinished


@dataclass
class FakeAri:
    """Behaves as AriClient: `feed` events in, read `requests` out.

    `requests` holds (verb, channel id, details). Calls in `gone` answer as hung up; `broken` is
    raised by every request when set. With `play_ends` playbacks finish by themselves.
    """

    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    broken: AriError | None = None
    play_ends: bool = True
    _events: asyncio.Queue[AriEvent | None] = field(default_factory=asyncio.Queue)

    def feed(self, *events: AriEvent) -> None:
        """Hand events to whoever reads."""
        for event in events:
            self._events.put_nowait(event)

    def finish(self) -> None:
        """End the event stream."""
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[AriEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    def _note(self, verb: str, channel_id: str, details: Any = None) -> None:
        self.requests.append((verb, channel_id, details))
        if self.broken is not None:
            raise self.broken
        if channel_id in self.gone:
            raise CallGone(channel_id)

    async def answer(self, channel_id: str) -> None:
        self._note("answer", channel_id)

    async def play(self, channel_id: str, media: Sequence[str]) -> str:
        self._note("play", channel_id, tuple(media))
        playback = f"playback-{len(self.requests)}"
        if self.play_ends:
            self.feed(PlaybackFinished(playback, channel_id, ok=True))
        return playback

    async def stop(self, playback_id: str) -> None:
        self.requests.append(("stop", "", playback_id))

    async def continue_to(
        self, channel_id: str, context: str, extension: str = "s", priority: int = 1
    ) -> None:
        self._note("continue", channel_id, (context, extension, priority))

    async def set_variable(self, channel_id: str, name: str, value: str) -> None:
        self._note("variable", channel_id, (name, value))

    async def hangup(self, channel_id: str) -> None:
        self.requests.append(("hangup", channel_id, None))

    async def application_channels(self) -> tuple[str, ...]:
        if self.broken is not None:
            raise self.broken
        return tuple(self.inside)


@dataclass
class FakeAmi:
    """Behaves as AmiClient: `feed` events in, read `actions` out.

    `refusals` maps an action's name to the reason it is refused with; `lists` maps a name to the
    items `actions_list` returns. Line breaks are refused as by the real one.
    """

    actions: list[tuple[str, dict[str, FieldValue]]] = field(default_factory=list)
    refusals: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, list[Message]] = field(default_factory=dict)
    connected: bool = False
    _events: asyncio.Queue[AmiEvent | None] = field(default_factory=asyncio.Queue)

    def feed(self, *events: AmiEvent) -> None:
        """Hand events to whoever reads."""
        for event in events:
            self._events.put_nowait(event)

    def finish(self) -> None:
        """End the event stream."""
        self._events.put_nowait(None)

    async def connect(self) -> None:
        self.connected = True

    async def close(self) -> None:
        self.connected = False

    async def events(self) -> AsyncIterator[AmiEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def action(self, name: str, **fields: FieldValue) -> Message:
        render_action(name, "fake", fields)
        self.actions.append((name, dict(fields)))
        if name in self.refusals:
            raise AmiError(f"{name}: {self.refusals[name]}")
        return Message((("Response", "Success"),))

    async def actions_list(self, name: str, **fields: FieldValue) -> list[Message]:
        await self.action(name, **fields)
        return list(self.lists.get(name, []))
