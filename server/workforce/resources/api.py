"""Doors to what crews work with: people and certificates, vehicles, stock."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.permissions import CONTROL, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.workforce import boards, reading, staffing, stocking
from server.workforce.models import (
    Certificate,
    Crew,
    Depot,
    Member,
    Stock,
    Vehicle,
)


class PeopleView(APIView):
    """Members and certificates, with what runs out; and a person more."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(boards.people())

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        member = staffing.add_member(
            reading.crew(data), reading.text(data, "name"), mobile=reading.text(data, "mobile"),
            lead=bool(data.get("lead")), by=person(request).username,
        )  # fmt: skip
        return Response({"id": member.pk, "name": member.name}, status=201)


class MemberView(APIView):
    """Another crew, name, number; `active` false: has left."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, pk: int) -> Response:
        data = body(request)
        member = staffing.change_member(
            get_object_or_404(Member, pk=pk), crew=reading.crew(data),
            name=reading.text(data, "name"), mobile=reading.text(data, "mobile"),
            lead=bool(data.get("lead")), active=bool(data.get("active", True)),
            by=person(request).username,
        )  # fmt: skip
        return Response({"id": member.pk, "name": member.name})


class CertificatesView(APIView):
    """What a member may do, and until when."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        data = body(request)
        row = staffing.certify(
            get_object_or_404(Member, pk=pk), reading.text(data, "skill"),
            expires_on=reading.day(data.get("expires_on"), "expires_on"),
            number=reading.text(data, "number"), by=person(request).username,
        )  # fmt: skip
        return Response({"id": row.pk, "skill": row.skill, "expires_on": row.expires_on}, 201)


class CertificateWithdrawView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        row = get_object_or_404(Certificate.objects.select_related("member"), pk=pk)
        staffing.withdraw(row, by=person(request).username)
        return Response({"done": "withdraw"})


def _save(vehicle: Vehicle, data: dict[str, Any], *, by: str) -> Vehicle:
    return staffing.save_vehicle(
        vehicle, plate=reading.text(data, "plate"), kind=reading.text(data, "kind"),
        crew=reading.row(Crew, data["crew"], "crew") if data.get("crew") else None,
        unit=reading.text(data, "unit"),
        equipment=[str(e) for e in reading.several(data, "equipment")],
        valve_keys_mm=[
            reading.whole({"valve_keys_mm": mm}, "valve_keys_mm")
            for mm in reading.several(data, "valve_keys_mm")
        ],
        inspection_due=reading.day(data.get("inspection_due"), "inspection_due"),
        out_of_service=reading.text(data, "out_of_service"), by=by,
    )  # fmt: skip


class FleetView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(boards.fleet())

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        vehicle = _save(Vehicle(), body(request), by=person(request).username)
        return Response({"id": vehicle.pk, "plate": vehicle.plate}, status=201)


class OneVehicleView(APIView):
    """Change one vehicle whole."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, pk: int) -> Response:
        data = body(request)
        vehicle = get_object_or_404(Vehicle, pk=pk)
        vehicle = _save(vehicle, data, by=person(request).username)
        return Response({"id": vehicle.pk, "plate": vehicle.plate})


def _place(data: dict[str, Any]) -> Vehicle | Depot:
    if data.get("depot"):
        return reading.row(Depot, data["depot"], "depot")
    return reading.row(Vehicle, data.get("vehicle"), "vehicle")


class StockView(APIView):
    """What lies where; and a stock-take: so many lie there."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(boards.stock())

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        row = stocking.count_stock(
            _place(data), reading.text(data, "item"), reading.whole(data, "diameter_mm"),
            reading.whole(data, "quantity"), by=person(request).username,
            to_mm=reading.whole(data, "to_mm") if data.get("to_mm") else None,
            materials=[str(m) for m in reading.several(data, "materials")],
            note=reading.text(data, "note"),
        )  # fmt: skip
        return Response(_lies(row), status=201)


def _lies(row: Stock) -> dict[str, Any]:
    return {"id": row.pk, "quantity": row.quantity, "reserved": row.reserved, "free": row.free}


class StockActionView(APIView):
    """`move` pieces to another place, or `take` them without a promise."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        data, by = body(request), person(request).username
        row, quantity = get_object_or_404(Stock, pk=pk), reading.whole(data, "quantity", 1)
        action = reading.text(data, "action")
        if action == "move":
            row = stocking.move_stock(row, _place(data), quantity, by=by)
        elif action == "take":
            row = stocking.take_stock(row, quantity, by=by, order=reading.text(data, "order"))
        else:
            raise Refused("action", "unknown", _("There is no such step."))
        return Response(_lies(row))


class ReservationsView(APIView):
    """Promise a piece to an order by hand. 409 names the orders that hold the last ones."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        order = reading.text(data, "order")
        if not order:
            raise Refused("order", "required", _("Say which order."))
        row = stocking.reserve_stock(
            order, reading.text(data, "item"), reading.whole(data, "diameter_mm"),
            reading.crew(data), person(request).username,
            material=reading.text(data, "material"),
            quantity=reading.whole(data, "quantity", 1),
        )  # fmt: skip
        return Response({"id": row.pk, "stock": row.stock_id, "order": row.order}, status=201)


class OrderStockView(APIView):
    """What was promised to an order: `use` it (so many of it) or `release` it."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        data, by = body(request), person(request).username
        action = reading.text(data, "action")
        if action == "use":
            given = data.get("quantity")
            quantity = None if given in (None, "") else reading.whole(data, "quantity")
            return Response({"used": stocking.use_stock(number, by, quantity=quantity)})
        if action == "release":
            return Response({"released": stocking.release_stock(number, by)})
        raise Refused("action", "unknown", _("There is no such step."))
