"""The track's days: made ahead, thinned out when they are old, dropped when they are too old.

Each is safe to do again and after any pause. Nobody waits for a partition: `ensure` is called with
the days of every batch before it is stored and makes what is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from server.positions.models import TrackDay

log = logging.getLogger("standpipe.positions")

AHEAD_DAYS = 3
# After thinning one fix is left for each stretch of this length and each cell of this size...
THIN_S = 300
THIN_DEG = 0.001  # about 100 m from south to north
# ...and all of them this close in time to a crew's arrival on site.
ARRIVAL_S = 300
_LOCK = 0x5452_4B44
_PREFIX = "positions_fix_"


def name_of(day: date) -> str:
    """The table of a day."""
    return f"{_PREFIX}{day:%Y%m%d}"


def days() -> list[date]:
    """The days there are, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'positions_fix'::regclass ORDER BY 1"
        )
        return [
            datetime.strptime(name.removeprefix(_PREFIX), "%Y%m%d").replace(tzinfo=UTC).date()
            for (name,) in cursor.fetchall()
        ]


def ensure(wanted: Iterable[date]) -> None:
    """Make the tables of these days unless they are there.

    Made beside the track and then attached, which lets others go on reading and writing.
    """
    for day in sorted(set(wanted) - set(days())):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            if day in days():
                continue
            _make(cursor, name_of(day))
            _attach(cursor, name_of(day), day)


def _make(cursor: object, name: str) -> None:
    cursor.execute(  # type: ignore[attr-defined]
        f'CREATE TABLE IF NOT EXISTS "{name}" (LIKE positions_fix INCLUDING ALL)'
    )


def _attach(cursor: object, name: str, day: date) -> None:
    cursor.execute(  # type: ignore[attr-defined]
        f'ALTER TABLE positions_fix ATTACH PARTITION "{name}" FOR VALUES FROM '
        f"('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
    )


def maintain(now: datetime | None = None) -> dict[str, int]:
    """What is due: days ahead made, old ones thinned, too old ones dropped; how many of each."""
    today = (now or timezone.now()).astimezone(UTC).date()
    ensure(today + timedelta(days=n) for n in range(-1, AHEAD_DAYS + 1))
    raw = today - timedelta(days=settings.STANDPIPE["TRACK_RAW_DAYS"])
    kept = today - timedelta(days=settings.STANDPIPE["TRACK_KEPT_DAYS"])
    done = set(TrackDay.objects.values_list("day", flat=True))
    counted = {"dropped": 0, "thinned": 0}
    for day in days():
        try:
            if day < kept:
                _drop(day)
                counted["dropped"] += 1
            elif day < raw and day not in done:
                _thin(day)
                counted["thinned"] += 1
        except OperationalError as busy:
            # Somebody reads the track for long: not worth making every writer wait behind us.
            log.info("the track of %s is in use, later: %s", day, busy)
    return counted


def _drop(day: date) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(f'DROP TABLE IF EXISTS "{name_of(day)}"')
        TrackDay.objects.filter(day=day).delete()


# A fix is kept that is the first of its device in its stretch of time and its cell, or that was
# made around an arrival. Wild ones have told what they had to tell. The order's table belongs to an
# app above this one.
_THIN = """
    INSERT INTO "{new}"
    SELECT f.* FROM "{old}" f LEFT JOIN positions_device d ON d.id = f.device_id
    WHERE f.flag IN ('', 'late') AND (
        (f.device_id, f.fix_time, f.seq) IN (
            SELECT DISTINCT ON (device_id, floor(extract(epoch FROM fix_time) / %(s)s),
                                floor(lon / %(deg)s), floor(lat / %(deg)s))
                device_id, fix_time, seq
            FROM "{old}" WHERE flag IN ('', 'late')
            ORDER BY device_id, floor(extract(epoch FROM fix_time) / %(s)s),
                     floor(lon / %(deg)s), floor(lat / %(deg)s), fix_time, seq
        )
        OR EXISTS (
            SELECT 1 FROM dispatch_workorder o
            WHERE o.crew_id = d.crew_id
              AND o.on_site_at BETWEEN f.fix_time - make_interval(secs => %(around)s)
                                   AND f.fix_time + make_interval(secs => %(around)s)
        )
    )
"""


def _thin(day: date) -> None:
    old, new = name_of(day), f"{name_of(day)}_thin"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(f'DROP TABLE IF EXISTS "{new}"')
        _make(cursor, new)
        cursor.execute(f'SELECT count(*) FROM "{old}"')
        before = cursor.fetchone()[0]
        cursor.execute(
            _THIN.format(old=old, new=new),
            {"s": THIN_S, "deg": THIN_DEG, "around": ARRIVAL_S},
        )
        after = cursor.rowcount
        cursor.execute(f'DROP TABLE "{old}"')
        cursor.execute(f'ALTER TABLE "{new}" RENAME TO "{old}"')
        _attach(cursor, old, day)
        TrackDay.objects.create(day=day, before=before, after=after)
