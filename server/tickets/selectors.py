"""What screens read of incidents and tickets, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, When
from django.utils import timezone

from server.tickets.models import Contact, HistoryRow, Incident, Ticket


def masked(phone: str) -> str:
    """139****5678: enough to recognise, too little to call."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else ("****" if phone else "")


def open_incidents() -> QuerySet[Incident]:
    return (
        # The plug-in takes `ticket_count` for a second definition of the declared one.
        Incident.objects.exclude(state=Incident.State.CLOSED)  # type: ignore[no-redef]
        .annotate(
            callers=Count("contacts", distinct=True), ticket_count=Count("tickets", distinct=True)
        )
        # What only waits to be closed comes last, however urgent it was.
        .order_by(Case(When(state="restored", then=1), default=0), "priority", "pk")
    )


def on_segment(segment: int | None, *, hours: int = 24) -> Incident | None:
    """Known trouble on a valve segment: the newest incident that is open or was until lately."""
    if segment is None:
        return None
    since = timezone.now() - timedelta(hours=hours)
    return (
        Incident.objects.filter(segment=segment, opened_at__gt=since)
        .exclude(state__in=[Incident.State.CLOSED, Incident.State.RESTORED])
        .order_by("-pk")
        .first()
    )


def incident_properties(incident: Incident) -> dict[str, Any]:
    """What the tickets app knows of an incident; dispatch, outages and clocks add theirs."""
    counted = getattr(incident, "callers", None)
    return {
        "id": incident.pk,
        "number": incident.number,
        "kind": incident.kind,
        "kind_label": str(incident.get_kind_display()),
        "priority": incident.priority,
        "state": incident.state,
        "state_label": str(incident.get_state_display()),
        "address": incident.address,
        "opened_at": incident.opened_at,
        "restored_at": incident.restored_at,
        "customers_off": incident.customers_off,
        "callers": incident.contacts.count() if counted is None else counted,
        "tickets": incident.tickets.count() if counted is None else incident.ticket_count,
        "segment": incident.segment,
        "pipe": incident.pipe,
        "sewer": incident.sewer,
        "version": incident.version,
    }


def contacts_of(incident: Incident) -> list[dict[str, Any]]:
    return [
        {
            "call_id": c.call_id,
            "name": c.name,
            "phone_masked": masked(c.phone),
            "at": c.at,
            "verdict": c.verdict,
            "channel": c.channel,
        }
        for c in incident.contacts.all()[:100]
    ]


def tickets_of(incident: Incident) -> list[dict[str, Any]]:
    return [
        {
            "number": t.number,
            "state": t.state,
            "kind": t.kind,
            "customer": t.customer_name,
            "opened_at": t.opened_at,
        }
        for t in incident.tickets.all()[:100]
    ]


def unsettled(incident: Incident) -> QuerySet[Ticket]:
    """The tickets of an incident that somebody still waits for."""
    return incident.tickets.exclude(state__in=["closed", "cancelled", "audited", "merged"])


def timeline(rows: Iterable[HistoryRow]) -> list[dict[str, Any]]:
    return [
        {
            "at": r.at,
            "what": r.action,
            "who": r.by,
            "text": r.note,
            "from": r.from_state,
            "to": r.to_state,
        }
        for r in rows
    ]


def last_contacts(account_id: int, limit: int = 5) -> list[dict[str, Any]]:
    rows = Contact.objects.filter(account_id=account_id).select_related("incident")[:limit]
    return [
        {"at": c.at, "channel": c.channel, "incident": c.incident and c.incident.number}
        for c in rows
    ]


def open_tickets_of(account_id: int) -> list[dict[str, Any]]:
    rows = Ticket.objects.filter(account_id=account_id).exclude(
        Q(state="closed") | Q(state="cancelled") | Q(state="audited")
    )[:10]
    return [{"number": t.number, "state": t.state, "kind": t.kind} for t in rows]
