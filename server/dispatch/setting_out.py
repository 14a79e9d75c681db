"""From when, and from where, a crew's way to its order counts.

Most crews set out at once from where they are. One at home on call needs its call-out time and
comes from its base; one on its break finishes it first.
"""

from __future__ import annotations

from datetime import datetime

from server.dispatch.models import WorkOrder
from server.workforce.selectors import position_of


def sets_out(order: WorkOrder, now: datetime) -> datetime:
    """From when its way counts: now, or when the crew is up and about."""
    if order.ready_at is None or order.departed_at is not None:
        return now
    return max(now, order.ready_at)


def begins_at(order: WorkOrder) -> tuple[float, float]:
    """(lon, lat) where its way begins: where the crew was seen last, unless it comes from home and
    has not been seen since it was called.
    """
    assert order.crew is not None
    lon, lat, fix = position_of(order.crew)
    called = order.dispatched_at if order.ready_at is not None else None
    if called is not None and order.route and (fix is None or fix < called):
        lon, lat = order.route["geometry"][0]
    return lon, lat
