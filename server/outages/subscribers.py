"""What outages do when they hear of something."""

from __future__ import annotations

from server.events.reading import Row
from server.events.subscribing import hears
from server.outages import notices, services
from server.tickets import services as tickets
from server.tickets.models import Incident, Kind

# Only trouble on a main asks for valves; a call from one premise does not.
PLANNED_FOR = frozenset({Kind.BURST, Kind.LEAK})


@hears("incident")
def plan_shut_off(row: Row) -> None:
    """A burst or leak on a pipe gets its isolation plan at once, and another when it is moved."""
    if row.name not in ("incident.opened", "incident.changed"):
        return
    incident = Incident.objects.get(pk=row.payload["incident"])
    to_come = incident.state in (Incident.State.OPEN, Incident.State.DISPATCHED)
    if to_come and incident.kind in PLANNED_FOR and incident.pipe:
        services.plan_for_incident(incident, by="system")
    elif row.payload.get("change") in ("moved", "closed"):
        services.cancel_draft(incident, by="system")
        if incident.customers_off and to_come:
            tickets.note_impact(incident, 0, by="system")


@hears("sms")
def keep_receipts(row: Row) -> None:
    """A text of a notice has left, or has not: who was told decides whether works may begin."""
    if row.name in ("sms.sent", "sms.failed") and row.payload["template"] in notices.TEMPLATES:
        notices.heard(int(row.subject.removeprefix("sms:")))
