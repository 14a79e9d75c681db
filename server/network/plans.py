"""An isolation plan as the screens get it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from gis_data.isolation import IsolationPlan
from server.network.models import Valve
from server.network.wording import warning_in_words

# Who is harmed first when water goes off, first.
_PRIORITY = ("dialysis", "hospital", "care", "school")


def plan_to_json(plan: IsolationPlan) -> dict[str, Any]:
    """A plan just computed, in the shape of the API (see `drawn`)."""
    minimal = set(plan.minimal_valves)
    shown = drawn({
        "target": plan.target,
        "valves": [
            {"asset": name, "sequence": n, "minimal": name in minimal}
            for n, name in enumerate(plan.valves_to_close, start=1)
        ],
        "pipes": plan.segment_pipes,
        "unintended_pipes": plan.unintended_pipes,
        "premises": plan.premises,
        "hydrants_lost": plan.hydrants_lost,
        "warnings": [{"code": w.code, "text": w.text} for w in plan.warnings],
    })
    return {**shown, "already_closed": list(plan.already_closed)}


def drawn(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan of ids with everything a map needs, in the shape of the API.

    `plan` names target, valves ({asset, sequence, minimal}), pipes, unintended_pipes, premises,
    hydrants_lost and warnings. Condition and position of the valves are those of now. `by_class`
    and `priority_customers` are left to who knows customers (`who_is_off` at the least).
    """
    order = {v["asset"]: v for v in plan["valves"]}
    valves = drawn_valves(list(order))
    for valve in valves:
        valve["sequence"] = order[valve["id"]]["sequence"]
        valve["minimal"] = order[valve["id"]]["minimal"]
    return {
        "target": plan["target"],
        "valves": valves,
        "pipes": multi_line(plan["pipes"]),
        "unintended": multi_line(plan["unintended_pipes"]),
        "premises": list(plan["premises"]),
        "customers_off": len(plan["premises"]),
        "by_class": {},
        "priority_customers": [],
        "hydrants_lost": list(plan["hydrants_lost"]),
        "warnings": [warning_in_words(w) for w in plan["warnings"]],
        "hydraulics": {"status": "topology_only", "below_service": 0},
    }


def drawn_valves(assets: list[str]) -> list[dict[str, Any]]:
    """Valves with place, condition and position as of now, in the order asked; unknown ones go.

    `sequence` is 0 and `minimal` false: only a plan knows better.
    """
    rows = {v.asset: v for v in Valve.objects.filter(asset__in=assets)}
    return [
        {
            "id": v.asset,
            "label": v.asset,
            "lon": v.geom.x,
            "lat": v.geom.y,
            "sequence": 0,
            "condition": condition_of(v.operable, v.accessible),
            "state": v.position,
            "minimal": False,
            "turns": v.turns,
            "diameter_mm": v.diameter_mm,
        }
        for v in (rows[a] for a in assets if a in rows)
    ]


def condition_of(operable: str, accessible: bool | None) -> str:
    """yes, no, unknown, or buried: it may turn, but its cover cannot be reached."""
    return "buried" if accessible is False and operable != "no" else operable


def multi_line(pipes: Iterable[str]) -> dict[str, Any]:
    """GeoJSON MultiLineString of pipes in the order given, (lon, lat) to a decimetre."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsGeoJSON(ST_Multi(ST_Collect(p.geom ORDER BY w.n)), 6) "
            "FROM unnest(%s::text[]) WITH ORDINALITY AS w (asset, n) "
            "JOIN network_pipe p USING (asset)",
            [list(pipes)],
        )
        row = cursor.fetchone()
    empty = {"type": "MultiLineString", "coordinates": []}
    return json.loads(row[0]) if row and row[0] else empty


def path_lines(pipes: Sequence[str]) -> dict[str, Any]:
    """GeoJSON MultiLineString of pipes that follow each other, each drawn along the way."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT asset, start, "end", ST_AsGeoJSON(geom, 6) FROM network_pipe '
            "WHERE asset = ANY(%s)", [list(pipes)],
        )
        rows = {asset: (start, end, line) for asset, start, end, line in cursor.fetchall()}
    known = [rows[pipe] for pipe in pipes if pipe in rows]
    lines = []
    for k, (start, end, line) in enumerate(known):
        before = known[k - 1][:2] if k else ()
        after = known[k + 1][:2] if k + 1 < len(known) else ()
        # Where a pump or valve stands between two pipes neither shares a node: as it is drawn.
        turned = (start in after and end not in after) or (end in before and start not in before)
        way = json.loads(line)["coordinates"]
        lines.append(way[::-1] if turned else way)
    return {"type": "MultiLineString", "coordinates": lines}


def who_is_off(premises: list[str]) -> dict[str, Any]:
    """{by_class, by_zone, priority_customers} of premises, without names of persons or numbers.

    `hours_left` is the longer of the premise's own storage and its secondary-supply station's.
    Read by table name: customers stand beside the network, not below it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.code, p.use, coalesce(nullif(p.name, ''), p.address),
                   greatest(p.storage_hours, coalesce(line.hours, 0)), coalesce(line.zone, '')
            FROM customers_premise p
            LEFT JOIN LATERAL (
                SELECT max(s.tank_m3 / nullif(s.demand_m3h, 0)) AS hours, min(m.zone) AS zone
                FROM network_serviceline l LEFT JOIN network_station s ON s.asset = l.station
                LEFT JOIN network_pipe m ON m.asset = l.pipe
                WHERE l.premise = p.code) AS line ON true
            WHERE p.code = ANY(%s) ORDER BY 4, p.code
            """,
            [premises],
        )
        rows = cursor.fetchall()
    first = sorted((r for r in rows if r[1] in _PRIORITY), key=lambda r: _PRIORITY.index(r[1]))
    return {
        "by_class": dict(sorted(Counter(use for _code, use, *_rest in rows).items())),
        "by_zone": dict(sorted(Counter(row[4] for row in rows).items())),
        "priority_customers": [
            {"premise": code, "name": name, "class": use, "hours_left": round(hours, 2),
             "phone_masked": ""}
            for code, use, name, hours, _zone in first
        ],
    }
