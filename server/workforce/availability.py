"""Who can work at a moment, how long, and with what: one query for any moments.

The same definition answers for now (dispatch), for a moment past (replay) and for every hour of
a week to come (coverage of a roster).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils import timezone

from server.workforce.hours import WINDOW, Hours, reckon, worst
from server.workforce.models import Crew, Depot, Stock, Vehicle

# A moment this near to now is now: the state of a crew is the one it has, not one of its history.
NOW = timedelta(minutes=1)

# moment: what is asked for. duty: the shift a crew works then. team: who of the crew belongs to
# it and is there. held: what a crew can do, through its members or, without any, by itself.
_COMMON = """
WITH moment AS (
    SELECT at, day FROM unnest(%(at)s::timestamptz[], %(day)s::date[]) AS m (at, day)
), duty AS (
    SELECT m.at, s.id, s.crew_id, s.kind, s.starts, s.ends, s.vehicle_id, s.called_out_for,
           EXISTS (SELECT FROM workforce_shift_members n WHERE n.shift_id = s.id) AS named
    FROM moment m JOIN workforce_shift s ON s.starts <= m.at AND s.ends > m.at
), away AS (
    SELECT m.at, l.crew_id, l.member_id, l.kind, l.ends
    FROM moment m JOIN workforce_leave l ON l.starts <= m.at AND l.ends > m.at
), team AS (
    SELECT m.at, p.crew_id, p.id, p.name,
           EXISTS (SELECT FROM away a WHERE a.at = m.at AND a.member_id = p.id) AS gone
    FROM moment m CROSS JOIN workforce_member p
    LEFT JOIN duty d ON d.at = m.at AND d.crew_id = p.crew_id
    WHERE p.active AND (d.id IS NULL OR NOT d.named OR EXISTS (
        SELECT FROM workforce_shift_members n WHERE n.shift_id = d.id AND n.member_id = p.id))
), held AS (
    SELECT t.at, t.crew_id, c.skill,
           bool_or(NOT t.gone AND (c.expires_on IS NULL OR c.expires_on >= m.day)) AS valid,
           max(c.expires_on) FILTER (WHERE NOT t.gone AND c.expires_on < m.day) AS lapsed,
           min(t.name) FILTER (WHERE t.gone AND (c.expires_on IS NULL OR c.expires_on >= m.day))
               AS with_somebody_away
    FROM team t JOIN moment m ON m.at = t.at
    JOIN workforce_certificate c ON c.member_id = t.id
    GROUP BY t.at, t.crew_id, c.skill
    UNION ALL
    SELECT m.at, k.crew_id, k.skill, k.expires_on IS NULL OR k.expires_on >= m.day,
           k.expires_on, NULL
    FROM moment m CROSS JOIN workforce_crewskill k
    WHERE NOT EXISTS (
        SELECT FROM workforce_member p WHERE p.crew_id = k.crew_id AND p.active)
)
"""
_EVERY_CREW = (
    _COMMON
    + """
SELECT c.id, d.id, d.kind, d.starts, d.ends, COALESCE(d.vehicle_id, v.id),
       o.ends, o.call_out_min, a.kind, a.ends,
       people.here, people.gone, can.valid, can.lapsed, can.with_somebody_away,
       past.state, past.until,
       EXISTS (SELECT FROM workforce_member p WHERE p.crew_id = c.id AND p.active),
       EXISTS (SELECT FROM workforce_shift n WHERE n.crew_id = c.id
               AND n.starts >= d.ends AND n.starts <= d.ends + interval '30 minutes'),
       d.called_out_for
FROM moment m
JOIN workforce_crew c ON c.disbanded_at IS NULL OR c.disbanded_at > m.at
LEFT JOIN duty d ON d.at = m.at AND d.crew_id = c.id
LEFT JOIN workforce_vehicle v ON v.crew_id = c.id
LEFT JOIN workforce_oncallcrew o ON o.crew_id = c.id AND o.starts <= m.at AND o.ends > m.at
LEFT JOIN away a ON a.at = m.at AND a.crew_id = c.id AND a.member_id IS NULL
LEFT JOIN (
    SELECT at, crew_id, array_agg(id ORDER BY id) FILTER (WHERE NOT gone) AS here,
           array_agg(name ORDER BY name) FILTER (WHERE gone) AS gone
    FROM team GROUP BY at, crew_id
) people ON people.at = m.at AND people.crew_id = c.id
LEFT JOIN (
    SELECT at, crew_id, array_agg(skill ORDER BY skill) FILTER (WHERE valid) AS valid,
           jsonb_object_agg(skill, lapsed) FILTER (WHERE NOT valid AND lapsed IS NOT NULL)
               AS lapsed,
           jsonb_object_agg(skill, with_somebody_away)
               FILTER (WHERE NOT valid AND with_somebody_away IS NOT NULL) AS with_somebody_away
    FROM held GROUP BY at, crew_id
) can ON can.at = m.at AND can.crew_id = c.id
LEFT JOIN LATERAL (
    SELECT t.state, t.until FROM workforce_crewstatus t
    WHERE t.crew_id = c.id AND t.since <= m.at AND %(past)s
    ORDER BY t.since DESC, t.id DESC LIMIT 1
) past ON true
ORDER BY c.code
"""
)
_COVERAGE = (
    _COMMON
    + """
SELECT d.at, h.skill, count(DISTINCT d.crew_id)
FROM duty d JOIN held h ON h.at = d.at AND h.crew_id = d.crew_id AND h.valid
WHERE NOT EXISTS (
        SELECT FROM away a WHERE a.at = d.at AND a.crew_id = d.crew_id AND a.member_id IS NULL)
GROUP BY d.at, h.skill
"""
)


@dataclass(frozen=True)
class Availability:
    """What one crew can be counted on for at a moment."""

    crew: Crew
    on_shift: bool
    on_call: bool  # at home; comes `call_out_s` after the call
    leave: str  # why the whole crew is away, '' when it is not
    state: str
    until: datetime | None  # when its shift ends; on call, when that ends
    skills: frozenset[str]
    vehicle: Vehicle | None
    stock: tuple[Stock, ...]
    kind: str = ""  # of the shift
    starts: datetime | None = None
    relieved: bool = False  # another team of the crew takes over when this shift ends
    called_out_for: str = ""  # the order it was called out or kept on for, whose end is its shift's
    call_out_s: float = 0.0
    leave_until: datetime | None = None
    break_until: datetime | None = None
    here: tuple[int, ...] | None = None  # members present; None where none are registered
    gone: tuple[str, ...] = ()  # names of those away
    lapsed: dict[str, date] = field(default_factory=dict)  # skill -> last day of its certificate
    away_with: dict[str, str] = field(default_factory=dict)  # skill -> who took it along
    hours: Hours | None = None  # of the most tired member present

    @property
    def works(self) -> bool:
        """On shift, and somebody is there."""
        return self.on_shift and not self.leave and self.here != ()


def availability(at: datetime | None = None) -> list[Availability]:
    """Every crew with whether, how long and with what it can work at `at` (now), by code."""
    now = timezone.now()
    at = at or now
    rows = _rows(at, past=at < now - NOW)
    crews = Crew.objects.select_related("position").in_bulk([r[0] for r in rows])
    vehicles = Vehicle.objects.in_bulk([r[5] for r in rows if r[5] is not None])
    stock: dict[int, list[Stock]] = defaultdict(list)
    for piece in Stock.objects.filter(vehicle__in=vehicles):
        stock[piece.vehicle_id or 0].append(piece)
    on_duty = [r[0] for r in rows if r[1] is not None or r[6] is not None]
    worked = _worked(on_duty, at)
    zone = ZoneInfo(settings.TIME_ZONE)
    found = []
    for row in rows:
        crew = crews[row[0]]
        state, until = _state(crew, row[15], row[16], at, now)
        here = tuple(row[10] or ()) if row[17] else None
        # Members who worked the same shifts are equally tired: most crews are reckoned once.
        spans = {tuple(worked(crew.pk, m)) for m in here or ()}
        tired = worst([reckon(each, at, zone) for each in spans])
        found.append(
            Availability(
                crew=crew, on_shift=row[1] is not None,
                on_call=row[1] is None and row[6] is not None,
                leave=row[8] or "", state=state, until=row[4] or row[6],
                skills=frozenset(row[12] or ()), vehicle=vehicles.get(row[5]),
                stock=tuple(stock[row[5]]) if row[5] is not None else (),
                kind=row[2] or "", starts=row[3], relieved=row[18],
                called_out_for=row[19] or "",
                call_out_s=60.0 * row[7] if row[1] is None and row[7] is not None else 0.0,
                leave_until=row[9], break_until=until, here=here, gone=tuple(row[11] or ()),
                lapsed={k: date.fromisoformat(d) for k, d in _pairs(row[13]).items()},
                away_with=_pairs(row[14]), hours=tired,
            )
        )  # fmt: skip
    return found


def _rows(at: datetime, *, past: bool) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _EVERY_CREW, {"at": [at], "day": [timezone.localdate(at)], "past": past}
        )
        return list(cursor.fetchall())


def _pairs(raw: str | None) -> dict[str, str]:
    """A jsonb object, which a plain cursor gives as text."""
    return dict(json.loads(raw)) if raw else {}


def _state(
    crew: Crew, past: str | None, past_until: datetime | None, at: datetime, now: datetime
) -> tuple[str, datetime | None]:
    """What a crew does at `at`, and until when where that is known.

    Of the future only what has been announced is known: a break, a time out of service.
    """
    state, until = crew.state, crew.state_until
    if at < now - NOW and past is not None:
        state, until = past, past_until
    if until is not None and until <= at:
        return Crew.State.AVAILABLE, None
    announced = (Crew.State.BREAK, Crew.State.OUT_OF_SERVICE)
    if at > now + NOW and state not in announced:
        return Crew.State.AVAILABLE, None
    return state, until


def _worked(crews: Sequence[int], at: datetime) -> Any:
    """A function (crew, member) -> the spans that member worked in the seven days up to `at`."""
    everybody: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    named: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.crew_id, s.starts, s.ends, array_agg(n.member_id) "
            "FROM workforce_shift s LEFT JOIN workforce_shift_members n ON n.shift_id = s.id "
            "WHERE s.crew_id = ANY(%s) AND s.starts < %s AND s.ends > %s GROUP BY s.id",
            [list(crews), at, at - WINDOW],
        )
        for crew, starts, ends, members in cursor.fetchall():
            if members == [None]:
                everybody[crew].append((starts, ends))
            for member in members:
                if member is not None:
                    named[member].append((starts, ends))
    return lambda crew, member: [*everybody[crew], *named[member]]


def coverage(moments: Sequence[datetime]) -> dict[datetime, dict[str, int]]:
    """How many crews on shift can do what, at each moment: {moment: {skill: crews}}."""
    found: dict[datetime, dict[str, int]] = {at: {} for at in moments}
    with connection.cursor() as cursor:
        days = [timezone.localdate(at) for at in moments]
        cursor.execute(_COVERAGE, {"at": list(moments), "day": days})
        for at, skill, crews in cursor.fetchall():
            found[at.astimezone(moments[0].tzinfo)][skill] = crews
    return found


def depots_with_stock() -> list[tuple[Depot, list[Stock]]]:
    """Every depot with what lies there."""
    return [(d, list(d.stock.all())) for d in Depot.objects.prefetch_related("stock")]
