"""Five honest figures over a stretch of time, each with its definition and its parts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from server.customers.models import Premise
from server.outages.selectors import customer_minutes
from server.wallboard.figures import calls_between, ratio


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _on_time(kind: str, span: dict[str, Any]) -> tuple[int, int]:
    """(met, settled) clocks of a kind that started in the stretch."""
    met, settled = _rows(
        "SELECT count(*) FILTER (WHERE state = 'met'), count(*) FROM service_level_clock "
        "WHERE kind = %(kind)s AND state IN ('met', 'missed') "
        "AND started_at >= %(start)s AND started_at < %(end)s",
        {**span, "kind": kind},
    )[0]
    return int(met), int(settled)


def _by_hour(span: dict[str, Any], zone: str) -> list[dict[str, Any]]:
    rows = _rows(
        "SELECT date_trunc('hour', queued_at AT TIME ZONE %(zone)s) AS hour, count(*), "
        "count(answered_at) FROM calls_call WHERE queued_at >= %(start)s AND queued_at < %(end)s "
        "GROUP BY 1 ORDER BY 1",
        {**span, "zone": zone},
    )
    return [{"at": h.isoformat(), "offered": n, "answered": a} for h, n, a in rows]


def _by_kind(span: dict[str, Any]) -> list[dict[str, Any]]:
    rows = _rows(
        "SELECT kind, count(*) FROM tickets_ticket WHERE opened_at >= %(start)s "
        "AND opened_at < %(end)s GROUP BY 1 ORDER BY 2 DESC, 1",
        span,
    )
    return [{"kind": k, "count": n} for k, n in rows]


def summary(start: datetime, end: datetime, zone: str) -> dict[str, Any]:
    """The five figures of [start, end)."""
    span = {"start": start, "end": end}
    calls = calls_between(start, end)
    arrival_met, arrival_all = _on_time("arrival", span)
    repair_met, repair_all = _on_time("repair", span)
    minutes = customer_minutes(start, end)
    properties = Premise.objects.count()
    kinds = _by_kind(span)
    figures = [
        {
            "id": "connect_rate", "name": _("Connect rate"), "unit": "%",
            "value": calls["connect_rate"],
            "definition": _(
                "Calls an agent answered / calls that joined the queue, without those who hung up "
                "within 5 seconds."
            ),
            "parts": {"answered": calls["answered"], "offered": calls["offered"],
                      "short_abandons": calls["short_abandons"]},
            "series": _by_hour(span, zone),
        },
        {
            "id": "arrival_on_time", "name": _("Arrival on time"), "unit": "%",
            "value": ratio(arrival_met, arrival_all),
            "definition": _(
                "Incidents a crew reached within the promised time / incidents reached."
            ),
            "parts": {"met": arrival_met, "all": arrival_all}, "series": [],
        },
        {
            "id": "repair_on_time", "name": _("Repair on time"), "unit": "%",
            "value": ratio(repair_met, repair_all),
            "definition": _("Repairs within the promised time / repairs done."),
            "parts": {"met": repair_met, "all": repair_all}, "series": [],
        },
        {
            "id": "minutes_per_property", "name": _("Minutes without water per property"),
            "unit": "min", "value": ratio(minutes, properties),
            "definition": _(
                "Customer-minutes lost in the period, by the ledger (two shut-offs over one house "
                "count once) / premises served."
            ),
            "parts": {"minutes": round(minutes, 1), "properties": properties}, "series": [],
        },
        {
            "id": "tickets", "name": _("Tickets by kind"), "unit": "",
            "value": sum(k["count"] for k in kinds),
            "definition": _("Tickets opened in the period, by what was reported."),
            "parts": {k["kind"]: k["count"] for k in kinds}, "series": kinds,
        },
    ]  # fmt: skip
    return {"from": start, "to": end, "figures": figures}
