"""Whether a file is sound as a telephone plays it: 8 kHz, 16 bit, one channel, not silent."""

from __future__ import annotations

import io
import wave
from array import array
from dataclasses import dataclass

from telephony.tones import RATE_HZ

LEAST_S, MOST_S = 0.3, 60.0
MAX_BYTES = int(MOST_S * RATE_HZ * 2) + 4096
# A hundredth of full scale: below it there is a room, but nobody who speaks.
QUIET = 328


class WrongSound(ValueError):
    """A file is no telephone prompt. `code` is stable, `value` what was found instead."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(f"{code} {value}".strip())
        self.code = code
        self.value = value


@dataclass(frozen=True, slots=True)
class Telephone:
    """Facts of a good file: its length and how much of it is louder than a quiet room."""

    seconds: float
    loud_s: float


def read_wav(data: bytes, *, most_s: float = MOST_S, least_s: float = LEAST_S) -> Telephone:
    """Check the bytes of a wav file. Raises WrongSound."""
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            rate, channels, width = (
                file.getframerate(), file.getnchannels(), file.getsampwidth(),
            )  # fmt: skip
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError) as bad:
        # The standard library reads plain PCM alone; its reason names the codec it met.
        raise WrongSound("codec", str(bad)[:60]) from bad
    if (rate, channels, width) != (RATE_HZ, 1, 2):
        raise WrongSound("form", f"{rate} Hz, {channels} × {width * 8} bit")
    seconds = len(frames) / 2 / RATE_HZ
    if seconds < least_s:
        raise WrongSound("too_short", f"{seconds:.1f} s")
    if seconds > most_s:
        raise WrongSound("too_long", f"{seconds:.1f} s")
    loud = loud_seconds(frames)
    if loud == 0 and least_s > 0:
        raise WrongSound("silent")
    return Telephone(round(seconds, 2), round(loud, 2))


def loud_seconds(frames: bytes, *, above: int = QUIET) -> float:
    """How long 16-bit sound at 8 kHz is louder than `above`, by stretches of 20 ms."""
    samples = array("h", frames[: len(frames) // 2 * 2])
    stretch = RATE_HZ // 50
    loud = 0
    for start in range(0, len(samples), stretch):
        part = samples[start : start + stretch]
        if max(part) > above or min(part) < -above:
            loud += 1
    return loud * stretch / RATE_HZ
