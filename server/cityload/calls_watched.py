"""What is seen of calls while they stand, and heard of them afterwards: for calls_endurance."""

from __future__ import annotations

import os
import re
import time
import wave
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from server.calls.models import Call
from server.calls.recordings import keeping
from telephony.ami.events import AmiEvent, Other
from telephony.caller import CALLER_TONE_HZ
from telephony.network import PlacedCall
from telephony.phone import AGENT_TONE_HZ

MB = 1024.0


@dataclass
class Watched:
    """What was seen of the processes and of the trunk while the calls stood."""

    begun: float = field(default_factory=time.monotonic)
    # name -> (seconds since the beginning, resident kB)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    files: dict[str, list[int]] = field(default_factory=dict)
    # seconds of a core used up so far
    cpu: dict[str, list[float]] = field(default_factory=dict)
    at_once: list[int] = field(default_factory=list)
    codecs: Counter[str] = field(default_factory=Counter)
    # channel -> packets, lost (the last seen)
    packets: dict[str, tuple[int, int]] = field(default_factory=dict)
    jitter_ms: list[float] = field(default_factory=list)
    # trunk channel -> keys that were received there; agent's channel -> keys passed on
    received: dict[str, str] = field(default_factory=dict)
    passed_on: dict[str, str] = field(default_factory=dict)

    def hear(self, event: AmiEvent) -> None:
        """Count a key: received on the trunk, passed on to an agent."""
        if not isinstance(event, Other) or event.name != "DTMFEnd":
            return
        channel, key = event.message.get("Channel"), event.message.get("Digit")
        came = event.message.get("Direction") == "Received"
        if channel.startswith("PJSIP/") and channel.startswith("PJSIP/trunk-") == came:
            keys = self.received if came else self.passed_on
            keys[channel] = keys.get(channel, "") + key

    def look(self, pids: Mapping[str, int], channel_stats: str) -> None:
        """Note how the processes are, and what the trunk's legs tell."""
        now = time.monotonic() - self.begun
        for name, pid in pids.items():
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
            found = re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
            self.memory.setdefault(name, []).append((now, float(found[1]) if found else 0.0))
            opened = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
            self.files.setdefault(name, []).append(opened)
            times = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            used = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
            self.cpu.setdefault(name, []).append(used)
        legs = trunk_legs(channel_stats)
        self.at_once.append(len(legs))
        for leg in legs:
            self.codecs[leg.codec] += 1
            self.packets[leg.channel] = (leg.packets, leg.lost)
            self.jitter_ms.append(leg.jitter_ms)

    def quality(self) -> dict[str, Any]:
        """The trunk: codecs, packets and lost ones, jitter, how many calls stood."""
        packets = sum(n for n, _ in self.packets.values())
        lost = sum(n for _, n in self.packets.values())
        # Without the first and the last moments, in which calls are still being begun.
        middle = self.at_once[len(self.at_once) // 10 : -max(1, len(self.at_once) // 10)]
        return {
            "codecs": dict(self.codecs), "packets": packets, "lost": lost,
            "jitter_ms_p95": round(float(np.percentile(self.jitter_ms or [0], 95)), 2),
            "standing_median": int(np.median(middle or [0])), "standing_least": min(middle or [0]),
        }  # fmt: skip

    def grown(self, name: str) -> dict[str, float]:
        """Resident memory in MB: the first quarter's middle, the last one's, a line through half.

        The first quarter holds the warming up; what leaks goes on growing in the second half.
        """
        rows = np.asarray(self.memory[name])
        quarter = max(1, len(rows) // 4)
        late = rows[len(rows) // 2 :]
        slope = float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) if len(late) > 2 else 0.0
        files, cpu = self.files[name], self.cpu[name]
        return {
            "first_mb": round(float(np.median(rows[:quarter, 1])) / MB, 1),
            "last_mb": round(float(np.median(rows[-quarter:, 1])) / MB, 1),
            "second_half_mb_per_h": round(slope * 3600 / MB, 1),
            "files_first": int(np.median(files[:quarter])),
            "files_last": int(np.median(files[-quarter:])),
            "cores": round((cpu[-1] - cpu[0]) / max(1.0, rows[-1, 0] - rows[0, 0]), 3),
        }


@dataclass(frozen=True, slots=True)
class Leg:
    """One row of Asterisk's `pjsip show channelstats`, the receiving side."""

    channel: str
    codec: str
    packets: int
    lost: int
    jitter_ms: float


_LEG = re.compile(
    r"^\s+\S+\s+(trunk-\w+)\s+[\d:]+\s+(\w+)\s+(\d+)(K?)\s+(\d+)\s+\d+\s+([\d.]+)", re.MULTILINE
)


def trunk_legs(text: str) -> list[Leg]:
    """The trunk's legs that are bridged to somebody; others have no row of figures yet."""
    return [
        Leg(m[1], m[2], int(m[3]) * (1000 if m[4] else 1), int(m[5]), float(m[6]) * 1000)
        for m in _LEG.finditer(text)
    ]


def sounds(recorded: Sequence[Call], placed: Sequence[PlacedCall]) -> dict[str, Any]:
    """Whether both sides are to be heard: in each recording, and at the telephones beyond."""
    both, seconds = 0, 0.0
    for call in recorded:
        with keeping.open(call.recording) as file, wave.open(file) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
            seconds += sound.getnframes() / sound.getframerate()
        both += {CALLER_TONE_HZ, AGENT_TONE_HZ} <= _tones(samples.astype(float))
    heard = sum(AGENT_TONE_HZ in _tones(_linear(bytes(call.heard))) for call in placed)
    return {
        "recordings": len(recorded), "both sides": both, "minutes": round(seconds / 60, 1),
        "lines that heard the agent": heard,
    }  # fmt: skip


def _tones(samples: np.ndarray) -> set[int]:
    """Which of the two tones stand out."""
    if len(samples) < 8000:
        return set()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    at = np.fft.rfftfreq(len(samples), 1 / 8000)
    limit = spectrum.max() / 50
    near = {hz: spectrum[np.abs(at - hz) < 8].max() for hz in (CALLER_TONE_HZ, AGENT_TONE_HZ)}
    return {hz for hz, loud in near.items() if loud > limit}


def _linear(law: bytes) -> np.ndarray:
    """Mu-law as samples."""
    code = ~np.frombuffer(law, dtype=np.uint8)
    size = (((code & 0x0F).astype(int) << 3) + 0x84) << ((code & 0x70) >> 4)
    return np.where(code & 0x80, 0x84 - size, size - 0x84).astype(float)
