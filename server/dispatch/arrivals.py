"""A crew on its way that stands at its place has probably arrived: said to the dispatcher, no more.

Who is on site is the crew's word. But a telephone in a trouser pocket forgets, and the clock of the
arrival runs; so the dispatcher is told and may ask.
"""

from __future__ import annotations

from server.dispatch.models import WorkOrder
from server.dispatch.states import State
from server.positions.fencing import Area, circle

NEAR_M = 80.0
STAYS_S = 45.0


def areas() -> list[Area]:
    """A circle around the place of each order whose crew is on its way, for that crew alone."""
    found = []
    orders = WorkOrder.objects.filter(state=State.EN_ROUTE, crew__isnull=False)
    for order in orders.select_related("incident", "crew"):
        at = order.target or order.incident.geom
        if at is None:
            continue
        # Departed again, it is another arrival: the time is part of the name.
        left = int(order.departed_at.timestamp()) if order.departed_at else 0
        found.append(Area(
            f"order:{order.number}:{left}"[:40], circle(at.x, at.y, NEAR_M),
            {"order": order.number, "incident": order.incident_id},
            dwell_s=STAYS_S, only=f"crew:{order.crew_id}", border=False,
            dwelt="arrival.suggested",
        ))  # fmt: skip
    return found
