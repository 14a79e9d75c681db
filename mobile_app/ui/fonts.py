"""One font for everything: a Chinese one from the system when there is one.

Kivy draws a text with a single font and takes the first face of a collection. In Noto's
collection the first face has Japanese shapes, so the Simplified Chinese face is cut out of it
into a file of its own (a cache next to the app's state; nothing is shipped).
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

PLACES = (
    "/usr/share/fonts", "/usr/local/share/fonts", "/system/fonts", "/Library/Fonts",
    "/System/Library/Fonts", "C:/Windows/Fonts",
)
WANTED = {
    "regular": (
        "NotoSansSC-Regular.otf", "NotoSansSC-Regular.ttf", "NotoSansCJKsc-Regular.otf",
        "NotoSansCJK-Regular.ttc", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc",
        "DroidSansFallback.ttf", "PingFang.ttc", "msyh.ttc",
    ),
    "bold": (
        "NotoSansSC-Bold.otf", "NotoSansSC-Bold.ttf", "NotoSansCJKsc-Bold.otf",
        "NotoSansCJK-Bold.ttc", "SourceHanSansSC-Bold.otf", "msyhbd.ttc",
    ),
}


def find(weight: str = "regular", places: tuple[str, ...] = PLACES) -> Path | None:
    """A font with Chinese on this system, the best first; None when there is none."""
    files: dict[str, Path] = {}
    for place in map(Path, places):
        if place.is_dir():
            for path in place.rglob("*.[ot]t[fc]"):
                files.setdefault(path.name, path)
    for name in WANTED[weight]:
        if name in files:
            return files[name]
    if weight == "regular" and places == PLACES and (tool := shutil.which("fc-match")):
        done = subprocess.run(
            [tool, "-f", "%{file}\n%{lang}", ":lang=zh-cn"], capture_output=True, text=True,
            timeout=10, check=False,
        )
        file, _, languages = done.stdout.partition("\n")
        if "zh-cn" in languages and Path(file).is_file():
            return Path(file)
    return None


def single_face(collection: Path, cache: Path, wanted: str = " SC") -> Path:
    """The face whose family name ends in `wanted`, as a file of its own; else `collection`."""
    if collection.suffix.lower() != ".ttc":
        return collection
    target = cache / f"{collection.stem}{wanted.replace(' ', '-')}.otf"
    if target.exists():
        return target
    try:
        data = collection.read_bytes()
        (count,) = struct.unpack_from(">I", data, 8)
        offsets = struct.unpack_from(f">{count}I", data, 12)
        for offset in offsets:
            if _family(data, offset).endswith(wanted):
                cache.mkdir(parents=True, exist_ok=True)
                fresh = target.with_suffix(".part")
                fresh.write_bytes(_cut(data, offset))
                fresh.replace(target)
                return target
    except (OSError, struct.error, UnicodeDecodeError):
        return collection  # readable or not, the collection is the better try
    return collection


def _tables(data: bytes, offset: int) -> list[tuple[bytes, int, int, int]]:
    (count,) = struct.unpack_from(">H", data, offset + 4)
    return [struct.unpack_from(">4sIII", data, offset + 12 + 16 * i) for i in range(count)]


def _family(data: bytes, offset: int) -> str:
    """The English family name (name 1, Windows, UTF-16)."""
    for tag, _, start, _ in _tables(data, offset):
        if tag == b"name":
            count, strings = struct.unpack_from(">HH", data, start + 2)
            for i in range(count):
                platform, _, language, name, length, at = struct.unpack_from(
                    ">6H", data, start + 6 + 12 * i
                )
                if (platform, language, name) == (3, 0x409, 1):
                    begin = start + strings + at
                    return data[begin : begin + length].decode("utf-16-be")
    return ""


def _cut(data: bytes, offset: int) -> bytes:
    tables = _tables(data, offset)
    head = bytearray(data[offset : offset + 12])
    body = bytearray()
    at = 12 + 16 * len(tables)
    for tag, checksum, start, length in tables:
        head += struct.pack(">4sIII", tag, checksum, at + len(body), length)
        body += data[start : start + length]
        body += b"\0" * (-length % 4)
    return bytes(head + body)
