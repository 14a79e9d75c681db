"""Reading untrusted JSON: one field at a time, each failure with the field's name and the reason.

Everything a device sends goes through here, so a wrong type, a missing field, a number that is
not finite or a text with control characters ends in BadMessage and in nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
NULL_ISLAND_DEG = 1e-3
MAX_SEQ = 2**53 - 1  # the largest whole number every JSON reader keeps exactly

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Control characters apart from tab and line ends: PostgreSQL refuses NUL, terminals obey the rest.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_LEAP = re.compile(r":60(?=[.Z+-])")
# UTC, at most microseconds: what `datetime.fromisoformat` reads just like `moment`.
_PLAIN_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?Z")

Fields = Mapping[str, Any]


class BadMessage(ValueError):
    """A message that cannot be used: which field, and why, in words fit to show."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def load(payload: bytes) -> Fields:
    """The JSON object in `payload`; refuses more than 256 KiB, more than 12 levels, non-objects."""
    if len(payload) > MAX_BYTES:
        raise BadMessage("message", f"{len(payload)} bytes are more than {MAX_BYTES}")
    if not payload:
        raise BadMessage("message", "is empty")
    try:
        value = orjson.loads(payload)
    except (orjson.JSONDecodeError, RecursionError) as problem:
        raise BadMessage("message", f"is not JSON: {_shown(str(problem))}") from None
    if not isinstance(value, dict):
        raise BadMessage("message", "is not a JSON object")
    _check_depth(value)
    return value


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict)
                else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise BadMessage("message", f"is nested deeper than {MAX_DEPTH} levels")


def required(data: Fields, name: str, path: str = "") -> Any:
    """The value under `name`; missing and null are the same mistake."""
    value = data.get(name)
    if value is None:
        raise BadMessage(path + name, "is missing")
    return value


def text(data: Fields, name: str, *, path: str = "", most: int = 500, least: int = 1) -> str:
    """A string of `least` to `most` characters without control characters."""
    value = required(data, name, path)
    if not isinstance(value, str):
        raise BadMessage(path + name, f"{_shown(value)} is not text")
    if not least <= len(value) <= most:
        raise BadMessage(path + name, f"has {len(value)} characters, not {least} to {most}")
    if _CONTROL.search(value):
        raise BadMessage(path + name, "holds control characters")
    return value


def optional_text(data: Fields, name: str, *, path: str = "", most: int = 500) -> str | None:
    """As `text`, or None when the field is absent, null or empty."""
    if data.get(name) in (None, ""):
        return None
    return text(data, name, path=path, most=most)


def uuid(data: Fields, name: str, *, path: str = "") -> str:
    """A UUID in its usual 36-character form, returned in lower case."""
    value = text(data, name, path=path, most=80)
    if not _UUID.fullmatch(value):
        raise BadMessage(path + name, f"{_shown(value)} is not a UUID")
    return value.lower()


def is_uuid(value: object) -> bool:
    """Whether `uuid` would take it."""
    return type(value) is str and _UUID.fullmatch(value) is not None


def is_plain_time(value: object) -> bool:
    """Whether it is a time in UTC with at most microseconds and no leap second."""
    return type(value) is str and _PLAIN_TIME.fullmatch(value) is not None


def number(
    data: Fields, name: str, low: float, high: float, *, path: str = "", unit: str = ""
) -> float:
    """A finite number with low <= value <= high."""
    value = required(data, name, path)
    # bool is an int in Python; 1e400 would arrive as infinity.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadMessage(path + name, f"{_shown(value)} is not a number")
    if not math.isfinite(value) or not low <= value <= high:
        raise BadMessage(
            path + name, f"{_shown(value)} is not between {low:g} and {high:g}{unit and ' ' + unit}"
        )
    return float(value)


def optional_number(
    data: Fields, name: str, low: float, high: float, *, path: str = "", unit: str = ""
) -> float | None:
    """As `number`, or None when the field is absent or null."""
    if data.get(name) is None:
        return None
    return number(data, name, low, high, path=path, unit=unit)


def whole(data: Fields, name: str, low: int = 0, high: int = MAX_SEQ, *, path: str = "") -> int:
    """A whole number with low <= value <= high; 3.0 is refused, so nothing is rounded."""
    value = required(data, name, path)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadMessage(path + name, f"{_shown(value)} is not a whole number")
    if not low <= value <= high:
        raise BadMessage(path + name, f"{value} is not between {low} and {high}")
    return value


def flag(data: Fields, name: str, *, path: str = "") -> bool:
    """true or false."""
    value = required(data, name, path)
    if not isinstance(value, bool):
        raise BadMessage(path + name, f"{_shown(value)} is not true or false")
    return value


def choice(data: Fields, name: str, allowed: Sequence[str], *, path: str = "") -> str:
    """One of the allowed words."""
    value = text(data, name, path=path)
    if value not in allowed:
        raise BadMessage(path + name, f"{_shown(value)} is not one of {', '.join(allowed)}")
    return value


def moment(data: Fields, name: str, *, path: str = "") -> datetime:
    """An ISO 8601 time with its offset, in UTC. Without an offset nobody knows when it was."""
    value = text(data, name, path=path, most=64)
    if not _TIME.fullmatch(value):
        hint = "has no UTC offset" if _TIME.fullmatch(value + "Z") else "is not an ISO 8601 time"
        raise BadMessage(path + name, f"{_shown(value)} {hint}")
    try:
        # A leap second is the last moment of its minute: Python's calendar has no second 60.
        return datetime.fromisoformat(_LEAP.sub(":59", value)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadMessage(path + name, f"{_shown(value)} is not a date of the calendar") from None


def place(data: Fields, *, path: str = "") -> tuple[float, float]:
    """`lon` and `lat` in degrees (EPSG:4326); refuses 0/0 and hints when the two look swapped."""
    lon_raw, lat_raw = data.get("lon"), data.get("lat")
    swapped = (
        isinstance(lon_raw, int | float) and isinstance(lat_raw, int | float)
        and 90 < abs(lat_raw) <= 180 and abs(lon_raw) <= 90
    )
    try:
        lon = number(data, "lon", -180, 180, path=path)
        lat = number(data, "lat", -90, 90, path=path)
    except BadMessage as bad:
        if swapped:
            raise BadMessage(bad.field, f"{bad.reason}; lon and lat look swapped") from None
        raise
    if abs(lon) < NULL_ISLAND_DEG and abs(lat) < NULL_ISLAND_DEG:
        raise BadMessage(path + "lon", "lon and lat are both 0: the receiver had no fix")
    return lon, lat


def inner(data: Fields, name: str, *, path: str = "") -> Fields:
    """A JSON object inside the message."""
    value = required(data, name, path)
    if not isinstance(value, dict):
        raise BadMessage(path + name, "is not an object")
    return value


def many(data: Fields, name: str, *, path: str = "", most: int = 1000) -> list[Any]:
    """A JSON list with at most `most` entries."""
    value = required(data, name, path)
    if not isinstance(value, list):
        raise BadMessage(path + name, "is not a list")
    if len(value) > most:
        raise BadMessage(path + name, f"has {len(value)} entries, more than {most}")
    return value


def many_objects(
    data: Fields, name: str, *, path: str = "", most: int = 1000
) -> list[tuple[str, Fields]]:
    """A list of objects, each with the path prefix of its own fields (``orders[3].``)."""
    rows: list[tuple[str, Fields]] = []
    for index, value in enumerate(many(data, name, path=path, most=most)):
        where = f"{path}{name}[{index}]"
        if not isinstance(value, dict):
            raise BadMessage(where, "is not an object")
        rows.append((where + ".", value))
    return rows


def many_texts(
    data: Fields, name: str, *, path: str = "", most: int = 100, longest: int = 500
) -> tuple[str, ...]:
    """A list of strings."""
    rows = many(data, name, path=path, most=most)
    return tuple(
        text({"": value}, "", path=f"{path}{name}[{i}]", most=longest)
        for i, value in enumerate(rows)
    )
