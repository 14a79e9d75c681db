"""Reads for the engineer's map: what an asset is joined to, and what is open on it now.

Incidents and shut-offs are read by table name: they stand above the network.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db import connection

from server.network.graph import version
from server.network.selectors import ASSETS, asset

_MOST = 40
# (kind of the neighbour, its id) of an asset of a kind; %(name)s is its id.
_NEIGHBOURS: dict[str, str] = {
    "pipe": """
        SELECT 'node', n FROM network_pipe, LATERAL unnest(ARRAY[start, "end"]) n
        WHERE asset = %(name)s
        UNION ALL SELECT 'valve', asset FROM network_valve WHERE pipe = %(name)s
        UNION ALL SELECT 'pipe', asset FROM (
            SELECT q.id, q.asset FROM network_pipe p, LATERAL unnest(ARRAY[p.start, p."end"]) n
                JOIN network_pipe q ON q.start = n WHERE p.asset = %(name)s
            UNION SELECT q.id, q.asset FROM network_pipe p,
                LATERAL unnest(ARRAY[p.start, p."end"]) n
                JOIN network_pipe q ON q."end" = n WHERE p.asset = %(name)s
        ) joined WHERE asset <> %(name)s
    """,
    "valve": """
        SELECT 'pipe', pipe FROM network_valve WHERE asset = %(name)s
        UNION ALL SELECT 'node', node FROM network_valve WHERE asset = %(name)s
        UNION ALL SELECT 'valve', w.asset FROM network_valve v JOIN network_valve w
            ON w.node = v.node AND w.asset <> v.asset WHERE v.asset = %(name)s
    """,
    "node": """
        SELECT 'pipe', asset FROM network_pipe WHERE start = %(name)s OR "end" = %(name)s
        UNION ALL SELECT 'control', asset FROM network_control
            WHERE start = %(name)s OR "end" = %(name)s
        UNION ALL SELECT 'valve', asset FROM network_valve WHERE node = %(name)s
        UNION ALL SELECT 'hydrant', asset FROM network_hydrant WHERE node = %(name)s
    """,
    "hydrant": """
        SELECT 'node', node FROM network_hydrant WHERE asset = %(name)s
        UNION ALL SELECT 'pipe', p.asset FROM network_hydrant h JOIN network_pipe p
            ON p.start = h.node WHERE h.asset = %(name)s
        UNION ALL SELECT 'pipe', p.asset FROM network_hydrant h JOIN network_pipe p
            ON p."end" = h.node WHERE h.asset = %(name)s
    """,
    "control": """
        SELECT 'node', n FROM network_control, LATERAL unnest(ARRAY[start, "end"]) n
        WHERE asset = %(name)s
        UNION ALL SELECT 'pipe', p.asset FROM network_control c,
            LATERAL unnest(ARRAY[c.start, c."end"]) n JOIN network_pipe p ON p.start = n
            WHERE c.asset = %(name)s
        UNION ALL SELECT 'pipe', p.asset FROM network_control c,
            LATERAL unnest(ARRAY[c.start, c."end"]) n JOIN network_pipe p ON p."end" = n
            WHERE c.asset = %(name)s
    """,
    "service": """
        SELECT 'pipe', pipe FROM network_serviceline WHERE asset = %(name)s
        UNION ALL SELECT 'station', station FROM network_serviceline
            WHERE asset = %(name)s AND station <> ''
    """,
    "station": """
        SELECT 'service', service FROM network_station WHERE asset = %(name)s
    """,
    "sewer": """
        SELECT 'manhole', n FROM network_sewer, LATERAL unnest(ARRAY[start, "end"]) n
        WHERE asset = %(name)s
    """,
    "manhole": """
        SELECT 'sewer', asset FROM network_sewer WHERE start = %(name)s OR "end" = %(name)s
    """,
}


def identify(name: str) -> dict[str, Any]:
    """{kind, neighbours, segment, incidents, shut_offs} of an asset.

    `segment` is None off the water mains. Refused ('target', 'unknown_asset', 404).
    """
    kind, _row = asset(name)
    pipes = _pipes_of(kind, name)
    segment = _segment_of(pipes)
    return {
        "kind": kind,
        "neighbours": [
            {"kind": of, "id": other}
            for of, other in _rows(_NEIGHBOURS[kind] + f" LIMIT {_MOST}", name=name)
        ],
        "segment": segment,
        "incidents": _incidents(pipes, segment["number"] if segment else None, kind, name),
        "shut_offs": _shut_offs(pipes, name),
    }


def _pipes_of(kind: str, name: str) -> list[str]:
    """The mains an asset is, stands on or hangs on."""
    if kind == "pipe":
        return [name]
    if kind in ("valve", "service"):
        table = {"valve": "network_valve", "service": "network_serviceline"}[kind]
        return [pipe for (pipe,) in _rows(f"SELECT pipe FROM {table} WHERE asset = %(name)s",
                                          name=name)]
    if kind in ("node", "hydrant", "control"):
        return [other for of, other in _rows(_NEIGHBOURS[kind], name=name) if of == "pipe"]
    if kind == "station":
        return [pipe for (pipe,) in _rows(
            "SELECT l.pipe FROM network_station s JOIN network_serviceline l "
            "ON l.asset = s.service WHERE s.asset = %(name)s", name=name)]
    return []


def _segment_of(pipes: list[str]) -> dict[str, Any] | None:
    """The valve segment of the first main: its number, mains, metres and service lines."""
    if not pipes:
        return None
    rows = _rows(
        """
        SELECT s.segment, count(*), sum(s.length_m),
               (SELECT count(*) FROM network_serviceline l WHERE l.pipe = ANY(array_agg(s.asset)))
        FROM network_pipe p JOIN network_pipe s ON s.segment = p.segment
        WHERE p.asset = %(name)s GROUP BY s.segment
        """,
        name=pipes[0],
    )
    if not rows:
        return None
    number, count, metres, services = rows[0]
    return {"number": number, "pipes": count, "length_m": round(metres, 1), "services": services}


def _incidents(
    pipes: list[str], segment: int | None, kind: str, name: str
) -> list[dict[str, Any]]:
    """Incidents not closed on these mains, in their segment, or on this sewer."""
    rows = _rows(
        """
        SELECT i.number, i.kind, i.priority, i.state, i.address, i.opened_at,
               i.pipe = ANY(%(pipes)s)
        FROM tickets_incident i
        WHERE i.state <> 'closed'
          AND (i.pipe = ANY(%(pipes)s) OR i.segment = %(segment)s OR i.sewer = %(sewer)s)
        ORDER BY i.pipe = ANY(%(pipes)s) DESC, i.priority, i.opened_at LIMIT 10
        """,
        pipes=pipes, segment=segment, sewer=name if kind in ("sewer", "manhole") else None,
    )
    keys = ("number", "kind", "priority", "state", "address", "opened_at", "here")
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _shut_offs(pipes: list[str], name: str) -> list[dict[str, Any]]:
    """Shut-offs begun and not over that hold one of these mains, or this valve."""
    rows = _rows(
        """
        SELECT s.number, s.planned, s.state, s.started_at, s.expected_back_at
        FROM outages_shutoff s
        WHERE s.started_at IS NOT NULL AND s.restored_at IS NULL AND s.state <> 'cancelled'
          AND (s.plan->'pipes' ?| %(pipes)s OR s.plan->'unintended_pipes' ?| %(pipes)s
               OR EXISTS (SELECT 1 FROM outages_valvetask v
                          WHERE v.shut_off_id = s.id AND v.asset = %(name)s
                            AND v.state <> 'dropped'))
        ORDER BY s.started_at DESC LIMIT 10
        """,
        pipes=pipes, name=name,
    )
    keys = ("number", "planned", "state", "started_at", "expected_back_at")
    return [dict(zip(keys, row, strict=True)) for row in rows]


def assets_like(text: str, limit: int = 12) -> list[dict[str, Any]]:
    """[{id, kind, lon, lat}] of assets whose id begins with `text`, in the order of ids."""
    begins = sorted({text, text.upper(), text.lower()})
    patterns = [begin.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
                for begin in begins]
    found: list[tuple[str, str, float, float]] = []
    for kind, model in ASSETS.items():
        # One pattern a query: the index serves LIKE 'x%', not a list of patterns.
        for pattern in patterns:
            found += _rows(
                f"SELECT asset, '{kind}', ST_X(p), ST_Y(p) FROM (SELECT asset, "
                f"ST_PointOnSurface(geom) AS p FROM {model._meta.db_table} "
                f"WHERE asset LIKE %(pattern)s ORDER BY asset LIMIT {limit}) a",
                pattern=pattern,
            )
    unique = {(row[0], row[1]): row for row in found}
    ranked = sorted(unique.values(), key=lambda row: (len(row[0]), row[0]))[:limit]
    return [{"id": row[0], "kind": row[1], "lon": row[2], "lat": row[3]} for row in ranked]


def summary() -> dict[str, Any]:
    """What the mains are made of: {version, km, materials, zones, diameters, decades, roles}.

    Each a list of {"value", "pipes", "km"}, longest first; kept for the version in force.
    """
    return _summary(version())


@lru_cache(maxsize=2)
def _summary(number: int) -> dict[str, Any]:
    by = {
        "materials": "material", "zones": "zone", "diameters": "diameter_mm::int",
        "decades": "year / 10 * 10", "roles": "role",
    }
    found: dict[str, Any] = {"version": number}
    for key, column in by.items():
        rows = _rows(
            f"SELECT {column}, count(*), sum(length_m) / 1000 FROM network_pipe "
            "GROUP BY 1 ORDER BY 3 DESC NULLS LAST LIMIT 60"
        )
        found[key] = [{"value": v, "pipes": n, "km": round(km, 3)} for v, n, km in rows]
    found["km"] = round(sum(row["km"] for row in found["roles"]), 3)
    return found


def _rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
