"""Doors to defects, digs, permits and claims, and to what lies around a point."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.permissions import OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.processes import defects, digs, nearby, rules
from server.processes.models import DamageClaim, Defect, Dig, DigPermit
from server.tickets.models import Incident

KEEPERS = ("engineer", "dispatcher", "supervisor")
_SHOWN = 500


def defect_json(defect: Defect, role: str) -> dict[str, Any]:
    return {
        "number": defect.number, "asset": defect.asset, "asset_kind": defect.asset_kind,
        "kind": defect.kind, "kind_label": str(defect.get_kind_display()),
        "severity": defect.severity, "severity_label": str(defect.get_severity_display()),
        "state": defect.state, "state_label": str(defect.get_state_display()),
        "note": defect.note, "found_at": defect.found_at, "found_by": defect.found_by,
        "due_on": defect.due_on, "deferred_to": defect.deferred_to,
        "deferral_reason": defect.deferral_reason,
        "deferral_asked_by": defect.deferral_asked_by,
        "deferral_approved_by": defect.deferral_approved_by,
        "merged_into": defect.merged_into.number if defect.merged_into else None,
        "incident": defect.incident.number if defect.incident else None,
        "lon": defect.geom.x, "lat": defect.geom.y,
        "allowed": rules.steps_from(defect.state, role),
    }  # fmt: skip


class DefectsView(APIView):
    """Defects by the day they are due; `?state=all` with those that are settled, `?asset=`."""

    def get_permissions(self) -> list[Any]:
        allowed = OFFICE if self.request.method == "GET" else KEEPERS
        return [role_in(*allowed)()]

    @extend_schema(
        parameters=[OpenApiParameter("state", str), OpenApiParameter("asset", str)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        rows = Defect.objects.select_related("merged_into", "incident")
        if request.query_params.get("state") != "all":
            rows = rows.exclude(state__in=rules.SETTLED)
        if asset := str(request.query_params.get("asset", ""))[:60]:
            rows = rows.filter(asset=asset.replace("\x00", ""))
        role = person(request).role
        return Response({"results": [defect_json(d, role) for d in rows[:_SHOWN]]})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        defect = defects.report(
            str(data.get("asset") or "")[:60], str(data.get("kind") or ""),
            str(data.get("severity") or ""), by=person(request).username,
            note=str(data.get("note") or ""), found_at=read_moment(data, "found_at"),
            anyway=data.get("anyway") is True,
        )  # fmt: skip
        return Response(defect_json(defect, person(request).role), status=201)


class DefectStepView(APIView):
    permission_classes = [role_in(*KEEPERS)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        data = body(request)
        defect = defects.step(
            get_object_or_404(Defect, number=number), str(data.get("step") or ""),
            role=person(request).role, by=person(request).username,
            reason=str(data.get("reason") or "")[:1000], until=read_day(data, "until"),
            into=str(data.get("into") or "")[:20],
        )  # fmt: skip
        return Response(defect_json(defect, person(request).role))


class DigsView(APIView):
    """GET: reported digs, newest first. POST: what lies near a place; nothing is written."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = Dig.objects.select_related("incident", "permit")[:_SHOWN]
        return Response({"results": [digs.dig_json(d) for d in rows]})

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        shape, repaired = digs.read_area(body(request).get("geometry"))
        return Response({**digs.look(shape), "repaired": repaired})


class IncidentDigView(APIView):
    """The dig of an incident, and the area somebody drew for it."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        dig = get_object_or_404(Dig.objects.select_related("incident", "permit"), incident=pk)
        rows = DamageClaim.objects.filter(incident=pk).select_related("incident")
        return Response({**digs.dig_json(dig), "claims": [digs.claim_json(c) for c in rows]})

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        if person(request).role not in KEEPERS:
            self.permission_denied(request)
        shape, repaired = digs.read_area(body(request).get("geometry"))
        dig = digs.check(
            get_object_or_404(Incident, pk=pk), by=person(request).username, shape=shape
        )
        assert dig is not None
        return Response({**digs.dig_json(dig), "repaired": repaired})


class PermitsView(APIView):
    def get_permissions(self) -> list[Any]:
        allowed = OFFICE if self.request.method == "GET" else ("engineer", "supervisor")
        return [role_in(*allowed)()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = DigPermit.objects.all()[:_SHOWN]
        return Response({"results": [digs.permit_json(p) for p in rows]})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        begins, ends = read_moment(data, "valid_from"), read_moment(data, "valid_to")
        for field, value in (("valid_from", begins), ("valid_to", ends)):
            if value is None:
                raise Refused(field, "required", _("Say from when to when."))
        assert begins is not None and ends is not None
        permit = digs.grant(
            str(data.get("number") or ""), str(data.get("holder") or ""), data.get("geometry"),
            begins, ends, by=person(request).username, purpose=str(data.get("purpose") or ""),
            conditions=str(data.get("conditions") or ""),
        )  # fmt: skip
        return Response(digs.permit_json(permit), status=201)


class PermitRevokeView(APIView):
    permission_classes = [role_in("engineer", "supervisor")]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        body(request)  # refuses what is no body, before anything is looked up
        permit = get_object_or_404(DigPermit, number=number)
        return Response(digs.permit_json(digs.revoke(permit, by=person(request).username)))


class ClaimsView(APIView):
    def get_permissions(self) -> list[Any]:
        allowed = OFFICE if self.request.method == "GET" else KEEPERS
        return [role_in(*allowed)()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = DamageClaim.objects.select_related("incident")[:_SHOWN]
        return Response({"results": [digs.claim_json(c) for c in rows]})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        incident = Incident.objects.filter(number=str(data.get("incident") or "")).first()
        if incident is None:
            raise Refused("incident", "unknown", _("There is no such incident."))
        made = digs.claim(
            incident, liable=str(data.get("liable") or ""), items=data.get("items"),
            by=person(request).username, water_m3=data.get("water_m3"),
            note=str(data.get("note") or ""),
        )  # fmt: skip
        return Response(digs.claim_json(made), status=201)


class ClaimStepView(APIView):
    permission_classes = [role_in("engineer", "supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        made = get_object_or_404(DamageClaim.objects.select_related("incident"), number=number)
        step = str(body(request).get("step") or "")
        return Response(digs.claim_json(digs.move_claim(made, step, by=person(request).username)))


class NearbyView(APIView):
    """Assets, tickets, shut-offs, streets, houses and pictures around a point (200 m)."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[
            OpenApiParameter("lon", float, required=True),
            OpenApiParameter("lat", float, required=True),
            OpenApiParameter("radius", float),
            OpenApiParameter("incident", int, description="list its unplaced pictures as well"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        return Response(nearby.around(
            asked.get("lon"), asked.get("lat"), reach_m=asked.get("radius", 200.0),
            incident=asked.get("incident"),
        ))  # fmt: skip


def read_moment(data: dict[str, Any], field: str) -> datetime | None:
    """An ISO 8601 moment with its zone; None where it is missing. Refused naming the field."""
    value = data.get(field)
    if value in (None, ""):
        return None
    try:
        found = parse_datetime(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        text = _("Give date and time with the zone, as 2026-03-01T08:00+08:00.")
        raise Refused(field, "not_a_moment", text)
    return found


def read_day(data: dict[str, Any], field: str) -> date | None:
    """A day as 2026-03-01; None where it is missing. Refused naming the field."""
    value = data.get(field)
    if value in (None, ""):
        return None
    try:
        found = parse_date(str(value))
    except ValueError:
        found = None
    if found is None:
        raise Refused(field, "not_a_day", _("Give a day as 2026-03-01."))
    return found
