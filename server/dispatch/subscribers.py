"""What dispatch does when it hears of something."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from server.dispatch import planning, rerouting, services, states
from server.dispatch.models import WorkOrder
from server.dispatch.publishing import send_list
from server.events.reading import Row
from server.events.subscribing import hears
from server.streets.services import lift_trench, suggest_trench
from server.tickets import services as tickets
from server.tickets.models import Incident, Ticket
from server.tickets.states import may, next_state
from server.workforce.models import Crew

# A trench of last week is no news: a subscriber that is new reads the list from its beginning.
LATE_NEWS = timedelta(days=1)
# Whose trench nobody has decided on by then, nobody has to.
DUG_NOTHING = {
    states.State.CLOSED, states.State.DECLINED, states.State.RECALLED, states.State.FAILED_VISIT,
}  # fmt: skip
PLAN_NEWS = {"shutoff.replanned", "shutoff.planned", "valve.closed", "valve.opened"}


@hears("order", "shutoff", "valve")
def send_order_lists(row: Row) -> None:
    """A crew's list goes out when one of its orders, or the plan it works on, has changed."""
    if row.name == "order.changed" and row.payload.get("action") != "eta":
        crews = Crew.objects.filter(pk=row.payload["crew"])
    elif row.name in PLAN_NEWS and row.payload.get("incident"):
        crews = Crew.objects.filter(
            work_orders__incident=row.payload["incident"],
            work_orders__state__in=sorted(states.HOLDING),
        ).distinct()
    else:
        return
    for crew in crews:
        send_list(crew)


@hears("incident")
def reroute_crews(row: Row) -> None:
    """The place of an incident was put right: crews on their way hear of it."""
    if row.name == "incident.changed" and row.payload.get("change") == "moved":
        incident = Incident.objects.get(pk=row.payload["incident"])
        if incident.geom is not None:
            services.reroute(incident, by=row.by)


@hears("streets")
def follow_closures(row: Row) -> None:
    """Streets were closed or opened: crews on their way get another way where they need one."""
    if row.name == "streets.changed":
        rerouting.follow(row)


@hears("order")
def follow_trenches(row: Row) -> None:
    """A crew has dug up the street, or made it good: the closure is suggested, or lifted."""
    if row.name != "order.changed" or row.at < timezone.now() - LATE_NEWS:
        return
    order = WorkOrder.objects.select_related("incident").get(pk=row.payload["order"])
    action = row.payload.get("action")
    if action == states.Action.EXCAVATED and order.incident.geom is not None:
        place = (order.incident.geom.x, order.incident.geom.y)
        suggest_trench(order.number or "", place, by=row.by)
    elif action == states.Action.REINSTATED:
        # Whichever crew of the incident makes the road good.
        for number in order.incident.work_orders.values_list("number", flat=True):
            lift_trench(number or "", by=row.by)
    elif row.payload["state"] in DUG_NOTHING:
        lift_trench(order.number or "", by=row.by, suggested_only=True)


# What a plan has to know of. Positions are no event: planning.sweep looks again by itself.
PLAN_EVENTS = frozenset(
    {
        "incident.opened", "incident.changed", "order.changed", "crew.changed", "shutoff.planned",
        "shutoff.replanned", "shutoff.cancelled", "valve.closed", "streets.changed",
        "roster.changed", "shift.began", "shift.ended",
    }
)  # fmt: skip


@hears("incident", "order", "crew", "shutoff", "valve", "streets", "roster", "shift")
def plan_again(row: Row) -> None:
    """The plan is made anew within a second of anything that can change it."""
    if row.name in PLAN_EVENTS and row.payload.get("action") != "eta":
        planning.ask_again()


# What an order's state means for the tickets of its incident.
TICKET_STEPS = {
    states.State.DISPATCHED: ("assign",),
    states.State.ACCEPTED: ("assign", "start"),
    states.State.COMPLETED: ("assign", "start", "resolve", "call_back"),
}


@hears("order")
def follow_orders_with_tickets(row: Row) -> None:
    """Tickets walk with the work: assigned, in progress, resolved, then the customer is called."""
    if row.name != "order.changed":
        return
    steps = TICKET_STEPS.get(states.State(row.payload["state"]))
    if steps is None:
        return
    order = WorkOrder.objects.select_related("incident").get(pk=row.payload["order"])
    if order.kind == WorkOrder.Kind.NOTICES:
        return
    done = row.payload["state"] == states.State.COMPLETED
    if done and order.kind != WorkOrder.Kind.REPAIR:
        return  # valves turned or a place looked at settle nothing yet
    if done and _still_at_work(order):
        return  # the last crew to finish settles the tickets
    for ticket in Ticket.objects.filter(incident=order.incident):
        _walk(ticket, steps, order, by=row.by)
    if done:
        tickets.move_incident(order.incident, Incident.State.RESTORED, by=row.by)


def _still_at_work(order: WorkOrder) -> bool:
    """Whether another crew has an order for the same incident in hand."""
    return (
        order.incident.work_orders.exclude(pk=order.pk)
        .exclude(kind=WorkOrder.Kind.NOTICES)
        .exclude(state__in=sorted(states.ENDED))
        .exists()
    )


def _walk(ticket: Ticket, steps: tuple[str, ...], order: WorkOrder, *, by: str) -> None:
    for step in steps:
        ticket.refresh_from_db()
        if next_state(ticket.state, step) is None or not may(ticket.state, step, "system"):
            continue
        result = f"{order.number}: {order.get_kind_display()}" if step == "resolve" else ""
        tickets.act(ticket, step, role="system", by=by, result=result)
        if step == "call_back":
            tickets.owe_call_back("water_back", ticket.customer_phone, ticket=ticket, minutes=15)
