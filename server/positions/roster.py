"""Whose devices there are and when their crews work: kept in memory, asked of the database rarely.

A batch must not ask. What changes (a device revoked, a shift given) is seen a second later; how
long reading takes decides how often it is done, so that it never costs more than a fiftieth.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

LEAST_S = 1.0
SHARE = 50
# As far back as a fix may be and still be kept: a day before a shift that may be half a day long.
BACK = timedelta(hours=48)
AHEAD = timedelta(hours=2)

Shifts = tuple[tuple[datetime, datetime], ...]
Spans = list[tuple[datetime, datetime]]


class Entry(NamedTuple):
    """One device: its row, whose it is, when it may be tracked (None: always)."""

    device_id: int
    crew_id: int | None
    vehicle_id: int | None
    shifts: Shifts | None
    listed: bool


# Only the missing ones: an insert that meets a row uses up a number all the same, and a number of
# the track has 31 bits.
_ADOPT = """
    INSERT INTO positions_device
        (name, kind, crew_id, vehicle_id, credential, created_at, created_by, revoked_by,
         revoked_why)
    SELECT n.name, n.kind, n.crew, n.vehicle, '', now(), '', '', ''
    FROM (
        SELECT device AS name, 'phone' AS kind, id AS crew, NULL::bigint AS vehicle
        FROM workforce_crew WHERE device <> ''
        UNION ALL
        SELECT unit, 'tracker', NULL, id FROM workforce_vehicle WHERE unit <> ''
    ) n
    WHERE NOT EXISTS (SELECT 1 FROM positions_device d WHERE d.name = n.name)
    ON CONFLICT (name) DO NOTHING
"""

# A phone that was replaced keeps its row for its track's sake; it no longer speaks for the crew.
_DEVICES = """
    SELECT d.name, d.id, coalesce(d.crew_id, s.crew_id, v.crew_id), d.vehicle_id,
           d.revoked_at IS NULL AND (d.kind <> 'phone' OR c.device = d.name)
    FROM positions_device d
    LEFT JOIN workforce_crew c ON c.id = d.crew_id
    LEFT JOIN workforce_vehicle v ON v.id = d.vehicle_id
    LEFT JOIN workforce_shift s ON s.vehicle_id = d.vehicle_id
        AND s.starts <= %(now)s AND s.ends > %(now)s
"""

_SHIFTS = """
    SELECT crew_id, starts, ends FROM workforce_shift
    WHERE ends > %(from)s AND starts < %(to)s ORDER BY crew_id, starts
"""

_LEAVE = """
    SELECT crew_id, starts, ends FROM workforce_leave
    WHERE member_id IS NULL AND ends > %(from)s AND starts < %(to)s ORDER BY crew_id, starts
"""


def adopt() -> None:
    """Give every crew's phone and every vehicle's unit its row."""
    with connection.cursor() as cursor:
        cursor.execute(_ADOPT)


class Roster:
    """All devices by name."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._read_at = -1e9
        self._pause = LEAST_S

    def of(self, devices: Iterable[str]) -> dict[str, Entry]:
        """The entries of these devices; strangers are missing."""
        wanted = set(devices)
        if time.monotonic() - self._read_at > self._pause:
            self.read()
        return {name: self._entries[name] for name in wanted if name in self._entries}

    def read(self) -> None:
        """Read everything again."""
        began = time.monotonic()
        adopt()
        now = timezone.now()
        span = {"now": now, "from": now - BACK, "to": now + AHEAD}
        with connection.cursor() as cursor:
            cursor.execute(_SHIFTS, span)
            shifts = _by_crew(cursor.fetchall())
            cursor.execute(_LEAVE, span)
            for crew, away in _by_crew(cursor.fetchall()).items():
                shifts[crew] = _without(shifts.get(crew, []), away)
            cursor.execute(_DEVICES, span)
            rows = cursor.fetchall()
        work = {crew: tuple(spans) for crew, spans in shifts.items()}
        self._entries = {
            name: Entry(pk, crew, vehicle, None if crew is None else work.get(crew, ()), listed)
            for name, pk, crew, vehicle, listed in rows
        }
        self._read_at = time.monotonic()
        self._pause = max(LEAST_S, SHARE * (self._read_at - began))


def _by_crew(rows: list[tuple[int, datetime, datetime]]) -> dict[int, Spans]:
    found: dict[int, Spans] = defaultdict(list)
    for crew, starts, ends in rows:
        found[crew].append((starts, ends))
    return found


def _without(spans: Spans, holes: Spans) -> Spans:
    for start, end in holes:
        spans = [
            part
            for a, b in spans
            for part in ((a, min(b, start)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return spans
