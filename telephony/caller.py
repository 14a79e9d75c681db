"""A caller of flesh and SIP: one SIPp process a call, with a tone, keys, a name or no number."""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from telephony.sipp import (
    CallerError,
    Sound,
    TracedMessage,
    caller_scenario,
    free_udp_port,
    may_send_raw,
    parse_trace,
    sipp_binary,
)
from telephony.tones import KeyPress, packets, tone_ulaw, write_pcap

CALLER_TONE_HZ = 440
# Above this a pause in SIPp would keep a test waiting for nobody.
MAX_SECONDS = 600.0
BIND_ATTEMPTS = 6
TRACE = "trace.log"
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What the caller lived through. Times are UTC and come from SIPp's message trace.

    `final_code` is the INVITE's final SIP status, 0 when none came. `sound` says how the caller
    was heard: pcap (tone and keys in the sound), stream (tone, keys as SIP INFO) or none.
    """

    answered: bool
    invited_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    final_code: int
    sound: str
    hung_up_by: str = ""


def check_call(number: str, keys: str, seconds: float, to: str) -> None:
    """Raise CallerError naming the first unusable argument."""
    if number and not re.fullmatch(r"\+?[0-9]{2,20}", number):
        raise CallerError(
            f"number: {number!r} is not a telephone number (digits with an optional +; "
            "empty for a hidden one)"
        )
    if not re.fullmatch(r"[0-9*#]{0,20}", keys):
        raise CallerError(f"keys: {keys!r} holds something that is no telephone key (0-9, * or #)")
    if not 0 < seconds <= MAX_SECONDS:
        raise CallerError(f"seconds: {seconds!r} is not between 0 and {MAX_SECONDS:g}")
    if not re.fullmatch(r"\+?[0-9]{2,20}", to):
        raise CallerError(f"to: {to!r} is not a telephone number")


class Caller:
    """Calls into Asterisk at sip_host:sip_port as the simulated public network.

    `pstn_port` is the port a lone caller uses; further callers at the same time take free ones.
    `trunk_secret` must be the configuration's `secret_of_trunk`.
    """

    def __init__(
        self, sip_host: str, sip_port: int, pstn_port: int, trunk_secret: str,
        *, local_host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self._remote = f"{sip_host}:{sip_port}"
        self._pstn_port = pstn_port
        self._secret = trunk_secret
        self._local_host = local_host

    async def call(
        self,
        number: str,
        name: str = "",
        keys: str = "",
        seconds: float = 10.0,
        to: str = "965113",
        audio: bool = True,
        *,
        keys_after_s: float = 1.5,
        keys_every_s: float = 1.0,
        tone_hz: int = CALLER_TONE_HZ,
        patience_s: float = 20.0,
        answered: threading.Event | None = None,
    ) -> CallOutcome:
        """Make one call of at most `seconds` after the answer and return how it went.

        An empty `number` withholds it. `keys` are pressed one every `keys_every_s`, the first
        `keys_after_s` after the answer. `answered` is set a moment after the other side did.
        Raises CallerError.
        """
        check_call(number, keys, seconds, to)
        binary = sipp_binary()
        with tempfile.TemporaryDirectory(prefix="sp-call-") as scratch:
            work = Path(scratch)
            presses = [KeyPress(key, keys_after_s + n * keys_every_s) for n, key in enumerate(keys)]
            # Making the sound takes a while; other callers of this process go on meanwhile.
            sound = await asyncio.to_thread(self._sound, work, presses, seconds, tone_hz, audio)
            in_sound = sound.way == "pcap"
            (work / "call.xml").write_text(
                caller_scenario(
                    number=number, name=name, secret=self._secret, seconds=seconds, sound=sound,
                    info_keys="" if in_sound else keys, keys_after_s=keys_after_s,
                    keys_every_s=keys_every_s,
                    patience_s=patience_s,
                ),
                encoding="utf-8",
            )  # fmt: skip
            told = asyncio.create_task(_tell_answered(work / TRACE, answered)) if answered else None
            try:
                await self._run(binary, work, to, patience_s + seconds + 15)
            finally:
                if told is not None:
                    told.cancel()
            text = _read(work / TRACE)
        how = outcome(parse_trace(text), sound.way)
        if answered is not None and how.answered:
            answered.set()
        return how

    def _sound(
        self, work: Path, presses: list[KeyPress], seconds: float, tone_hz: int, audio: bool
    ) -> Sound:
        if not audio and not presses:
            return Sound("none")
        hz = tone_hz if audio else 0
        if may_send_raw():
            file = work / "sound.pcap"
            write_pcap(file, packets(tone_ulaw(hz, seconds), presses))
            return Sound("pcap", str(file))
        if not audio:
            return Sound("none")
        file = work / "sound.ulaw"
        file.write_bytes(tone_ulaw(hz, 10.0))
        return Sound("stream", str(file))

    async def _run(self, binary: str, work: Path, to: str, limit_s: float) -> None:
        port = self._pstn_port
        for _ in range(BIND_ATTEMPTS):
            code, complaint = await self._once(binary, work, to, limit_s, port)
            # 0: all as planned; 1: the call went otherwise, which the trace tells better.
            if code in {0, 1}:
                return
            # Between our looking and SIPp's binding another caller took the port.
            if "bind" not in complaint:
                break
            port = 0
        raise CallerError(f"sipp ended with code {code}: {complaint}")

    async def _once(
        self, binary: str, work: Path, to: str, limit_s: float, port: int
    ) -> tuple[int, str]:
        """One run of SIPp: its exit code and its last complaint."""
        host = self._local_host
        command = [
            binary, self._remote, "-sf", str(work / "call.xml"), "-s", to, "-m", "1", "-l", "1",
            "-i", host, "-mi", host, "-p", str(free_udp_port(host, port)),
            "-mp", str(free_udp_port(host, even=True)), "-nostdin", "-r", "10",
            "-trace_msg", "-message_file", str(work / TRACE),
            "-timeout", f"{int(limit_s)}s", "-recv_timeout", str(int(limit_s * 1000)),
        ]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *command, cwd=work, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(limit_s + 5):
                _, complaint = await process.communicate()
        except TimeoutError as late:
            raise CallerError(f"sipp did not end within {limit_s + 5:g} s") from late
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = complaint.decode("utf-8", errors="replace").strip().splitlines()
        return process.returncode or 0, lines[-1] if lines else ""


def _read(trace: Path) -> str:
    return trace.read_text("utf-8", errors="replace") if trace.exists() else ""


async def _tell_answered(trace: Path, answered: threading.Event) -> None:
    """Set `answered` as soon as SIPp wrote down that the other side did."""
    while not outcome(parse_trace(_read(trace)), "none").answered:
        await asyncio.sleep(LOOK_EVERY_S)
    answered.set()


def outcome(messages: list[TracedMessage], sound: str) -> CallOutcome:
    """The caller's story read from the traced messages."""
    invites = [m for m in messages if m.sent and m.first_line.startswith("INVITE ")]
    finals = [
        m for m in messages if not m.sent and m.code >= 200 and m.method == "INVITE"
    ]  # fmt: skip
    ends = [m for m in messages if m.first_line.startswith(("BYE ", "CANCEL "))]
    answered_at = finals[0].at if finals and finals[0].code == 200 else None
    ended = ends[0] if ends else finals[0] if finals and answered_at is None else None
    return CallOutcome(
        answered=answered_at is not None,
        invited_at=invites[0].at if invites else None,
        answered_at=answered_at,
        ended_at=ended.at if ended else None,
        final_code=finals[0].code if finals else 0,
        sound=sound,
        hung_up_by="" if not ends else "caller" if ends[0].sent else "desk",
    )
