"""Recordings whose writer was killed: the sound is there, the head says there is none."""

from __future__ import annotations

import struct
from pathlib import Path

HEAD_BYTES = 44


def mend_wav(path: Path) -> bool:
    """Make a plain 44-byte-head wav file say how long it is; True when it had to be changed.

    An absent file, one of another form and one that is right already are left alone.
    Raises OSError where the file cannot be written.
    """
    if not path.is_file():
        return False
    size = path.stat().st_size
    with path.open("r+b") as file:
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES or head[:4] != b"RIFF" or head[8:16] != b"WAVEfmt ":
            return False
        if head[36:40] != b"data":
            return False
        (told,) = struct.unpack("<I", head[40:44])
        there = (size - HEAD_BYTES) // 2 * 2
        if told == there:
            return False
        file.seek(4)
        file.write(struct.pack("<I", there + HEAD_BYTES - 8))
        file.seek(40)
        file.write(struct.pack("<I", there))
    return True
