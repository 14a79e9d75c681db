"""Tickets: one whole, and its steps."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.models import AuditRow
from server.accounts.permissions import DESK, OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.messaging.models import SmsMessage
from server.tickets import amending, selectors, services, states
from server.tickets.amending import Amendment
from server.tickets.models import Ticket
from server.tickets.placing import Where
from server.tickets.services import Registration


class TicketsView(APIView):
    """POST: register what came by another way than a telephone (web, letter, visit, message)."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        ticket = services.register(
            Registration(
                kind=str(data.get("kind") or ""), where=where(data.get("place") or {}),
                symptoms=services.answers(data.get("symptoms")),
                note=str(data.get("note") or ""), name=str(data.get("name") or ""),
                phone=str(data.get("phone") or ""), channel=str(data.get("channel") or "visit"),
            ),
            by=person(request).username,
        )  # fmt: skip
        return Response({"ticket": ticket.number, "incident": ticket.incident_id}, status=201)


class TicketView(APIView):
    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return Response(ticket_json(get_object_or_404(Ticket, number=number), person(request).role))


class TicketActionView(APIView):
    permission_classes = [role_in(*OFFICE)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        data = body(request)
        ticket = services.act(
            get_object_or_404(Ticket, number=number), str(data.get("action") or ""),
            role=person(request).role, by=person(request).username,
            reason=str(data.get("reason") or "")[:1000],
            result=str(data.get("result") or "")[:4000], cause=str(data.get("cause") or "")[:60],
        )  # fmt: skip
        return Response(ticket_json(ticket, person(request).role))


class TicketAmendView(APIView):
    """Put right what was written down; `edition` is the one that was looked at."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        data = body(request)
        edition = data.get("edition")
        if not isinstance(edition, int) or isinstance(edition, bool):
            raise Refused("edition", "required", _("Say which edition of the ticket you changed."))

        def words(name: str) -> str | None:
            return None if data.get(name) is None else str(data[name])

        ticket = amending.amend(
            get_object_or_404(Ticket, number=number),
            Amendment(
                edition=edition, kind=words("kind"), note=words("note"), name=words("name"),
                phone=words("phone"),
                where=None if data.get("place") is None else where(data["place"]),
            ),
            by=person(request).username,
        )  # fmt: skip
        return Response(ticket_json(ticket, person(request).role))


def where(place: object) -> Where:
    """{lon, lat, address, premise, asset}, each may be missing. Refused when unreadable."""
    if not isinstance(place, dict):
        raise Refused("place", "shape", _("A place needs a longitude and a latitude."))
    return Where(
        lon=place.get("lon"), lat=place.get("lat"), address=str(place.get("address") or ""),
        premise=str(place.get("premise") or ""), asset=str(place.get("asset") or "")[:60],
    )


def ticket_json(ticket: Ticket, role: str) -> dict[str, object]:
    contact = ticket.contact
    call_id = contact.call_id if contact else ""
    incident = ticket.incident
    return {
        "number": ticket.number,
        "state": ticket.state,
        "kind": ticket.kind,
        "kind_label": str(ticket.get_kind_display()),
        "priority": ticket.priority,
        "customer": ticket.customer_name,
        "phone_masked": selectors.masked(ticket.customer_phone),
        "address": ticket.address,
        "place": {"lon": ticket.geom.x, "lat": ticket.geom.y} if ticket.geom else None,
        "note": ticket.note,
        "symptoms": ticket.symptoms,
        "result": ticket.result,
        "cause": ticket.cause,
        "reopened": ticket.reopened,
        "opened_at": ticket.opened_at,
        "opened_by": ticket.opened_by,
        "resolved_at": ticket.resolved_at,
        "closed_at": ticket.closed_at,
        "call": call_id or None,
        "incident": {"id": incident.pk, "number": incident.number, "state": incident.state,
                     "pipe": incident.pipe}
        if incident
        else None,
        "timeline": selectors.timeline(ticket.history.all()),
        "audit": [
            {"at": a.at, "by": a.by, "role": a.role, "action": a.action, "from": a.from_state,
             "to": a.to_state, "note": a.note}
            for a in AuditRow.objects.filter(subject=f"ticket:{ticket.number}")[:200]
        ],
        "messages": [
            {"at": m.created_at, "to_masked": selectors.masked(m.to), "body": m.body,
             "state": m.state, "audience": m.audience}
            for m in SmsMessage.objects.filter(ticket=ticket.number).order_by("pk")[:50]
        ],
        "allowed": states.legal_actions(ticket.state, role),
        "edition": ticket.edition,
        "amendable": role in DESK and ticket.state in states.AMENDABLE,
    }  # fmt: skip
