"""What screens read of work: incidents with their orders, one incident whole, a track."""

from __future__ import annotations

from typing import Any

from django.db import connection

from server.dispatch import rerouting, states
from server.dispatch.models import WorkOrder
from server.outages import selectors as outages
from server.outages.models import ShutOff
from server.tickets import selectors as tickets
from server.tickets.models import Incident


def clocks_of(incident_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    """Running and settled clocks by incident (the clocks live in an app above this one)."""
    found: dict[int, list[dict[str, Any]]] = {pk: [] for pk in incident_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT incident_id, kind, due_at, state, paused_at IS NOT NULL AND state = 'paused' "
            "FROM service_level_clock WHERE incident_id = ANY(%s) ORDER BY due_at",
            [incident_ids],
        )
        for incident, kind, due_at, state, paused in cursor.fetchall():
            found[incident].append(
                {"kind": kind, "due_at": due_at, "state": state, "paused": paused}
            )
    return found


def _properties(
    incident: Incident, orders: list[WorkOrder], clocks: list[dict[str, Any]]
) -> dict[str, Any]:
    held = next((o for o in orders if o.state in states.HOLDING), None)
    if held is None and incident.state in ("repaired", "restored"):
        # Nobody is missing there: the crew that did the work stays in the list.
        held = next((o for o in orders if o.state in ("completed", "verified", "closed")), None)
    due = next((c for c in clocks if c["state"] == "running"), None)
    return {
        **tickets.incident_properties(incident),
        "due_at": due and due["due_at"],
        "due_what": due and due["kind"],
        "crew": held and {"id": held.crew_id, "name": held.crew.shown if held.crew else ""},
        "order": held and held.number,
        "order_state": held and held.state,
        "eta_at": held.eta_at if held and held.state in ("dispatched", "accepted", "en_route")
        else None,
    }  # fmt: skip


def incident_features() -> dict[str, Any]:
    """Open incidents, most urgent first, as GeoJSON."""
    rows = list(tickets.open_incidents().prefetch_related("work_orders__crew")[:2000])
    clocks = clocks_of([i.pk for i in rows])
    features = [
        {
            "type": "Feature",
            "id": i.pk,
            "geometry": _point(i),
            "properties": _properties(i, list(i.work_orders.all()), clocks[i.pk]),
        }
        for i in rows
    ]
    return {"type": "FeatureCollection", "features": features}


def _point(incident: Incident) -> dict[str, Any] | None:
    if incident.geom is None:
        return None
    return {"type": "Point", "coordinates": [incident.geom.x, incident.geom.y]}


def incident_detail(incident: Incident) -> dict[str, Any]:
    orders = list(incident.work_orders.select_related("crew", "follows").prefetch_related("photos"))
    clocks = clocks_of([incident.pk])[incident.pk]
    shut_off = ShutOff.objects.filter(incident=incident).exclude(state="cancelled").first()
    return {
        **_properties(incident, orders, clocks),
        "geometry": _point(incident),
        "contacts": tickets.contacts_of(incident),
        "tickets_list": tickets.tickets_of(incident),
        "plan": outages.plan_of(shut_off) if shut_off else None,
        "work_orders": [order_json(o) for o in orders],
        "timeline": tickets.timeline(incident.history.all())
        + _field_steps(incident)
        + _offers(orders),
        "clocks": clocks,
        "closable": incident.state != Incident.State.CLOSED
        and not tickets.unsettled(incident).exists()
        and not any(o.state in states.HOLDING for o in orders),
    }


def _field_steps(incident: Incident) -> list[dict[str, Any]]:
    return [
        {
            "at": r.at,
            "what": r.action,
            "who": r.by,
            "text": " ".join(t for t in (r.valve, r.reason, r.note, r.refused_text) if t),
            "from": r.from_state,
            "to": r.to_state,
            "refused": r.refused,
        }
        for order in incident.work_orders.prefetch_related("reports")
        for r in order.reports.all()
    ]


def _offers(orders: list[WorkOrder]) -> list[dict[str, Any]]:
    """To whom an order was sent or passed on, and why it was taken back: no phone tells of that."""
    found = []
    for o in orders:
        name = f"{o.number} {o.crew.shown if o.crew else ''}".strip()
        row = {"who": "", "from": "", "to": o.state, "refused": ""}
        if o.dispatched_at is not None:
            what, why = ("passed_on", o.override_reason) if o.follows_id else ("sent", "")
            text = f"{name} ({why})" if why else name
            found.append({**row, "at": o.dispatched_at, "what": what, "text": text})
        if o.state == states.State.RECALLED and o.ended_at is not None:
            silent = o.end_reason == "no_answer"
            found.append(
                {
                    **row, "at": o.ended_at, "what": "no_answer" if silent else "recall",
                    "text": name if silent or not o.end_reason else f"{name}: {o.end_reason}",
                }
            )  # fmt: skip
    return found


def order_json(order: WorkOrder) -> dict[str, Any]:
    return {
        "number": order.number,
        "incident": order.incident_id,
        "kind": order.kind,
        "state": order.state,
        "crew": {"id": order.crew_id, "name": order.crew.shown} if order.crew else None,
        "eta_at": order.eta_at,
        "route": order.route["geometry"] if order.route else None,
        "seconds": order.route["seconds"] if order.route else None,
        "metres": order.route["metres"] if order.route else None,
        "way_problem": rerouting.problem_of(order),
        "reasons": order.reasons,
        "override_reason": order.override_reason,
        "target": order.target_asset,
        "answer_by": order.answer_by,
        "end_reason": order.end_reason,
        "follows": order.follows.number if order.follows else None,
        "version": order.version,
        "dispatched_at": order.dispatched_at,
        "on_site_at": order.on_site_at,
        "photos": [p.pk for p in order.photos.all()],
        "allowed": [str(a) for a in states.legal_actions(order.state, states.Who.CREW)],
        # What a dispatcher may do with it.
        "movable": order.state in ("dispatched", "accepted", "en_route"),
        "recallable": states.next_state(order.state, states.Action.RECALL) is not None,
    }
