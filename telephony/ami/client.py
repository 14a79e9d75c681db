"""An asyncio client of the manager interface."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator
from typing import Protocol, Self

from telephony.ami.events import AmiEvent, Connected, Disconnected, parse_event
from telephony.ami.parser import AmiProtocolError, FieldValue, Message, Splitter, render_action
from telephony.backoff import Backoff

log = logging.getLogger(__name__)
ACTION_TIMEOUT_S = 5.0
PING_EVERY_S = 15.0
# A restarted Asterisk lets the manager in before its queues know any command.
BOOT_S = 30.0


class AmiError(Exception):
    """Asterisk refused an action, or could not be asked."""


class SignInRefused(AmiError):
    """User or secret is wrong: waiting will not help."""


class AmiActions(Protocol):
    """What may be asked of the manager. The client and its fake both offer it."""

    async def connect(self) -> None: ...
    def events(self) -> AsyncIterator[AmiEvent]: ...
    async def action(self, name: str, **fields: FieldValue) -> Message: ...
    async def actions_list(self, name: str, **fields: FieldValue) -> list[Message]: ...
    async def close(self) -> None: ...


class _Pending:
    """An action waiting for its answer, or for its list."""

    def __init__(self, listing: bool) -> None:
        self.listing = listing
        self.items: list[Message] = []
        self.response: Message | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, message: Message) -> None:
        if message.get("Response"):
            self.response = message
            failed = message.get("Response") == "Error"
            if not self.listing or failed:
                self._finish()
        elif message.get("EventList").lower() in {"complete", "cancelled"}:
            self._finish()
        else:
            self.items.append(message)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class AmiClient:
    """The manager at host:port. `connect` keeps the connection up until `close`."""

    def __init__(
        self, host: str, port: int, user: str, secret: str, *, backoff: Backoff | None = None
    ) -> None:
        self._address = (host, port)
        self._account = (user, secret)
        self._backoff = backoff or Backoff()
        self._events: asyncio.Queue[AmiEvent] = asyncio.Queue()
        self._pending: dict[str, _Pending] = {}
        self._ids = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._refused: SignInRefused | None = None
        self._first = asyncio.Event()
        self._booted = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Return once signed in; keeps trying while Asterisk is away. Raises SignInRefused."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        await self._first.wait()
        if self._refused is not None:
            raise self._refused

    async def close(self) -> None:
        """End the connection and the wish to have one."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    async def events(self) -> AsyncIterator[AmiEvent]:
        """Events for ever. `Connected` begins each connection: read the present state then."""
        while True:
            yield await self._events.get()

    async def action(self, name: str, **fields: FieldValue) -> Message:
        """Ask one thing. Raises AmiError with Asterisk's reason, ValueError for a line break."""
        pending = await self._ask(name, fields, listing=False)
        if pending.response is None:
            raise AmiError(f"{name}: no answer")
        return pending.response

    async def actions_list(self, name: str, **fields: FieldValue) -> list[Message]:
        """Ask for a list (QueueStatus, CoreShowChannels); its items in order."""
        return (await self._ask(name, fields, listing=True)).items

    async def _ask(self, name: str, fields: dict[str, FieldValue], listing: bool) -> _Pending:
        action_id = f"sp-{next(self._ids)}"
        data = render_action(name, action_id, fields)
        writer = self._writer
        if writer is None:
            raise AmiError(f"{name}: not connected to Asterisk")
        pending = self._pending[action_id] = _Pending(listing)
        try:
            writer.write(data)
            await writer.drain()
            async with asyncio.timeout(ACTION_TIMEOUT_S):
                await pending.done
        except TimeoutError as late:
            raise AmiError(f"{name}: no answer in {ACTION_TIMEOUT_S:g} s") from late
        except OSError as broken:
            raise AmiError(f"{name}: {broken}") from broken
        finally:
            self._pending.pop(action_id, None)
        if pending.response is not None and pending.response.get("Response") == "Error":
            raise AmiError(f"{name}: {pending.response.get('Message')}")
        return pending

    async def _keep(self) -> None:
        while True:
            dead = False
            try:
                await self._one_connection()
                reason = "closed by Asterisk"
            except SignInRefused as refused:
                self._refused = refused
                self._first.set()
                self._events.put_nowait(Disconnected(str(refused)))
                return
            except (OSError, TimeoutError, AmiProtocolError, AmiError) as failure:
                reason = f"{type(failure).__name__}: {failure}"
                dead = isinstance(failure, ConnectionRefusedError)
            self._drop(reason, dead)
            await asyncio.sleep(self._backoff.failed())

    def _drop(self, reason: str, dead: bool) -> None:
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(AmiError(f"connection lost: {reason}"))
        self._events.put_nowait(Disconnected(reason, dead))

    async def _one_connection(self) -> None:
        async with asyncio.timeout(ACTION_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(*self._address)
        self._writer = writer
        self._booted.clear()
        reading = asyncio.create_task(self._read(reader))
        try:
            await self._sign_in()
            await self._wait_until_booted(reading)
            self._backoff.succeeded()
            self._events.put_nowait(Connected())
            self._first.set()
            # A peer that vanished without a word is noticed by the missing answer to a ping.
            while not reading.done():
                await asyncio.wait({reading}, timeout=PING_EVERY_S)
                if not reading.done():
                    await self.action("Ping")
            await reading
        finally:
            self._writer = None
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, AmiProtocolError):
                await reading
            writer.close()

    async def _wait_until_booted(self, reading: asyncio.Task[None]) -> None:
        """Asterisk says so once all its modules are loaded, at once when it has long been up."""
        booted = asyncio.create_task(self._booted.wait())
        try:
            done, _ = await asyncio.wait(
                {booted, reading}, timeout=BOOT_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            booted.cancel()
        if reading in done and booted not in done:
            await reading
            raise AmiError("closed while Asterisk was starting")
        if not done:
            log.warning("Asterisk does not say that it is up; going on after %g s", BOOT_S)

    async def _sign_in(self) -> None:
        user, secret = self._account
        try:
            await self.action("Login", Username=user, Secret=secret, Events="on")
        except AmiError as failure:
            if "uthentication failed" in str(failure):
                raise SignInRefused(f"Asterisk refused the manager account {user}") from failure
            raise

    async def _read(self, reader: asyncio.StreamReader) -> None:
        splitter = Splitter()
        while data := await reader.read(65536):
            for message in splitter.feed(data):
                pending = self._pending.get(message.get("ActionID"))
                if pending is not None:
                    pending.take(message)
                elif message.get("Event") == "FullyBooted":
                    self._booted.set()
                elif message.get("Event"):
                    self._events.put_nowait(parse_event(message))
