"""What travels between a device and the server: frozen values and their JSON.

Each ``parse_*`` takes the raw bytes and returns the value or raises BadMessage(field, reason);
nothing else comes out, whatever goes in. `to_json` is the way back. Unknown fields are ignored,
so an older reader lives with a newer writer. Times are UTC, metres and seconds, (lon, lat).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

import orjson

from mqtt import fields as read
from mqtt.fields import BadMessage, Fields

Action = Literal[
    "accept", "decline", "depart", "arrive", "close_valve", "cannot_close_valve", "open_valve",
    "repaired", "restored", "complete", "pause", "resume", "no_access", "note", "photo",
    "excavated", "flushed", "sampled", "reinstated",
]
ACTIONS: tuple[Action, ...] = get_args(Action)
_NUMBER = (float, int)
NEEDS_VALVE = ("close_valve", "cannot_close_valve", "open_valve")
NEEDS_REASON = ("decline", "cannot_close_valve", "pause", "no_access")


@dataclass(frozen=True, slots=True)
class Position:
    """One fix. `fix_time` is the satellites' time, `device_time` the device's own clock then."""

    id: str
    seq: int
    fix_time: datetime
    device_time: datetime
    lon: float
    lat: float
    accuracy_m: float
    speed_mps: float | None = None
    heading: float | None = None  # degrees clockwise from north, 0 <= heading < 360
    battery: float | None = None  # percent
    engine: bool | None = None  # whether the vehicle's engine runs; None where nobody says


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture that follows by HTTP; `sha256` in hex proves that it arrived whole."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Report:
    """One thing a crew did. `id` makes it idempotent, `seq` counts up per device."""

    id: str
    seq: int
    order: str
    action: Action
    at: datetime
    note: str | None = None
    valve: str | None = None
    reason: str | None = None
    turns: int | None = None
    lon: float | None = None
    lat: float | None = None
    photo: Photo | None = None


@dataclass(frozen=True, slots=True)
class AckError:
    """Why the server refused a report, in the words of its JSON errors."""

    field: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ReportAck:
    """The server's word on one report: stored (`ok`) or refused for good (`error`).

    Order lists with a version above `orders_version` show what the report has changed; absent when
    it changed nothing.
    """

    id: str
    ok: bool
    stored_at: datetime
    error: AckError | None = None
    orders_version: int | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Answers to some reports."""

    acks: tuple[ReportAck, ...]


@dataclass(frozen=True, slots=True)
class DeviceState:
    """The retained `state` topic: exactly ``online`` or ``offline`` (the last will)."""

    online: bool


# What a position may hold; a message with more is read the careful way.
_POSITION = frozenset({
    "id", "seq", "fix_time", "device_time", "lon", "lat", "accuracy_m", "speed_mps", "heading",
    "battery", "engine",
})  # fmt: skip


def parse_position(payload: bytes) -> Position:
    """Bytes to Position, or BadMessage."""
    if len(payload) <= 1000:
        quick = _quick_position(payload)
        if quick is not None:
            return quick
    return read_position(read.load(payload))


def read_position(data: Fields, *, path: str = "") -> Position:
    """The fields of a position; BadMessage names the field under `path`."""
    lon, lat = read.place(data, path=path)
    heading = read.optional_number(data, "heading", 0, 360, path=path, unit="degrees")
    return Position(
        id=read.uuid(data, "id", path=path),
        seq=read.whole(data, "seq", path=path),
        fix_time=read.moment(data, "fix_time", path=path),
        device_time=read.moment(data, "device_time", path=path),
        lon=lon,
        lat=lat,
        accuracy_m=read.number(data, "accuracy_m", 0, 1e6, path=path, unit="m"),
        speed_mps=read.optional_number(data, "speed_mps", 0, 1e5, path=path, unit="m/s"),
        heading=0.0 if heading == 360 else heading,
        battery=read.optional_number(data, "battery", 0, 100, path=path, unit="%"),
        engine=read.flag(data, "engine", path=path) if data.get("engine") is not None else None,
    )


def _quick_position(payload: bytes) -> Position | None:
    """A position in which everything is as usual; None leaves it to `read_position`.

    A third of the careful way's time. It must never take what the careful way refuses, nor read
    anything differently: a property test holds the two together.
    """
    try:
        d = orjson.loads(payload)
        if type(d) is not dict or not d.keys() <= _POSITION:
            return None
        lon, lat, accuracy, seq = d["lon"], d["lat"], d["accuracy_m"], d["seq"]
        speed, heading, battery = d.get("speed_mps"), d.get("heading"), d.get("battery")
        fixed, told, name, engine = d["fix_time"], d["device_time"], d["id"], d.get("engine")
        if (
            type(lon) is float and type(lat) is float and -180 <= lon <= 180 and -90 <= lat <= 90
            and (abs(lon) >= read.NULL_ISLAND_DEG or abs(lat) >= read.NULL_ISLAND_DEG)
            and type(accuracy) in _NUMBER and 0 <= accuracy <= 1e6
            and type(seq) is int and 0 <= seq <= read.MAX_SEQ
            and (speed is None or (type(speed) in _NUMBER and 0 <= speed <= 1e5))
            and (heading is None or (type(heading) in _NUMBER and 0 <= heading < 360))
            and (battery is None or (type(battery) in _NUMBER and 0 <= battery <= 100))
            and (engine is None or engine is True or engine is False)
            and read.is_uuid(name) and read.is_plain_time(fixed) and read.is_plain_time(told)
        ):
            fix_time = datetime.fromisoformat(fixed)
            return Position(
                name.lower(), seq, fix_time,
                fix_time if told == fixed else datetime.fromisoformat(told),
                lon, lat, float(accuracy), None if speed is None else float(speed),
                None if heading is None else float(heading),
                None if battery is None else float(battery), engine,
            )  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return None


def parse_report(payload: bytes) -> Report:
    """Bytes to Report, or BadMessage; also when the action lacks its valve, reason or note."""
    data = read.load(payload)
    action = cast(Action, read.choice(data, "action", ACTIONS))
    here = data.get("lon") is not None or data.get("lat") is not None
    lon, lat = read.place(data) if here else (None, None)
    turns = read.whole(data, "turns", 0, 100_000) if data.get("turns") is not None else None
    report = Report(
        id=read.uuid(data, "id"),
        seq=read.whole(data, "seq"),
        order=read.text(data, "order", most=64),
        action=action,
        at=read.moment(data, "at"),
        note=read.optional_text(data, "note", most=4000),
        valve=read.optional_text(data, "valve", most=60),
        reason=read.optional_text(data, "reason", most=120),
        turns=turns,
        lon=lon,
        lat=lat,
        photo=_photo(data),
    )
    for names, field in ((NEEDS_VALVE, "valve"), (NEEDS_REASON, "reason"), (("note",), "note"),
                         (("photo",), "photo")):
        if action in names and getattr(report, field) is None:
            raise BadMessage(field, f"is missing: {action} needs it")
    return report


def _photo(data: Fields) -> Photo | None:
    if data.get("photo") is None:
        return None
    inner = read.inner(data, "photo")
    digest = read.text(inner, "sha256", path="photo.", least=64, most=64).lower()
    if not set(digest) <= set("0123456789abcdef"):
        raise BadMessage("photo.sha256", "is not 64 hexadecimal digits")
    return Photo(
        name=read.text(inner, "name", path="photo.", most=200),
        sha256=digest,
        size=read.whole(inner, "size", 1, 100_000_000, path="photo."),
    )


def parse_ack(payload: bytes) -> Ack:
    """Bytes to Ack, or BadMessage."""
    data = read.load(payload)
    acks = []
    for path, row in read.many_objects(data, "acks", most=2000):
        error = None
        if row.get("error") is not None:
            inner = read.inner(row, "error", path=path)
            where = path + "error."
            error = AckError(
                field=read.text(inner, "field", path=where, least=0),
                code=read.text(inner, "code", path=where),
                text=read.text(inner, "text", path=where, most=2000),
            )
        version = None
        if row.get("orders_version") is not None:
            version = read.whole(row, "orders_version", path=path)
        acks.append(ReportAck(
            id=read.uuid(row, "id", path=path),
            ok=read.flag(row, "ok", path=path),
            stored_at=read.moment(row, "stored_at", path=path),
            error=error,
            orders_version=version,
        ))
    return Ack(tuple(acks))


def parse_state(payload: bytes) -> DeviceState:
    """``online`` or ``offline``, or BadMessage."""
    if payload not in (b"online", b"offline"):
        raise BadMessage("state", f"{payload[:40]!r} is neither online nor offline")
    return DeviceState(payload == b"online")


def report_id(payload: bytes) -> str | None:
    """The id of a report too broken to parse, so that it can still be refused by name."""
    try:
        return read.uuid(read.load(payload), "id")
    except BadMessage:
        return None


def iso(when: datetime) -> str:
    """A time as it travels: UTC, microseconds, ``Z``. ValueError for a time without a zone."""
    if when.tzinfo is None:
        raise ValueError("a time without a time zone cannot be sent")
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """A message as dicts, lists and strings; absent optional fields are left out."""
    if isinstance(value, DeviceState):
        return "online" if value.online else "offline"
    if isinstance(value, datetime):
        return iso(value)
    if is_dataclass(value) and not isinstance(value, type):
        keep_none = getattr(value, "KEEP_NONE", ())
        return {
            f.name: plain(getattr(value, f.name))
            for f in fields(value)
            if getattr(value, f.name) is not None or f.name in keep_none
        }
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return value


def to_json(message: Any) -> bytes:
    """Any message of this library as the bytes that travel."""
    if isinstance(message, DeviceState):
        return b"online" if message.online else b"offline"
    return orjson.dumps(plain(message))
