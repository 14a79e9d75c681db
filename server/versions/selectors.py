"""Reads of versions and drafts, as the pages and the API show them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.contrib.gis.db.models.functions import AsGeoJSON
from django.utils.translation import gettext as _

from gis_data import readiness
from gis_data.importing import ATTRIBUTES, ROLES
from gis_data.importing.words import UNITS
from server.accounts.refusals import Refused
from server.network import graph
from server.network.models import NetworkVersion
from server.versions import merged, reading, states, wording
from server.versions.kinds import KINDS
from server.versions.models import (
    NetworkChange,
    NetworkImport,
    QuarantinedRecord,
    SchemaMapMemory,
)

SHOWN = 2000


def overview() -> dict[str, Any]:
    """Versions, newest first, the drafts, and the sources whose maps are remembered."""
    in_force = graph.version()
    made_by = dict(
        NetworkImport.objects.exclude(version=None).values_list("version__number", "number")
    )
    versions = [
        {
            "number": v.number, "kind": v.kind, "source": v.source, "by": v.by, "note": v.note,
            "at": v.loaded_at, "back_to": v.back_to, "import": made_by.get(v.number),
            "in_force": v.number == in_force, "counts": v.summary,
        }
        for v in NetworkVersion.objects.order_by("-number")[:200]
    ]  # fmt: skip
    changed = {
        d.version.number: d.summary
        for d in NetworkImport.objects.exclude(version=None).select_related("version")
        if d.version is not None
    }
    whole = max((v["number"] for v in versions if v["kind"] == "load"), default=0)
    for v in versions:
        v["summary"] = changed.get(v["number"], {})
        v["can_return"] = whole <= v["number"] < in_force
    drafts = NetworkImport.objects.exclude(state=NetworkImport.State.APPROVED)
    return {
        "in_force": in_force,
        "versions": versions,
        "imports": [brief(d) for d in drafts[:100]],
        "sources": [m.source for m in SchemaMapMemory.objects.order_by("source")],
    }


def brief(draft: NetworkImport) -> dict[str, Any]:
    """One draft as a line of the list."""
    return {
        "number": draft.number, "kind": draft.kind, "state": draft.state, "name": draft.name,
        "source": draft.source, "by": draft.created_by, "at": draft.created_at,
        "step": draft.step, "percent": draft.percent, "files": draft.files,
        "summary": draft.summary, "problems": _problems(draft), "based_on": draft.based_on,
        "back_to": draft.back_to, "approved_by": draft.approved_by,
        "approved_at": draft.approved_at, "reason": draft.reason,
        "version": draft.version.number if draft.version is not None else None,
    }  # fmt: skip


def detail(draft: NetworkImport) -> dict[str, Any]:
    """Everything about one draft; its changes and what was set aside have doors of their own."""
    quarantine = QuarantinedRecord.objects.filter(of=draft)
    return {
        **brief(draft), "crs": draft.crs, "layers": draft.layers, "schema_map": draft.schema_map,
        "suggested": draft.suggested, "readiness": said(draft.readiness),
        "notes": [{"code": n["code"], "text": _text(n)} for n in draft.notes],
        "quarantined": quarantine.count(), "in_force": graph.version(),
        "allowed": states.allowed(draft.state), "vocabulary": vocabulary(),
    }  # fmt: skip


def _problems(draft: NetworkImport) -> list[dict[str, Any]]:
    return [
        {**p, "text": _text(p) if p.get("message") else p.get("text", "")} for p in draft.problems
    ]


def _text(what: dict[str, Any], group: str = "") -> str:
    code = f"{group}.{what['code']}" if group else what["code"]
    return wording.say(code, what.get("params", {}), what.get("message", ""))


def said(report: dict[str, Any]) -> dict[str, Any]:
    """A stored readiness report in the reader's language."""
    if not report:
        return {}
    return {
        **report,
        "findings": [{**f, "text": _text(f, "finding")} for f in report.get("findings", [])],
        "verdicts": {
            name: {**v, "why": [_text(w, "reason") for w in v["why"]]}
            for name, v in report.get("verdicts", {}).items()
        },
    }


@lru_cache(maxsize=1)
def vocabulary() -> dict[str, Any]:
    """Roles a layer may have and what each is described by, for the editor of the map."""
    return {
        role: {
            name: {"needed": about.needed, "units": list(UNITS.get(about.measure, ()))}
            for name, about in ATTRIBUTES.get(role, {}).items()
        }
        for role in ROLES
    }


def changes(
    *, of: NetworkImport | None = None, version: int | None = None, kind: str = "",
    action: str = "", after: int = 0,
) -> dict[str, Any]:
    """Changes of a draft or a version as GeoJSON, SHOWN at most; `truncated` if there are more.

    `after`: go on behind the change with that `id`. Refused ('kind' | 'action', 'unknown').
    """
    rows = NetworkChange.objects.filter(of=of) if of else NetworkChange.objects.filter(
        version=version)  # fmt: skip
    if kind:
        if kind not in KINDS:
            raise Refused("kind", "unknown", _("Ask for one of: %(kinds)s.")
                          % {"kinds": ", ".join(KINDS)})  # fmt: skip
        rows = rows.filter(kind=kind)
    if action:
        if action not in NetworkChange.Action.values:
            known = ", ".join(NetworkChange.Action.values)
            raise Refused("action", "unknown", _("Ask for one of: %(kinds)s.") % {"kinds": known})
        rows = rows.filter(action=action)
    found = list(
        rows.filter(pk__gt=after).order_by("pk").annotate(drawn=AsGeoJSON("geom", precision=7))[
            : SHOWN + 1
        ]
    )
    return {
        "type": "FeatureCollection",
        "truncated": len(found) > SHOWN,
        "features": [_feature(c) for c in found[:SHOWN]],
    }


def _feature(change: Any) -> dict[str, Any]:
    def values(side: dict[str, Any] | None) -> dict[str, Any]:
        return {k: v for k, v in (side or {}).items() if k not in ("geom", "id")}

    whole = change.action != NetworkChange.Action.CHANGED
    return {
        "type": "Feature",
        "geometry": json.loads(change.drawn) if change.drawn else None,
        "properties": {
            "id": change.pk, "kind": change.kind, "asset": change.asset, "action": change.action,
            "fields": change.fields, "before": {} if whole else values(change.before),
            "after": {} if whole else values(change.after),
        },
    }  # fmt: skip


def quarantine(draft: NetworkImport) -> Iterator[dict[str, Any]]:
    """Records set aside, by layer and line, in the reader's language."""
    for q in QuarantinedRecord.objects.filter(of=draft).iterator(2000):
        yield {
            "layer": q.layer, "line": q.line, "asset": q.asset, "field": q.field, "code": q.code,
            "text": wording.say(q.code, q.params, q.text), "raw": q.raw,
            "lon": q.geom.x if q.geom else None, "lat": q.geom.y if q.geom else None,
        }  # fmt: skip


@lru_cache(maxsize=1)
def _readiness_of(version: int) -> dict[str, Any]:
    network = graph.read_network(version)
    report = readiness.report(network, merged.drainage_in_force(network.crs_measure))
    return reading.as_json(report)


def readiness_in_force() -> dict[str, Any]:
    """The readiness report of the version in force. Refused ('network', 'no_network', 503)."""
    version = graph.version()
    if not version:
        raise Refused(
            "network", "no_network", _("No pipe network is loaded yet."), status=503
        )
    return {"version": version, **said(_readiness_of(version))}
