"""How long a recording is kept: one table of classes, and the rule for which one. Pure.

The days are defaults; STANDPIPE_RECORDING_DAYS ("standard=180,complaint=730") changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

# class -> days. What a law or a contract asks for differs from place to place.
DAYS: Mapping[str, int] = {
    "standard": 180,
    "complaint": 730,
    "emergency": 1095,
    "message": 90,
}
# These may go before their time when the disk is full; the others never.
EARLY = frozenset({"standard", "message"})


class RetentionError(ValueError):
    """The setting cannot be read; the text names the part at fault."""


def parse(text: str) -> dict[str, int]:
    """The days by class from the setting, defaults where it is silent. Raises RetentionError."""
    days = dict(DAYS)
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = part.partition("=")
        if name not in DAYS:
            raise RetentionError(f"{part!r}: the classes are {', '.join(DAYS)}")
        if not number.isdecimal() or not 1 <= int(number) <= 36_500:
            raise RetentionError(f"{part!r}: days from 1 to 36500")
        days[name] = int(number)
    return days


def class_of(*, kind: str, keys: str, priority: str) -> str:
    """The class a recording has by itself; "complaint" is chosen by a person.

    `kind` call or message; `keys` what the caller pressed (1 first: danger); `priority` of what was
    registered, empty for nothing.
    """
    if keys.startswith("1") or priority == "P1":
        return "emergency"
    return "message" if kind == "message" else "standard"


def until(started_at: datetime, retention: str, days: Mapping[str, int]) -> datetime:
    """When a recording of that class goes."""
    return started_at + timedelta(days=days[retention])
