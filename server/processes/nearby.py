"""What is around a point: assets, trouble of the past, shut-offs, streets, houses, pictures.

One reach for all of it, in metres on the sphere. Other apps' tables are read by name: this is a
look across everything, and belongs to none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.network.selectors import check_position, degrees_around

MOST_M = 500.0
_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """What is looked for: the table, what names a row, and what else is said of it."""

    name: str
    table: str
    label: str
    more: str = "''"
    where: str = "TRUE"


KINDS: tuple[Kind, ...] = (
    Kind("pipe", "network_pipe t", "t.asset",
         "concat('DN', t.diameter_mm::int, ' ', t.material, ' ', t.year)"),
    Kind("valve", "network_valve t", "t.asset", "t.position || ' ' || t.operable"),
    Kind("hydrant", "network_hydrant t", "t.asset", "t.kind"),
    Kind("control", "network_control t", "t.asset", "t.kind"),
    Kind("sewer", "network_sewer t", "t.asset", "concat('DN', t.diameter_mm::int)"),
    Kind("manhole", "network_manhole t", "t.asset", "t.kind"),
    Kind("station", "network_station t", "t.asset"),
    Kind("ticket", "tickets_ticket t", "t.number", "t.kind || ' ' || t.state"),
    Kind("incident", "tickets_incident t", "t.number", "t.kind || ' ' || t.state"),
    Kind("defect", "processes_defect t", "t.number", "t.kind || ' ' || t.state"),
    Kind("permit", "processes_digpermit t", "t.number", "t.holder", "t.revoked_at IS NULL"),
    Kind("shutoff",
         "(SELECT s.id, s.number, s.state, p.geom FROM outages_shutoff s"
         " JOIN network_pipe p ON p.asset = s.target) t",
         "t.number", "t.state"),
    Kind("street", "places_street t", "t.name", "t.klass", "t.name <> ''"),
    Kind("building", "places_building t", "t.source_id", "t.kind"),
    Kind("place", "places_poi t", "t.name", "t.kind", "t.name <> ''"),
    Kind("picture", "dispatch_photo t", "t.id::text",
         "coalesce((SELECT c.name FROM workforce_crew c WHERE c.device = t.device LIMIT 1), '')"),
)  # fmt: skip

# A box in degrees lets the index choose; then the sphere decides.
_SQL = """
SELECT {label}, {more}, ST_Distance(t.geom::geography, p.g::geography) AS metres,
       ST_X(ST_ClosestPoint(t.geom, p.g)), ST_Y(ST_ClosestPoint(t.geom, p.g)){taken}
FROM {table}, (SELECT ST_Point(%(x)s, %(y)s, 4326) AS g) AS p
WHERE t.geom && ST_Expand(p.g, %(degrees)s) AND ({where})
  AND ST_DWithin(t.geom::geography, p.g::geography, %(reach)s)
ORDER BY metres, 1 LIMIT %(limit)s
"""


# What the crews of one incident photographed without the telephone knowing where.
_UNPLACED = """
SELECT t.id::text, t.taken_at, t.received_at,
       coalesce((SELECT c.name FROM workforce_crew c WHERE c.device = t.device LIMIT 1), '')
FROM dispatch_photo t JOIN dispatch_workorder o ON o.id = t.order_id
WHERE t.geom IS NULL AND o.incident_id = %(incident)s
ORDER BY t.received_at DESC LIMIT %(limit)s
"""


def around(
    lon: object, lat: object, *, reach_m: object = 200.0, incident: object = None
) -> dict[str, Any]:
    """Everything within `reach_m` of a point, by kind, nearest first; at most 200 of a kind.

    Each row: {id, about, distance_m, lon, lat}, pictures with `taken_at` too. With `incident` (its
    id) `pictures_unplaced_here` lists what was photographed for it and lies nowhere: {id, about,
    taken_at, received_at}. Refused as `check_position`, and for a reach ('radius') or an incident
    that is none.
    """
    x, y = check_position(lon, lat)
    try:
        reach = float(str(reach_m))
    except ValueError:
        reach = -1.0
    if not 0 < reach <= MOST_M:
        raise Refused("radius", "out_of_range", _("Look up to 500 metres around."))
    if incident not in (None, "") and not str(incident).isdecimal():
        raise Refused("incident", "malformed", _("An incident is given by its id, a number."))
    found: dict[str, Any] = {"lon": x, "lat": y, "radius_m": reach}
    values = {
        "x": x, "y": y, "reach": reach, "degrees": degrees_around(reach), "limit": _LIMIT,
    }  # fmt: skip
    with connection.cursor() as cursor:
        for kind in KINDS:
            taken = ", t.taken_at" if kind.name == "picture" else ""
            cursor.execute(_SQL.format(label=kind.label, more=kind.more, table=kind.table,
                                       where=kind.where, taken=taken), values)  # fmt: skip
            found[kind.name] = [
                {
                    "id": row[0], "about": (row[1] or "").strip(), "distance_m": round(row[2], 2),
                    "lon": row[3], "lat": row[4], **({"taken_at": row[5]} if taken else {}),
                }
                for row in cursor.fetchall()
            ]  # fmt: skip
        cursor.execute("SELECT count(*) FROM dispatch_photo WHERE geom IS NULL")
        found["pictures_unplaced"] = cursor.fetchone()[0]
        if incident not in (None, ""):
            cursor.execute(_UNPLACED, {"incident": int(str(incident)[:18]), "limit": _LIMIT})
            found["pictures_unplaced_here"] = [
                {"id": row[0], "about": row[3], "taken_at": row[1], "received_at": row[2]}
                for row in cursor.fetchall()
            ]
    return found
