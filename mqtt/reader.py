"""A subscriber for streams: reads whatever has arrived in one go and acknowledges it in one go.

paho hands over one message per callback in a thread of its own, which costs more than judging and
storing a position together. This reader speaks as much MQTT 5 as a QoS 1 subscriber needs and no
more, in the caller's thread: between two batches nothing runs, and what is not read waits in the
socket. Everything that publishes keeps to `mqtt.connection`.
"""

from __future__ import annotations

import logging
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from mqtt.connection import Account, Incoming

log = logging.getLogger(__name__)

# MQTT 5, 2.1.2: the upper half of a packet's first byte.
CONNACK, PUBLISH, SUBACK, UNSUBACK, PINGRESP = 0x20, 0x30, 0x90, 0xB0, 0xD0
DISCONNECT = 0xE0
RECEIVE_BYTES = 256 * 1024
MOST_BYTES = 1024 * 1024  # of one packet; the broker's own limit is a quarter of it
DO_NOT_SEND_RETAINED = 2 << 4
FAILURE = 0x80

# 3.2.2.2 and 3.14.2.1, the ones a person meets.
REASONS = {
    0x84: "Unsupported protocol version", 0x85: "Client identifier not valid",
    0x86: "Bad user name or password", 0x87: "Not authorized", 0x88: "Server unavailable",
    0x8B: "Server shutting down", 0x8D: "Keep alive timeout", 0x8E: "Session taken over",
    0x93: "Receive maximum exceeded", 0x95: "Packet too large", 0x97: "Quota exceeded",
}  # fmt: skip


class _Lost(OSError):
    """The connection cannot go on: closed, refused, or it said what nobody should say."""


def _length(n: int) -> bytes:
    """A variable byte integer (1.5.5)."""
    out = bytearray()
    while True:
        n, digit = divmod(n, 128)
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


def text(value: str) -> bytes:
    """A string as it travels (1.5.4)."""
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def packet(first: int, body: bytes) -> bytes:
    """A packet with this first byte (2.1)."""
    return bytes([first]) + _length(len(body)) + body


def _split(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the body of the packet at `start` begins and ends; None when it is not all there."""
    n = shift = 0
    at = start + 1
    end = len(data)
    while at < end:
        digit = data[at]
        at += 1
        n |= (digit & 0x7F) << shift
        if digit < 0x80:
            if n > MOST_BYTES:
                raise _Lost(f"a packet of {n} bytes")
            return (at, at + n) if at + n <= end else None
        shift += 7
        if shift > 21:
            raise _Lost("a length that is none")
    return None


class Reader:
    """One connection that keeps its session at the broker while it is away.

    `subscriptions` are topic filters, all QoS 1, without what stands retained there.
    `receive_maximum` bounds how many unacknowledged messages the broker may have given us. Use it
    from one thread; `connected` and `problem` may be read from any.
    """

    def __init__(
        self,
        account: Account,
        subscriptions: Sequence[str],
        *,
        session_s: int = 7 * 86400,
        receive_maximum: int = 2000,
        keepalive_s: int = 60,
    ) -> None:
        self.account = account
        self.connected = threading.Event()
        self.problem = ""
        self.epoch = 0
        self._subscriptions = tuple(subscriptions)
        self._session_s = session_s
        self._receive_maximum = receive_maximum
        self._keepalive_s = keepalive_s
        self._socket: socket.socket | None = None
        self._rest = b""
        self._try_at = 0.0
        self._pause = 0.0
        self._sent_at = self._heard_at = 0.0

    def poll(self, timeout: float) -> list[Incoming]:
        """What arrives within `timeout` seconds, at once when something is there.

        Connects when there is no connection; an empty list when nothing came, whatever the reason.
        """
        try:
            if self._socket is None:
                if not self._come_back(timeout):
                    return []
                if self._rest:  # came right behind the answer to the connection
                    return self._read(self._rest)
            assert self._socket is not None
            self._keep_alive()
            if not select.select([self._socket], [], [], timeout)[0]:
                return []
            data = self._socket.recv(RECEIVE_BYTES)
            if not data:
                raise _Lost("the broker closed the connection")
            self._heard_at = time.monotonic()
            return self._read(self._rest + data if self._rest else data)
        except OSError as lost:
            self._lose(lost)
            return []

    def ack(self, messages: Iterable[Incoming]) -> None:
        """Tell the broker that these are safe, in one write.

        What came over an earlier connection is left out: the broker sends it again by itself.
        """
        sock, epoch = self._socket, self.epoch
        if sock is None:
            return
        out = b"".join(
            struct.pack(">BBH", 0x40, 2, m.mid) for m in messages if m.qos and m.epoch == epoch
        )
        if not out:
            return
        try:
            sock.sendall(out)
            self._sent_at = time.monotonic()
        except OSError as lost:
            self._lose(lost)

    def unsubscribe(self) -> None:
        """Ask for nothing new; what waits for us at the broker still comes."""
        if self._socket is not None and self._subscriptions:
            names = b"".join(text(f) for f in self._subscriptions)
            try:
                self._socket.sendall(packet(0xA2, b"\x00\x02\x00" + names))
            except OSError as lost:
                self._lose(lost)

    def close(self, *, forget: bool = False) -> None:
        """Leave in order. The session stays at the broker, unless it is to `forget` us."""
        if self._socket is not None:
            # 3.14.2.2.2: a session expiry of 0 in the goodbye ends the session.
            bye = b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00" if forget else b"\xe0\x00"
            try:
                self._socket.sendall(bye)
            except OSError as lost:
                log.info("could not say goodbye: %s", lost)
            self._socket.close()
            self._socket = None
        self.connected.clear()

    def _come_back(self, timeout: float) -> bool:
        wait = self._try_at - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, timeout))
            if wait > timeout:
                return False
        # Not all workers at the same moment when a broker comes back.
        self._pause = min(max(2 * self._pause, 0.5), 10.0)
        self._try_at = time.monotonic() + self._pause * random.uniform(0.7, 1.3)
        self._connect()
        self._pause = 0.0
        return True

    def _connect(self) -> None:
        a = self.account
        sock = socket.create_connection((a.host, a.port), timeout=5.0)
        self._socket, self._rest = sock, b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        properties = struct.pack(
            ">BIBHBI", 0x11, self._session_s, 0x21, self._receive_maximum, 0x27, MOST_BYTES
        )
        sock.sendall(packet(
            0x10,
            text("MQTT") + bytes([5, 0xC0]) + struct.pack(">H", self._keepalive_s)
            + _length(len(properties)) + properties
            + text(a.client_id) + text(a.user) + text(a.password),
        ))  # fmt: skip
        connack = self._await(CONNACK)
        if connack[1] >= FAILURE:
            raise _Lost(_reason(connack[1]))
        filters = b"".join(text(f) + bytes([1 | DO_NOT_SEND_RETAINED]) for f in
                           self._subscriptions)  # fmt: skip
        sock.sendall(packet(0x82, b"\x00\x01\x00" + filters))
        self.epoch += 1
        # What the session kept for us may come before the answer to the subscription.
        self._sent_at = self._heard_at = time.monotonic()

    def _await(self, kind: int) -> bytes:
        """The body of the next packet, which must be of that kind."""
        assert self._socket is not None
        while True:
            if self._rest and (span := _split(self._rest, 0)) is not None:
                first, body = self._rest[0], self._rest[span[0] : span[1]]
                self._rest = self._rest[span[1] :]
                if first & 0xF0 != kind or len(body) < 2:
                    raise _Lost(f"the broker sent packet {first:#x} instead of {kind:#x}")
                return body
            data = self._socket.recv(RECEIVE_BYTES)
            if not data:
                raise _Lost("the broker closed the connection")
            self._rest += data

    def _read(self, data: bytes) -> list[Incoming]:
        found: list[Incoming] = []
        at, end = 0, len(data)
        now, epoch = datetime.now(UTC), self.epoch
        while at < end:
            span = _split(data, at)
            if span is None:
                break
            first, (begin, stop) = data[at], span
            if first & 0xF0 == PUBLISH:
                found.append(_publish(first, data, begin, stop, epoch, now))
            else:
                self._control(first & 0xF0, data[begin:stop])
            at = stop
        self._rest = data[at:]
        return found

    def _control(self, kind: int, body: bytes) -> None:
        if kind == SUBACK:
            if any(code >= FAILURE for code in body[-len(self._subscriptions) :]):
                raise _Lost("the broker refused a subscription: Not authorized")
            self.problem = ""
            self.connected.set()
        elif kind == DISCONNECT:
            raise _Lost(_reason(body[0] if body else 0))
        elif kind not in (PINGRESP, UNSUBACK):
            raise _Lost(f"the broker sent packet {kind:#x}")

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._heard_at > 1.5 * self._keepalive_s:
            # After a long wait for the database there may be a lot to hear: look before leaving.
            if self._socket is None or not select.select([self._socket], [], [], 0)[0]:
                raise _Lost("the broker has been silent")
        elif now - self._sent_at > 0.5 * self._keepalive_s:
            assert self._socket is not None
            self._socket.sendall(b"\xc0\x00")
            self._sent_at = now

    def _lose(self, why: OSError) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.connected.clear()
        self._rest = b""
        if str(why) != self.problem:
            log.warning("no broker: %s", why)
        self.problem = str(why)


def _reason(code: int) -> str:
    return REASONS.get(code, f"the broker ended the connection (reason {code:#x})")


def _publish(
    first: int, data: bytes, at: int, stop: int, epoch: int, now: datetime
) -> Incoming:
    """A PUBLISH packet's body (3.3) between `at` and `stop`."""
    try:
        size = data[at] << 8 | data[at + 1]
        at += 2
        topic = data[at : at + size].decode()
        at += size
        qos = first >> 1 & 3
        mid = 0
        if qos:
            mid = data[at] << 8 | data[at + 1]
            at += 2
        properties = data[at]
        at += 1
        if properties:
            if properties >= 0x80:
                span = _split(data, at - 2)
                if span is None:
                    raise _Lost("a message with broken properties")
                at = span[1]
            else:
                at += properties
    except (IndexError, UnicodeDecodeError):
        raise _Lost("a message that cannot be read") from None
    if at > stop:
        raise _Lost("a message that is shorter than it says")
    return Incoming(topic, data[at:stop], bool(first & 1), mid, qos, epoch, now)
