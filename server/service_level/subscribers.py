"""Clocks follow what happens."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from server.events.reading import Row
from server.events.subscribing import hears
from server.service_level import policy, services
from server.service_level.models import Clock
from server.tickets.models import Incident

# An order reaching one of these states keeps one of the promises.
STOPS = {
    "accepted": "dispatch",
    "on_site": "arrival",
    "isolated": "stop_water",
    "repaired": "repair",
}


@hears("incident", "order", "call")
def keep_clocks(row: Row) -> None:
    """Start, tighten and stop clocks."""
    match row.name:
        case "incident.opened":
            _start(Incident.objects.get(pk=row.payload["incident"]))
        case "incident.changed":
            incident = Incident.objects.get(pk=row.payload["incident"])
            if row.payload.get("change") == "moved":
                _of_another_kind(incident, row)
            elif row.payload.get("change") == "merged":
                _void(Clock.objects.filter(incident=incident), row)
            _tighten(incident)
            # As it was then: a later step may be in the tables already while this one is read.
            if row.payload["state"] in ("repaired", "restored", "closed"):
                _stop_rest(incident, row)
        case "order.changed":
            kind = STOPS.get(row.payload["state"])
            if kind is not None:
                services.stop(kind, f"incident:{row.payload['incident']}", at=_happened(row))
        case "call.queued":
            services.start(
                "answer", f"call:{row.payload['call']}", priority="P2",
                allowed_s=policy.ALLOWED_S["answer"]["P2"], at=row.at,
            )  # fmt: skip
        case "call.answered":
            services.stop("answer", f"call:{row.payload['call']}", at=row.at)
        case "call.ended":
            # Nobody answered: a promise that was given up is neither kept nor broken in time.
            services.stop("answer", f"call:{row.payload['call']}", at=row.at, void=True)


def _happened(row: Row) -> datetime:
    """When it was done in the field: a report from a dead spot arrives late, the crew did not."""
    told: str | None = row.payload.get("happened_at")
    return min(datetime.fromisoformat(told), row.at) if told else row.at


def _start(incident: Incident) -> None:
    for kind, allowed_s in policy.clocks_for(incident.kind, incident.priority).items():
        services.start(
            kind, f"incident:{incident.pk}", priority=incident.priority, allowed_s=allowed_s,
            at=incident.opened_at, incident=incident,
        )  # fmt: skip


def _of_another_kind(incident: Incident, row: Row) -> None:
    """What it is was put right: promises of its kind begin as it did, others mean nothing now."""
    _start(incident)
    wanted = policy.clocks_for(incident.kind, incident.priority)
    _void(Clock.objects.filter(incident=incident).exclude(kind__in=wanted), row)


def _void(clocks: QuerySet[Clock], row: Row) -> None:
    for clock in clocks:
        services.stop(clock.kind, clock.subject, at=row.at, void=True)


def _tighten(incident: Incident) -> None:
    wanted = policy.clocks_for(incident.kind, incident.priority)
    for clock in Clock.objects.filter(incident=incident, state__in=["running", "paused"]):
        if clock.kind in wanted:
            services.tighten(clock, incident.priority, wanted[clock.kind])


def _stop_rest(incident: Incident, row: Row) -> None:
    """A repair that needed no shut-off still ended every promise before it."""
    subject = f"incident:{incident.pk}"
    # The water was never stopped: that promise is void, not kept.
    services.stop("stop_water", subject, at=row.at, void=True)
    for kind in ("dispatch", "arrival", "repair"):
        services.stop(kind, subject, at=row.at)
