"""The doors of the streets: who is nearest, which way, how far in some minutes, what is closed."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.permissions import CONTROL, OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.streets import nearest, reading, selectors, services
from server.streets.models import StreetChange


def _json(answer: dict[str, Any]) -> HttpResponse:
    """Written by orjson: a route or an isochrone has thousands of numbers."""
    return HttpResponse(orjson.dumps(answer), content_type="application/json")


class NearestView(APIView):
    """The crews on shift by street time to any place; with `geometry=1` the first one's route."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[
            OpenApiParameter("at", str, required=True, description="lon,lat"),
            OpenApiParameter("k", int, description="how many, 10 when not given"),
            OpenApiParameter("free", bool, description="1: available crews only"),
            OpenApiParameter("geometry", bool, description="1: with the first one's route"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> HttpResponse:
        asked = request.query_params
        return _json(
            nearest.nearest(
                reading.position(asked.get("at", ""), "at"),
                k=reading.whole(asked.get("k"), "k", 1, 5000, 10), free=_flag(asked, "free"),
                geometry=_flag(asked, "geometry"),
            )
        )  # fmt: skip


class RouteView(APIView):
    """The way between two places: seconds, metres, geometry, turn list, other ways."""

    permission_classes = [role_in(*OFFICE, "crew")]

    @extend_schema(
        parameters=[
            OpenApiParameter("from", str, required=True, description="lon,lat"),
            OpenApiParameter("to", str, required=True, description="lon,lat"),
            OpenApiParameter("alternatives", int, description="how many ways, 1 to 5"),
        ],
        responses=OpenApiTypes.OBJECT,
        operation_id="streets_route",
    )
    def get(self, request: Request) -> HttpResponse:
        asked = request.query_params
        return _json(
            nearest.route(
                reading.position(asked.get("from", ""), "from"),
                reading.position(asked.get("to", ""), "to"),
                alternatives=reading.whole(asked.get("alternatives"), "alternatives", 1, 5, 1),
            )
        )


class IsochroneView(APIView):
    """What is within so many minutes of all free crews, of one crew, or of a place."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[
            OpenApiParameter("minutes", str, description="up to six: 5,10,15"),
            OpenApiParameter("crew", str, description="id or code; without it all free crews"),
            OpenApiParameter("at", str, description="lon,lat instead of crews"),
            OpenApiParameter("streets", bool, description="1: the streets too, not the area alone"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> HttpResponse:
        asked = request.query_params
        at = asked.get("at", "")
        return _json(
            nearest.isochrone(
                reading.minutes(asked.get("minutes", "")),
                at=reading.position(at, "at") if at else None,
                crew=nearest.crew_named(asked.get("crew", "")),
                with_streets=_flag(asked, "streets"),
            )
        )


class AtView(APIView):
    """The street a place lies on, with side and directions."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[
            OpenApiParameter("lon", float, required=True),
            OpenApiParameter("lat", float, required=True),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> HttpResponse:
        asked = request.query_params
        at = f"{asked.get('lon', '')},{asked.get('lat', '')}"
        return _json(selectors.street_at(*reading.position(at, "at")))


class ChangesView(APIView):
    """Closures and slow streets: the list, and a new one."""

    def get_permissions(self) -> list[Any]:
        roles = CONTROL if self.request.method == "POST" else OFFICE
        return [role_in(*roles)()]

    @extend_schema(
        parameters=[OpenApiParameter("at", str, description="ISO time: those in force then")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> HttpResponse:
        return _json(selectors.listed(reading.moment(request.query_params.get("at"), "at")))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        made = _make(body(request), by=person(request).username)
        return Response(selectors.shown(made), status=201)


def _make(data: dict[str, Any], *, by: str) -> StreetChange:
    area = reading.area(data)
    common: dict[str, Any] = {
        "reason": str(data.get("reason") or ""),
        "note": str(data.get("note") or ""),
        "starts_at": reading.moment(data.get("starts_at"), "starts_at"),
        "ends_at": reading.moment(data.get("ends_at"), "ends_at"),
        "by": by,
    }
    kind = str(data.get("kind") or StreetChange.Kind.CLOSED)
    if kind not in StreetChange.Kind.values:
        raise Refused("kind", "unknown", _("A street is closed or slow."))
    if kind == StreetChange.Kind.SLOWED:
        if area is None:
            raise Refused("area", "required", _("Say which area."))
        return services.slow_area(
            area, kph=reading.number(data.get("kph"), "kph"),
            factor=reading.number(data.get("factor"), "factor"), **common,
        )  # fmt: skip
    if area is not None:
        return services.close_area(area, **common)
    at = data.get("at")
    return services.close_street(
        reading.edges(data.get("edges")), at=None if at is None else reading.pair(at, "at"),
        both_ways=data.get("both_ways") is not False, **common,
    )  # fmt: skip


class ChangeStepView(APIView):
    """Lift, extend or accept a change of the streets."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int, step: str) -> Response:
        change = get_object_or_404(StreetChange, pk=pk)
        data, by = body(request), person(request).username
        if step == "lift":
            done = services.lift(change, by=by, reason=str(data.get("reason") or ""))
        else:
            ends_at = reading.moment(data.get("ends_at"), "ends_at")
            verb = services.extend if step == "extend" else services.accept
            done = verb(change, ends_at=ends_at, by=by)
        return Response(selectors.shown(done))


def _flag(asked: Any, name: str) -> bool:
    return asked.get(name, "") in ("1", "true", "yes")
