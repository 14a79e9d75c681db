"""What others read of positions: where everybody is, was, and how they came there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.utils import timezone

from server.workforce.models import Crew

# Fixes that say where the crew was. `late` ones do too: they only came too late for the map.
TRUSTED = ("", "late")


class Place(NamedTuple):
    """Where a crew was (degrees, EPSG:4326) by the satellites' time."""

    lon: float
    lat: float
    fix_time: datetime


_AT = """
    SELECT c.id, f.lon, f.lat, f.fix_time
    FROM workforce_crew c
    CROSS JOIN LATERAL (
        SELECT lon, lat, fix_time FROM workforce_fix
        WHERE device = c.device AND fix_time <= %(at)s AND fix_time > %(since)s
          AND flag = ANY(%(trusted)s)
        ORDER BY fix_time DESC LIMIT 1
    ) f
"""


def position_at(moment: datetime, *, within: timedelta = timedelta(hours=24)) -> dict[int, Place]:
    """The last trusted fix of every crew at `moment`, by crew id; one query.

    Crews without a fix in the time `within` before it are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AT, {"at": moment, "since": moment - within, "trusted": list(TRUSTED)})
        return {crew: Place(*rest) for crew, *rest in cursor.fetchall()}


def latest(devices: Iterable[str] | None = None) -> dict[str, Place]:
    """The marker of each device, by its name; all devices when none are named."""
    rows = Crew.objects.filter(position__isnull=False).select_related("position")
    if devices is not None:
        rows = rows.filter(device__in=set(devices))
    return {
        c.device: Place(c.position.geom.x, c.position.geom.y, c.position.fix_time) for c in rows
    }


def vehicles(at: datetime | None = None) -> dict[str, Any]:
    """GeoJSON of the vehicles of crews on shift: plate, crew, speed, heading, accuracy, age."""
    at = at or timezone.now()
    rows = Crew.objects.filter(
        position__isnull=False, shifts__starts__lte=at, shifts__ends__gt=at
    ).select_related("position", "vehicle").order_by("code")  # fmt: skip
    features = []
    for crew in rows:
        last, vehicle = crew.position, getattr(crew, "vehicle", None)
        age = (at - last.fix_time).total_seconds()
        features.append({
            "type": "Feature",
            "id": crew.device,
            "geometry": {"type": "Point", "coordinates": [last.geom.x, last.geom.y]},
            "properties": {
                "device": crew.device,
                "plate": vehicle.plate if vehicle else "",
                "kind": vehicle.kind if vehicle else "",
                "crew": crew.pk,
                "crew_name": crew.shown,
                "speed_mps": last.speed_mps,
                "heading": last.heading,
                "accuracy_m": last.accuracy_m,
                "battery": last.battery,
                "fix_time": last.fix_time,
                "age_s": age,
                "stale": age > settings.STANDPIPE["STALE_FIX_S"],
            },
        })  # fmt: skip
    return {"type": "FeatureCollection", "features": features}
