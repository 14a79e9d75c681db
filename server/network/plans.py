"""An isolation plan as the screens get it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from gis_data.isolation import IsolationPlan
from gis_data.tracing import Trace
from server.network.models import Valve

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
        "warnings": list(plan["warnings"]),
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
            "condition": v.operable,
            "state": v.position,
            "minimal": False,
            "turns": v.turns,
            "diameter_mm": v.diameter_mm,
        }
        for v in (rows[a] for a in assets if a in rows)
    ]


def multi_line(pipes: Iterable[str]) -> dict[str, Any]:
    """GeoJSON MultiLineString of pipes, (lon, lat) to a decimetre."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_AsGeoJSON(ST_Multi(ST_Collect(geom ORDER BY asset)), 6) "
            "FROM network_pipe WHERE asset = ANY(%s)",
            [list(pipes)],
        )
        row = cursor.fetchone()
    empty = {"type": "MultiLineString", "coordinates": []}
    return json.loads(row[0]) if row and row[0] else empty


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """A trace with what a map needs: `pipes` drawn, a way from a source as the water runs."""
    ordered = trace.kind == "source_path"
    return {
        "target": trace.target, "kind": trace.kind,
        "pipes": path_lines(trace.pipes) if ordered else multi_line(trace.pipes),
        "pipe_ids": list(trace.pipes), "controls": list(trace.controls),
        "length_m": round(trace.length_m, 1), "sources": list(trace.sources),
        "reached": trace.reached,
    }


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
    """{by_class, priority_customers} of premises, without names of persons or numbers.

    Read by table name: customers stand beside the network, not below it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, use, coalesce(nullif(name, ''), address), storage_hours "
            "FROM customers_premise WHERE code = ANY(%s) ORDER BY storage_hours, code",
            [premises],
        )
        rows = cursor.fetchall()
    counts: dict[str, int] = {}
    for _code, use, _name, _hours in rows:
        counts[use] = counts.get(use, 0) + 1
    first = sorted((r for r in rows if r[1] in _PRIORITY), key=lambda r: _PRIORITY.index(r[1]))
    return {
        "by_class": dict(sorted(counts.items())),
        "priority_customers": [
            {"premise": code, "name": name, "class": use, "hours_left": hours, "phone_masked": ""}
            for code, use, name, hours in first
        ],
    }
