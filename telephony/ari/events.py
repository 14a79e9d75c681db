"""ARI's JSON as values. No sockets here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telephony.identity import CallerId, caller_id

MAX_MESSAGE_BYTES = 1024 * 1024


class BadAriMessage(ValueError):
    """A message that is not what ARI documents. `field` names the part."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Channel:
    """One leg. `id` of a trunk caller's channel is the call id everywhere in Standpipe."""

    id: str
    name: str
    state: str
    caller: CallerId
    dialled: str
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Connected:
    """The event stream is open: nothing is replayed, so look up what is there now."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The event stream broke; it is being reopened."""

    reason: str


@dataclass(frozen=True, slots=True)
class StasisStart:
    """A call was handed to the application."""

    channel: Channel
    args: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class StasisEnd:
    """A call left the application, for the dialplan or because it ended."""

    channel: Channel
    at: datetime


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """One key, reported when it is released."""

    channel_id: str
    digit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """A playback is over; `ok` is False when a file could not be played."""

    playback_id: str
    channel_id: str
    ok: bool


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """The caller hung up, or the channel was destroyed."""

    channel_id: str
    cause: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another process took the application's name: this one must stop."""

    application: str


@dataclass(frozen=True, slots=True)
class Other:
    """An event Standpipe has no use for."""

    type: str


AriEvent = (
    Connected | Disconnected | StasisStart | StasisEnd | KeyPressed | PlaybackFinished
    | ChannelGone | Replaced | Other
)  # fmt: skip


def parse_event(raw: str | bytes) -> AriEvent:
    """One websocket message as a value. Raises BadAriMessage naming the field."""
    if len(raw) > MAX_MESSAGE_BYTES:
        raise BadAriMessage("message", f"longer than {MAX_MESSAGE_BYTES} bytes")
    text = raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as bad:
        raise BadAriMessage("message", "not JSON") from bad
    if not isinstance(data, dict):
        raise BadAriMessage("message", "not a JSON object")
    kind = _text(data, "type")
    if kind == "StasisStart":
        args = data.get("args", [])
        if not isinstance(args, list):
            raise BadAriMessage("args", "not a list")
        return StasisStart(parse_channel(data.get("channel")), tuple(map(str, args)), _at(data))
    if kind == "StasisEnd":
        return StasisEnd(parse_channel(data.get("channel")), _at(data))
    if kind == "ChannelDtmfReceived":
        return KeyPressed(parse_channel(data.get("channel")).id, _text(data, "digit"), _at(data))
    if kind == "PlaybackFinished":
        playback = _object(data, "playback")
        target = _text(playback, "target_uri")
        return PlaybackFinished(
            playback_id=_text(playback, "id"),
            channel_id=target.removeprefix("channel:"),
            ok=playback.get("state") != "failed",
        )
    if kind in {"ChannelHangupRequest", "ChannelDestroyed"}:
        cause = data.get("cause", 0)
        return ChannelGone(
            parse_channel(data.get("channel")).id, cause if isinstance(cause, int) else 0
        )
    if kind == "ApplicationReplaced":
        return Replaced(str(data.get("application", "")))
    return Other(kind)


def parse_channel(data: object) -> Channel:
    """ARI's Channel object. Raises BadAriMessage."""
    if not isinstance(data, dict):
        raise BadAriMessage("channel", "missing")
    caller = data.get("caller") or {}
    dialplan = data.get("dialplan") or {}
    variables = data.get("channelvars") or {}
    if not all(isinstance(part, dict) for part in (caller, dialplan, variables)):
        raise BadAriMessage("channel", "caller, dialplan and channelvars must be objects")
    return Channel(
        id=_text(data, "id"),
        name=str(data.get("name", "")),
        state=str(data.get("state", "")),
        caller=caller_id(str(caller.get("number") or ""), str(caller.get("name") or "")),
        dialled=str(dialplan.get("exten") or ""),
        variables=tuple(sorted((str(key), str(value)) for key, value in variables.items())),
    )


def _object(data: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = data.get(field)
    if not isinstance(value, dict):
        raise BadAriMessage(field, "missing")
    return value


def _text(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value:
        raise BadAriMessage(field, "missing")
    return value


def _at(data: Mapping[str, Any]) -> datetime:
    value = data.get("timestamp")
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as bad:
        raise BadAriMessage("timestamp", "not an ISO 8601 time") from bad
    return moment.astimezone(UTC)
