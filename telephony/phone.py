"""A desk phone without a person: SIPp that registers, answers, hums a tone and hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from telephony.sipp import (
    CallerError,
    Sound,
    free_udp_port,
    may_send_raw,
    parse_trace,
    phone_scenario,
    register_scenario,
    sipp_binary,
)
from telephony.tones import packets, tone_ulaw, write_pcap

AGENT_TONE_HZ = 1000
REGISTER_S = 3600


@dataclass(frozen=True, slots=True)
class TakenCall:
    """One call that rang at the phone. `call_id` came in the X-SP-Call-Id header."""

    call_id: str
    caller_header: str
    answered: bool


class DeskPhone:
    """Extension `extension` at Asterisk sip_host:sip_port; use as an async context manager.

    Rings `ring_s` seconds before it answers and hangs up `hold_s` after. Answers any number of
    calls, one after another.
    """

    def __init__(
        self, sip_host: str, sip_port: int, extension: str, password: str,
        *, ring_s: float = 0.5, hold_s: float = 30.0, tone_hz: int = AGENT_TONE_HZ,
        local_host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        if not extension.isdecimal():
            raise CallerError(f"extension: {extension!r} is not digits")
        if not password or any(not c.isprintable() or c in " []<>\\" for c in password):
            raise CallerError("password: must be printable, without spaces, brackets or backslash")
        self._remote = f"{sip_host}:{sip_port}"
        self._extension, self._password = extension, password
        self._ring_s, self._hold_s, self._tone_hz = ring_s, hold_s, tone_hz
        self._host = local_host
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen and register. Raises CallerError when Asterisk refuses the registration."""
        self._scratch = tempfile.TemporaryDirectory(prefix="sp-phone-")
        work = Path(self._scratch.name)
        sound = self._sound(work)
        scenario = phone_scenario(ring_s=self._ring_s, hold_s=self._hold_s, sound=sound)
        (work / "phone.xml").write_text(scenario, encoding="utf-8")
        self._port = free_udp_port(self._host)
        self._process = await asyncio.create_subprocess_exec(
            sipp_binary(), self._remote, "-sf", str(work / "phone.xml"), "-i", self._host,
            "-mi", self._host, "-p", str(self._port),
            "-mp", str(free_udp_port(self._host, even=True)), "-nostdin",
            "-trace_msg", "-message_file", str(work / "trace.log"),
            cwd=work, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await self._register(REGISTER_S)

    async def stop(self) -> None:
        """Unregister and end; a phone that is gone already is no error."""
        if self._process is not None:
            with contextlib.suppress(CallerError):
                await self._register(0)
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    async def vanish(self) -> None:
        """Die without a word, as a closed browser or a cut cable does; the registration stays."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def taken(self) -> list[TakenCall]:
        """Calls that rang here so far, in order."""
        if self._scratch is None:
            return []
        trace = Path(self._scratch.name) / "trace.log"
        text = trace.read_text("utf-8", errors="replace") if trace.exists() else ""
        messages = parse_trace(text)
        answered = {
            m.header("Call-ID")
            for m in messages
            if m.sent and m.code == 200 and m.method == "INVITE"
        }
        seen: dict[str, TakenCall] = {}
        for m in messages:
            if not m.sent and m.first_line.startswith("INVITE "):
                sip_id = m.header("Call-ID")
                seen[sip_id] = TakenCall(
                    call_id=m.header("X-SP-Call-Id"),
                    caller_header=m.header("From"),
                    answered=sip_id in answered,
                )
        return list(seen.values())

    def _sound(self, work: Path) -> Sound:
        if may_send_raw():
            file = work / "sound.pcap"
            write_pcap(file, packets(tone_ulaw(self._tone_hz, self._hold_s)))
            return Sound("pcap", str(file))
        file = work / "sound.ulaw"
        file.write_bytes(tone_ulaw(self._tone_hz, 10.0))
        return Sound("stream", str(file))

    async def _register(self, expires: int) -> None:
        if self._scratch is None:
            return
        work = Path(self._scratch.name)
        (work / "register.xml").write_text(
            register_scenario(
                extension=self._extension, password=self._password,
                contact=f"{self._host}:{self._port}", expires=expires,
            ),
            encoding="utf-8",
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sipp_binary(), self._remote, "-sf", str(work / "register.xml"), "-m", "1",
            "-i", self._host, "-p", str(free_udp_port(self._host)), "-nostdin",
            "-timeout", "8s", "-recv_timeout", "6000",
            cwd=work, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait() != 0:
            raise CallerError(f"Asterisk refused to register the phone {self._extension}")
