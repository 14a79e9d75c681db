"""What one event makes of the picture. Pure: an event in, what now holds of its subject out.

The picture is a dictionary of (kind, subject) to what is known of it. An event replaces what was
known of a subject, or ends it (None): nothing else is needed to draw any past moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

ENDED: dict[str, frozenset[str]] = {
    "incident": frozenset({"closed"}),
    "ticket": frozenset({"closed", "cancelled", "audited", "merged"}),
    "order": frozenset({"completed", "verified", "closed", "declined", "recalled", "failed_visit"}),
    "shutoff": frozenset({"restored", "closed", "cancelled"}),
    "call": frozenset({"ended"}),
    "crew": frozenset(),
}
# What is kept of each payload; the rest is read from the tables it never changes in.
_KEPT: dict[str, tuple[str, ...]] = {
    "incident": ("number", "kind", "priority", "state", "address", "customers_off", "lon", "lat"),
    "ticket": ("number", "state", "kind", "priority", "incident"),
    "order": ("number", "state", "incident", "crew", "eta_at"),
    "shutoff": ("number", "state", "incident"),
    "call": ("state", "verdict", "incident"),
    "crew": ("name", "state", "before"),
}
_KINDS = {
    "incident.opened": "incident", "incident.changed": "incident",
    "ticket.opened": "ticket", "ticket.changed": "ticket",
    "order.changed": "order", "crew.changed": "crew",
    "valve.closed": "shutoff", "valve.opened": "shutoff",
    "call.ringing": "call", "call.identified": "call", "call.queued": "call",
    "call.offered": "call", "call.answered": "call", "call.ended": "call",
}  # fmt: skip


class Change(NamedTuple):
    """`data` holds from now on; None: it is over."""

    kind: str
    subject: str
    data: dict[str, Any] | None


def changes(name: str, subject: str, payload: Mapping[str, Any]) -> list[Change]:
    """What an event changes; empty for news that no picture shows."""
    kind = _KINDS.get(name) or ("shutoff" if name.startswith("shutoff.") else "")
    if not kind or subject.partition(":")[0] != kind:
        return []
    key = subject.partition(":")[2]
    found = [Change(kind, key, _data(kind, payload))]
    valve = str(payload.get("valve") or "")
    if valve and name in ("valve.closed", "shutoff.replanned"):
        state = "closed" if name == "valve.closed" else "cannot_close"
        found.append(Change("valve", valve, {"state": state, "shutoff": key}))
    elif valve and name == "valve.opened":
        found.append(Change("valve", valve, None))
    return found


def _data(kind: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    if payload.get("state") in ENDED[kind]:
        return None
    return {field: payload[field] for field in _KEPT[kind] if field in payload}
