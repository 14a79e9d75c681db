"""An isolation plan as the screens get it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection

from gis_data.isolation import IsolationPlan
from server.network.graph import Compiled
from server.network.models import Valve

# Who is harmed first when water goes off, first.
_PRIORITY = ("dialysis", "hospital", "care", "school")


def plan_to_json(plan: IsolationPlan, compiled: Compiled) -> dict[str, Any]:
    """The plan in the shape of the API, as ids and geometry; `premises` are codes.

    Condition and position of the valves are those of now. `by_class` and `priority_customers` are
    filled by `who_is_off`, or by an app that knows customers and their telephone numbers.
    """
    network, minimal = compiled.network, set(plan.minimal_valves)
    now = {
        row["asset"]: row
        for row in Valve.objects.filter(asset__in=plan.valves_to_close).values(
            "asset", "operable", "position", "turns"
        )
    }
    valves = []
    for sequence, name in enumerate(plan.valves_to_close, 1):
        valve, row = network.valves[name], now.get(name, {})
        valves.append({
            "id": name,
            "label": name,
            "lon": valve.lon,
            "lat": valve.lat,
            "sequence": sequence,
            "condition": row.get("operable", valve.operable),
            "state": row.get("position", "open" if valve.normally_open else "closed"),
            "minimal": name in minimal,
            "turns": row.get("turns", valve.turns),
            "diameter_mm": valve.diameter_mm,
        })
    return {
        "target": plan.target,
        "segment": plan.segments[0] if plan.segments else None,
        "valves": valves,
        "already_closed": list(plan.already_closed),
        "pipes": multi_line(compiled, plan.segment_pipes),
        "unintended": multi_line(compiled, plan.unintended_pipes),
        "pipe_ids": [*plan.segment_pipes, *plan.unintended_pipes],
        "premises": list(plan.premises),
        "customers_off": len(plan.premises),
        "by_class": {},
        "priority_customers": [],
        "hydrants_lost": list(plan.hydrants_lost),
        "warnings": [{"code": w.code, "text": w.text} for w in plan.warnings],
        "hydraulics": {"status": "topology_only", "below_service": 0},
    }


def multi_line(compiled: Compiled, pipes: Iterable[str]) -> dict[str, Any]:
    """GeoJSON MultiLineString of pipes, (lon, lat) to a decimetre or better."""
    lines = [
        [[round(x, 6), round(y, 6)] for x, y in compiled.network.pipes[p].geometry.coords]
        for p in pipes
    ]
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
