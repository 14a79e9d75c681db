"""A batch of judged fixes into the tables: one COPY and one trip for everything that follows."""

from __future__ import annotations

import io
import math
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from mqtt.positions import Known, Latest, Verdict
from server.positions import partitions
from server.positions.roster import Entry

_EPOCH_2000_S = 946_684_800
_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = b"\xff\xff"
# A row of COPY's binary form: the number of columns, and each behind its length. All but the last
# have one length, so a row is one call; NaN stands for what is not known.
_ROW = struct.Struct(">h" + "ii" * 2 + "iq" * 4 + "id" * 2 + "if" * 4 + "id" + "ih" + "i?" + "i")
_COLUMNS = 16

_STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS fix_in (
        device_id int, crew_id int, fix_time timestamptz, seq bigint, device_time timestamptz,
        received_at timestamptz, lon float8, lat float8, accuracy_m real, speed_mps real,
        heading real, battery real, skew_s float8, engine smallint, marker bool, flag text
    ) ON COMMIT DELETE ROWS
"""

_VALUES = """fix_time, device_time, received_at, accuracy_m, nullif(speed_mps, 'NaN'),
    nullif(heading, 'NaN'), nullif(battery, 'NaN')"""
_ENGINE = "CASE engine WHEN 0 THEN false WHEN 1 THEN true END"

# Each takes its locks in the order of ids, so that two workers never wait in a circle; none lets an
# older fix replace a newer one, whichever worker comes last.
_LAST = f"""
    INSERT INTO positions_last AS now
        (device_id, fix_time, device_time, received_at, accuracy_m, speed_mps, heading, battery,
         lon, lat, engine, skew_s, suspects)
    SELECT DISTINCT ON (device_id) device_id, {_VALUES}, lon, lat, {_ENGINE}, skew_s, 0
    FROM fix_in WHERE marker ORDER BY device_id, fix_time DESC, seq DESC
    ON CONFLICT (device_id) DO UPDATE SET
        (fix_time, device_time, received_at, accuracy_m, speed_mps, heading, battery, lon, lat,
         engine, skew_s, suspects, suspect_time)
        = (excluded.fix_time, excluded.device_time, excluded.received_at, excluded.accuracy_m,
           excluded.speed_mps, excluded.heading, excluded.battery, excluded.lon, excluded.lat,
           excluded.engine, excluded.skew_s, 0, NULL)
    WHERE now.fix_time < excluded.fix_time;
"""
_MARKERS = f"""
    INSERT INTO workforce_crewposition AS now
        (crew_id, fix_time, device_time, received_at, accuracy_m, speed_mps, heading, battery,
         geom)
    SELECT DISTINCT ON (crew_id) crew_id, {_VALUES}, ST_SetSRID(ST_MakePoint(lon, lat), 4326)
    FROM fix_in WHERE marker AND crew_id > 0 ORDER BY crew_id, fix_time DESC, seq DESC
    ON CONFLICT (crew_id) DO UPDATE SET
        (fix_time, device_time, received_at, accuracy_m, speed_mps, heading, battery, geom)
        = (excluded.fix_time, excluded.device_time, excluded.received_at, excluded.accuracy_m,
           excluded.speed_mps, excluded.heading, excluded.battery, excluded.geom)
    WHERE now.fix_time < excluded.fix_time;
"""
# No data in the call: who listens reads what moved, at most once a second.
_TELL = "SELECT pg_notify('standpipe_positions', '');"
_TRACK = f"""
    INSERT INTO positions_fix
        (device_id, fix_time, seq, device_time, received_at, lon, lat, accuracy_m, speed_mps,
         heading, battery, engine, flag)
    SELECT device_id, fix_time, seq, device_time, received_at, lon, lat, accuracy_m,
           nullif(speed_mps, 'NaN'), nullif(heading, 'NaN'), nullif(battery, 'NaN'), {_ENGINE}, flag
    FROM fix_in ORDER BY device_id, fix_time, seq
    ON CONFLICT DO NOTHING;
"""
# Those that were there already, told by the time of their arrival.
_REPEATS = """
    SELECT d.name, i.fix_time, i.seq FROM fix_in i
    JOIN positions_fix f USING (device_id, fix_time, seq)
    JOIN positions_device d ON d.id = i.device_id
    WHERE f.received_at <> i.received_at
"""
_SUSPECT = """
    UPDATE positions_last SET suspect_time = %s, suspect_lon = %s, suspect_lat = %s, suspects = %s
    WHERE device_id = %s
"""


@dataclass
class Stored:
    """What became of a batch: new fixes, refusals by (device, reason), which were there already."""

    fixes: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    repeats: set[tuple[str, datetime, int]] = field(default_factory=set)


class Store:
    """Writes batches; remembers which days and which connection are prepared."""

    def __init__(self) -> None:
        self._days: set[date] = set()
        self._prepared: Any = None

    def store(
        self, verdicts: Sequence[Verdict], entries: Mapping[str, Entry],
        knowledge: Mapping[str, Known],
    ) -> Stored:  # fmt: skip
        """Keep a batch of judged fixes, move what they move, count what is refused. One commit.

        A repeat that nobody remembers is recognised by (device, fix time, number), counted as a
        duplicate and changes nothing.
        """
        done = Stored()
        rows: list[bytes] = []
        days: set[date] = set()
        markers = False
        for v in verdicts:
            entry = entries.get(v.device)
            if not v.keep or entry is None:
                done.refused[v.device, v.reason or "refused"] += 1
                continue
            days.add(v.position.fix_time.date())
            markers = markers or v.marker
            rows.append(_row(v, entry))
        if not days <= self._days:
            partitions.ensure(days)
            self._days |= days
        suspects = [
            (k.suspect.fix_time, k.suspect.lon, k.suspect.lat, k.suspects, entries[name].device_id)
            for name, k in knowledge.items()
            if k.suspect is not None and name in entries
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            if rows:
                self._prepare(cursor)
                cursor.copy_expert(
                    "COPY fix_in FROM STDIN (FORMAT binary)",
                    io.BytesIO(b"".join((_HEADER, *rows, _TRAILER))),
                )
                cursor.execute((_LAST + _MARKERS + _TELL if markers else "") + _TRACK)
                done.fixes = cursor.rowcount
                if done.fixes < len(rows):
                    cursor.execute(_REPEATS)
                    for device, at, seq in cursor.fetchall():
                        done.refused[device, "duplicate"] += 1
                        done.repeats.add((device, at, seq))
            if suspects:
                cursor.executemany(_SUSPECT, suspects)
            count_refusals(done.refused)
        return done

    def _prepare(self, cursor: Any) -> None:
        if self._prepared is not connection.connection:
            cursor.execute(_STAGE)
            self._prepared = connection.connection
        if len(connection.atomic_blocks) > 1:
            # Inside somebody's transaction the last batch is not gone yet.
            cursor.execute("DELETE FROM fix_in")

    def forget_days(self) -> None:
        """Look again which days there are: some may have been dropped."""
        self._days.clear()


def _row(v: Verdict, entry: Entry) -> bytes:
    p = v.position
    flag = (v.reason or "").encode()
    engine = -1 if p.engine is None else int(p.engine)
    return _ROW.pack(
        _COLUMNS,
        4, entry.device_id,
        4, entry.crew_id or 0,
        8, _us(p.fix_time),
        8, p.seq,
        8, _us(p.device_time),
        8, _us(v.received_at),
        8, p.lon,
        8, p.lat,
        4, p.accuracy_m,
        4, math.nan if p.speed_mps is None else p.speed_mps,
        4, math.nan if p.heading is None else p.heading,
        4, math.nan if p.battery is None else p.battery,
        8, v.skew_s,
        2, engine,
        1, v.marker,
        len(flag),
    ) + flag  # fmt: skip


def _us(at: datetime) -> int:
    """Microseconds since 2000, as PostgreSQL counts them."""
    return round((at.timestamp() - _EPOCH_2000_S) * 1e6)


def known(devices: Sequence[str]) -> dict[str, Known]:
    """What the database remembers of these devices, for a worker that has just started."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.name, l.fix_time, l.lon, l.lat, l.accuracy_m, l.skew_s, l.suspect_time, "
            "l.suspect_lon, l.suspect_lat, l.suspects FROM positions_last l "
            "JOIN positions_device d ON d.id = l.device_id WHERE d.name = ANY(%s)",
            [list(devices)],
        )
        return {
            name: Known(
                marker=Latest(at, lon, lat, accuracy), skew_s=skew,
                suspect=None if s_at is None else Latest(s_at, s_lon, s_lat),
                suspects=suspects if s_at is not None else 0,
            )
            for name, at, lon, lat, accuracy, skew, s_at, s_lon, s_lat, suspects
            in cursor.fetchall()
        }  # fmt: skip


def count_refusals(
    refused: Mapping[tuple[str, str], int], *, text: str = "", at: datetime | None = None
) -> None:
    """Refused messages are counted by device and reason: nothing disappears silently."""
    if not refused:
        return
    at = at or timezone.now()
    rows = sorted((device[:64], reason[:60], n) for (device, reason), n in refused.items())
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO positions_refusal AS r (device, reason, count, last_at, last_text)
            SELECT device, reason, n, %s, %s
            FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS t (device, reason, n)
            ON CONFLICT (device, reason) DO UPDATE SET count = r.count + excluded.count,
                last_at = excluded.last_at, last_text = excluded.last_text
            """,
            [at, text[:200], [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]],
        )
