"""What a WAV file of Asterisk's holds: its length, whether it was closed, how loud it is. Pure.

Asterisk writes the length into the header when it closes the file: until then it says 0 there, and
for ever when Asterisk was killed. The sound behind such a header is whole all the same.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

# A file without sound is its header alone.
HEADER = 44
PEAKS_A_SECOND = 10
_FORM = struct.Struct("<4sI4s4sIHHIIHH4sI")


@dataclass(frozen=True, slots=True)
class Wav:
    """16-bit mono sound. `closed` is False while Asterisk writes, or was killed while it did."""

    rate: int
    samples: int
    closed: bool

    @property
    def seconds(self) -> float:
        return self.samples / self.rate


def look(path: Path) -> Wav | None:
    """What the file holds; None when it holds no sound, or is no such file. Raises OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER)
    if size <= HEADER or len(head) < HEADER:
        return None
    riff, _whole, wave, fmt, _n, form, channels, rate, _b, _a, bits, data, told = _FORM.unpack(head)
    if (riff, wave, fmt, data) != (b"RIFF", b"WAVE", b"fmt ", b"data"):
        return None
    if (form, channels, bits) != (1, 1, 16) or not 4000 <= rate <= 96_000:
        return None
    held = (size - HEADER) // 2
    if held < 1:
        return None
    return Wav(rate, held, told == size - HEADER or told == held * 2)


def opened(path: Path, wav: Wav) -> tuple[IO[bytes], int]:
    """(the file from its beginning, its bytes), with a header that tells its length.

    The caller closes it. Raises OSError.
    """
    if wav.closed:
        return path.open("rb"), path.stat().st_size
    sound = path.read_bytes()[HEADER : HEADER + wav.samples * 2]
    return io.BytesIO(header(wav.rate, len(sound)) + sound), HEADER + len(sound)


def header(rate: int, sound_bytes: int) -> bytes:
    """The 44 bytes before 16-bit mono sound."""
    return _FORM.pack(
        b"RIFF", sound_bytes + HEADER - 8, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16,
        b"data", sound_bytes,
    )  # fmt: skip


def peaks(sound: IO[bytes], rate: int) -> bytes:
    """The loudest sample of each tenth of a second, 0 to 255, of a file opened at its beginning."""
    sound.read(HEADER)
    step = rate // PEAKS_A_SECOND
    return b"".join(_peaks_of(sound, step))


def _peaks_of(sound: IO[bytes], step: int) -> Iterator[bytes]:
    # About a minute at a time.
    while block := sound.read(step * 2 * PEAKS_A_SECOND * 60):
        samples = np.abs(np.frombuffer(block[: len(block) // 2 * 2], dtype="<i2").astype(np.int32))
        if len(samples) % step:
            samples = np.append(samples, np.zeros(step - len(samples) % step, dtype=np.int32))
        loudest = samples.reshape(-1, step).max(axis=1) // 128
        yield np.minimum(loudest, 255).astype(np.uint8).tobytes()
