"""How devices of different makers write positions: one class each, and one list.

A format says which topics it is written to, whose device a topic belongs to, and what a payload
holds. Everything behind it (judging, storing, events) is the same for all. To add one, write a
class like those below and name it in STANDPIPE_POSITION_FORMATS: the broker's access rules, the
worker's subscriptions and the HTTP door follow.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from mqtt import fields as read
from mqtt.fields import BadMessage, Fields
from mqtt.messages import Position, parse_position, read_position
from mqtt.topics import DEVICE, ROOT

# One entry per fix, in the message's order; what cannot be read keeps its place as the reason.
Readings = Sequence[Position | BadMessage]

MOST_FIXES = 1000
KMH = 1 / 3.6
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Years 1970 to 2200: a number outside is not a time, and some would break the calendar.
LATEST_S = 7_258_118_400
# Metres of error per unit of HDOP of an ordinary receiver in the open.
UERE_M = 5.0


class Format(Protocol):
    """What the rest asks of a format."""

    name: str
    # Filter with `+`, to which the worker subscribes. One level of it is the device's account.
    topic: str
    # The same with %u for the account, by which the broker lets a device write there and nowhere.
    access: str

    def device(self, topic: str) -> str | None:
        """The account a topic belongs to; None when the topic is not of this format."""

    def read(self, payload: bytes) -> Readings:
        """The fixes of one message; BadMessage when it cannot be read at all.

        Empty for a good message that holds no position.
        """


def _between(topic: str, before: str, after: str) -> str | None:
    if not (topic.startswith(before) and topic.endswith(after)):
        return None
    name = topic[len(before) : len(topic) - len(after)]
    return name if DEVICE.fullmatch(name) else None


def _each(rows: list[Any], path: str, one: Any) -> Readings:
    found: list[Position | BadMessage] = []
    for n, row in enumerate(rows):
        where = f"{path}[{n}]"
        try:
            if not isinstance(row, dict):
                raise BadMessage(where, "is not an object")
            found.append(one(row, where + "."))
        except BadMessage as bad:
            found.append(bad)
    return found


def _seconds(data: Fields, name: str, *, path: str = "", per: float = 1.0) -> datetime:
    value = read.number(data, name, 0, LATEST_S * per, path=path)
    return EPOCH + timedelta(seconds=value / per)


class Standpipe:
    """Our own: one position, or a list of them under ``fixes`` (docs/mqtt.md)."""

    name = "standpipe"
    topic = f"{ROOT}/+/pos"
    access = f"{ROOT}/%u/pos"

    def device(self, topic: str) -> str | None:
        return _between(topic, f"{ROOT}/", "/pos")

    def read(self, payload: bytes) -> Readings:
        if not payload.startswith(b'{"fixes"'):
            return (parse_position(payload),)
        rows = read.many(read.load(payload), "fixes", most=MOST_FIXES)
        return _each(rows, "fixes", lambda row, path: read_position(row, path=path))


class OwnTracks:
    """The OwnTracks app and what speaks like it: owntracks.org/booklet/tech/json.

    ``owntracks/{account}/{anything}``; ``_type`` "location" is a position, the other types are
    taken and pass. ``tst`` is whole seconds, so two fixes of one second are one.
    """

    name = "owntracks"
    topic = "owntracks/+/+"
    access = "owntracks/%u/+"

    def device(self, topic: str) -> str | None:
        parts = topic.split("/")
        if len(parts) != 3 or parts[0] != "owntracks" or not DEVICE.fullmatch(parts[1]):
            return None
        return parts[1]

    def read(self, payload: bytes) -> Readings:
        if not payload.strip():
            return ()  # how a retained card or dump is cleared
        data = read.load(payload)
        kind = read.text(data, "_type", most=40)
        if kind == "encrypted":
            raise BadMessage("_type", "is encrypted with a key that the server does not have")
        if kind != "location":
            return ()
        lon, lat = read.place(data)
        speed = read.optional_number(data, "vel", -1, 1e5, unit="km/h")
        course = read.optional_number(data, "cog", -1, 360, unit="degrees")
        fix_time = _seconds(data, "tst")
        told = _seconds(data, "created_at") if data.get("created_at") is not None else fix_time
        battery = read.optional_number(data, "batt", -1, 100, unit="%")
        accuracy = read.optional_number(data, "acc", -1, 1e9, unit="m")
        return (Position(
            # iOS writes -1 for what it does not know.
            id="", seq=0, fix_time=fix_time, device_time=told, lon=lon, lat=lat,
            accuracy_m=_known(accuracy) or 0.0,
            speed_mps=None if _known(speed) is None else (speed or 0.0) * KMH,
            heading=None if _known(course) is None else (course or 0.0) % 360,
            battery=_known(battery),
        ),)  # fmt: skip


def _known(value: float | None) -> float | None:
    return None if value is None or value < 0 else value


class Tracker:
    """Units built into vehicles, as their makers' JSON usually is, with the engine's state.

    ``sp/v1/dev/{device}/avl``: one object or a list of them, each ``ts`` (milliseconds since 1970,
    UTC), ``lat``, ``lng``, and, where known, ``sp`` (km/h), ``ang`` (degrees), ``hdop`` or ``acc``
    (metres), ``ign`` (0/1 or true/false), ``n`` (a number that counts up), ``bat`` (percent).
    """

    name = "tracker"
    topic = f"{ROOT}/+/avl"
    access = f"{ROOT}/%u/avl"

    def device(self, topic: str) -> str | None:
        return _between(topic, f"{ROOT}/", "/avl")

    def read(self, payload: bytes) -> Readings:
        if payload.lstrip()[:1] == b"[":
            rows = read.many(read.load(b'{"":' + payload + b"}"), "", most=MOST_FIXES)
            return _each(rows, "", self._one)
        return (self._one(read.load(payload), ""),)

    def _one(self, data: Fields, path: str) -> Position:
        lon, lat = read.place({"lon": data.get("lng"), "lat": data.get("lat")}, path=path)
        when = _seconds(data, "ts", path=path, per=1000)
        hdop = read.optional_number(data, "hdop", 0, 100, path=path)
        accuracy = read.optional_number(data, "acc", 0, 1e6, path=path, unit="m")
        if accuracy is None:
            accuracy = UERE_M * (1.0 if hdop is None else hdop)
        speed = read.optional_number(data, "sp", 0, 1e5, path=path, unit="km/h")
        course = read.optional_number(data, "ang", 0, 360, path=path, unit="degrees")
        engine = data.get("ign")
        if engine not in (None, 0, 1):
            raise BadMessage(path + "ign", "is neither 0 nor 1")
        number = read.whole(data, "n", path=path) if data.get("n") is not None else 0
        return Position(
            id="", seq=number, fix_time=when, device_time=when, lon=lon, lat=lat,
            accuracy_m=accuracy, speed_mps=None if speed is None else speed * KMH,
            heading=None if course is None else course % 360,
            battery=read.optional_number(data, "bat", 0, 100, path=path, unit="%"),
            engine=None if engine is None else bool(engine),
        )


STANDARD = ("mqtt.formats.Standpipe", "mqtt.formats.OwnTracks", "mqtt.formats.Tracker")


def load(names: Iterable[str] = STANDARD) -> tuple[Format, ...]:
    """The formats of these dotted class names. ValueError says which one is not there."""
    found: list[Format] = []
    for name in names:
        module, _, cls = name.rpartition(".")
        try:
            found.append(getattr(importlib.import_module(module), cls)())
        except (ImportError, AttributeError, ValueError, TypeError) as why:
            raise ValueError(f"position format {name!r}: {why}") from None
    return tuple(found)
