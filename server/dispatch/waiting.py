"""Which incidents wait for a crew, and why nobody is on the way to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from server.dispatch import states
from server.dispatch.models import WorkOrder
from server.dispatch.selectors import clocks_of
from server.tickets.models import Incident, Kind

# Work that a crew still has to come for. What is planned has its own day; an enquiry needs nobody.
OPEN = (
    Incident.State.OPEN, Incident.State.DISPATCHED, Incident.State.ON_SITE,
    Incident.State.ISOLATED,
)  # fmt: skip


def open_incidents() -> QuerySet[Incident]:
    """Incidents at which the work is not done, most urgent first."""
    return (
        Incident.objects.filter(state__in=OPEN)
        .exclude(kind=Kind.ENQUIRY)
        .order_by("priority", "opened_at", "pk")
    )


def without_crew() -> QuerySet[Incident]:
    """Open incidents for which no crew has an order in hand."""
    return open_incidents().filter(~Exists(_held().filter(incident=OuterRef("pk"))))


def _held() -> QuerySet[WorkOrder]:
    return WorkOrder.objects.filter(state__in=sorted(states.HOLDING | {states.State.PAUSED}))


def holders(incidents: Iterable[int]) -> dict[int, str]:
    """The name of the crew that has each of these in hand."""
    orders = _held().filter(incident__in=list(incidents), crew__isnull=False)
    return {o.incident_id: o.crew.shown for o in orders.select_related("crew") if o.crew}


def rows(incidents: Iterable[Incident], plan: dict[str, Any]) -> list[dict[str, Any]]:
    """What waits, as the board lists it: proposed work as well, with the crew it is meant for."""
    bare = set(without_crew().values_list("pk", flat=True))
    planned = {(r["incident"], r["kind"]): r for r in plan.get("rows", ())}
    why = {(w["incident"], w["kind"]): w for w in plan.get("waiting", ())}
    clocks = clocks_of([i.pk for i in incidents])
    found = []
    for incident in incidents:
        kinds = {kind for pk, kind in (*planned, *why) if pk == incident.pk}
        if not kinds and incident.pk in bare:
            kinds = {WorkOrder.Kind.REPAIR.value}
        for kind in sorted(kinds):
            row = planned.get((incident.pk, kind))
            reason = why.get((incident.pk, kind), {})
            code = "planned" if row else reason.get("why") or _unplanned(incident)
            found.append(
                {
                    "incident": incident.pk, "number": incident.number, "kind": kind,
                    "incident_kind": incident.kind, "kind_label": str(incident.get_kind_display()),
                    "priority": incident.priority, "address": incident.address,
                    "opened_at": incident.opened_at, "due_at": due(clocks[incident.pk]),
                    "why": code, "why_text": why_text(code, reason),
                    "crew": row and row["crew"], "arrive": row and row["arrive"],
                }
            )  # fmt: skip
    return found


def _unplanned(incident: Incident) -> str:
    return "unlocated" if incident.geom is None else "not_planned"


def due(clocks: list[dict[str, Any]]) -> datetime | None:
    """When a crew has to be there: the arrival promise, else the first that still runs."""
    running = [c for c in clocks if c["state"] == "running"]
    arrival = next((c for c in running if c["kind"] == "arrival"), None)
    first = arrival or next(iter(running), None)
    return first["due_at"] if first else None


def why_text(code: str, reason: dict[str, Any]) -> str:
    """Why it waits, in the reader's language."""
    texts = {
        "planned": _("planned, not sent yet"),
        "not_planned": _("not in the plan yet"),
        "unlocated": _("no place yet"),
        "no_crew": _("no crew is on shift"),
        "no_skill": _("no crew on shift has the skills"),
        "unreachable": _("no street leads there"),
        "all_asked": _("every crew has declined or not answered"),
        "shift_ends": _("no crew gets there before its shift ends"),
        "others_first": _("more urgent or quicker work comes first"),
        "excluded": _("a dispatcher has ruled out every crew"),
        "pinned": _("a dispatcher wants a crew for it that is not in this round"),
        "no_room": _("no room before its promise or the end of a shift"),
        "several_crews": _("it asks for several crews at once"),
        "round_full": _("this round is full: the next one"),
    }
    text = texts.get(code, code)
    return f"{text}: {reason['detail']}" if reason.get("detail") else text
