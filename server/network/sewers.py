"""Reads of the drainage network: which sewer is near, where its water runs, what backs up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from gis_data import drainage as gis
from gis_data.model import UnknownElement
from server.accounts.refusals import Refused
from server.network.graph import unknown_asset, version
from server.network.models import Manhole, NetworkVersion, Sewer
from server.network.selectors import check_position

SNAP_RADIUS_M = 50.0
Direction = Literal["downstream", "upstream"]


@dataclass(frozen=True, slots=True)
class SewerNear:
    """The sewer nearest to a point, and how far it is."""

    sewer: str
    distance_m: float


def nearest(lon: object, lat: object, *, radius_m: float = SNAP_RADIUS_M) -> SewerNear | None:
    """The sewer a point stands for; None when none is within `radius_m`.

    Refused as `selectors.check_position`.
    """
    x, y = check_position(lon, lat)
    with connection.cursor() as cursor:
        # The index orders by degrees, which lean at high latitudes: the sphere decides among some.
        cursor.execute(
            """
            SELECT asset, metres FROM (
                SELECT asset, ST_Distance(geom::geography, ST_Point(%(x)s, %(y)s, 4326)::geography)
                       AS metres
                FROM network_sewer
                ORDER BY geom <-> ST_Point(%(x)s, %(y)s, 4326) LIMIT 16
            ) AS near WHERE metres <= %(radius)s ORDER BY metres, asset LIMIT 1
            """,
            {"x": x, "y": y, "radius": radius_m},
        )
        row = cursor.fetchone()
    return SewerNear(row[0], round(float(row[1]), 2)) if row else None


def is_sewer(asset: str) -> bool:
    """Whether the id belongs to the drainage network, not to the pipes of drinking water."""
    return (
        Sewer.objects.filter(asset=asset).exists() or Manhole.objects.filter(asset=asset).exists()
    )


def is_main(asset: str) -> bool:
    """Whether the id is a sewer main, not a manhole."""
    return Sewer.objects.filter(asset=asset).exists()


def run(asset: str, direction: Direction) -> gis.Run:
    """Where the water of a sewer or manhole runs to, or what runs into it.

    Refused ('target', 'unknown_asset', 404) for an id the drainage network does not have.
    """
    whole = drainage()
    try:
        return gis.downstream(whole, asset) if direction == "downstream" else gis.upstream(
            whole, asset
        )
    except UnknownElement as error:
        raise unknown_asset(asset) from error


def run_json(asset: str, direction: str) -> dict[str, Any]:
    """`run` as the map draws it. Refused ('direction') for a word that is none."""
    if direction not in ("downstream", "upstream"):
        raise Refused("direction", "unknown", _("Ask for downstream or upstream."))
    found = run(asset, direction)  # type: ignore[arg-type]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsGeoJSON(ST_Multi(ST_Collect(geom ORDER BY asset)), 6) "
            "FROM network_sewer WHERE asset = ANY(%s)",
            [list(found.sewers)],
        )
        drawn = cursor.fetchone()[0]
    return {
        "target": asset, "direction": direction, "sewers": list(found.sewers),
        "manholes": list(found.manholes), "length_m": found.length_m, "ends": list(found.ends),
        "geometry": json.loads(drawn) if drawn else {"type": "MultiLineString", "coordinates": []},
    }


def drainage() -> gis.Drainage:
    """The sewers of the version in force, read once for each version."""
    return _read(version())


@lru_cache(maxsize=1)
def _read(number: int) -> gis.Drainage:
    header = NetworkVersion.objects.filter(number=number).values_list("header", flat=True).first()
    # The tables hold what the library wrote: kinds are the library's own words.
    manholes = {
        m.asset: gis.Manhole(
            m.asset, m.geom.x, m.geom.y, m.ground_m, m.invert_m, cast(gis.ManholeKind, m.kind)
        )
        for m in Manhole.objects.order_by("id").iterator(5000)
    }
    rows = Sewer.objects.order_by("id").annotate(wkb=AsWKB(F("geom"))).values_list(
        "asset", "start", "end", "length_m", "diameter_mm", "material", "year", "carries",
        "invert_start_m", "invert_end_m", "street", "wkb",
    )  # fmt: skip
    sewers = {
        row[0]: gis.Sewer(
            id=row[0], start=row[1], end=row[2], geometry=shapely.from_wkb(bytes(row[11])),
            length_m=row[3], diameter_mm=row[4], material=row[5], year=row[6],
            carries=cast(gis.Carries, row[7]), invert_start_m=row[8], invert_end_m=row[9],
            street=row[10],
        )
        for row in rows.iterator(5000)
    }
    return gis.Drainage(int((header or {}).get("crs_measure") or 0), manholes, sewers)
