"""What outages do when they hear of something."""

from __future__ import annotations

from server.events.reading import Row
from server.outages import services
from server.tickets.models import Incident, Kind

# Only trouble on a main asks for valves; a call from one premise does not.
PLANNED_FOR = frozenset({Kind.BURST, Kind.LEAK})


def plan_shut_off(row: Row) -> None:
    """A burst or leak on a pipe gets its isolation plan at once."""
    if row.name not in ("incident.opened", "incident.changed"):
        return
    if row.payload.get("kind") not in PLANNED_FOR or not row.payload.get("pipe"):
        return
    incident = Incident.objects.get(pk=row.payload["incident"])
    if incident.state in (Incident.State.OPEN, Incident.State.DISPATCHED):
        services.plan_for_incident(incident, by="system")
