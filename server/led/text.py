"""Text for a board of 16-dot rows: only what its font can show, in lines and pages. Pure.

A Chinese sign is 16 dots wide, a Latin one 8. The font of such boards is GB2312; what is not in it
is replaced by what comes nearest, and reported.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

CELL = 8  # dots
UNKNOWN = "?"
MOST_PAGES = 40
SECONDS = 6
URGENT_SECONDS = 8
# What has a better neighbour than its decomposition.
NEAR = {
    "–": "-", "—": "-", "‑": "-", "−": "-", "“": '"', "”": '"', "„": '"', "’": "'", "‘": "'",
    "…": "...", "·": ".", "•": "*", "≈": "~", "€": "EUR", "ß": "ss", "ø": "o", "Ø": "O",
    "đ": "d", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "\u00a0": " ", "\t": " ", "\n": " ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One bulletin as it was asked for."""

    kind: str
    priority: int
    text: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on the board at once, for `seconds`."""

    kind: str
    priority: int
    seconds: int
    rows: tuple[str, ...]


def in_font(sign: str) -> bool:
    """Whether GB2312 has it. Control characters are not text."""
    if not sign.isprintable():
        return False
    try:
        sign.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def shown(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text in signs of the font, and (sign, by what it was replaced) for each that was not."""
    out: list[str] = []
    replaced: dict[str, str] = {}
    for sign in text:
        if in_font(sign):
            out.append(sign)
            continue
        near = NEAR.get(sign)
        if near is None:
            bare = "".join(
                c for c in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(c)
            )
            near = bare if bare and all(in_font(c) for c in bare) else UNKNOWN
        out.append(near)
        replaced[sign] = near
    return "".join(out), list(replaced.items())


def width(sign: str) -> int:
    """Cells of 8 dots: 1 for ASCII, 2 for everything else GB2312 has."""
    return 1 if sign.isascii() else 2


def wrapped(text: str, cells: int) -> list[str]:
    """Lines of at most `cells`; broken between words where there are any, never within a sign."""
    if cells < 2:
        raise ValueError(f"cells: {cells} is too narrow for a sign")
    lines: list[str] = []
    line, used = "", 0
    for word in _words(text):
        size = sum(width(c) for c in word)
        if used and used + size > cells:
            lines.append(line.rstrip())
            line, used = "", 0
        if not used:
            word = word.lstrip()
        for sign in word:
            if used + width(sign) > cells:
                lines.append(line.rstrip())
                line, used = "", 0
            line += sign
            used += width(sign)
    if line.strip():
        lines.append(line.rstrip())
    return lines


def _words(text: str) -> list[str]:
    """Latin words with the space before them; each Chinese sign by itself."""
    out: list[str] = []
    for sign in text:
        latin = sign.isascii() and not sign.isspace()
        if latin and out and (out[-1][-1].isascii() or out[-1].isspace()):
            out[-1] += sign
        else:
            out.append(sign)
    return out


def pages(lines: Sequence[Line], *, columns: int, rows: int) -> list[Page]:
    """The board's round: by priority, those of priority 1 again after every two others."""
    cells = columns // CELL
    made: list[tuple[Line, list[Page]]] = []
    for line in sorted(lines, key=lambda one: one.priority):
        text, _replaced = shown(line.text)
        rolls = wrapped(text, cells)
        seconds = URGENT_SECONDS if line.priority == 1 else SECONDS
        made.append((line, [
            Page(line.kind, line.priority, seconds, tuple(rolls[i : i + rows]))
            for i in range(0, len(rolls), rows)
        ]))  # fmt: skip
    urgent = [p for line, found in made if line.priority == 1 for p in found]
    others = [found for line, found in made if line.priority != 1]
    out = list(urgent)
    for n, found in enumerate(others, 1):
        out += found
        if urgent and n % 2 == 0 and n < len(others):
            out += urgent
    return out[:MOST_PAGES]


def replacements(lines: Sequence[Line]) -> list[dict[str, str]]:
    """[{"sign", "by", "text"}]: what the font lacks, by bulletin."""
    return [
        {"sign": sign, "by": by, "text": line.text}
        for line in lines
        for sign, by in shown(line.text)[1]
    ]
