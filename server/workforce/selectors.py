"""What others read of crews: where they are, what they are doing, who is on shift."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from server.workforce.availability import Availability, availability, coverage, depots_with_stock
from server.workforce.models import Crew, Shift

__all__ = [
    "Availability",
    "availability",
    "coverage",
    "crew_features",
    "crews",
    "depots_with_stock",
    "position_of",
]


def crews(at: datetime | None = None) -> QuerySet[Crew]:
    """All crews with position, vehicle, skills and whether they are on shift at `at` (now)."""
    at = at or timezone.now()
    shift = Shift.objects.filter(crew=OuterRef("pk"), starts__lte=at, ends__gt=at)
    # mypy's plug-in takes the names given here for second definitions of the declared ones.
    return (
        Crew.objects.select_related("position", "vehicle", "area", "user")  # type: ignore[no-redef]
        .prefetch_related(Prefetch("shifts", _today(at), to_attr="now_shifts"))
        .filter(Q(disbanded_at=None) | Q(disbanded_at__gt=at))
        .annotate(on_shift=Exists(shift))
        .order_by("code")
    )


def _today(at: datetime) -> QuerySet[Shift]:
    return Shift.objects.filter(ends__gt=at).order_by("starts")


def position_of(crew: Crew) -> tuple[float, float, datetime | None]:
    """Where to reckon a crew from: its last trusted fix, else its base (no time)."""
    found = getattr(crew, "position", None)
    if found is None:
        return crew.base.x, crew.base.y, None
    return found.geom.x, found.geom.y, found.fix_time


def crew_features(at: datetime | None = None) -> dict[str, Any]:
    """GeoJSON of the crews on shift; off shift nobody is drawn and nobody is tracked."""
    at = at or timezone.now()
    found = [_feature(row, at) for row in availability(at) if row.on_shift]
    return {"type": "FeatureCollection", "features": found}


def _feature(row: Availability, at: datetime) -> dict[str, Any]:
    crew = row.crew
    lon, lat, fix = position_of(crew)
    age = (at - fix).total_seconds() if fix else None
    found = getattr(crew, "position", None)
    return {
        "type": "Feature",
        "id": crew.pk,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {
            "id": crew.pk,
            "code": crew.code,
            "name": crew.shown,
            "name_zh": crew.name_zh,
            "state": row.state,
            "state_label": str(Crew.State(row.state).label),
            "state_until": row.break_until,
            "vehicle": row.vehicle.kind if row.vehicle else "",
            "plate": row.vehicle.plate if row.vehicle else "",
            "fix_time": fix,
            "age_s": age,
            "stale": age is None or age > settings.STANDPIPE["STALE_FIX_S"],
            "heading": found.heading if found else None,
            "speed_mps": found.speed_mps if found else None,
            "skills": sorted(row.skills),
            "order": None,
        },
    }
