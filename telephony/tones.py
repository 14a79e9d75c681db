"""Sound made by arithmetic: tones as mu-law, wav files and packet captures for SIPp to play.

A caller hums one tone and an agent another, so that a recording can be checked for both.
"""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 8000
PACKET_SAMPLES = 160  # 20 ms
PCMU_TYPE = 0
EVENT_TYPE = 101  # telephone-event, as offered in our SDP
KEY_PACKETS = 8  # a key held for 160 ms
_EVENTS = {**{str(n): n for n in range(10)}, "*": 10, "#": 11}


def linear_to_ulaw(sample: int) -> int:
    """One 16-bit sample as a G.711 mu-law byte."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def tone_samples(frequency_hz: int, count: int, level: float = 0.4) -> list[int]:
    """`count` 16-bit samples of a sine at 8 kHz; `level` is a share of full scale."""
    amplitude = int(32767 * level)
    step = 2 * math.pi * frequency_hz / RATE_HZ
    # Any whole frequency repeats after one second, which keeps long tones cheap.
    period = [round(amplitude * math.sin(step * n)) for n in range(min(count, RATE_HZ))]
    repeats = -(-count // max(1, len(period)))
    return (period * repeats)[:count]


def tone_ulaw(frequency_hz: int, seconds: float) -> bytes:
    """A tone as raw mu-law; silence when the frequency is 0."""
    count = int(seconds * RATE_HZ)
    if frequency_hz == 0:
        return b"\xff" * count
    period = bytes(map(linear_to_ulaw, tone_samples(frequency_hz, min(count, RATE_HZ))))
    return (period * (-(-count // max(1, len(period)))))[:count]


def write_wav(path: Path, samples: Sequence[int]) -> None:
    """16-bit mono at 8 kHz, the form Asterisk plays without converting."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A telephone key pressed `at_s` seconds after the sound begins."""

    key: str
    at_s: float

    def __post_init__(self) -> None:
        if self.key not in _EVENTS:
            raise ValueError(f"keys: {self.key!r} is not a telephone key (0-9, * or #)")


def _rtp(kind: int, marker: bool, sequence: int, timestamp: int, payload: bytes) -> bytes:
    header = struct.pack(
        "!BBHII", 0x80, (0x80 if marker else 0) | kind, sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF, 0x53544450,
    )  # fmt: skip
    return header + payload


def packets(sound: bytes, keys: Sequence[KeyPress] = ()) -> Iterator[tuple[float, bytes]]:
    """(seconds, RTP packet) of mu-law `sound` with keys as RFC 4733 events in one stream.

    Keys and sound share sequence numbers: Asterisk drops a second stream from the same caller.
    """
    starts = {int(key.at_s * 1000 / 20): key for key in keys}
    sequence, slot = 1, 0
    slots = len(sound) // PACKET_SAMPLES
    while slot < slots:
        key = starts.get(slot)
        if key is None:
            payload = sound[slot * PACKET_SAMPLES : (slot + 1) * PACKET_SAMPLES]
            yield slot * 0.02, _rtp(PCMU_TYPE, slot == 0, sequence, slot * 160, payload)
            sequence, slot = sequence + 1, slot + 1
            continue
        timestamp = slot * PACKET_SAMPLES
        for part in range(KEY_PACKETS + 2):  # the last packet is sent three times
            last = part >= KEY_PACKETS - 1
            duration = min(part + 1, KEY_PACKETS) * PACKET_SAMPLES
            event = struct.pack("!BBH", _EVENTS[key.key], (0x80 if last else 0) | 10, duration)
            yield (
                (slot + part) * 0.02,
                _rtp(EVENT_TYPE, part == 0, sequence, timestamp, event),
            )
            sequence += 1
        slot += KEY_PACKETS + 2


def write_pcap(path: Path, stream: Iterator[tuple[float, bytes]]) -> None:
    """RTP packets as a capture file of Ethernet frames, which SIPp replays at their times."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, rtp in stream:
            udp = struct.pack("!HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
            ip = struct.pack(
                "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]),
            )  # fmt: skip
            frame = b"\x00" * 12 + b"\x08\x00" + ip + udp
            seconds, micros = divmod(round(at * 1_000_000), 1_000_000)
            out.write(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)
