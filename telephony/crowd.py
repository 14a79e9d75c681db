"""Many callers, and many desk phones, from one SIPp process each: for loads and floods.

numbers ──► SIPp ═══ INVITE at a rate ═══► Asterisk ═══► SIPp, every extension at one address
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from telephony.caller import CALLER_TONE_HZ, MAX_SECONDS, check_call
from telephony.phone import AGENT_TONE_HZ, REGISTER_S
from telephony.sipp import (
    CallerError,
    Sound,
    TracedMessage,
    caller_scenario,
    free_udp_port,
    may_send_raw,
    parse_trace,
    phone_scenario,
    register_scenario,
    sipp_binary,
)
from telephony.tones import KeyPress, packets, tone_ulaw, write_pcap

# A load is bounded, in calls and in what stands open at once.
MOST_CALLS = 5000
MOST_AT_ONCE = 300
# Stands in the scenario where SIPp puts the number of each call.
_NUMBER, _EXTENSION, _PASSWORD = "70000000000007", "7000007", "p70000000000007p"


@dataclass(frozen=True, slots=True)
class CrowdCall:
    """One call of a crowd. Times are UTC, from SIPp's message trace; None where it never came.

    `final_code` is the INVITE's final SIP status, 0 when none came.
    """

    number: str
    invited_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    final_code: int


def _checked(numbers: Sequence[str], per_second: float, at_once: int) -> None:
    if not 0 < len(numbers) <= MOST_CALLS:
        raise CallerError(f"numbers: {len(numbers)} are not between 1 and {MOST_CALLS}")
    if len(set(numbers)) != len(numbers):
        raise CallerError("numbers: one is given twice, its calls could not be told apart")
    if not 0 < per_second <= 50:
        raise CallerError(f"per_second: {per_second!r} is not between 0 and 50")
    if not 0 < at_once <= MOST_AT_ONCE:
        raise CallerError(f"at_once: {at_once!r} is not between 1 and {MOST_AT_ONCE}")


async def call_all(
    sip_port: int, trunk_secret: str, numbers: Sequence[str], *, per_second: float, at_once: int,
    seconds: float, to: str = "965113", keys: str = "", keys_after_s: float = 1.5,
    keys_every_s: float = 1.0, sip_host: str = "127.0.0.1", local_host: str = "127.0.0.1",
) -> list[CrowdCall]:  # fmt: skip
    """One call from each of `numbers`, `per_second` of them begun a second; how each went.

    Each lasts `seconds` after the answer at most and hums; `keys` are pressed one every
    `keys_every_s`.
    Raises CallerError, also where keys cannot be sent because raw packets may not be.
    """
    _checked(numbers, per_second, at_once)
    for number in numbers:
        check_call(number, keys, seconds, to)
    if keys and not may_send_raw():
        raise CallerError("keys: a crowd can press none without the right to send raw packets")
    with tempfile.TemporaryDirectory(prefix="sp-crowd-") as folder:
        work = Path(folder)
        presses = [KeyPress(key, keys_after_s + n * keys_every_s) for n, key in enumerate(keys)]
        sound = _sound(work, CALLER_TONE_HZ, seconds, presses)
        text = caller_scenario(
            number=_NUMBER, name="", secret=trunk_secret, seconds=seconds, sound=sound,
            patience_s=30.0,
        )  # fmt: skip
        (work / "call.xml").write_text(text.replace(_NUMBER, "[field0]"), encoding="utf-8")
        _inject(work / "numbers.csv", ((number,) for number in numbers))
        # Begun at the rate, or as others end: whichever takes longer.
        limit_s = len(numbers) / per_second + (len(numbers) / at_once + 1) * seconds + 60
        await _run(
            [f"{sip_host}:{sip_port}", "-sf", str(work / "call.xml"), "-s", to,
             "-inf", str(work / "numbers.csv"), "-m", str(len(numbers)), "-l", str(at_once),
             "-r", str(max(1, round(per_second * 10))), "-rp", "10000",
             "-i", local_host, "-mi", local_host, "-p", str(free_udp_port(local_host)),
             "-mp", str(free_udp_port(local_host, even=True)),
             "-trace_msg", "-message_file", str(work / "trace.log"), "-timeout",
             f"{int(limit_s)}s", "-recv_timeout", str(int((seconds + 40) * 1000))],
            work, limit_s + 15,
        )  # fmt: skip
        trace = work / "trace.log"
        return told(parse_trace(trace.read_text("utf-8", errors="replace")))


def told(messages: Iterable[TracedMessage]) -> list[CrowdCall]:
    """The calls of a trace, in the order of their INVITEs."""
    calls: dict[str, list[TracedMessage]] = {}
    for message in messages:
        calls.setdefault(message.header("Call-ID"), []).append(message)
    found = []
    for rows in calls.values():
        first = rows[0]
        if not first.first_line.startswith("INVITE "):
            continue
        final = next((m for m in rows if not m.sent and m.code >= 200 and m.method == "INVITE"),
                     None)  # fmt: skip
        end = next((m for m in rows if m.first_line.startswith(("BYE ", "CANCEL "))), None)
        number = first.header("From").partition("sip:")[2].partition("@")[0]
        found.append(CrowdCall(
            number=number, invited_at=first.at,
            answered_at=final.at if final is not None and final.code == 200 else None,
            ended_at=end.at if end is not None else None,
            final_code=final.code if final is not None else 0,
        ))  # fmt: skip
    return sorted(found, key=lambda call: call.invited_at)


class PhoneRoom:
    """Desk phones `phones` (extension -> password), all in one SIPp; an async context manager.

    Every phone answers `ring_s` after it rings, hums, and hangs up `hold_s` later unless the
    caller did.
    """

    def __init__(
        self, sip_port: int, phones: Mapping[str, str], *, ring_s: float = 0.5,
        hold_s: float = 10.0, sip_host: str = "127.0.0.1", local_host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        if not 0 < hold_s <= MAX_SECONDS:
            raise CallerError(f"hold_s: {hold_s!r} is not between 0 and {MAX_SECONDS:g}")
        self._remote, self._host = f"{sip_host}:{sip_port}", local_host
        self._phones, self._ring_s, self._hold_s = dict(phones), ring_s, hold_s
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="sp-phones-")
        work = Path(self._folder.name)
        sound = _sound(work, AGENT_TONE_HZ, self._hold_s, [])
        scenario = phone_scenario(ring_s=self._ring_s, hold_s=self._hold_s, sound=sound)
        (work / "phone.xml").write_text(scenario, encoding="utf-8")
        port = free_udp_port(self._host)
        self._process = await asyncio.create_subprocess_exec(
            sipp_binary(), self._remote, "-sf", str(work / "phone.xml"), "-i", self._host,
            "-mi", self._host, "-p", str(port), "-mp", str(free_udp_port(self._host, even=True)),
            "-nostdin", cwd=work, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._port = port
        await self._register(REGISTER_S)
        return self

    async def _register(self, expires: int) -> None:
        assert self._folder is not None
        work = Path(self._folder.name)
        text = register_scenario(
            extension=_EXTENSION, password=_PASSWORD, contact=f"{self._host}:{self._port}",
            expires=expires,
        )  # fmt: skip
        # SIPp reads the account of a digest from the injection file, whole.
        text = text.replace(f"[authentication username={_EXTENSION} password={_PASSWORD}]",
                            "[field1]").replace(_EXTENSION, "[field0]")  # fmt: skip
        (work / "register.xml").write_text(text, encoding="utf-8")
        _inject(work / "phones.csv", (
            (extension, f"[authentication username={extension} password={password}]")
            for extension, password in self._phones.items()
        ))  # fmt: skip
        await _run(
            [self._remote, "-sf", str(work / "register.xml"), "-inf", str(work / "phones.csv"),
             "-m", str(len(self._phones)), "-r", "20", "-i", self._host,
             "-p", str(free_udp_port(self._host)), "-timeout", "60s", "-recv_timeout", "8000"],
            work, 70.0,
        )  # fmt: skip

    async def __aexit__(self, *_: object) -> None:
        # Asterisk would go on ringing telephones that are gone.
        with contextlib.suppress(CallerError):
            await self._register(0)
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._folder is not None:
            self._folder.cleanup()


def _sound(work: Path, tone_hz: int, seconds: float, presses: Sequence[KeyPress]) -> Sound:
    if may_send_raw():
        file = work / "sound.pcap"
        write_pcap(file, packets(tone_ulaw(tone_hz, seconds), presses))
        return Sound("pcap", str(file))
    file = work / "sound.ulaw"
    file.write_bytes(tone_ulaw(tone_hz, 10.0))
    return Sound("stream", str(file))


def _inject(path: Path, rows: Iterable[Sequence[str]]) -> None:
    lines = ["SEQUENTIAL", *(";".join(row) + ";" for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def _run(arguments: list[str], work: Path, limit_s: float) -> None:
    process = await asyncio.create_subprocess_exec(
        sipp_binary(), *arguments, "-nostdin", cwd=work, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    complaint = b""
    try:
        async with asyncio.timeout(limit_s):
            _, complaint = await process.communicate()
    except TimeoutError as late:
        raise CallerError(f"sipp did not end within {limit_s:g} s") from late
    finally:
        if process.returncode is None:
            process.kill()
            with contextlib.suppress(ProcessLookupError):
                await process.wait()
    # 0: all as planned; 1: some went otherwise, which the trace tells better.
    if process.returncode not in {0, 1}:
        last = complaint.decode("utf-8", errors="replace").strip().splitlines()[-1:]
        raise CallerError(f"sipp ended with code {process.returncode}: {' '.join(last)}")
