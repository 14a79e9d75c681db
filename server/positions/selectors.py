"""What others read of positions: where everybody is, was, and how they came there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language

from server.accounts.audit import record
from server.positions import driving
from server.positions.models import Device, Fix, Last, Motion
from server.workforce.models import Crew

# Fixes that say where the crew was. `late` ones do too: they only came too late for the map.
TRUSTED = ("", "late")
MOST_FIXES = 20_000


class Place(NamedTuple):
    """Where a crew was (degrees, EPSG:4326) by the satellites' time."""

    lon: float
    lat: float
    fix_time: datetime


# The crew's own devices; a vehicle's counts for the crew it belongs to.
_AT = """
    SELECT DISTINCT ON (crew) crew, lon, lat, fix_time FROM (
        SELECT coalesce(d.crew_id, v.crew_id) AS crew, f.*
        FROM positions_device d
        LEFT JOIN workforce_vehicle v ON v.id = d.vehicle_id
        CROSS JOIN LATERAL (
            SELECT lon, lat, fix_time FROM positions_fix
            WHERE device_id = d.id AND fix_time <= %(at)s AND fix_time > %(since)s
              AND flag = ANY(%(trusted)s)
            ORDER BY fix_time DESC LIMIT 1
        ) f
        WHERE coalesce(d.crew_id, v.crew_id) IS NOT NULL
    ) one ORDER BY crew, fix_time DESC
"""


def position_at(moment: datetime, *, within: timedelta = timedelta(hours=24)) -> dict[int, Place]:
    """The last trusted fix of every crew at `moment`, by crew id; one query.

    Crews without a fix in the time `within` before it are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AT, {"at": moment, "since": moment - within, "trusted": list(TRUSTED)})
        return {crew: Place(*rest) for crew, *rest in cursor.fetchall()}


def latest(devices: Iterable[str] | None = None) -> dict[str, Place]:
    """The newest trusted fix of each device, by its name; all devices when none are named."""
    rows = Last.objects.all()
    if devices is not None:
        rows = rows.filter(device__name__in=set(devices))
    return {
        name: Place(lon, lat, at)
        for name, lon, lat, at in rows.values_list("device__name", "lon", "lat", "fix_time")
    }


def track(crew: Crew, start: datetime, end: datetime, *, reason: str) -> dict[str, Any]:
    """A crew's fixes over a stretch of time, of all its devices, and the streets they were driven
    on; looking leaves an audit row.
    """
    record("track.view", f"crew:{crew.pk}", note=reason)
    rows = list(
        Fix.objects.filter(Q(device__crew=crew) | Q(device__vehicle__crew=crew))
        .filter(fix_time__gte=start, fix_time__lt=end)
        .order_by("fix_time")
        .values_list("lon", "lat", "fix_time", "flag", "device__name", "speed_mps")[:MOST_FIXES]
    )
    return {
        "crew": crew.name,
        "from": start,
        "to": min(end, timezone.now()),
        "fixes": [list(row) for row in rows],
        "drives": driving.drives(
            (device, (lon, lat, at))
            for lon, lat, at, flag, device, _speed in rows
            if flag in TRUSTED
        ),
    }


# One row for each crew, and for each vehicle that nobody drives: its newest trusted fix. Crews off
# shift are left out, whoever sends for them.
_VEHICLES = """
    SELECT DISTINCT ON (who.crew, CASE WHEN who.crew IS NULL THEN d.id END)
        d.name, v.plate, v.kind, who.crew, c.name, c.name_zh, c.state,
        l.lon, l.lat, l.fix_time, l.accuracy_m, l.speed_mps, l.heading, l.battery, l.engine,
        m.state, m.since
    FROM positions_last l
    JOIN positions_device d ON d.id = l.device_id AND d.revoked_at IS NULL
    LEFT JOIN workforce_vehicle own ON own.id = d.vehicle_id
    LEFT JOIN workforce_shift lent ON lent.vehicle_id = d.vehicle_id
        AND lent.starts <= %(at)s AND lent.ends > %(at)s
    CROSS JOIN LATERAL (SELECT coalesce(d.crew_id, lent.crew_id, own.crew_id) AS crew) who
    LEFT JOIN workforce_crew c ON c.id = who.crew
    LEFT JOIN workforce_shift s ON s.crew_id = who.crew AND s.starts <= %(at)s AND s.ends > %(at)s
    LEFT JOIN workforce_vehicle v
        ON v.id = coalesce(d.vehicle_id, s.vehicle_id,
                           (SELECT id FROM workforce_vehicle WHERE crew_id = who.crew))
    LEFT JOIN positions_motion m ON m.subject =
        CASE WHEN who.crew IS NULL THEN 'device:' || d.id ELSE 'crew:' || who.crew END
    WHERE who.crew IS NULL OR s.id IS NOT NULL
    ORDER BY who.crew, CASE WHEN who.crew IS NULL THEN d.id END, l.fix_time DESC
"""


def vehicles(at: datetime | None = None) -> dict[str, Any]:
    """GeoJSON of crews on shift and of vehicles that nobody drives, each at its newest trusted fix.

    Plate, crew, speed (m/s), heading (degrees), accuracy (m), engine, street, time and age of the
    fix; `stale` from two minutes on.
    """
    at = at or timezone.now()
    chinese = (get_language() or "").startswith("zh")
    with connection.cursor() as cursor:
        cursor.execute(_VEHICLES, {"at": at})
        rows = cursor.fetchall()
    features = []
    for (device, plate, kind, crew, name, name_zh, state, lon, lat, fix_time, accuracy, speed,
         heading, battery, engine, moves, since) in rows:  # fmt: skip
        age = (at - fix_time).total_seconds()
        features.append({
            "type": "Feature",
            "id": device,
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {
                "device": device,
                "plate": plate or "",
                "kind": kind or "",
                "crew": crew,
                "crew_name": (name_zh if chinese and name_zh else name) or "",
                "state": state or "",
                "speed_mps": speed,
                "heading": heading,
                "accuracy_m": accuracy,
                "battery": battery,
                "engine": engine,
                "motion": moves or "",
                "motion_label": str(Motion.State(moves).label) if moves else "",
                "motion_since": since,
                "street": driving.street_of(lon, lat),
                "fix_time": fix_time,
                "age_s": age,
                "stale": age > settings.STANDPIPE["STALE_FIX_S"],
            },
        })  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def devices() -> list[dict[str, Any]]:
    """Every device: whose it is, what kind, since when its account has ended, its last fix."""
    rows = Device.objects.select_related("crew", "vehicle", "last")
    return [
        {
            "name": d.name,
            "kind": d.kind,
            "kind_label": d.get_kind_display(),
            "crew": d.crew.shown if d.crew else "",
            "plate": d.vehicle.plate if d.vehicle else "",
            "revoked_at": d.revoked_at,
            "revoked_why": d.revoked_why,
            "fix_time": d.last.fix_time if hasattr(d, "last") else None,
        }
        for d in rows
    ]
