"""A recording whose writer was killed has sound behind a head that says there is none."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import pytest

from telephony.mending import mend_wav
from telephony.tones import tone_samples, write_wav


def interrupted(path: Path, seconds: int, odd: int = 0) -> None:
    """As Asterisk leaves a file behind when it is killed: sizes of the beginning, sound after."""
    write_wav(path, tone_samples(440, 8000 * seconds))
    data = bytearray(path.read_bytes())
    data[4:8], data[40:44] = struct.pack("<I", 36), struct.pack("<I", 0)
    path.write_bytes(bytes(data) + b"\x01" * odd)


@pytest.mark.parametrize("odd", [0, 1])
def test_the_sound_up_to_the_cut_can_be_played_again(tmp_path: Path, odd: int) -> None:
    path = tmp_path / "a.wav"
    interrupted(path, 3, odd)
    with wave.open(str(path), "rb") as before:
        assert before.getnframes() == 0
    assert mend_wav(path)
    with wave.open(str(path), "rb") as after:
        assert after.getnframes() == 3 * 8000
    assert not mend_wav(path), "the second time there is nothing to do"


def test_what_is_whole_absent_or_something_else_is_left_alone(tmp_path: Path) -> None:
    whole, other = tmp_path / "whole.wav", tmp_path / "other.wav"
    write_wav(whole, tone_samples(440, 800))
    other.write_bytes(b"ID3" + bytes(200))
    for path in (whole, other, tmp_path / "absent.wav"):
        before = path.read_bytes() if path.exists() else b""
        assert not mend_wav(path)
        assert (path.read_bytes() if path.exists() else b"") == before
