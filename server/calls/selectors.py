"""What screens read of calls: those going on, and the card that pops up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from routing.model import Origin
from server.accounts.refusals import Refused
from server.calls.models import Call, Rating
from server.calls.wording import evidence, sentence
from server.customers import selectors as customers
from server.customers.models import Account
from server.network import selectors as network
from server.streets import index as streets
from server.tickets import selectors as tickets
from server.tickets.models import Incident, Ticket
from server.workforce import selectors as workforce


def live_calls() -> list[dict[str, Any]]:
    """Calls going on and those that ended in the last minutes, oldest waiting first."""
    now = timezone.now()
    rows = (
        Call.objects.exclude(state=Call.State.ENDED, ended_at__lt=now - timedelta(minutes=5))
        .filter(started_at__gt=now - timedelta(hours=6))
        .select_related("agent", "account", "premise")
        .order_by("started_at")
    )
    return [
        {
            "id": c.call_id,
            "state": c.state,
            "outcome": c.outcome,
            "from_masked": tickets.masked(c.phone),
            "name": c.account.name if c.account else c.name,
            "started_at": c.started_at,
            "queued_at": c.queued_at,
            "waiting_s": (now - c.queued_at).total_seconds()
            if c.queued_at and c.state == Call.State.QUEUED
            else None,
            "agent": c.agent.username if c.agent else None,
            "agent_name": c.agent.name if c.agent else "",
            **_where(c),
            "registered": c.contact_id is not None,
            "verdict": _verdict(c),
        }
        for c in rows[:300]
    ]


def _where(call: Call) -> dict[str, float | None]:
    """From where they call: what their telephone showed, else the account's premise."""
    if call.location.get("lon") is not None:
        return {"lon": call.location["lon"], "lat": call.location["lat"]}
    if call.premise is not None:
        return {"lon": call.premise.geom.x, "lat": call.premise.geom.y}
    return {"lon": None, "lat": None}


def _verdict(call: Call) -> dict[str, Any]:
    return {
        "code": call.verdict,
        "text": sentence(call.verdict, call.verdict_data),
        "evidence": evidence(call.verdict, call.verdict_data),
    }


def card(call: Call) -> dict[str, Any]:
    """Everything the agent sees while the telephone rings."""
    premise = call.premise
    on = network.place_of_premise(premise.code) if premise else None
    ticket = Ticket.objects.filter(contact=call.contact).first() if call.contact_id else None
    incident_id = ticket.incident_id if ticket else call.verdict_data.get("incident")
    incident = Incident.objects.filter(pk=incident_id).first() if incident_id else None
    sound = getattr(call, "recording", None)
    return {
        "id": call.call_id,
        "state": call.state,
        "from": call.phone or call.raw_number,
        "name": call.account.name if call.account else call.name,
        "identity": call.identity,
        "verified": call.verified,
        "menu": {**call.menu, "path": call.path},
        "matches": matches(call),
        "verdict": _verdict(call),
        "customer": customer(call.account) if call.account else None,
        "place": {
            "lon": premise.geom.x, "lat": premise.geom.y, "address": premise.address,
            "premise": premise.code, "service": on.service if on else None,
            "pipe": on.pipe if on else None, "segment": on.segment if on else None,
        } if premise else None,
        "incident": {
            **tickets.incident_properties(incident),
            "lon": incident.geom.x if incident.geom else None,
            "lat": incident.geom.y if incident.geom else None,
        } if incident else None,
        "nearest_crew": nearest_crew(premise.geom.x, premise.geom.y) if premise else None,
        "draft": call.draft,
        "location": call.location,
        "ticket": ticket.number if ticket else None,
        "recording": {
            "url": f"/api/calls/{call.call_id}/recording", "seconds": sound.seconds,
            "sha256": sound.sha256, "kind": sound.kind,
        } if sound else None,
        "agent": call.agent.username if call.agent else None,
        "times": {
            "started_at": call.started_at, "queued_at": call.queued_at,
            "answered_at": call.answered_at, "ended_at": call.ended_at,
        },
        "recovered": call.recovered, "cut": call.cut, "rating": rating_of(call),
    }  # fmt: skip


def rating_of(call: Call) -> dict[str, Any] | None:
    """{asked_at, score} of a call whose caller was asked how it went; the score is None without
    an answer."""
    row: Rating | None = getattr(call, "rating", None)
    return {"asked_at": row.asked_at, "score": row.score} if row is not None else None


def matches(call: Call) -> list[dict[str, Any]]:
    """The accounts behind the number; several are offered, never assumed."""
    if call.identity in ("none", "hidden"):
        return []
    found = customers.match_caller(call.raw_number)
    return [
        {"account": a.number, "name": a.name, "address": a.premise.address,
         "premise": a.premise.code, "lon": a.premise.geom.x, "lat": a.premise.geom.y}
        for a in found.accounts[:20]
    ]  # fmt: skip


def customer(account: Account) -> dict[str, Any]:
    return {
        **customers.customer_card(account),
        "open_tickets": tickets.open_tickets_of(account.pk),
        "last_contacts": tickets.last_contacts(account.pk),
    }


def nearest_crew(lon: float, lat: float) -> dict[str, Any] | None:
    """The free crew on shift that would be there first; None when there is none, or no streets."""
    crews = [c for c in workforce.crews() if c.on_shift and c.state == c.State.AVAILABLE]
    if not crews:
        return None
    origins = [Origin(str(c.pk), *workforce.position_of(c)[:2]) for c in crews]
    try:
        best = streets.reach((lon, lat), origins)[0]
    except Refused:
        return None
    if best.seconds is None:
        return None
    name = next(c.shown for c in crews if str(c.pk) == best.id)
    return {"name": name, "seconds": best.seconds}
