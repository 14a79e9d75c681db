"""An asyncio client of ARI: the event stream and the few requests Standpipe makes."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol, Self
from urllib.parse import quote

import aiohttp

from telephony.ari.events import (
    AriEvent,
    BadAriMessage,
    Connected,
    Disconnected,
    parse_event,
)
from telephony.backoff import Backoff

log = logging.getLogger(__name__)
REQUEST_TIMEOUT_S = 5.0


class AriError(Exception):
    """Asterisk refused a request, or could not be asked."""


class CallGone(AriError):
    """The caller hung up before the request arrived: an everyday thing."""


class AriCalls(Protocol):
    """What may be done with a call. The client and its fake both offer it."""

    def events(self) -> AsyncIterator[AriEvent]: ...
    async def answer(self, channel_id: str) -> None: ...
    async def play(self, channel_id: str, media: Sequence[str]) -> str: ...
    async def stop(self, playback_id: str) -> None: ...
    async def continue_to(
        self, channel_id: str, context: str, extension: str = "s", priority: int = 1
    ) -> None: ...
    async def set_variable(self, channel_id: str, name: str, value: str) -> None: ...
    async def hangup(self, channel_id: str) -> None: ...
    async def application_channels(self) -> tuple[str, ...]: ...


class AriClient:
    """ARI at `url` (for example http://127.0.0.1:18088/ari) for the application `app`.

    Use as an async context manager, or call `close`. Only one process may use an application
    name: a second one silently takes over the events of the first, which then sees `Replaced`.
    """

    def __init__(
        self, url: str, user: str, password: str, app: str = "standpipe",
        *, backoff: Backoff | None = None,
    ) -> None:  # fmt: skip
        self._url = url.rstrip("/")
        self._app = app
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._backoff = backoff or Backoff()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. `events` ends its work at the next await."""
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
            )
        return self._session

    async def events(self) -> AsyncIterator[AriEvent]:
        """Events for ever, over as many connections as it takes.

        `Connected` begins each connection: whoever reads looks up `application_channels` then.
        A message that cannot be read is logged and left out.
        """
        while True:
            try:
                async with self._http().ws_connect(
                    f"{self._url}/events", params={"app": self._app}, heartbeat=10.0,
                    max_msg_size=2**20,
                ) as socket:  # fmt: skip
                    self._backoff.succeeded()
                    yield Connected()
                    async for message in socket:
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            continue
                        try:
                            yield parse_event(message.data)
                        except BadAriMessage as bad:
                            log.warning("ARI message left out: %s", bad)
                    reason = f"closed with code {socket.close_code}"
            except (aiohttp.ClientError, TimeoutError, OSError) as failure:
                reason = _plain(failure)
            yield Disconnected(reason)
            await asyncio.sleep(self._backoff.failed())

    async def answer(self, channel_id: str) -> None:
        """Answer the call. Raises CallGone, AriError."""
        await self._request("POST", f"channels/{_id(channel_id)}/answer")

    async def play(self, channel_id: str, media: Sequence[str]) -> str:
        """Play absolute sound paths (no extension) one after another; returns the playback id."""
        playback = f"sp-{uuid.uuid4().hex}"
        sounds = ",".join(path if ":" in path else f"sound:{path}" for path in media)
        await self._request(
            "POST", f"channels/{_id(channel_id)}/play/{playback}", {"media": sounds}
        )
        return playback

    async def stop(self, playback_id: str) -> None:
        """Stop a playback; one that is over already is no error."""
        try:
            await self._request("DELETE", f"playbacks/{_id(playback_id)}")
        except CallGone:
            return

    async def continue_to(
        self, channel_id: str, context: str, extension: str = "s", priority: int = 1
    ) -> None:
        """Give the call back to the dialplan. Raises CallGone, AriError."""
        await self._request(
            "POST", f"channels/{_id(channel_id)}/continue",
            {"context": context, "extension": extension, "priority": str(priority)},
        )  # fmt: skip

    async def set_variable(self, channel_id: str, name: str, value: str) -> None:
        """Set a channel variable. Raises CallGone, AriError.

        Not for calls that go back to the dialplan: a channel written to from outside may no
        longer use FILE and STAT there, on which the durable record rests.
        """
        await self._request(
            "POST", f"channels/{_id(channel_id)}/variable", {"variable": name, "value": value}
        )

    async def hangup(self, channel_id: str) -> None:
        """End the call; one that ended by itself is no error."""
        try:
            await self._request("DELETE", f"channels/{_id(channel_id)}")
        except CallGone:
            return

    async def application_channels(self) -> tuple[str, ...]:
        """Calls that are inside the application now: after a restart, nobody replays them."""
        try:
            data = await self._request("GET", f"applications/{_id(self._app)}")
        except CallGone:  # nobody is registered under this name yet
            return ()
        channels = data.get("channel_ids", []) if isinstance(data, dict) else []
        return tuple(str(channel) for channel in channels)

    async def is_registered(self) -> bool:
        """True when some process listens under this application's name."""
        try:
            await self._request("GET", f"applications/{_id(self._app)}")
        except CallGone:
            return False
        return True

    async def channel(self, channel_id: str) -> Any:
        """ARI's description of one channel as parsed JSON. Raises CallGone, AriError."""
        return await self._request("GET", f"channels/{_id(channel_id)}")

    async def _request(
        self, method: str, path: str, params: dict[str, str] | None = None
    ) -> Any:
        try:
            async with self._http().request(
                method, f"{self._url}/{path}", params=params or {}
            ) as answer:
                body = await answer.json() if answer.content_type == "application/json" else None
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            raise AriError(f"{method} {path}: {_plain(failure)}") from failure
        if status in {404, 409, 412}:
            raise CallGone(f"{method} {path}: {status}")
        if status >= 400:
            reason = body.get("message", "") if isinstance(body, dict) else ""
            raise AriError(f"{method} {path}: {status} {reason}".rstrip())
        return body


def _id(value: str) -> str:
    return quote(value, safe="")


def _plain(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}".rstrip(": ")
