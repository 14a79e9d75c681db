"""What screens read of probable bursts."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from server.accounts.refusals import Refused
from server.bursts.models import Alert
from server.network import graph
from server.network import plans as network_plans
from server.network.models import Pipe


def open_alerts() -> QuerySet[Alert]:
    return Alert.objects.filter(state=Alert.State.OPEN).select_related("incident")


def near(pipe: str | None) -> Alert | None:
    """The undecided alert whose calls came from around this main; the newest of several."""
    if not pipe:
        return None
    return open_alerts().filter(reach__contains=[pipe]).order_by("-pk").first()


def summary(alert: Alert) -> dict[str, Any]:
    """One line of the list."""
    first = alert.candidates[0] if alert.candidates else None
    return {
        "id": alert.pk,
        "number": alert.number,
        "state": alert.state,
        "state_label": str(alert.get_state_display()),
        "calls": alert.calls,
        "minutes": max(round((alert.last_at - alert.first_at).total_seconds() / 60), 1),
        "first_at": alert.first_at,
        "last_at": alert.last_at,
        "raised_at": alert.raised_at,
        "address": alert.address,
        "lon": alert.geom.x,
        "lat": alert.geom.y,
        "pipe": first and first["pipe"],
        "probability": first and first["probability"],
        "incident": alert.incident.number if alert.incident else None,
    }


def detail(alert: Alert, pipe: str = "") -> dict[str, Any]:
    """One alert whole: calls, ranked mains with reasons, the plan of `pipe` (the first of them).

    Refused ('pipe', 'unknown_asset', 404) for a main the network does not have.
    """
    names = [c["pipe"] for c in alert.candidates]
    rows = {p.asset: p for p in Pipe.objects.filter(asset__in=names)}
    lines = _lines(list(rows))
    shown = [
        {
            **c,
            "reasons": [{**r, "text": sentence(r["code"], r["values"])} for r in c["reasons"]],
            "street": rows[c["pipe"]].street,
            "diameter_mm": rows[c["pipe"]].diameter_mm,
            "material": rows[c["pipe"]].material,
            "year": rows[c["pipe"]].year,
            "geometry": lines.get(c["pipe"]),
        }
        for c in alert.candidates
        if c["pipe"] in rows
    ]
    target = pipe or (shown[0]["pipe"] if shown else "")
    return {
        **summary(alert),
        "expected": alert.expected,
        "chance": alert.chance,
        "method": alert.method,
        "method_label": str(alert.get_method_display()),
        "method_note": _note(alert.method_note),
        "candidates": shown,
        "reports": [
            {
                "ticket": r.ticket.number, "kind": r.kind,
                "kind_label": str(r.ticket.get_kind_display()), "at": r.at,
                "address": r.ticket.address, "lon": r.geom.x, "lat": r.geom.y, "pipe": r.pipe,
                "incident": r.ticket.incident.number if r.ticket.incident else None,
            }
            for r in alert.reports.select_related("ticket__incident").order_by("at", "pk")[:100]
        ],
        "target": target,
        "plan": _plan(target) if target else None,
        "reason": alert.reason,
        "decided_at": alert.decided_at,
        "decided_by": alert.decided_by,
    }  # fmt: skip


def _plan(pipe: str) -> dict[str, Any] | None:
    if not Pipe.objects.filter(asset=pipe).exists():
        raise graph.unknown_asset(pipe)
    try:
        plan = network_plans.plan_to_json(graph.isolate(pipe))
    except Refused:
        return None  # another version of the network came in between
    return {**plan, **network_plans.who_is_off(plan["premises"])}


def _lines(pipes: list[str]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT asset, ST_AsGeoJSON(geom, 6) FROM network_pipe WHERE asset = ANY(%s)", [pipes]
        )
        return {asset: json.loads(line) for asset, line in cursor.fetchall()}


def _note(note: str) -> str:
    if note == "network_too_large":
        return str(_("The network is too large to simulate at once."))
    return note


def sentence(code: str, values: dict[str, Any]) -> str:
    """A reason in the reader's words."""
    match code:
        case "dry_with_it":
            return ngettext(
                "%(n)s of %(of)s caller would lose water with it",
                "%(n)s of %(of)s callers would lose water with it",
                values["of"],
            ) % {"n": values["calls"], "of": values["of"]}
        case "pressure_falls":
            return ngettext(
                "it explains the pressure of %(n)s of %(of)s caller",
                "it explains the pressure of %(n)s of %(of)s callers",
                values["of"],
            ) % {"n": values["calls"], "of": values["of"]}
        case "near":
            return ngettext(
                "%(n)s of %(of)s caller within %(metres)s m along the main",
                "%(n)s of %(of)s callers within %(metres)s m along the main",
                values["of"],
            ) % {"n": values["calls"], "of": values["of"], "metres": values["metres"]}
        case "seen":
            if not values["metres"]:
                return _("somebody saw water at this main")
            return _("somebody saw water %(metres)s m away") % values
        case "breaks_often":
            words = {
                "material": values["material"] or "?", "dn": round(values["diameter_mm"]),
                "year": values["year"] or "?",
            }  # fmt: skip
            return _("mains like this break often: %(material)s DN%(dn)s of %(year)s") % words
    return code
