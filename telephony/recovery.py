"""Calls rebuilt from Asterisk's own files, for the time in which nobody listened.

`calls.jsonl` is written by the dialplan, one JSON object a milestone; `queue_log` by app_queue.
Reading is repeatable: the mark never passes a call that has not ended, so a call may be handed
out again, whole. Whoever stores them does so by call id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from telephony.identity import CallerId, caller_id, clean_number

MAX_LINE_BYTES = 16 * 1024
# A call without an end after this time lost it: Asterisk was killed while it went on.
FORGOTTEN_AFTER = timedelta(hours=6)
# The recording's files are closed a moment after the call's end.
RECORDING_WITHIN = timedelta(seconds=60)
EMPTY_WAV_BYTES = 44


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not be read; it is left out and reported."""

    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class BackWanted:
    """The caller keeps the place and is to be rung at `number`."""

    at: datetime
    queue: str
    priority: int
    since: float
    number: str


@dataclass(frozen=True, slots=True)
class RecoveredCall:
    """One call as the files tell it. Times are UTC, None where the file has no such milestone.

    `status` is app_queue's reason for giving up (TIMEOUT, JOINEMPTY, ...), `fallback` why the
    dialplan handled the call alone (absent, watchdog, returned) or empty.
    """

    call_id: str
    caller: CallerId
    dialled: str = ""
    arrived_at: datetime | None = None
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    agent: str = ""
    queue: str = ""
    priority: int = 0
    status: str = ""
    abandoned: bool = False
    fallback: str = ""
    message: Path | None = None
    recording: Path | None = None
    hold_s: float | None = None
    talk_s: float | None = None
    wants_back: BackWanted | None = None
    # In a queue at last, with nobody who has taken the call since; perhaps after a talk.
    waiting: bool = False
    # When the caller was asked how it went, which is also the end of the talk, and what they said:
    # 1 to 5, 0 for nothing.
    asked_at: datetime | None = None
    score: int = 0
    rated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """Calls in the order of their arrival, where to begin next time, and what was unreadable."""

    calls: tuple[RecoveredCall, ...]
    mark: int
    bad: tuple[BadLine, ...] = ()


@dataclass(slots=True)
class _Story:
    first_offset: int
    last_at: datetime
    lines: list[tuple[str, datetime, Mapping[str, str]]] = field(default_factory=list)

    def closed(self, now: datetime) -> bool:
        kinds = {kind for kind, _, _ in self.lines}
        if "handed" in kinds and "returned" not in kinds:
            return True  # the site that took the caller over tells the rest
        if "ended" not in kinds:
            return now - self.last_at > FORGOTTEN_AFTER
        if "answered" in kinds and "recorded" not in kinds:
            return now - self.last_at > RECORDING_WITHIN
        return True


@dataclass(frozen=True, slots=True)
class QueueLogEntry:
    """One line of queue_log."""

    at: datetime
    call_id: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]


def recover(
    calls_log: Path,
    recordings: Path,
    *,
    queue_log: Path | None = None,
    mark: int = 0,
    now: datetime | None = None,
) -> Recovery:
    """Read the calls since `mark` (0: everything). Absent files are empty files.

    A file shorter than the mark was replaced and is read from its beginning.
    """
    now = now or datetime.now(UTC)
    data, start = _read_since(calls_log, mark)
    stories, bad, end = _stories(data, start)
    open_offsets = [s.first_offset for s in stories.values() if not s.closed(now)]
    waits = _queue_times(read_queue_log(queue_log)) if queue_log and stories else {}
    calls = [_call(call_id, story, recordings, waits) for call_id, story in stories.items()]
    return Recovery(tuple(calls), min([end, *open_offsets]), tuple(bad))


def _read_since(path: Path, mark: int) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = mark if 0 <= mark <= size else 0
            file.seek(start)
            return file.read(), start
    except FileNotFoundError:
        return b"", 0


def _stories(data: bytes, start: int) -> tuple[dict[str, _Story], list[BadLine], int]:
    stories: dict[str, _Story] = {}
    bad: list[BadLine] = []
    offset = start
    for raw in data.splitlines(keepends=True):
        if not raw.endswith(b"\n"):
            break  # being written this moment
        here, offset = offset, offset + len(raw)
        if not raw.strip():
            continue
        try:
            kind, call, at, values = parse_line(raw)
        except ValueError as reason:
            bad.append(BadLine(here, str(reason)))
            continue
        story = stories.setdefault(call, _Story(here, at))
        story.last_at = max(story.last_at, at)
        story.lines.append((kind, at, values))
    return stories, bad, offset


def parse_line(raw: bytes) -> tuple[str, str, datetime, Mapping[str, str]]:
    """(event, call id, UTC time, all fields) of one line. Raises ValueError naming the field."""
    if len(raw) > MAX_LINE_BYTES:
        raise ValueError(f"line: longer than {MAX_LINE_BYTES} bytes")
    try:
        data = json.loads(raw.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError):
        raise ValueError("line: not JSON") from None
    if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
        raise ValueError("line: not an object of texts")
    for name in ("event", "call", "at"):
        if not data.get(name):
            raise ValueError(f"{name}: missing")
    if not re.fullmatch(r"[0-9A-Za-z._-]{1,80}", data["call"]):
        raise ValueError("call: not a call id")
    try:
        at = datetime.fromisoformat(data["at"])
    except ValueError:
        raise ValueError("at: not an ISO 8601 time") from None
    if at.tzinfo is None:
        raise ValueError("at: has no time zone")
    return data["event"], data["call"], at.astimezone(UTC), data


def _call(
    call_id: str, story: _Story, recordings: Path, waits: Mapping[str, tuple[float, float]]
) -> RecoveredCall:
    first: dict[str, datetime] = {}
    merged: dict[str, dict[str, str]] = {}
    waiting = False
    for kind, at, values in story.lines:
        waiting = kind == "queued" or (waiting and kind != "answered")
        first.setdefault(kind, at)
        merged.setdefault(kind, {}).update(values)
    arrived, ended = merged.get("arrived", {}), merged.get("ended", {})
    queued, fallback = merged.get("queued", {}), merged.get("fallback", {})
    rated = merged.get("rated", {})
    # The dialplan puts one letter in front of the name, see dialplan.py.
    name = unquote(arrived.get("name", ""), errors="replace").removeprefix("x")
    hold_s, talk_s = waits.get(call_id, (None, None))
    return RecoveredCall(
        call_id=call_id,
        caller=caller_id(arrived.get("number") or ended.get("number", ""), name),
        dialled=arrived.get("to", ""),
        arrived_at=first.get("arrived"),
        queued_at=first.get("queued"),
        answered_at=first.get("answered"),
        ended_at=first.get("asked") or first.get("ended"),
        agent=merged.get("answered", {}).get("agent") or ended.get("agent", ""),
        queue=queued.get("queue", ""),
        priority=int(queued["priority"]) if queued.get("priority", "").isdecimal() else 0,
        status="" if "answered" in merged else ended.get("status", ""),
        abandoned=ended.get("abandoned") == "1",
        fallback=fallback.get("reason", "") or ended.get("fallback", ""),
        message=_sound(recordings / f"{call_id}-message.wav"),
        recording=_sound(recordings / f"{call_id}.wav"),
        hold_s=hold_s,
        talk_s=talk_s,
        waiting=waiting,
        wants_back=_back(first.get("callback_wanted"), merged.get("callback_wanted", {})),
        asked_at=first.get("asked"),
        score=int(score) if (score := rated.get("score", "")) in set("12345") else 0,
        rated_at=first.get("rated"),
    )


def _back(at: datetime | None, told: Mapping[str, str]) -> BackWanted | None:
    if at is None:
        return None
    try:
        since = float(told.get("since", ""))
    except ValueError:
        since = at.timestamp()
    priority = told.get("priority", "")
    return BackWanted(
        at, told.get("queue", ""), int(priority) if priority.isdecimal() else 0, since,
        clean_number(told.get("number", "")),
    )  # fmt: skip


def _sound(path: Path) -> Path | None:
    """`path` when it holds sound: a wav file without any is its header alone."""
    try:
        return path if path.stat().st_size > EMPTY_WAV_BYTES else None
    except OSError:
        return None


def parse_queue_log(lines: Iterable[str]) -> list[QueueLogEntry]:
    """Entries of queue_log; lines of another form are left out (the log has several writers)."""
    entries: list[QueueLogEntry] = []
    for line in lines:
        parts = line.rstrip("\n").split("|")
        if len(parts) < 5 or not re.fullmatch(r"\d{1,12}", parts[0]):
            continue
        at = datetime.fromtimestamp(int(parts[0]), UTC)
        entries.append(QueueLogEntry(at, parts[1], parts[2], parts[3], parts[4], tuple(parts[5:])))
    return entries


def read_queue_log(path: Path) -> list[QueueLogEntry]:
    """Entries of the file, none when it is absent."""
    try:
        return parse_queue_log(path.read_text("utf-8", errors="replace").splitlines())
    except FileNotFoundError:
        return []


def _queue_times(entries: Iterable[QueueLogEntry]) -> dict[str, tuple[float, float]]:
    """call id -> (seconds waited, seconds talked) of calls an agent took."""
    times: dict[str, tuple[float, float]] = {}
    for entry in entries:
        if entry.event in {"COMPLETECALLER", "COMPLETEAGENT"} and len(entry.data) >= 2:
            hold, talk = entry.data[0], entry.data[1]
            if hold.isdecimal() and talk.isdecimal():
                times[entry.call_id] = (float(hold), float(talk))
    return times
