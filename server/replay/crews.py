"""Where the crews on shift were at a past moment, and what they were doing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from server.positions.selectors import position_at
from server.replay.models import Span
from server.workforce.models import Crew, Shift


def crews(
    at: datetime, known: dict[str, dict[str, Any]], orders: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """GeoJSON features of the crews on shift at `at`, as /api/crews gives them now.

    Off shift nobody is drawn. A crew that had sent no position yet has no geometry.
    """
    on_shift = Shift.objects.filter(starts__lte=at, ends__gt=at).values("crew")
    rows = list(Crew.objects.filter(pk__in=on_shift).select_related("vehicle"))
    where = position_at(at)
    held = {o["crew"]["id"]: o["number"] for o in orders if o["crew"] and o["state"] != "paused"}
    first = _first_words([c.pk for c in rows if str(c.pk) not in known])
    features = []
    for crew in rows:
        place = where.get(crew.pk)
        fix = place.fix_time if place else None
        age = (at - fix).total_seconds() if fix else None
        state = known.get(str(crew.pk), {}).get("state") or first.get(crew.pk) or crew.state
        features.append(
            {
                "type": "Feature",
                "id": crew.pk,
                "geometry": {"type": "Point", "coordinates": [place.lon, place.lat]}
                if place else None,
                "properties": {
                    "id": crew.pk, "code": crew.code, "name": crew.shown, "state": state,
                    "vehicle": crew.vehicle.kind if hasattr(crew, "vehicle") else "",
                    "plate": crew.vehicle.plate if hasattr(crew, "vehicle") else "",
                    "fix_time": fix, "heading": None, "age_s": age,
                    "stale": age is None or age > settings.STANDPIPE["STALE_FIX_S"],
                    "order": held.get(crew.pk),
                },
            }
        )  # fmt: skip
    return features


def _first_words(crews: list[int]) -> dict[int, str]:
    """Of crews nothing was said of by then: what the first word afterwards says it was before."""
    rows = (
        Span.objects.filter(kind="crew", subject__in=[str(pk) for pk in crews])
        .order_by("subject", "begins")
        .distinct("subject")
    )
    return {int(r.subject): str(r.data.get("before") or "") for r in rows}
