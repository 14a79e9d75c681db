"""What an order's step means for stock and duty.

Pieces are promised when a crew is sent, used when it is done, else let go. A crew that was at home
on call is at work from the call to the end of its order, so that it is tracked and its hours count;
one whose shift ran out meanwhile is too (overtime.py).
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from server.accounts.refusals import Conflict, Refused
from server.dispatch import candidates
from server.dispatch.models import WorkOrder
from server.dispatch.ranking import Need
from server.dispatch.setting_out import begins_at, sets_out
from server.dispatch.states import ENDED, Action, State
from server.events.services import publish
from server.streets import index as streets
from server.workforce import rostering
from server.workforce import services as workforce
from server.workforce.models import Depot

SENT = frozenset({str(Action.DISPATCH), "reassign", "move"})
WITHOUT_WORK = frozenset({State.DECLINED, State.RECALLED, State.FAILED_VISIT})


def follow(order: WorkOrder, action: str, *, by: str) -> None:
    """Called at every step of an order, in the step's own transaction."""
    assert order.crew is not None
    if action in SENT:
        rostering.call_out(order.crew, order.number or "", by=by)
        workforce.release_stock(order, by)
        promise(order, by=by)
    elif action == Action.COMPLETE:
        workforce.use_stock(order, by)
    elif order.state in WITHOUT_WORK:
        workforce.release_stock(order, by)
    if order.state in ENDED:
        rostering.end_call_out(order.number or "", by=by)


def promise(order: WorkOrder, *, by: str) -> None:
    """Reserve what the order needs on the vehicle, else in the depot with the shortest way by it.

    The order's route and time then lead by that depot. Where nothing is left the crew goes all
    the same, because valves have to be closed; `stock.missing` tells who could bring a piece.
    """
    assert order.crew is not None
    need = candidates.needs_of(order.incident, order.kind)
    if need.diameter_mm <= 0:
        return
    depots = _by_the_way(order, need)
    try:
        held = workforce.reserve_stock(
            order, need.item, need.diameter_mm, order.crew, by, material=need.material,
            depots=[d.pk for d in depots],
        )  # fmt: skip
    except Conflict as none_left:
        publish(
            "stock.missing", f"order:{order.pk}", topic="crews", by=by, order=order.number,
            incident=order.incident_id, crew=order.crew.pk, crew_name=order.crew.name,
            item=need.item, diameter_mm=need.diameter_mm,
            holders=none_left.extra.get("holders", []),
        )  # fmt: skip
        return
    if held.stock.depot is not None:
        _lead_by(order, held.stock.depot)


def _by_the_way(order: WorkOrder, need: Need) -> list[Depot]:
    """Depots, the one with the shortest way crew, depot, place first."""
    return candidates.depots_by_way(begins_at(order), candidates.place_of(order.incident), need)


def _lead_by(order: WorkOrder, depot: Depot) -> None:
    begin = begins_at(order)
    there = (depot.geom.x, depot.geom.y)
    try:
        first = streets.route_json(streets.route(begin, there))
        then = streets.route_json(streets.route(there, candidates.place_of(order.incident)))
    except Refused:
        return  # the piece is promised; the way stays the direct one
    whole = {key: first[key] + then[key] for key in ("geometry", "seconds", "metres", "steps")}  # type: ignore[operator]
    order.route = {**whole, "by_depot": {"code": depot.code, "name": depot.name}}
    leaves = sets_out(order, order.dispatched_at or timezone.now())
    order.eta_at = leaves + timedelta(seconds=whole["seconds"])
    order.save(update_fields=["route", "eta_at"])
