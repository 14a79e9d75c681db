"""A stream of positions as fast as a socket takes it, and a subscriber that only acknowledges.

`python -m mqtt.bench HOST PORT USER PASSWORD` reads one JSON line from its input (see `Plan`),
publishes, and writes one JSON line. In a process of its own, so that it does not compete with what
is measured for one interpreter. All messages are made before the first leaves.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mqtt.connection import Account
from mqtt.reader import Reader, packet, text

SENTINEL = "bench-sentinel"
WINDOW = 1500  # unconfirmed messages: the broker's own limit is a little above


@dataclass(frozen=True)
class Plan:
    """`rate` messages a second (0: as fast as they are taken), `count` in all, from `vehicles`.

    The first leaves at `start` (Unix time). With `sentinel` one more vehicle sends a hundred times
    a second; whoever watches it sees the time from the fix to the map.
    """

    rate: float
    count: int
    vehicles: int
    start: float
    seq: int = 0
    sentinel: bool = False
    lon: float = 24.9
    lat: float = 60.2


def payload(device: int, seq: int, at: float, plan: Plan) -> bytes:
    """One position in our own format; vehicles stand in a grid and creep north."""
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    lon = plan.lon + (device % 100) * 0.002
    lat = plan.lat + (device // 100 % 100) * 0.001 + (seq % 1000) * 1e-6
    return (
        f'{{"id":"{device:08x}-0000-4000-8000-{seq & 0xFFFFFFFFFFFF:012x}","seq":{seq},'
        f'"fix_time":"{when}","device_time":"{when}","lon":{lon:.6f},"lat":{lat:.6f},'
        f'"accuracy_m":5,"speed_mps":8.3,"heading":90,"battery":80}}'
    ).encode()


def packets(plan: Plan) -> list[tuple[float, bytes]]:
    """(when to send, packet without its message number's value) in order of time."""
    pace = plan.rate or 1e6
    rows = [
        (plan.start + n / pace, _publish(f"bench-{n % plan.vehicles}",
                                         payload(n % plan.vehicles, plan.seq + n,
                                                 plan.start + n / pace, plan), n))
        for n in range(plan.count)
    ]  # fmt: skip
    if plan.sentinel:
        seconds = plan.count / pace
        extra = [
            (plan.start + n / 100, _publish(SENTINEL, payload(99_999_999, plan.seq + n,
                                                              plan.start + n / 100, plan),
                                            plan.count + n))
            for n in range(int(seconds * 100))
        ]  # fmt: skip
        rows = sorted(rows + extra, key=lambda row: row[0])
    return rows


def _publish(device: str, body: bytes, n: int) -> bytes:
    topic = text(f"sp/v1/dev/{device}/pos")
    return packet(0x32, topic + struct.pack(">H", n % 65_535 + 1) + b"\0" + body)


def send(host: str, port: int, user: str, password: str, plan: Plan) -> dict[str, Any]:
    """Publish the plan; how many were confirmed, when the first and the last left."""
    rows = packets(plan)
    sock = socket.create_connection((host, port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(packet(0x10, text("MQTT") + bytes([5, 0xC2]) + struct.pack(">H", 300) + b"\0"
                         + text(f"bench-{plan.seq}-{time.time_ns()}") + text(user)
                         + text(password)))  # fmt: skip
    if not sock.recv(1024)[:1] == b"\x20":
        raise OSError("the broker refused the stream")
    sent = confirmed = 0
    rest = b""
    began = 0.0
    while confirmed < len(rows):
        now = time.time()
        until = sent
        most = min(len(rows), confirmed + WINDOW)
        while until < most and (not plan.rate or rows[until][0] <= now):
            until += 1
        if until > sent:
            began = began or now
            sock.sendall(b"".join(raw for _, raw in rows[sent:until]))
            sent = until
        wait = 0.002 if sent < len(rows) else 0.5
        while select.select([sock], [], [], wait)[0]:
            data = rest + sock.recv(65536)
            # A PUBACK is 4 bytes, or 5 or 6 with a reason.
            at = 0
            while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
                confirmed += data[at] == 0x40
                at += 2 + data[at + 1]
            rest, wait = data[at:], 0.0
    done = time.time()
    sock.sendall(b"\xe0\0")
    sock.close()
    return {"confirmed": confirmed, "began": began, "ended": done}


def drain(account: Account, topic: str, count: int, patience_s: float) -> tuple[int, float]:
    """Read and acknowledge `count` messages without looking at them; (read, seconds)."""
    reader = Reader(account, [topic], session_s=0)
    while not reader.connected.is_set():
        reader.poll(0.2)
    print("ready", flush=True)
    read, began, last = 0, 0.0, time.monotonic()
    while read < count and time.monotonic() - last < patience_s:
        batch = reader.poll(0.2)
        if batch:
            last = time.monotonic()
            began = began or last
            read += len(batch)
            reader.ack(batch)
    reader.close()
    return read, last - began


def main() -> None:
    """Publish one plan, or drain with ``{"drain": count}``."""
    host, port, user, password = sys.argv[1:5]
    asked = json.loads(sys.stdin.readline())
    if "drain" in asked:
        account = Account(host, int(port), user, password, "bench-drain")
        read, seconds = drain(account, "sp/v1/dev/+/pos", asked["drain"], 5.0)
        print(json.dumps({"read": read, "seconds": seconds}))
        return
    print(json.dumps(send(host, int(port), user, password, Plan(**asked))))


if __name__ == "__main__":
    main()
