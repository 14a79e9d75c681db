"""When a crew will be there: followed along the street from its last fix, and who is shown it.

A customer's link (`eta_token` of the order) lives from the moment the crew is sent until it is
there, is taken back, or eight hours have passed; a position is shown only while it drives.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from routing.model import Origin
from server.dispatch import rerouting, services
from server.dispatch.models import WorkOrder
from server.dispatch.states import State
from server.streets import index as streets
from server.workforce.models import Crew

NOT_THERE = rerouting.NOT_THERE
EVERY = timedelta(seconds=10)
MOVED_S, NEAR_MOVED_S, NEAR_S = 120.0, 60.0, 600.0  # what is news; nearer, less is
JUMP_S = 300.0  # a difference that no smoothing shall hide: another way, a closed bridge
TOLD_AGAIN_S = 900.0
VALID = timedelta(hours=8)
_smooth: dict[int, datetime] = {}  # of orders on their way; a new process begins from eta_at
_looked_at: datetime | None = None


def sweep(now: datetime | None = None) -> int:
    """Follow every crew that is not there yet, every ten seconds; how many got another time."""
    global _looked_at
    now = now or timezone.now()
    if _looked_at is not None and _looked_at <= now < _looked_at + EVERY:
        return 0
    _looked_at = now
    rows = WorkOrder.objects.filter(state__in=NOT_THERE, crew__isnull=False, route__isnull=False)
    orders = list(rows.select_related("crew__position", "incident"))
    for gone in _smooth.keys() - {o.pk for o in orders}:
        del _smooth[gone]
    return sum(1 for order in orders if _follow(order, now))


def _follow(order: WorkOrder, now: datetime) -> bool:
    seconds = _left_s(order, now)
    if seconds is None or order.eta_at is None:
        return False
    seen = now + timedelta(seconds=seconds)
    if order.state != State.EN_ROUTE:
        seen = max(seen, order.eta_at)  # it has not set out: being near makes it no earlier
    held = _smooth.get(order.pk, order.eta_at)
    if abs((seen - held).total_seconds()) < JUMP_S:
        seen = held + (seen - held) / 2
    _smooth[order.pk] = seen
    least = NEAR_MOVED_S if (seen - now).total_seconds() < NEAR_S else MOVED_S
    if abs((seen - order.eta_at).total_seconds()) < least:
        return False
    return _move(order, seen)


def _left_s(order: WorkOrder, now: datetime) -> float | None:
    """Seconds of street from the last fix; None where it is too old or no street leads there."""
    assert order.crew is not None and order.incident.geom is not None
    found = getattr(order.crew, "position", None)
    if found is None or (now - found.fix_time).total_seconds() > settings.STANDPIPE["STALE_FIX_S"]:
        return None
    place = (found.geom.x, found.geom.y)
    if order.route and "by_depot" in order.route:
        # The direct way would leave out what is fetched.
        left = rerouting.left_of(order, place)
        return left.seconds if left is not None else None
    goal = order.target or order.incident.geom
    return streets.reach((goal.x, goal.y), [Origin("crew", *place)])[0].seconds


def _move(order: WorkOrder, eta_at: datetime) -> bool:
    with transaction.atomic():
        locked = (
            WorkOrder.objects.select_for_update(of=("self",), no_key=True)
            .select_related("crew", "incident")
            .filter(pk=order.pk, state=order.state)
            .first()
        )
        if locked is None:
            return False  # it has arrived, or been taken back, meanwhile
        before, locked.eta_at = locked.eta_at, eta_at
        locked.save(update_fields=["eta_at"])
        services.tell(
            locked, "eta", locked.state, by="system",
            eta_before=before.isoformat() if before else None,
        )  # fmt: skip
    return True


def link_of(order: WorkOrder) -> str:
    """The customers' link of an order, made when it is first asked for; '' where it is off."""
    if not settings.STANDPIPE["PLAN"]["eta_link"]:
        return ""
    if order.eta_token is None:
        order.eta_token = secrets.token_urlsafe(12)
        WorkOrder.objects.filter(pk=order.pk, eta_token=None).update(eta_token=order.eta_token)
        order.refresh_from_db(fields=["eta_token"])
    return f"{settings.STANDPIPE['SITE']}/eta/{order.eta_token}"


def order_of(token: str, now: datetime | None = None) -> WorkOrder | None:
    """The order a link shows; None once the crew is there, was taken back, or it is too old.

    Whatever the reason, the answer is the same: a link that is over says nothing any more.
    """
    now = now or timezone.now()
    order = (
        WorkOrder.objects.filter(eta_token=token, state__in=NOT_THERE)
        .select_related("crew__position", "incident")
        .first()
    )
    if order is None or order.dispatched_at is None or now - order.dispatched_at > VALID:
        return None
    return order


def seen_of(order: WorkOrder, now: datetime) -> tuple[float, float] | None:
    """Where a customer may see the crew: only while it drives, on shift, and with a fresh fix."""
    if order.state != State.EN_ROUTE or order.crew is None:
        return None
    crew = Crew.objects.filter(pk=order.crew.pk, shifts__starts__lte=now, shifts__ends__gt=now)
    found = getattr(order.crew, "position", None)
    if found is None or not crew.exists():
        return None
    if (now - found.fix_time).total_seconds() > settings.STANDPIPE["OLD_FIX_S"]:
        return None
    return found.geom.x, found.geom.y


def worth_telling(order: WorkOrder) -> bool:
    """Whether the time differs by a quarter of an hour from what customers were told."""
    if order.told_eta_at is None or order.eta_at is None:
        return False
    return abs((order.eta_at - order.told_eta_at).total_seconds()) >= TOLD_AGAIN_S


def told(order: WorkOrder) -> None:
    """Customers have been told the time it has now."""
    WorkOrder.objects.filter(pk=order.pk).update(told_eta_at=order.eta_at)
