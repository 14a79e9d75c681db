"""Finished tickets are sampled for a check."""

from __future__ import annotations

from server.events.reading import Row
from server.events.subscribing import hears
from server.quality.services import choose
from server.tickets.models import Ticket


@hears("ticket")
def sample_closed_tickets(row: Row) -> None:
    """A closed ticket may be chosen for a check."""
    if row.name == "ticket.changed" and row.payload["state"] == "closed":
        choose(Ticket.objects.get(pk=row.payload["ticket"]))
