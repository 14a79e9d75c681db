"""Who hears whom, read off the wire: RTP on the loopback, each party known by the tone it hums."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from typing import Self

import numpy as np

_ALL = 0x0003
RATE = 8000


def _table() -> np.ndarray:
    """G.711 mu-law, from its definition."""
    values = []
    for code in range(256):
        flipped = ~code & 0xFF
        magnitude = (((flipped & 0x0F) << 3) + 0x84 << ((flipped >> 4) & 7)) - 0x84
        values.append(-magnitude if flipped & 0x80 else magnitude)
    return np.array(values, dtype=float)


ULAW = _table()


def tones(payload: bytes, candidates: list[int]) -> set[int]:
    """Those of `candidates` (Hz) that are loud in mu-law sound of a third of a second or more."""
    samples = ULAW[np.frombuffer(payload, dtype=np.uint8)]
    if len(samples) < RATE // 3:
        return set()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / len(samples)
    at = np.fft.rfftfreq(len(samples), 1 / RATE)
    return {hz for hz in candidates if float(spectrum[np.abs(at - hz) < 12].max()) > 300}


class Ears:
    """Collects RTP (PCMU) between Asterisk's ports and all others while it is open. Root only."""

    def __init__(self, asterisk_ports: range, names: dict[int, str]) -> None:
        """`names`: tone in Hz -> who hums it."""
        self._ports, self._names = asterisk_ports, names
        self._sent: dict[int, bytearray] = defaultdict(bytearray)
        self._heard: dict[int, bytearray] = defaultdict(bytearray)
        self._lock = threading.Lock()
        self._over = threading.Event()
        # Who stands at which port, once they have hummed.
        self._at: dict[int, str] = {}

    def __enter__(self) -> Self:
        self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(_ALL))
        self._wire.bind(("lo", 0))
        self._wire.settimeout(0.2)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        self._wire.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                frame, where = self._wire.recvfrom(4096)
            except TimeoutError:
                continue
            # The loopback shows each packet twice: going out and coming in.
            if where[2] == socket.PACKET_OUTGOING or len(frame) < 54 or frame[23] != 17:
                continue
            start = 14 + (frame[14] & 0x0F) * 4
            source, target = struct.unpack_from("!HH", frame, start)
            rtp = frame[start + 8 :]
            if len(rtp) <= 12 or rtp[0] >> 6 != 2 or rtp[1] & 0x7F != 0:
                continue
            with self._lock:
                if target in self._ports and source not in self._ports:
                    self._sent[source] += rtp[12:]
                elif source in self._ports and target not in self._ports:
                    self._heard[target] += rtp[12:]

    def forget(self) -> None:
        """Begin anew, for instance after a change of mode."""
        with self._lock:
            self._sent.clear()
            self._heard.clear()

    def hears(self) -> dict[str, set[str]]:
        """Who -> whom they have heard since `forget`."""
        with self._lock:
            sent = {port: bytes(sound[-RATE:]) for port, sound in self._sent.items()}
            heard = {port: bytes(sound[-RATE:]) for port, sound in self._heard.items()}
        candidates = list(self._names)
        for port, sound in sent.items():
            for hz in tones(sound, candidates):
                self._at[port] = self._names[hz]
        return {
            who: {self._names[hz] for hz in tones(heard.get(port, b""), candidates)}
            for port, who in self._at.items()
            if len(heard.get(port, b"")) >= RATE // 3
        }
