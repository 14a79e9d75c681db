"""A private Asterisk for the live tests: own state, own ports, one for the whole run."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ops.asterisk import AsteriskError, ensure_asterisk
from telephony.agents import calls_present
from telephony.ami.client import AmiClient
from telephony.ami.events import AmiEvent
from telephony.ari.client import AriClient
from telephony.caller import Caller
from telephony.config import AsteriskConfig, Phone
from telephony.incoming import Decide, IncomingCalls, LeftFlow
from telephony.phone import DeskPhone
from telephony.prompts import Speech, synthesise
from telephony.recovery import RecoveredCall, recover

E = TypeVar("E", bound=AmiEvent)
PASSWORDS = {
    "1101": "desk-one", "1102": "desk-two", "1103": "desk-three",
    **{f"110{n}": f"desk-{n}" for n in "456"},
}  # fmt: skip


def _home() -> Path:
    if given := os.environ.get("STANDPIPE_HOME"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/standpipe")
    return Path.home() / ".local/share/standpipe"


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@dataclass
class Desk:
    """The running Asterisk with what tests do to it."""

    config: AsteriskConfig
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        out = (self.config.state / "asterisk.out").open("ab")
        self.process = subprocess.Popen(self.config.command(), stdout=out, stderr=out)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            ready = subprocess.run(
                self.config.console("core waitfullybooted"), capture_output=True, check=False
            )
            if ready.returncode == 0 and b"fully booted" in ready.stdout:
                return
            assert self.process.poll() is None, "Asterisk ended while starting"
            time.sleep(0.2)
        raise AssertionError("Asterisk was not ready after 30 s")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        self.process = None

    def caller(self) -> Caller:
        c = self.config
        return Caller("127.0.0.1", c.sip_port, c.pstn_port, c.secret_of_trunk)

    def phone(
        self, extension: str = "1101", *, ring_s: float = 0.3, hold_s: float = 20.0
    ) -> DeskPhone:
        return DeskPhone(
            "127.0.0.1", self.config.sip_port, extension, PASSWORDS[extension],
            ring_s=ring_s, hold_s=hold_s,
        )  # fmt: skip

    def ami(self) -> AmiClient:
        c = self.config
        return AmiClient("127.0.0.1", c.ami_port, c.ami_user, c.ami_password)

    def ari(self) -> AriClient:
        c = self.config
        return AriClient(f"http://127.0.0.1:{c.ari_port}/ari", c.ari_user, c.ari_password)

    @asynccontextmanager
    async def application(
        self, decide: Decide, budget_s: float = 0.8, *, speech: Speech | None = None,
        **more: Any,
    ) -> AsyncIterator[list[LeftFlow]]:  # fmt: skip
        """The Python side, running; yields the list of conversations that ended."""
        ended: list[LeftFlow] = []

        async def left(flow: LeftFlow) -> None:
            ended.append(flow)

        async with self.ari() as ari:
            calls = IncomingCalls(
                ari, decide, speech or Speech(self.config.prompts), left=left, budget_s=budget_s,
                **more,
            )  # fmt: skip
            task = asyncio.create_task(calls.run())
            await self.registered(ari)
            try:
                yield ended
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    @staticmethod
    async def registered(ari: AriClient) -> None:
        async def known() -> bool:
            return bool(await ari.is_registered())

        await eventually(known, "the application is registered")

    def log_lines(self) -> list[dict[str, str]]:
        path = self.config.calls_log
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def calls(self) -> list[RecoveredCall]:
        c = self.config
        return list(recover(c.calls_log, c.recordings, queue_log=c.queue_log).calls)

    def call_from(self, number: str) -> RecoveredCall:
        found = [call for call in self.calls() if call.caller.number == number]
        assert len(found) == 1, f"{len(found)} calls from {number!r} on record"
        return found[0]


class Heard:
    """Collects manager events, and waits for one."""

    def __init__(self, ami: AmiClient) -> None:
        self.events: list[AmiEvent] = []
        self._ami = ami

    async def listen(self) -> None:
        async for event in self._ami.events():
            self.events.append(event)

    async def one(self, kind: type[E], seconds: float = 15.0) -> E:
        async def seen() -> bool:
            return any(isinstance(event, kind) for event in self.events)

        await eventually(seen, kind.__name__, seconds)
        return next(event for event in self.events if isinstance(event, kind))


async def eventually(
    true: Callable[[], Awaitable[bool]], what: str, seconds: float = 15.0
) -> None:
    """Wait until `true()`; fail naming `what`."""
    until = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.05)


async def _quiet(desk: Desk) -> None:
    """Until nobody talks and no recording of a call before waits to be told; 8 s at most."""
    spool = desk.config.base / "spool" / "outgoing"
    still, until = 0, time.monotonic() + 8
    async with desk.ami() as ami:
        while still < 3 and time.monotonic() < until:
            held = await calls_present(ami)
            still = 0 if held or any(spool.glob("*.call")) else still + 1
            await asyncio.sleep(0.1)


@asynccontextmanager
async def listening(desk: Desk) -> AsyncIterator[tuple[AmiClient, Heard]]:
    """A manager connection with everything it hears."""
    async with desk.ami() as ami:
        heard = Heard(ami)
        task = asyncio.create_task(heard.listen())
        try:
            yield ami, heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def private_config(**changes: Any) -> AsteriskConfig:
    """A configuration with a state and ports of its own; skips where no Asterisk can be had."""
    for tool, package in (("sipp", "sip-tester"), ("espeak-ng", "espeak-ng"), ("sox", "sox")):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine (package {package})")
    try:
        install = ensure_asterisk(_home(), print)
    except AsteriskError as reason:
        pytest.skip(f"there is no Asterisk and none can be fetched: {reason}")
    # A short path: Asterisk's control socket lies below it.
    state = Path(tempfile.mkdtemp(prefix="spt-", dir="/tmp"))
    sip, ari, ami, pstn, network = _free_ports(5)
    config = AsteriskConfig(
        prefix=install.prefix, state=state, sip_port=sip, ari_port=ari, wss_port=None,
        ami_port=ami, rtp_start=31000, rtp_end=31400, pstn_port=pstn, ari_user="standpipe",
        ari_password="ari-secret", ami_user="standpipe", ami_password="ami-secret",
        prompts=state / "prompts", recordings=state / "recordings", watchdog_s=4,
        queue_timeout_s=30, guard_s=1, trunk_contact=f"127.0.0.1:{network}",
        phones=[
            Phone("1001", "browser-one", "Agent 1", webrtc=True),
            *(Phone(ext, password, f"Desk {ext[-1]}", webrtc=False)
              for ext, password in PASSWORDS.items()),
        ],
    )  # fmt: skip
    return replace(config, **changes)


@contextmanager
def running(*configs: AsteriskConfig) -> Iterator[list[Desk]]:
    """Asterisks from their configurations to their ends."""
    desks = [Desk(config) for config in configs]
    try:
        for desk in desks:
            synthesise(desk.config.prompts)
            desk.config.write()
            desk.start()
        yield desks
    finally:
        for desk in desks:
            desk.stop()
            if os.environ.get("STANDPIPE_KEEP_STATE") != "1":
                shutil.rmtree(desk.config.state, ignore_errors=True)


@pytest.fixture(scope="session")
def asterisk() -> Iterator[Desk]:
    """A private Asterisk, started once; skips only where none can be had."""
    with running(private_config()) as (desk,):
        yield desk


@pytest.fixture(autouse=True)
def _calls_before_are_over(request: pytest.FixtureRequest) -> None:
    """A story hears its own calls alone: what the one before left in Asterisk is waited for."""
    if "asterisk" in request.fixturenames:
        desk: Desk = request.getfixturevalue("asterisk")
        if desk.process is not None and desk.process.poll() is None:
            asyncio.run(_quiet(desk))
