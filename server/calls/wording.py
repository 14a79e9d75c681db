"""The verdict in words, in the reader's language: one sentence, and the evidence under it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from server.tickets.models import Kind


def clock(iso: str | None) -> str:
    return timezone.localtime(datetime.fromisoformat(iso)).strftime("%H:%M") if iso else "?"


def sentence(code: str, data: dict[str, Any]) -> str:
    """One sentence an agent can read out."""
    d = data.get("data", {})
    if code == "inside_shutoff":
        parts = [
            _("Inside shut-off %(number)s since %(since)s.")
            % {"number": d.get("shut_off"), "since": clock(d.get("since"))}
        ]
        if d.get("crew"):
            parts.append(_("%(crew)s is on it.") % {"crew": d["crew"]})
        if d.get("back_at"):
            parts.append(_("Back about %(time)s.") % {"time": clock(d["back_at"])})
        parts.append(
            _("%(customers)s customers, this is caller %(n)s.")
            % {"customers": d.get("customers"), "n": d.get("callers")}
        )
        return " ".join(parts)
    if code == "planned_notice":
        return _("Planned shut-off %(number)s from %(start)s to %(end)s.") % {
            "number": d.get("shut_off"), "start": clock(d.get("from")), "end": clock(d.get("to")),
        }  # fmt: skip
    if code == "same_segment":
        kind = dict(Kind.choices).get(d.get("kind", ""), "")
        return _(
            "Others on the same pipe have called since %(since)s: %(kind)s %(number)s. "
            "This is caller %(n)s."
        ) % {
            "since": clock(d.get("since")), "kind": kind, "number": d.get("incident_number"),
            "n": d.get("callers"),
        } + (" " + _suspected(d["burst"]) if d.get("burst") else "")  # fmt: skip
    if code == "probable_burst":
        return _suspected(d.get("burst") or {})
    return _("Nothing known at this place.")


def _suspected(burst: dict[str, Any]) -> str:
    return _(
        "Probable burst %(number)s near %(street)s, not confirmed yet: "
        "%(count)s callers in %(minutes)s min."
    ) % {
        "number": burst.get("number"), "street": burst.get("address") or "?",
        "count": burst.get("calls"), "minutes": burst.get("minutes"),
    }  # fmt: skip


def evidence(code: str, data: dict[str, Any]) -> list[dict[str, str]]:
    d = data.get("data", {})
    rows = [
        (_("Incident"), d.get("incident_number")),
        (_("Probable burst"), (d.get("burst") or {}).get("number")),
        (_("Shut-off"), d.get("shut_off")),
        (_("Since"), clock(d["since"]) if d.get("since") else None),
        (_("Expected back"), clock(d["back_at"]) if d.get("back_at") else None),
        (_("Crew"), d.get("crew")),
        (_("Customers"), d.get("customers")),
        (_("Pipe"), data.get("pipe")),
        (_("Segment"), data.get("segment")),
    ]
    return [
        {"label": str(label), "value": str(value)}
        for label, value in rows
        if value not in ("", None)
    ]
