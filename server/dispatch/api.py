"""Dispatch's doors: incidents with everything about them, ranking, assignment, order steps."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.permissions import CONTROL, OFFICE, role_in
from server.accounts.refusals import NotAllowed, Refused
from server.accounts.requests import body, person
from server.dispatch import (
    candidates,
    districts,
    phones,
    photos,
    seen,
    selectors,
    services,
)
from server.dispatch.models import Photo, WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.streets import index as streets
from server.tickets import services as tickets
from server.tickets.models import Incident
from server.workforce import selectors as workforce
from server.workforce.models import Crew


def crew_of(value: Any) -> Crew:
    try:
        return Crew.objects.get(pk=int(value))
    except (TypeError, ValueError, OverflowError, Crew.DoesNotExist):
        raise Refused("crew", "unknown", _("There is no such crew.")) from None


class IncidentsView(APIView):
    """Open incidents as GeoJSON; those without a place have a null geometry."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(operation_id="incidents_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.incident_features())


class IncidentView(APIView):
    """One incident: place, callers, tickets, plan, orders, clocks, what happened."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        return Response(selectors.incident_detail(get_object_or_404(Incident, pk=pk)))


class RankingView(APIView):
    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        ranked, ms = candidates.rank_crews(get_object_or_404(Incident, pk=pk))
        can = [r for r in ranked if not r.excluded]
        return Response(
            {
                "ranked": [candidates.shown(r) for r in can],
                "seen": seen.slip(pk, can[0].candidate.id) if can else "",
                "excluded": [candidates.shown(r) for r in ranked if r.excluded],
                "why": candidates.why_nobody(ranked),
                "computed_ms": round(ms, 2),
            }
        )


class RouteView(APIView):
    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[OpenApiParameter("crew", int, required=True)], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, pk: int) -> Response:
        incident = get_object_or_404(Incident, pk=pk)
        if incident.geom is None:
            raise Refused("place", "unlocated", _("This incident has no place yet."))
        crew = crew_of(request.query_params.get("crew"))
        # From where the ranking reckons it: a crew at home comes from its base.
        begin = next((c for c in candidates.candidates() if c.id == crew.pk), None)
        if begin is None:
            raise Refused("crew", "unknown", _("There is no such crew."))
        found = streets.route((begin.lon, begin.lat), (incident.geom.x, incident.geom.y))
        return Response(streets.route_json(found))


class AssignView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        crew = crew_of(body(request).get("crew"))
        order = services.assign(
            get_object_or_404(Incident, pk=pk), crew,
            by=person(request).username, kind=str(body(request).get("kind") or "repair"),
            reason=str(body(request).get("reason") or ""),
            seen_first=seen.was_first(str(body(request).get("seen") or ""), pk, crew.pk),
        )  # fmt: skip
        return Response(selectors.order_json(order), status=201)


class CloseIncidentView(APIView):
    """End an incident nobody waits for any more; with a reason, and with no ticket open."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        incident = tickets.close_incident(
            get_object_or_404(Incident, pk=pk), by=person(request).username,
            reason=str(body(request).get("reason") or "")[:1000],
        )  # fmt: skip
        return Response({"number": incident.number, "state": incident.state})


class PhotoFileView(APIView):
    """A crew's picture, as an attachment: what others sent is never shown inline."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        path = photos.path_of(get_object_or_404(Photo, pk=pk))
        return FileResponse(
            path.open("rb"), content_type="image/jpeg", as_attachment=True,
            filename=f"photo-{pk}.jpg",
        )  # fmt: skip


class OrderActionView(APIView):
    """A step taken on a screen. Field steps are the crew's; a supervisor needs a reason."""

    permission_classes = [role_in("crew", *CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        order = get_object_or_404(WorkOrder, number=number)
        data = body(request)
        step = Step(
            action=str(data.get("action") or ""), at=timezone.now(),
            note=str(data.get("note") or "")[:4000], valve=str(data.get("valve") or ""),
            reason=str(data.get("reason") or "")[:200], seen=str(data.get("seen") or "")[:16],
        )  # fmt: skip
        role = person(request).role
        who = Who.CREW if role == "crew" else Who(role)
        crew = Crew.objects.filter(user=person(request)).first()
        order = services.act(order, step, who=who, by=person(request).username, crew=crew)
        return Response(selectors.order_json(order))


class CrewsView(APIView):
    """Where the crews on shift are, as GeoJSON."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        found = workforce.crew_features()
        held = candidates.held_orders([f["id"] for f in found["features"]])
        for feature in found["features"]:
            feature["properties"]["order"] = held.get(feature["id"])
        return Response(found)


class PhotoView(APIView):
    """A crew's picture: multipart `file` and `report`; the answer carries the receipt."""

    permission_classes = [role_in("crew")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        upload = request.FILES.get("file")
        if upload is None:
            raise Refused("file", "required", _("There is no picture in this request."))
        crew = Crew.objects.filter(user=person(request)).first()
        if crew is None:
            raise NotAllowed("", "no_crew", _("You belong to no crew."))
        raw = str(body(request).get("report") or "")
        try:
            report_id = uuid.UUID(raw) if raw else None
        except ValueError:
            raise Refused("report", "not_an_id", _("The report's id is not readable.")) from None
        photo = photos.store(upload, crew=crew, report_id=report_id)
        return Response({"id": photo.pk, "sha256": photo.sha256, "stored": True}, status=201)


class CrewSignInView(APIView):
    """A crew phone signs in: user and password for a token, and how to reach the broker."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        return Response(
            phones.sign_in(
                str(body(request).get("user") or ""), str(body(request).get("password") or ""),
                str(body(request).get("language") or ""),
                host=request.get_host().rsplit(":", 1)[0],
                address=str(request.META.get("REMOTE_ADDR", "")),
            )
        )  # fmt: skip


class DistrictView(APIView):
    """The offline extract of the crew's district as one SQLite file."""

    permission_classes = [role_in("crew")]

    @extend_schema(responses={(200, "application/vnd.sqlite3"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> HttpResponseBase:
        path = districts.extract()
        response = FileResponse(path.open("rb"), content_type="application/vnd.sqlite3")
        response["Content-Disposition"] = 'attachment; filename="district.sqlite"'
        return response
