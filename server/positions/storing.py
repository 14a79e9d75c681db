"""Positions into the tables: the track by COPY, the marker by one upsert, refusals counted."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from mqtt.positions import Known, Latest, Verdict
from server.workforce.models import CrewPosition, Shift

_COLUMNS = (
    "device", "message_id", "seq", "fix_time", "device_time", "received_at", "lon", "lat",
    "accuracy_m", "speed_mps", "heading", "flag",
)  # fmt: skip


def known_devices(devices: Iterable[str]) -> dict[str, Known]:
    """What is remembered of devices whose crew has a marker, for a worker that has just started."""
    rows = CrewPosition.objects.filter(crew__device__in=set(devices)).select_related("crew")
    return {
        row.crew.device: Known(
            marker=Latest(row.fix_time, row.geom.x, row.geom.y, row.accuracy_m)
        )
        for row in rows
    }  # fmt: skip


def devices_on_shift(devices: Iterable[str], at: datetime) -> set[str]:
    """Which of these devices belong to a crew on shift: nobody else is tracked."""
    return set(
        Shift.objects.filter(
            crew__device__in=set(devices), starts__lte=at, ends__gt=at
        ).values_list("crew__device", flat=True)
    )


def _cell(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).replace("\\", r"\\").replace("\t", " ").replace("\n", " ").replace("\r", " ")


def store_positions(verdicts: Sequence[Verdict], *, received_at: datetime) -> int:
    """Keep a batch of judged fixes: the track by COPY, the marker by one upsert, one call.

    Repeats are recognised by (device, fix time, sequence) and stored once. Off-shift fixes are
    not stored at all, only counted. Returns how many new fixes were stored.
    """
    on_shift = devices_on_shift((v.device for v in verdicts), received_at)
    refused: Counter[tuple[str, str]] = Counter()
    kept: list[Verdict] = []
    for verdict in verdicts:
        device = verdict.device
        if device not in on_shift:
            refused[device, "off_shift"] += 1
        elif not verdict.keep:
            refused[device, verdict.reason or "refused"] += 1
        else:
            kept.append(verdict)
    with transaction.atomic(), connection.cursor() as cursor:
        stored = _copy_track(cursor, kept, received_at) if kept else 0
        markers = _move_markers(cursor, kept, received_at) if kept else 0
        if markers:
            # No data in the call: the live stream reads what moved, at most once a second.
            cursor.execute("SELECT pg_notify('standpipe_positions', '')")
        _count(refused, received_at)
    return stored


def _copy_track(cursor: CursorWrapper, kept: Sequence[Verdict], received_at: datetime) -> int:
    buffer = io.StringIO()
    for v in kept:
        p = v.position
        row = (
            v.device, p.id, p.seq, p.fix_time, p.device_time, received_at, p.lon, p.lat,
            p.accuracy_m, p.speed_mps, p.heading, v.reason or "",
        )  # fmt: skip
        buffer.write("\t".join(_cell(c) for c in row) + "\n")
    buffer.seek(0)
    columns = ", ".join(_COLUMNS)
    cursor.execute(
        "CREATE TEMP TABLE IF NOT EXISTS fix_in "
        "(LIKE workforce_fix INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
    )
    cursor.execute("ALTER TABLE fix_in DROP COLUMN IF EXISTS id")
    cursor.copy_expert(f"COPY fix_in ({columns}) FROM STDIN", buffer)
    cursor.execute(
        f"INSERT INTO workforce_fix ({columns}) SELECT {columns} FROM fix_in ON CONFLICT DO NOTHING"
    )
    return int(cursor.rowcount)


def _move_markers(cursor: CursorWrapper, kept: Sequence[Verdict], received_at: datetime) -> int:
    newest: dict[str, Verdict] = {}
    for v in kept:
        seen = newest.get(v.device)
        if v.marker and (seen is None or v.position.fix_time > seen.position.fix_time):
            newest[v.device] = v
    if not newest:
        return 0
    # Sorted, so two workers take the row locks in the same order and never wait in a circle.
    rows = [
        (
            device, v.position.fix_time, v.position.device_time, received_at,
            v.position.accuracy_m, v.position.speed_mps, v.position.heading,
            v.position.battery, v.position.lon, v.position.lat,
        )
        for device, v in sorted(newest.items())
    ]  # fmt: skip
    cursor.executemany(
        """
        INSERT INTO workforce_crewposition AS now
            (crew_id, fix_time, device_time, received_at, accuracy_m, speed_mps, heading,
             battery, geom)
        SELECT c.id, v.fix, v.dev, v.rec, v.acc, v.spd, v.head, v.bat,
               ST_SetSRID(ST_MakePoint(v.lon, v.lat), 4326)
        FROM (VALUES (%s, %s::timestamptz, %s::timestamptz, %s::timestamptz, %s::float8,
                      %s::float8, %s::float8, %s::float8, %s::float8, %s::float8))
             AS v (device, fix, dev, rec, acc, spd, head, bat, lon, lat)
        JOIN workforce_crew c ON c.device = v.device
        ON CONFLICT (crew_id) DO UPDATE SET
            fix_time = excluded.fix_time, device_time = excluded.device_time,
            received_at = excluded.received_at, accuracy_m = excluded.accuracy_m,
            speed_mps = excluded.speed_mps, heading = excluded.heading,
            battery = excluded.battery, geom = excluded.geom
        WHERE now.fix_time < excluded.fix_time
        """,
        rows,
    )
    return len(rows)


def _count(refused: Counter[tuple[str, str]], at: datetime) -> None:
    for (device, reason), n in sorted(refused.items()):
        count_refusal(device, reason, n=n, at=at)


def count_refusal(
    device: str, reason: str, *, text: str = "", n: int = 1, at: datetime | None = None
) -> None:
    """Refused messages are counted by device and reason: nothing disappears silently."""
    at = at or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO workforce_ingestrefusal AS r (device, reason, count, last_at, last_text)
            VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (device, reason) DO UPDATE SET count = r.count + excluded.count,
                last_at = excluded.last_at, last_text = excluded.last_text
            """,
            [device[:64], reason[:60], n, at, text[:200]],
        )
