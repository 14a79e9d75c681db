"""Lines as the exchange sees them: outside lines by group, telephones, who of them is busy.

Channels are followed event by event in memory and written every few seconds; every half minute
Asterisk is asked what it really holds, and what we still believed is corrected: a talk whose end
nobody told, an agent "talking" without a channel. A group that cannot be reached leaves the
denominator of its occupancy and is shown as down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from server.calls import agents
from server.calls.models import AgentState, Line, LineSpan
from telephony.ami import events as told
from telephony.ami.client import AmiError
from telephony.ami.parser import Message

if TYPE_CHECKING:
    from server.calls.switchboard import Switchboard

log = logging.getLogger("standpipe.telephony")
ASK_EVERY_S = 15.0
# A call may begin while Asterisk is writing its list.
SETTLED = timedelta(seconds=3)
# Links from one exchange of ours to the other carry no call of their own.
BETWEEN_SITES = "site-"
AWAY = frozenset({"UNAVAILABLE", "INVALID"})
BY_CALL = ("ringing", "talking", "hold")


def line_of(channel: str) -> str:
    """`PJSIP/1001-0000002a` -> `1001`; empty for what stands on no line (Local, Snoop)."""
    technology, _slash, rest = channel.partition("/")
    name = rest.rpartition("-")[0] if technology == "PJSIP" else ""
    return "" if name.startswith(BETWEEN_SITES) else name


def trunks() -> dict[str, int]:
    """Groups of outside lines and how many calls each carries, as configured."""
    return dict(settings.STANDPIPE["TRUNKS"])


@dataclass(slots=True)
class _Use:
    line: str
    started_at: datetime
    row: int | None = None


@dataclass
class Board:
    """The lines of all exchanges of ours, between two writings. Channels are named by exchange."""

    several: bool = False
    using: dict[str, _Use] = field(default_factory=dict)
    over: list[tuple[str, _Use, datetime]] = field(default_factory=list)
    reached: dict[str, bool] = field(default_factory=dict)
    known: bool = False

    def hear(self, event: told.AmiEvent, now: datetime) -> None:
        """One event of the manager."""
        match event:
            case told.Other(name="Newchannel", message=message):
                self.begin(message.get("Uniqueid"), message.get("Channel"), now)
            case told.Other(name="Hangup", message=message):
                self.end(message.get("Uniqueid"), now)
            case told.PhoneReachable(agent=name, reachable=reachable) if name:
                if not (self.several or name.startswith(BETWEEN_SITES)):
                    self.reached[name] = reachable
            # Of several exchanges each has its own view; the list of all of them decides.
            case told.Other(name="DeviceStateChange", message=message) if not self.several:
                self.reached |= endpoints([message])
            case told.Disconnected():
                self.known = False
            case _:
                pass

    def begin(self, channel: str, name: str, at: datetime) -> None:
        line = line_of(name)
        if line and channel and channel not in self.using:
            self.using[channel] = _Use(line, at)

    def end(self, channel: str, at: datetime) -> None:
        use = self.using.pop(channel, None)
        if use is not None:
            self.over.append((channel, use, at))

    def correct(
        self, channels: Iterable[Message], asked_at: datetime, of: set[str] | None = None
    ) -> int:
        """Bring `using` in line with Asterisk's list; returns how many were phantoms.

        `of`: the exchanges that gave their list, when not all of several did.
        """
        held = {m.get("Uniqueid"): m for m in channels if m.get("Uniqueid")}
        gone = [
            c for c, use in self.using.items()
            if c not in held and use.started_at < asked_at - SETTLED
            and (of is None or c.rpartition("-")[0] in of)
        ]  # fmt: skip
        for channel in gone:
            self.end(channel, asked_at)
        for channel, message in held.items():
            self.begin(channel, message.get("Channel"), asked_at - _age(message.get("Duration")))
        return len(gone)

    def busy(self) -> dict[str, int]:
        out: dict[str, int] = {}
        for use in self.using.values():
            out[use.line] = out.get(use.line, 0) + 1
        return out


def _age(clock: str) -> timedelta:
    """`00:01:30` as CoreShowChannels writes it."""
    parts = clock.split(":")
    if len(parts) != 3 or not all(p.isdecimal() for p in parts):
        return timedelta(0)
    hours, minutes, seconds = (int(p) for p in parts)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def endpoints(listed: Iterable[Message]) -> dict[str, bool]:
    """Name -> whether it can be reached, out of DeviceStateList.

    A group of outside lines that only takes calls has no address, and so no state of its own: it
    is up unless Asterisk says that it is not.
    """
    found: dict[str, bool] = {}
    for message in listed:
        technology, _slash, name = message.get("Device").partition("/")
        if technology == "PJSIP" and name and not name.startswith(BETWEEN_SITES):
            state = message.get("State")
            up = state != "UNAVAILABLE" if name in trunks() else state not in AWAY
            # At one of several exchanges is enough.
            found[name] = found.get(name, False) or up
    return found


def write(board: Board, now: datetime) -> None:
    """Write what has changed. Calls that begin and end in between are written too."""
    names = {*board.reached, *board.busy(), *(u.line for _c, u, _at in board.over)}
    with transaction.atomic():
        rows = {r.name: r for r in Line.objects.select_for_update().filter(site="")}
        for name in names - rows.keys():
            rows[name] = _made(board, name, now)
        _write_calls(board, rows)
        _write_states(board, rows, now)


def _made(board: Board, name: str, now: datetime) -> Line:
    channels = trunks().get(name)
    return Line.objects.create(
        name=name, channels=channels or 1, since=now, seen_at=now, up=False,
        kind=Line.Kind.TRUNK if channels is not None else Line.Kind.PHONE,
    )  # fmt: skip


def _write_calls(board: Board, rows: dict[str, Line]) -> None:
    fresh = []
    for channel, use in board.using.items():
        if use.row is None:
            fresh.append((use, LineSpan(line=rows[use.line], what="busy", channel=channel,
                                        started_at=use.started_at)))  # fmt: skip
    LineSpan.objects.bulk_create([span for _use, span in fresh])
    for use, span in fresh:
        use.row = span.pk
    ended, whole = [], []
    for channel, use, at in board.over:
        at = max(at, use.started_at)
        if use.row is not None:
            ended.append(LineSpan(pk=use.row, ended_at=at))
        else:
            whole.append(LineSpan(line=rows[use.line], what="busy", channel=channel,
                                  started_at=use.started_at, ended_at=at))  # fmt: skip
    LineSpan.objects.bulk_update(ended, ["ended_at"])
    LineSpan.objects.bulk_create(whole)
    board.over.clear()


def _write_states(board: Board, rows: dict[str, Line], now: datetime) -> None:
    busy, carries = board.busy(), trunks()
    spans = LineSpan.objects.filter(
        line__in=[line.pk for line in rows.values()], what="up", ended_at=None
    )
    open_ = set(spans.values_list("line", flat=True))
    over, begun, changed = [], [], []
    for name, line in rows.items():
        up = board.reached.get(name, line.up)
        channels = carries.get(name, 1)
        n = busy.get(name, 0)
        ends = up != line.up or channels != line.channels
        if ends:
            over.append(line.pk)
        if up and (ends or line.pk not in open_):
            begun.append(LineSpan(line=line, what="up", started_at=now))
        if up != line.up or bool(n) != bool(line.busy):
            line.since = now
        if (up, n, channels) != (line.up, line.busy, line.channels):
            line.up, line.busy, line.channels = up, n, channels
            changed.append(line)
    # One writing for all: this thread stores what Asterisk says, and a centre has many telephones.
    spans.filter(line__in=over).update(ended_at=now)
    LineSpan.objects.bulk_create(begun)
    Line.objects.bulk_update(changed, ["up", "busy", "channels", "since"])
    Line.objects.filter(pk__in=[line.pk for line in rows.values()]).update(seen_at=now)


def take_over(board: Board) -> None:
    """After a start of ours: what stood open is ours again, or ended when we last looked."""
    with transaction.atomic():
        for span in LineSpan.objects.filter(
            line__site="", what="busy", ended_at=None
        ).select_related("line"):
            use = board.using.get(span.channel)
            if use is not None and use.row is None and use.line == span.line.name:
                use.row, use.started_at = span.pk, span.started_at
            elif use is None or use.row != span.pk:
                span.ended_at = max(span.started_at, span.line.seen_at)
                span.save(update_fields=["ended_at"])


def clear_phantoms(busy: set[str], asked_at: datetime) -> list[str]:
    """End the talk of agents whose telephone holds no channel; returns their extensions.

    The end of a call can be lost with Asterisk or with us. `busy`: lines with a channel.
    """
    cleared = []
    rows = AgentState.objects.filter(
        state__in=BY_CALL, since__lt=asked_at - SETTLED, call__isnull=False
    ).select_related("user", "call")
    for row in rows:
        if row.call is None or not row.user.extension or row.user.extension in busy:
            continue
        agents.after_call(row.user, row.call)
        cleared.append(row.user.extension)
    return cleared


_board = Board()
_asked_at = -1e9
# Sites that do not say; told once each time.
_mute: set[str] = set()


def follow(event: told.AmiEvent, now: datetime) -> None:
    """For the switchboard's listeners."""
    _board.hear(event, now)


async def look(switchboard: Switchboard) -> None:
    """For the switchboard's sweeps: write what was heard; now and then ask what is true."""
    global _asked_at
    now = timezone.now()
    # What Asterisk said is still being stored: compared with its list of now, talks that go on
    # would look as if they were over.
    behind = switchboard.lag_s > SETTLED.total_seconds()
    if _board.known and (behind or time.monotonic() - _asked_at < ASK_EVERY_S):
        await switchboard.in_order(write, _board, now)
        return
    managers = switchboard.managers()
    channels: list[Message] = []
    listed: list[Message] = []
    answered: set[str] = set()
    for site, manager in managers.items():
        try:
            found = await manager.actions_list("CoreShowChannels")
            states = await manager.actions_list("DeviceStateList")
        except AmiError as error:
            if site not in _mute:
                log.warning("site %s does not say which lines are busy: %s", site, error)
            _mute.add(site)
            continue
        if site in _mute:
            log.info("site %s says again which lines are busy", site)
            _mute.discard(site)
        channels += found
        listed += states
        answered.add(site)
    if not answered:
        _board.known = False
        return
    _asked_at = time.monotonic()
    _board.several = len(managers) > 1
    silent = None if len(answered) == len(managers) else answered
    await switchboard.in_order(_settle, channels, listed, now, silent)


def _settle(
    channels: list[Message], listed: list[Message], asked_at: datetime, of: set[str] | None
) -> None:
    first = not _board.known
    gone = _board.correct(channels, asked_at, of)
    _board.reached |= endpoints(listed)
    if first:
        take_over(_board)
        _board.known = True
    if gone:
        log.warning("%s lines were still thought busy", gone)
    write(_board, asked_at)
    # While an exchange is silent nobody can say that its agents do not talk.
    cleared = clear_phantoms(set(_board.busy()), asked_at) if of is None else []
    if cleared:
        log.warning("agents were still thought talking: %s", ", ".join(cleared))


def forget() -> None:
    """For tests: nothing is known."""
    global _board, _asked_at
    _board, _asked_at = Board(), -1e9


def lines_now(now: datetime) -> dict[str, Any]:
    """Outside lines, internal lines and agents' telephones now, each line by line.

    {"trunks": {"busy", "available", "occupancy", "list"}, "internal": {"busy", "registered",
    "occupancy", "list"}, "agents": [...], "seen_at", "stale"}. A group that cannot be reached is in
    no denominator; where nothing is left to divide by, the occupancy is None.
    """
    rows = list(Line.objects.order_by("kind", "name"))
    desks = set(
        AgentState.objects.exclude(user__extension="")
        .exclude(state="signed_out", user__role__in=("engineer", "manager", "auditor"))
        .values_list("user__extension", flat=True)
    )
    groups = [r for r in rows if r.kind == Line.Kind.TRUNK]
    phones = [r for r in rows if r.kind == Line.Kind.PHONE]
    inner = [r for r in phones if r.name not in desks]
    seen = max((r.seen_at for r in rows), default=None)
    return {
        "trunks": _use(groups, "available"), "internal": _use(inner, "registered"),
        "agents": [_line(r) for r in phones if r.name in desks], "seen_at": seen,
        "stale": seen is None or (now - seen).total_seconds() > 15,
    }  # fmt: skip


def _use(rows: list[Line], whole: str) -> dict[str, Any]:
    up = [r for r in rows if r.up]
    busy, total = sum(r.busy for r in up), sum(r.channels for r in up)
    return {
        "busy": busy, whole: total, "occupancy": busy / total if total else None,
        "down": [r.name for r in rows if not r.up], "list": [_line(r) for r in rows],
    }  # fmt: skip


def _line(row: Line) -> dict[str, Any]:
    return {
        "name": row.name, "site": row.site, "kind": row.kind, "channels": row.channels,
        "busy": row.busy, "up": row.up, "since": row.since,
        "state": "down" if not row.up else "busy" if row.busy else "idle",
    }  # fmt: skip


def occupancy(kind: str, start: datetime, end: datetime) -> float | None:
    """Busy seconds / (channels that could be reached x time) of [start, end): carried Erlang for
    each available channel. `kind`: trunk or phone (then those of no agent).
    """
    rows = Line.objects.filter(kind=kind)
    if kind == Line.Kind.PHONE:
        rows = rows.exclude(
            name__in=AgentState.objects.exclude(user__extension="").values("user__extension")
        )
    busy = available = 0.0
    spans = LineSpan.objects.filter(line__in=rows, started_at__lt=end).exclude(ended_at__lte=start)
    up: dict[int, list[tuple[datetime, datetime]]] = {}
    used: list[tuple[int, datetime, datetime]] = []
    channels = dict(rows.values_list("pk", "channels"))
    for line, what, begun, ended in spans.values_list("line", "what", "started_at", "ended_at"):
        first, last = max(begun, start), min(ended or end, end)
        if first >= last:
            continue
        if what == LineSpan.What.UP:
            up.setdefault(line, []).append((first, last))
            available += channels[line] * (last - first).total_seconds()
        else:
            used.append((line, first, last))
    for line, first, last in used:
        for begun, ended in up.get(line, ()):
            busy += max(0.0, (min(last, ended) - max(first, begun)).total_seconds())
    return busy / available if available else None
