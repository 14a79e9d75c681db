"""Reads of the network: where a premise hangs, what is near a point, what an id stands for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection
from django.db.models import Model
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from gis_data.snapping import SnapError
from server.accounts.refusals import Refused
from server.network.graph import current, unknown_asset
from server.network.models import (
    Control,
    Hydrant,
    Manhole,
    Node,
    Pipe,
    ServiceLine,
    Sewer,
    Station,
    Valve,
    Zone,
)

SNAP_RADIUS_M = 50.0
ASSETS: dict[str, type[Model]] = {
    "pipe": Pipe,
    "valve": Valve,
    "hydrant": Hydrant,
    "control": Control,
    "node": Node,
    "service": ServiceLine,
    "station": Station,
    "sewer": Sewer,
    "manhole": Manhole,
}


@dataclass(frozen=True, slots=True)
class PlaceOnNetwork:
    """Where a premise gets its water: the end of its service line, the main, the segment."""

    premise: str
    lon: float
    lat: float
    service: str
    pipe: str
    segment: int | None


@dataclass(frozen=True, slots=True)
class SnapCandidate:
    """A main near a point: the foot point on it and how far the point is from it."""

    pipe: str
    segment: int | None
    lon: float
    lat: float
    measure: float
    distance_m: float
    street: str


@dataclass(frozen=True, slots=True)
class SnapResult:
    """A point on the network. Without a main in reach `pipe` is None and the point stays put.

    `ambiguous`: another main is about as near; show `candidates` (nearest first) to a person.
    """

    pipe: str | None
    segment: int | None
    lon: float
    lat: float
    distance_m: float | None
    ambiguous: bool
    candidates: tuple[SnapCandidate, ...]


def place_of_premise(code: str) -> PlaceOnNetwork | None:
    """Where the premise `code` hangs on the network; None if no service line leads to it."""
    line = ServiceLine.objects.filter(premise=code).order_by("id").first()
    if line is None:
        return None
    lon, lat = line.geom[-1][:2]
    segment = Pipe.objects.filter(asset=line.pipe).values_list("segment", flat=True).first()
    return PlaceOnNetwork(code, lon, lat, line.asset, line.pipe, segment)


def check_position(lon: object, lat: object, field: str = "place") -> tuple[float, float]:
    """(lon, lat) as numbers inside the city; Refused otherwise, saying how far off it is.

    Codes: not_a_position, swapped_axes, outside_city (with `distance_m` beside the errors).
    """
    try:
        x, y = float(lon), float(lat)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)) or abs(x) > 180 or abs(y) > 180:
        raise Refused(field, "not_a_position", _("This is no position in longitude and latitude."))
    inside, swapped, distance = _against_the_city(x, y)
    if inside:
        return x, y
    if swapped:
        text = _("Longitude and latitude look swapped: with %(lon)g, %(lat)g it is in the city.")
        raise Refused(
            field, "swapped_axes", text % {"lon": y, "lat": x}, suggestion={"lon": y, "lat": x}
        )
    if abs(y) > 90:
        raise Refused(field, "not_a_position", _("A latitude lies between -90 and 90 degrees."))
    text = _("The place lies outside the city, %(km).1f km from its border.")
    raise Refused(field, "outside_city", text % {"km": distance / 1000}, distance_m=distance)


def _against_the_city(x: float, y: float) -> tuple[bool, bool, float]:
    """Whether (x, y) is in the city, whether (y, x) is, and how far (x, y) is from it in metres."""
    with connection.cursor() as cursor:
        # By table name: the city's border belongs to places, which stand beside the network.
        cursor.execute(
            """
            SELECT ST_Covers(bounds, ST_Point(%(x)s, %(y)s, 4326)),
                   ST_Covers(bounds, ST_Point(%(y)s, %(x)s, 4326)),
                   CASE WHEN abs(%(y)s) <= 90
                        THEN ST_Distance(bounds::geography, ST_Point(%(x)s, %(y)s, 4326)::geography)
                        ELSE 0 END
            FROM places_city ORDER BY loaded_at DESC LIMIT 1
            """,
            {"x": x, "y": y},
        )
        row = cursor.fetchone()
    if row is None:
        raise Refused("network", "no_network", _("No city is loaded yet."), status=503)
    return bool(row[0]), bool(row[1]), round(float(row[2]), 1)


def snap(
    lon: object, lat: object, *, radius_m: float = SNAP_RADIUS_M, premise: str = "",
    street: str = "",
) -> SnapResult:
    """The main a point stands for: of the premise's service line, of the street, else the nearest.

    Refused as `check_position`.
    """
    x, y = check_position(lon, lat)
    compiled = current()
    try:
        found = compiled.snapper.snap(x, y, radius_m, premise=premise, street=street)
    except SnapError:
        # Inside the border, but kilometres from the nearest main.
        return SnapResult(None, None, x, y, None, False, ())
    candidates = tuple(
        SnapCandidate(
            hit.pipe, compiled.index.segment_of(hit.pipe), hit.lon, hit.lat, hit.measure,
            hit.distance_m, hit.street,
        )
        for hit in found
    )
    if not candidates:
        return SnapResult(None, None, x, y, None, False, ())
    best = candidates[0]
    # Between two mains of one segment nothing hangs on which it is: the same valves close.
    doubt = found.ambiguous and best.segment != candidates[1].segment
    return SnapResult(
        best.pipe, best.segment, best.lon, best.lat, best.distance_m, doubt, candidates
    )


def zone_at(lon: float, lat: float, kind: str = Zone.Kind.PRESSURE) -> Zone | None:
    """The pressure zone or metered area at a point."""
    point = Point(lon, lat, srid=4326)
    return Zone.objects.filter(kind=kind, geom__covers=point).order_by("id").first()


def asset(name: str) -> tuple[str, Any]:
    """(kind, row) of an asset id; Refused ('target', 'unknown_asset', 404) if there is none."""
    for kind, model in ASSETS.items():
        row = model._default_manager.filter(asset=name).first()
        if row is not None:
            return kind, row
    raise unknown_asset(name)


def asset_place(name: str) -> tuple[float, float]:
    """A point (lon, lat) on the asset: where it stands, or the middle of a line."""
    geom = asset(name)[1].geom
    point = geom if geom.geom_type == "Point" else geom.interpolate_normalized(0.5)
    return point.x, point.y


def degrees_around(metres: float, lat: float = 80.0) -> float:
    """Degrees wide enough for `metres` at a latitude, at any below 80 where none is named.

    For the box that an index looks through; who is really within reach the sphere decides.
    """
    return metres / 111_000 / max(math.cos(math.radians(lat)), 0.17)


def assets_near(
    lon: float, lat: float, kind: str = "valve", *, radius_m: float = 100.0, limit: int = 20
) -> list[Any]:
    """Assets of a kind around a point, nearest first, each with `distance_m`."""
    point = Point(lon, lat, srid=4326)
    reach = degrees_around(radius_m, lat)
    metres = RawSQL(
        "ST_Distance(geom::geography, ST_Point(%s, %s, 4326)::geography)", [lon, lat]
    )
    rows = (
        ASSETS[kind]
        ._default_manager.filter(geom__dwithin=(point, reach))
        .annotate(distance_m=metres)
        .filter(distance_m__lte=radius_m)
        .order_by("distance_m", "asset")[:limit]
    )
    return list(rows)
