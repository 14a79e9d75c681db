"""A shift that runs out under a crew with work in hand: who stands in the trench is still at work.

Without it the crew would leave the map, and its positions be refused, at the moment its shift ends
on paper. Only the clock keeps a crew on, once for an order and for a few hours: a telephone on
which somebody forgot the last step must not be followed home for the night.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from server.dispatch.models import WorkOrder
from server.dispatch.states import HOLDING, State
from server.workforce import rostering
from server.workforce.models import Shift

# An order a crew has not taken on yet keeps nobody from going home.
IN_HAND = sorted(HOLDING - {State.DISPATCHED})
ONCE_IN = timedelta(hours=12)


def sweep() -> int:
    """Keep on every crew that holds an order and has no shift any more; how many."""
    at = timezone.now()
    shifts = Shift.objects.filter(crew=OuterRef("crew"), ends__gt=at, starts__lte=at)
    already = Shift.objects.filter(
        crew=OuterRef("crew"), called_out_for=OuterRef("number"), ends__gt=at - ONCE_IN
    )
    orders = (
        WorkOrder.objects.filter(state__in=IN_HAND, crew__disbanded_at=None)
        .exclude(Exists(shifts)).exclude(Exists(already))
        .select_related("crew").order_by("pk")
    )  # fmt: skip
    return sum(
        rostering.keep_on(order.crew, order.number or "", by="clock") is not None
        for order in orders if order.crew is not None
    )  # fmt: skip
