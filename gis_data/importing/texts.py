"""Text of unknown encoding, as utilities send it: UTF-8 with or without mark, UTF-16, GBK."""

from __future__ import annotations

import codecs
from itertools import pairwise

from gis_data.importing.values import ImportRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(raw: bytes, name: str) -> tuple[str, str]:
    """Text and the encoding it was in. Errors: ImportRefused for what is no text."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            try:
                return raw.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise _no_text(name) from error
    head = raw[:4096]
    if b"\0" in head:
        for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
            if zeros.count(0) > 0.7 * len(zeros):
                try:
                    return raw.decode(encoding), encoding
                except UnicodeDecodeError:
                    continue
        raise _no_text(name)
    encoding = guess_encoding(raw)
    return raw.decode(encoding, errors="replace"), encoding


def guess_encoding(raw: bytes) -> str:
    """utf-8, gb18030 or cp1252: whichever reads these bytes as something a person would write."""
    try:
        raw.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        # Names cut in the middle of a letter, as in tables of fixed width, are still UTF-8.
        text = raw.decode("utf-8", errors="replace")
        broken = text.count("\ufffd")
        if broken * 4 <= sum(ord(c) > 127 for c in text) - broken:
            return "utf-8"
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return "cp1252"
    strange = [c for c in text if ord(c) > 127]
    # Hanzi, and the full-width marks between them. Western letters read as GBK give rare ones, one
    # by one between plain letters; Chinese comes in runs.
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or c >= "\uff00"
                  for c in strange)  # fmt: skip
    runs = sum(ord(a) > 127 and ord(b) > 127 for a, b in pairwise(text))
    good = chinese >= 0.8 * len(strange) and runs * 3 >= len(strange)
    return "gb18030" if good else "cp1252"


def _no_text(name: str) -> ImportRefused:
    return ImportRefused("file", "not_text", f"{name} is not a text file", {"file": name})
