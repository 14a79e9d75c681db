"""What this app does when it hears of something."""

from __future__ import annotations

from server.bursts import services
from server.events.reading import Row
from server.events.subscribing import hears
from server.tickets.models import Ticket

# Steps of a ticket that change what it says about the mains.
STEPS = frozenset({"amend", "cancel", "merge"})


@hears("ticket")
def watch_calls(row: Row) -> None:
    """Each report of trouble goes on the mains; a corrected or cancelled one is put right there."""
    if row.name == "ticket.opened" or (
        row.name == "ticket.changed" and row.payload.get("action") in STEPS
    ):
        services.note(Ticket.objects.get(pk=row.payload["ticket"]))
