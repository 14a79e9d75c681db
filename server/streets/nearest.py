"""Who is there first: the crews on shift by street time to any place, and how to get there.

Positions are read in one statement, without making a model of each crew: this is asked while
somebody waits, and five hundred crews are ranked in less time than their rows take to build.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from routing.errors import RoutingError, Unreachable
from routing.model import Origin, Reach
from server.accounts.refusals import Refused
from server.streets import index as streets
from server.streets import reading
from server.workforce.models import Crew


class Standing(NamedTuple):
    """Where a crew on shift is: its newest trusted fix, or its base (no `fix_time`)."""

    id: int
    code: str
    name: str
    state: str
    lon: float
    lat: float
    fix_time: datetime | None


def standing(now: datetime, *, free: bool = False, crew: int | None = None) -> list[Standing]:
    """The crews on shift, by id: all, those that are available, or the one asked for."""
    chinese = (get_language() or "").startswith("zh")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.id, c.code,
                   CASE WHEN %(zh)s AND c.name_zh <> '' THEN c.name_zh ELSE c.name END, c.state,
                   ST_X(coalesce(p.geom, c.base)), ST_Y(coalesce(p.geom, c.base)),
                   p.fix_time
            FROM workforce_crew c LEFT JOIN workforce_crewposition p ON p.crew_id = c.id
            WHERE (%(crew)s::bigint IS NULL OR c.id = %(crew)s)
              AND (NOT %(free)s OR c.state = 'available')
              AND EXISTS (SELECT FROM workforce_shift s
                          WHERE s.crew_id = c.id AND s.starts <= %(now)s AND s.ends > %(now)s)
            ORDER BY c.id
            """,
            {"zh": chinese, "crew": crew, "free": free, "now": now},
        )
        return [Standing(*row) for row in cursor.fetchall()]


# The origins made last and what of: where nobody has moved, the index knows its fleet again.
_made: tuple[list[tuple[int, float, float]], tuple[Origin, ...]] = ([], ())


def origins(crews: list[Standing]) -> tuple[Origin, ...]:
    """The crews as the index wants them."""
    global _made
    at = [(c.id, c.lon, c.lat) for c in crews]
    before = _made
    if before[0] == at:
        return before[1]
    made = tuple(Origin(str(pk), lon, lat) for pk, lon, lat in at)
    _made = at, made
    return made


def nearest(
    at: tuple[float, float], *, k: int = 10, free: bool = False, geometry: bool = False
) -> dict[str, Any]:
    """The crews on shift by street time to `at`, the first `k` with metres and note.

    With `geometry` the first one's route as `route`. Refused ('at', 'off_network').
    """
    began = time.perf_counter()
    now = timezone.now()
    index = streets.index()
    target = reading.placed(index, at, "at")
    there = standing(now, free=free)
    crews = {str(c.id): c for c in there}
    ranked = index.nearest(target, origins(there), k)
    answer: dict[str, Any] = {
        "at": [at[0], at[1]],
        "street": target.street,
        "snapped_m": round(target.distance_m, 1),
        "crews": [_row(r, crews[r.id], at, now) for r in ranked[:k]],
        "on_shift": len(crews),
        "reachable": sum(1 for r in ranked if r.seconds is not None),
    }
    if geometry:
        first = crews[ranked[0].id] if ranked and ranked[0].seconds is not None else None
        answer["route"] = first and streets.route_json(index.route((first.lon, first.lat), target))
    answer["computed_ms"] = round((time.perf_counter() - began) * 1000, 2)
    return answer


def _row(reach: Reach, crew: Standing, at: tuple[float, float], now: datetime) -> dict[str, Any]:
    age = (now - crew.fix_time).total_seconds() if crew.fix_time else None
    return {
        "crew": {"id": crew.id, "code": crew.code, "name": crew.name},
        "state": crew.state,
        "seconds": reach.seconds,
        "metres": None if reach.metres is None else round(reach.metres, 1),
        "note": reach.note,
        "note_text": note_text(reach.note),
        "lon": crew.lon,
        "lat": crew.lat,
        "fix_age_s": None if age is None else round(age, 1),
    }


def note_text(note: str) -> str:
    """Why a crew has no time, or a doubtful one, in the reader's language."""
    if not note:
        return ""
    return {
        "on_closed_street": _("stands inside a closed street"),
        "unreachable": _("no street leads there"),
        "off_network": _("is far from every street"),
        "bad_position": _("its position is none"),
    }.get(note, "")


def route(
    start: tuple[float, float], end: tuple[float, float], *, alternatives: int = 1
) -> dict[str, Any]:
    """The way from place to place as the API gives it, with up to `alternatives` - 1 others.

    Refused ('from' or 'to', 'off_network'), ('to', 'unreachable').
    """
    index = streets.index()
    origin, destination = (
        reading.placed(index, p, name) for name, p in (("from", start), ("to", end))
    )
    try:
        ways = index.alternatives(origin, destination, alternatives)
    except Unreachable as error:
        raise Refused(
            "to", "unreachable", streets.no_way(error), straight_m=round(error.straight_m, 1)
        ) from error
    return {
        "from": [*start],
        "to": [*end],
        **streets.route_json(ways[0]),
        "alternatives": [streets.route_json(way) for way in ways[1:]],
    }


def isochrone(
    limits_s: list[float],
    *,
    at: tuple[float, float] | None = None,
    crew: int | None = None,
    with_streets: bool = False,
) -> dict[str, Any]:
    """Who is within so many seconds, as GeoJSON, the widest first: of a place, of one crew on
    shift, or of all free crews. Refused ('crew', 'unknown').
    """
    index = streets.index()
    if at is not None:
        reading.placed(index, at, "at")
        starts: tuple[Origin, ...] = (Origin("at", *at),)
    else:
        crews = standing(timezone.now(), free=crew is None, crew=crew)
        if crew is not None and not crews:
            raise Refused("crew", "unknown", _("No such crew is on shift."))
        starts = origins(crews)
    try:
        found = index.isochrone(starts, limits_s)
    except RoutingError as error:
        raise Refused("minutes", "out_of_range", str(error)) from error
    features = []
    for zone in sorted(found, key=lambda z: -z.limit_s):
        properties = {"minutes": zone.limit_s / 60, "origins": len(starts)}
        shapes = [("area", zone.area), *([("streets", zone.streets)] if with_streets else [])]
        for what, shape in shapes:
            if not shape.is_empty:
                features.append(
                    {"type": "Feature", "properties": {**properties, "what": what},
                     "geometry": streets.geojson(shape)}
                )  # fmt: skip
    return {"type": "FeatureCollection", "origins": len(starts), "features": features}


def crew_named(text: str) -> int | None:
    """A crew by id or code; None for ''. Refused ('crew', 'unknown')."""
    if not text:
        return None
    rows = Crew.objects.filter(pk=int(text)) if text.isdecimal() and len(text) < 10 else (
        Crew.objects.filter(code=text)
    )  # fmt: skip
    found = rows.values_list("pk", flat=True).first()
    if found is None:
        raise Refused("crew", "unknown", _("There is no such crew."))
    return int(found)
