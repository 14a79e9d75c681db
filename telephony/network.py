"""The public network as a thing that can be called: for tests and demonstrations, no people needed.

Asterisk's outgoing calls (`AsteriskConfig.trunk_contact`) arrive here. Each number behaves as it is
told: answers and speaks, is busy, rings for ever, turns the call away, or is not there.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Self

from telephony.tones import PACKET_SAMPLES, PCMU_TYPE, RATE_HZ, KeyPress, packets, tone_ulaw

Way = Literal["answers", "busy", "rings", "rejects", "unknown", "silent"]
_CODES = {"busy": "486 Busy Here", "rejects": "603 Decline", "unknown": "404 Not Found"}
RESEND_S = 0.5


@dataclass(frozen=True, slots=True)
class Line:
    """How a telephone behaves. `silent` is a network that does not even say that it tries.

    After `ring_s` it answers, hums `tone_hz` during `speaks` (stretches of seconds since the
    answer, the whole time when empty), presses `keys` one a second from `keys_after_s` on, and
    hangs up after `talk_s` when the other side has not.
    """

    way: Way = "answers"
    ring_s: float = 0.2
    talk_s: float = 20.0
    tone_hz: int = 440
    speaks: Sequence[tuple[float, float]] = ()
    keys: str = ""
    keys_after_s: float = 1.0

    def sound(self) -> bytes:
        """What it says, as mu-law."""
        if not self.speaks:
            return tone_ulaw(self.tone_hz, self.talk_s)
        sound = bytearray(tone_ulaw(0, self.talk_s))
        for begins, ends in self.speaks:
            first, last = int(begins * RATE_HZ), min(int(ends * RATE_HZ), len(sound))
            sound[first:last] = tone_ulaw(self.tone_hz, (last - first) / RATE_HZ)[: last - first]
        return bytes(sound)


@dataclass(slots=True)
class PlacedCall:
    """One call that came out. `heard` is the mu-law that the telephone was sent.

    `hung_up_by` is empty while it goes on, else `caller` (our Asterisk) or `line`.
    """

    number: str
    from_number: str
    at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    hung_up_by: str = ""
    heard: bytearray = field(default_factory=bytearray)


class PublicNetwork(asyncio.DatagramProtocol):
    """Telephones by number behind host:port; use as an async context manager.

    `lines` may be changed while it runs; a number that is not in it behaves as `otherwise`, or as
    that says when asked for the number.
    """

    def __init__(
        self, lines: Mapping[str, Line] | None = None, *,
        otherwise: Line | Callable[[str], Line] | None = None,
        host: str = "127.0.0.1", port: int = 0,
    ) -> None:  # fmt: skip
        self.lines: dict[str, Line] = dict(lines or {})
        self.otherwise = otherwise or Line()
        self.host, self.port = host, port
        self.calls: list[PlacedCall] = []
        self._legs: dict[str, _Leg] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.host, self.port)
        )
        self.port = int(self._transport.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        for leg in list(self._legs.values()):
            await leg.stop()
        if self._transport is not None:
            self._transport.close()

    @property
    def contact(self) -> str:
        """What `AsteriskConfig.trunk_contact` must be."""
        return f"{self.host}:{self.port}"

    def calls_to(self, number: str) -> list[PlacedCall]:
        """Calls to `number` so far, in order."""
        return [call for call in self.calls if call.number == number]

    def most_at_once(self) -> int:
        """The largest number of calls, ringing or talking, that went on at one moment."""
        now = datetime.now(UTC)
        marks = sorted(
            mark for call in self.calls for mark in ((call.at, 1), (call.ended_at or now, -1))
        )
        most = current = 0
        for _, step in marks:
            current += step
            most = max(most, current)
        return most

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = _Message.read(data)
        if message is None:
            return
        leg = self._legs.get(message.header("Call-ID"))
        if leg is not None:
            leg.take(message)
        elif message.method == "INVITE":
            self._ring(message, addr)
        elif message.method not in {"ACK", ""}:
            code = (
                "200 OK" if message.method == "OPTIONS" else "481 Call/Transaction Does Not Exist"
            )
            self.send(message.response(code), addr)

    def send(self, text: str, addr: tuple[str, int]) -> None:
        """One SIP message on its way."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(text.encode(), addr)

    def _ring(self, invite: _Message, addr: tuple[str, int]) -> None:
        number = invite.user(invite.first_line)
        call = PlacedCall(number, invite.user(invite.header("From")), datetime.now(UTC))
        self.calls.append(call)
        other = self.otherwise if isinstance(self.otherwise, Line) else self.otherwise(number)
        leg = _Leg(self, self.lines.get(number, other), call, invite, addr)
        self._legs[invite.header("Call-ID")] = leg
        leg.begin()

    def forget(self, call_id: str) -> None:
        """The call of this SIP id is over."""
        self._legs.pop(call_id, None)


class _Leg:
    """One call at one telephone."""

    def __init__(
        self, network: PublicNetwork, line: Line, call: PlacedCall, invite: _Message,
        addr: tuple[str, int],
    ) -> None:  # fmt: skip
        self._network, self._line, self._call = network, line, call
        self._invite, self._addr = invite, addr
        self._tag = f"line{len(network.calls)}"
        self._said = ""
        self._acknowledged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.setblocking(False)
        self._media.bind((network.host, 0))

    def begin(self) -> None:
        self._task = asyncio.create_task(self._live())
        asyncio.get_running_loop().add_reader(self._media.fileno(), self._hear)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._close()

    def take(self, message: _Message) -> None:
        match message.method:
            case "INVITE" if message.header("CSeq") == self._invite.header("CSeq"):
                self._network.send(self._said, self._addr)  # it was lost on the way
            case "INVITE":
                self._network.send(message.response("200 OK", self._tag, self._sdp()), self._addr)
            case "ACK":
                self._acknowledged.set()
                if self._call.ended_at is not None:
                    self._close()
            case "CANCEL" | "BYE":
                self._network.send(message.response("200 OK", self._tag), self._addr)
                if message.method == "CANCEL":
                    self._say("487 Request Terminated")
                self._over("caller")
                if self._task is not None:
                    self._task.cancel()
                if message.method == "BYE":
                    self._close()
            case _:
                if message.method:
                    self._network.send(message.response("200 OK", self._tag), self._addr)

    def _say(self, code: str, body: str = "") -> None:
        self._said = self._invite.response(code, self._tag, body)
        self._network.send(self._said, self._addr)

    async def _live(self) -> None:
        line = self._line
        if line.way == "silent":
            return
        self._say("180 Ringing")
        if line.way == "rings":
            return
        await asyncio.sleep(line.ring_s)
        if line.way in _CODES:
            self._say(_CODES[line.way])
            self._over("line")
            return
        self._say("200 OK", self._sdp())
        self._call.answered_at = datetime.now(UTC)
        while not self._acknowledged.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._acknowledged.wait(), RESEND_S)
            if not self._acknowledged.is_set():
                self._network.send(self._said, self._addr)
        await self._speak()
        self._over("line")
        self._network.send(self._goodbye(), self._addr)
        self._close()

    async def _speak(self) -> None:
        target = self._invite.media()
        keys = [KeyPress(key, self._line.keys_after_s + n) for n, key in enumerate(self._line.keys)]
        loop = asyncio.get_running_loop()
        began = loop.time()
        for at, packet in packets(self._line.sound(), keys):
            if (wait := began + at - loop.time()) > 0:
                await asyncio.sleep(wait)
            with contextlib.suppress(OSError):
                self._media.sendto(packet, target)

    def _hear(self) -> None:
        with contextlib.suppress(OSError):
            packet = self._media.recv(2048)
            if len(packet) > 12 and packet[1] & 0x7F == PCMU_TYPE:
                self._call.heard += packet[12 : 12 + 4 * PACKET_SAMPLES]

    def _sdp(self) -> str:
        host, port = self._media.getsockname()
        return (
            f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
        )

    def _goodbye(self) -> str:
        return _request(
            "BYE", self._invite.uri(self._invite.header("Contact")), self._network.contact,
            sender=f"{self._invite.header('To')};tag={self._tag}",
            to=self._invite.header("From"), call_id=self._invite.header("Call-ID"),
        )  # fmt: skip

    def _over(self, by: str) -> None:
        if self._call.ended_at is None:
            self._call.ended_at, self._call.hung_up_by = datetime.now(UTC), by

    def _close(self) -> None:
        if self._media.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._media.fileno())
            self._media.close()
        self._network.forget(self._invite.header("Call-ID"))


def _request(method: str, uri: str, here: str, *, sender: str, to: str, call_id: str) -> str:
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{method}{call_id[:20]}\r\n"
        f"From: {sender}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )


@dataclass(frozen=True, slots=True)
class _Message:
    """A SIP message as far as a telephone needs it."""

    first_line: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @classmethod
    def read(cls, data: bytes) -> _Message | None:
        """None for what is no SIP, such as a keep-alive."""
        head, _, body = data.decode("utf-8", errors="replace").partition("\r\n\r\n")
        first, *rest = head.split("\r\n")
        if "SIP/2.0" not in first:
            return None
        pairs = (line.partition(":") for line in rest)
        return cls(first, tuple((name.strip(), value.strip()) for name, _, value in pairs), body)

    @property
    def method(self) -> str:
        """Of a request; empty for a response."""
        return "" if self.first_line.startswith("SIP/") else self.first_line.split(" ")[0]

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")

    @staticmethod
    def uri(text: str) -> str:
        """The SIP address in a header's value."""
        match = re.search(r"sips?:[^>;\s]+", text)
        return match[0] if match else ""

    @staticmethod
    def user(text: str) -> str:
        """The user part of the SIP address in a header or a first line."""
        match = re.search(r"sips?:([^@>;\s]+)@", text)
        return match[1] if match else ""

    def media(self) -> tuple[str, int]:
        """Where the other side wants the sound: address and port."""
        host = re.search(r"^c=IN IP4 (\S+)", self.body, re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", self.body, re.MULTILINE)
        return (host[1] if host else "127.0.0.1", int(port[1]) if port else 9)

    def response(self, code: str, tag: str = "", body: str = "") -> str:
        lines = [f"SIP/2.0 {code}"]
        for name, value in self.headers:
            if name.lower() in {"via", "from", "call-id", "cseq"}:
                lines.append(f"{name}: {value}")
            elif name.lower() == "to":
                lines.append(
                    f"To: {value}" + (f";tag={tag}" if tag and "tag=" not in value else "")
                )
        if body:
            lines.append("Content-Type: application/sdp")
        # Whoever asks whether we are there names no number, and takes no address without a host.
        if user := self.user(self.first_line):
            host = self.first_line.partition("@")[2].partition(" ")[0].partition(";")[0]
            lines.append(f"Contact: <sip:{user}@{host}>")
        lines.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join([*lines, "", body])
