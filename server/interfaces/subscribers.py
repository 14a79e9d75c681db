"""Events are noted for the systems that want to hear of them."""

from __future__ import annotations

from server.events.reading import Row
from server.events.subscribing import hears
from server.interfaces import services


@hears(*services.FAMILIES)
def tell_other_systems(row: Row) -> None:
    """Put the event down for every webhook that wants it."""
    services.put_down(row.mark.event_id, row.name)
