"""The order list of a crew as its phone gets it: whole, versioned, in the phone's own words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from mqtt.messages import ACTIONS
from mqtt.orders import (
    CrewName,
    Order,
    OrderKind,
    OrderList,
    OrderPlace,
    OrderRoute,
    OrderValve,
    Priority,
    RouteStep,
    ValveState,
)
from server.dispatch import states
from server.dispatch.models import WorkOrder
from server.dispatch.states import Who
from server.network import plans as network_plans
from server.outages.models import ShutOff, ValveTask
from server.tickets.models import Incident
from server.tickets.priorities import WARNINGS
from server.workforce.models import Crew, Reservation

# The main step of each state comes first; the rest are smaller buttons.
MAIN = ("accept", "depart", "arrive", "close_valve", "repaired", "open_valve", "restored",
        "complete")  # fmt: skip
# Telephones of the first hour know no inspection: to them it is a visit like a repair.
KINDS: dict[str, OrderKind] = {
    "repair": "repair", "valves": "valves", "notices": "notices", "inspect": "repair",
    "traffic": "repair",
}  # fmt: skip
VALVE_STATE: dict[str, ValveState] = {
    ValveTask.State.CLOSED: "closed",
    ValveTask.State.LEFT_CLOSED: "closed",
    ValveTask.State.CANNOT_CLOSE: "cannot_close",
}


def order_list(crew: Crew) -> OrderList:
    """The list as it stands, under a new version number (it only ever grows)."""
    with transaction.atomic():
        Crew.objects.filter(pk=crew.pk).update(orders_version=F("orders_version") + 1)
        crew.refresh_from_db(fields=["orders_version"])
        rows = (
            WorkOrder.objects.filter(crew=crew)
            .exclude(state__in=sorted(states.ENDED - {states.State.RECALLED}))
            .select_related("incident")
            .order_by("priority", "pk")
        )
        recent = timezone.now() - timedelta(hours=12)
        orders = tuple(
            _order(o) for o in rows if o.state != states.State.RECALLED or _after(o, recent)
        )
        return OrderList(
            version=crew.orders_version, crew=CrewName(str(crew.pk), crew.name),
            at=timezone.now(), orders=orders,
        )  # fmt: skip


def _after(order: WorkOrder, moment: Any) -> bool:
    return order.ended_at is not None and order.ended_at > moment


def _order(order: WorkOrder) -> Order:
    incident = order.incident
    assert incident.geom is not None  # only located incidents are dispatched
    shut_off = ShutOff.objects.filter(incident=incident).exclude(state="cancelled").first()
    return Order(
        number=order.number or "", incident=incident.number or "",
        kind=KINDS[order.kind], state=order.state, priority=cast(Priority, incident.priority),
        what=_what(order, "en"), what_zh=_what(order, "zh-hans"),
        place=_place(order),
        hazards=_hazards(incident), waiting=incident.customers_off,
        valves=_valves(shut_off) if shut_off else (), route=_route(order),
        next=tuple(_next(order, shut_off)),
    )  # fmt: skip


def _place(order: WorkOrder) -> OrderPlace:
    """Where to drive: the first valve for who closes valves, and then its name in the address."""
    incident = order.incident
    point = order.target or incident.geom
    assert point is not None
    text = incident.address or incident.number or ""
    return OrderPlace(
        f"{order.target_asset}, {text}" if order.target_asset else text, point.x, point.y
    )


def _what(order: WorkOrder, language: str) -> str:
    """What happened, and what to fetch on the way."""
    incident = order.incident
    with translation.override(language):
        kind = str(incident.get_kind_display())
        fetch = [
            _("from %(depot)s: %(item)s DN%(dn)s")
            % {"depot": r.stock.depot.shown, "item": r.stock.get_item_display(),
               "dn": r.stock.diameter_mm}
            for r in Reservation.objects.filter(
                order=order.number, state=Reservation.State.HELD, stock__depot__isnull=False
            ).select_related("stock__depot")
            if r.stock.depot is not None
        ]  # fmt: skip
    return "; ".join([f"{kind} {incident.pipe or incident.sewer}".strip(), *fetch])


def _hazards(incident: Incident) -> tuple[str, ...]:
    found = {
        name
        for ticket in incident.tickets.all()
        for name, value in ticket.symptoms.items()
        if name in WARNINGS and value in (True, "yes")
    }
    return tuple(sorted(found))[:50]


def _valves(shut_off: ShutOff) -> tuple[OrderValve, ...]:
    tasks = {t.asset: t for t in shut_off.valves.exclude(state=ValveTask.State.DROPPED)}
    drawn = network_plans.drawn_valves(list(tasks))
    rows = []
    for v in drawn:
        task = tasks[v["id"]]
        rows.append(
            OrderValve(
                id=v["id"], label=v["label"], lon=v["lon"], lat=v["lat"],
                sequence=max(1, task.sequence), state=VALVE_STATE.get(task.state, "open"),
                condition=v["condition"], turns=v.get("turns"),
            )
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda v: (v.sequence, v.id)))


def _route(order: WorkOrder) -> OrderRoute | None:
    if not order.route:
        return None
    return OrderRoute(
        geometry=tuple((x, y) for x, y in order.route["geometry"]),
        seconds=order.route["seconds"], metres=order.route["metres"],
        steps=tuple(
            RouteStep(s["street"] or "", s["metres"], s["turn"]) for s in order.route["steps"]
        ),
    )  # fmt: skip


def _next(order: WorkOrder, shut_off: ShutOff | None) -> list[Any]:
    """Legal steps, the main one first; valve steps only where there is such a valve."""
    legal = [str(a) for a in states.legal_actions(order.state, Who.CREW) if a in ACTIONS]
    tasks = set(shut_off.valves.values_list("state", flat=True)) if shut_off else set()
    waiting = set(ValveTask.WAITING)
    if shut_off is not None and shut_off.planned:
        waiting.discard(ValveTask.State.REQUESTED)  # control releases them first
    if not tasks & waiting:
        legal = [a for a in legal if a not in ("close_valve", "cannot_close_valve")]
    if order.state == states.State.ISOLATED and order.kind != WorkOrder.Kind.VALVES:
        legal = [a for a in legal if a != "complete"]
    if ValveTask.State.CLOSED not in tasks:
        legal = [a for a in legal if a != "open_valve"]
    elif "restored" in legal:
        legal.remove("restored")
    done = set(order.reports.filter(refused="").values_list("action", flat=True))
    legal = [a for a in legal if a not in states.MILESTONES or a not in done]
    legal += ["note", "photo"]
    return sorted(legal, key=lambda a: MAIN.index(a) if a in MAIN else len(MAIN))
