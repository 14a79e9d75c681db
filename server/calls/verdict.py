"""The verdict before "hello": is this caller standing in trouble we already know of?

Five outcomes, first that fits: inside an open shut-off, inside a planned notice, on a valve
segment others have called from, near a probable burst, nothing known. Computed from the network,
so a neighbour on the other side of a closed valve is not told what concerns this side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from django.db import connection
from django.utils import timezone

from server.bursts import selectors as bursts
from server.network import selectors as network
from server.outages import selectors as outages
from server.tickets import selectors as tickets
from server.tickets.models import Incident

INSIDE, PLANNED, SAME_SEGMENT, PROBABLE_BURST, NOTHING = (
    "inside_shutoff", "planned_notice", "same_segment", "probable_burst", "nothing_known",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """`code` is one of the five; `data` holds the evidence as values, worded when shown."""

    code: str
    premise: str = ""
    pipe: str = ""
    segment: int | None = None
    incident: int | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return asdict(self)


def of_premise(premise_code: str | None) -> Verdict:
    """What is known about the place of a premise; nothing for a caller we cannot place."""
    if not premise_code:
        return Verdict(NOTHING)
    on = network.place_of_premise(premise_code)
    pipe, segment = (on.pipe, on.segment) if on is not None else ("", None)
    here = Verdict(NOTHING, premise_code, pipe or "", segment)
    off = outages.inside(premise_code)
    if off is not None:
        incident = off.shut_off.incident
        crew = _crew_on(incident.pk) if incident else None
        return replace(
            here, code=INSIDE, incident=incident.pk if incident else None,
            data={
                "shut_off": off.shut_off.number, "since": _iso(off.since),
                "back_at": _iso(off.back_at), "customers": off.customers,
                "callers": incident.contacts.count() + 1 if incident else 1, "crew": crew,
                "crew_stage": crew_stage(incident) if incident and crew else "",
                "incident_number": incident.number if incident else None,
            },
        )  # fmt: skip
    planned = outages.planned_notice(premise_code)
    if planned is not None:
        return replace(
            here, code=PLANNED,
            data={
                "shut_off": planned.number, "from": _iso(planned.notice_from),
                "to": _iso(planned.notice_to),
            },
        )  # fmt: skip
    suspected = _suspected(pipe)
    incident = tickets.on_segment(segment)
    if incident is not None:
        crew = _crew_on(incident.pk)
        return replace(
            here, code=SAME_SEGMENT, incident=incident.pk,
            data={
                "incident_number": incident.number, "kind": incident.kind,
                "since": _iso(incident.opened_at), "callers": incident.contacts.count() + 1,
                "crew": crew, "crew_stage": crew_stage(incident) if crew else "",
                "address": incident.address,
                **({"burst": suspected} if suspected else {}),
            },
        )  # fmt: skip
    if suspected:
        return replace(here, code=PROBABLE_BURST, data={"burst": suspected})
    return here


def _suspected(pipe: str) -> dict[str, Any] | None:
    """The probable burst whose calls came from around this main, as values."""
    alert = bursts.near(pipe)
    if alert is None:
        return None
    line = bursts.summary(alert)
    return {k: line[k] for k in ("number", "calls", "minutes", "address")}


def _crew_on(incident_id: int) -> str | None:
    """Name of the crew that is on its way or there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.name FROM dispatch_workorder o JOIN workforce_crew c ON c.id = o.crew_id "
            "WHERE o.incident_id = %s AND o.ended_at IS NULL ORDER BY o.id DESC LIMIT 1",
            [incident_id],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def crew_stage(incident: Incident) -> Literal["", "coming", "there"]:
    """Whether somebody is on the way to an incident or there, as far as its state tells."""
    if incident.state == Incident.State.DISPATCHED:
        return "coming"
    there = (Incident.State.ON_SITE, Incident.State.ISOLATED, Incident.State.REPAIRED)
    return "there" if incident.state in there else ""


def _iso(moment: datetime | None) -> str | None:
    return timezone.localtime(moment).isoformat() if moment else None
