"""Two incidents are one: tickets and callers of the one go to the other, and it is over."""

from __future__ import annotations

from django.db import transaction

from server.accounts.audit import record
from server.tickets import priorities, services
from server.tickets.models import Incident, Ticket
from server.tickets.placing import Place

# Nobody works there yet: it can still turn out to be something else, or somewhere else.
MOVABLE = (Incident.State.OPEN, Incident.State.DISPATCHED)


def merge(
    incident: Incident, into: Incident, *, kind: str, by: str, symptoms: object = None
) -> bool:
    """Everything of `incident` goes to `into`. False when a crew has it, or it is over.

    `kind` and `symptoms` are those of the report that showed that they are one.
    """
    with transaction.atomic():
        # In one order, whoever merges what: two at once do not wait for each other.
        rows = {
            i.pk: i
            for i in Incident.objects.select_for_update()
            .filter(pk__in=[incident.pk, into.pk])
            .order_by("pk")
        }
        incident, into = rows[incident.pk], rows[into.pk]
        if incident.pk == into.pk or incident.state != Incident.State.OPEN:
            return False
        if into.state == Incident.State.CLOSED:
            return False
        moved = list(Ticket.objects.filter(incident=incident))
        incident.tickets.update(incident=into)
        incident.contacts.update(incident=into)
        answers = symptoms if isinstance(symptoms, dict) else {}
        services.joined(into, kind, answers, note=incident.number or "", by=by)
        # Before it is closed: its promises are neither kept nor broken, they are the other's.
        services.tell_incident("incident.changed", incident, by=by, change="merged")
        services.move_incident(incident, Incident.State.CLOSED, by=by, note=into.number or "")
        if into.state not in ("open", "closed"):
            for ticket in moved:
                ticket.refresh_from_db()
                if ticket.state == "triaged":
                    services.act(ticket, "assign", role="system", by=by)
        return True


def becomes(incident: Incident, kind: str, place: Place, *, by: str) -> Incident:
    """An incident turns out to be of another kind and on that main; news go out as of a move."""
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=incident.pk)
        incident.kind = kind
        incident.geom, incident.pipe, incident.segment = place.point, place.pipe, place.segment
        incident.address = place.address[:200] or incident.address
        incident.area = place.area or incident.area
        incident.priority = min(
            incident.priority,
            priorities.of_incident(kind, {}, customers_off=incident.customers_off),
        )
        incident.version += 1
        incident.save()
        services.write_history(incident=incident, action="moved", by=by, note=incident.address)
        record("incident.move", f"incident:{incident.number}", by=by, note=incident.address)
        services.tell_incident("incident.changed", incident, by=by, change="moved")
        return incident
