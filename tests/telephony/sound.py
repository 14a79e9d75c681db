"""Looking for tones in recordings, by a Fourier transform: independent of how they were made."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np


def loud_tones(path: Path, candidates: list[int]) -> set[int]:
    """Those of `candidates` (Hz) at least a fiftieth as loud as the loudest tone in the file.

    Mu-law rounds a tone into a comb of quiet ones, some 57 dB below it: those are not heard.
    """
    with wave.open(str(path), "rb") as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)
    if len(samples) < rate // 2:
        return set()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    limit = max(float(spectrum.max()) / 50, 1e6)
    return {
        hz for hz in candidates if float(spectrum[np.abs(frequencies - hz) < 8].max()) > limit
    }


def seconds_of(path: Path) -> float:
    """Length of a wav file."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
