"""What became of calls that we made, from Asterisk's own file, for the time nobody listened.

`dials.jsonl` is written by the dialplan: taken, key, over. Reading is repeatable; whoever stores
what it says does so by call id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from telephony.ami.events import DialKey, DialOver, DialTaken

Told = DialTaken | DialKey | DialOver
MAX_LINE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Dials:
    """What happened and when (UTC), in order; where to begin next time; unreadable lines."""

    told: tuple[tuple[Told, datetime], ...]
    mark: int
    bad: int


def read_dials(path: Path, mark: int = 0) -> Dials:
    """Read the lines since byte `mark`. An absent file is empty; a shorter one was replaced."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = mark if 0 <= mark <= size else 0
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return Dials((), 0, 0)
    told: list[tuple[Told, datetime]] = []
    bad = 0
    for raw in data.splitlines(keepends=True):
        if not raw.endswith(b"\n"):
            break  # being written this moment
        start += len(raw)
        found = _read(raw)
        if found is not None:
            told.append(found)
        elif raw.strip():
            bad += 1
    return Dials(tuple(told), start, bad)


def _read(raw: bytes) -> tuple[Told, datetime] | None:
    if len(raw) > MAX_LINE_BYTES:
        return None
    try:
        row = json.loads(raw)
        at = datetime.fromisoformat(row["at"]).astimezone(UTC)
        call = str(row["call"])
        kind = row["event"]
        if kind == "taken":
            return DialTaken(call, str(row.get("heard", ""))), at
        if kind == "key":
            return DialKey(call, int(row["question"]), str(row.get("key", ""))), at
        if kind == "over":
            return DialOver(call, str(row.get("status", "")), int(row.get("cause") or 0)), at
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    return None
