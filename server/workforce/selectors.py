"""What others read of crews: where they are, what they are doing, who is on shift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from server.workforce.models import Crew, Shift, Stock, Vehicle


def crews(at: datetime | None = None) -> QuerySet[Crew]:
    """All crews with position, vehicle, skills and whether they are on shift at `at` (now)."""
    at = at or timezone.now()
    shift = Shift.objects.filter(crew=OuterRef("pk"), starts__lte=at, ends__gt=at)
    # mypy's plug-in takes the names given here for second definitions of the declared ones.
    return (
        Crew.objects.select_related("position", "vehicle", "area", "user")  # type: ignore[no-redef]
        .prefetch_related("skills", "stock", Prefetch("shifts", _today(at), to_attr="now_shifts"))
        .annotate(on_shift=Exists(shift))
        .order_by("code")
    )


@dataclass(frozen=True)
class Availability:
    """What one crew can be counted on for at a moment."""

    crew: Crew
    on_shift: bool
    on_call: bool
    leave: str  # why it is away, '' when it is not
    state: str
    until: datetime | None  # when its shift ends
    skills: frozenset[str]
    vehicle: Vehicle | None
    stock: tuple[Stock, ...]


def availability(at: datetime | None = None) -> list[Availability]:
    """Every crew with whether, how long and with what it can work at `at` (now)."""
    at = at or timezone.now()
    found = []
    for crew in crews(at):
        shift = next((s for s in crew.now_shifts if s.starts <= at), None)
        found.append(
            Availability(
                crew=crew, on_shift=shift is not None, on_call=False, leave="", state=crew.state,
                until=shift.ends if shift else None, skills=frozenset(valid_skills(crew, at)),
                vehicle=getattr(crew, "vehicle", None), stock=tuple(crew.stock.all()),
            )
        )  # fmt: skip
    return found


def _today(at: datetime) -> QuerySet[Shift]:
    return Shift.objects.filter(ends__gt=at).order_by("starts")


def valid_skills(crew: Crew, at: datetime) -> set[str]:
    """Skills whose certificate has not run out."""
    day = timezone.localdate(at)
    return {
        s.skill for s in crew.skills.all() if s.expires_on is None or s.expires_on >= day
    }


def position_of(crew: Crew) -> tuple[float, float, datetime | None]:
    """Where to reckon a crew from: its last trusted fix, else its base (no time)."""
    found = getattr(crew, "position", None)
    if found is None:
        return crew.base.x, crew.base.y, None
    return found.geom.x, found.geom.y, found.fix_time


def crew_features(at: datetime | None = None) -> dict[str, Any]:
    """GeoJSON of the crews on shift; off shift nobody is drawn and nobody is tracked."""
    at = at or timezone.now()
    features = []
    for crew in crews(at):
        if not crew.on_shift:
            continue
        lon, lat, fix = position_of(crew)
        age = (at - fix).total_seconds() if fix else None
        found = getattr(crew, "position", None)
        features.append(
            {
                "type": "Feature",
                "id": crew.pk,
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": {
                    "id": crew.pk,
                    "code": crew.code,
                    "name": crew.shown,
                    "name_zh": crew.name_zh,
                    "state": crew.state,
                    "state_label": str(crew.get_state_display()),
                    "vehicle": crew.vehicle.kind if hasattr(crew, "vehicle") else "",
                    "plate": crew.vehicle.plate if hasattr(crew, "vehicle") else "",
                    "fix_time": fix,
                    "age_s": age,
                    "stale": age is None or age > settings.STANDPIPE["STALE_FIX_S"],
                    "heading": found.heading if found else None,
                    "speed_mps": found.speed_mps if found else None,
                    "skills": sorted(valid_skills(crew, at)),
                    "order": None,
                },
            }
        )
    return {"type": "FeatureCollection", "features": features}


