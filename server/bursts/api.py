"""Doors of the probable bursts: the list, one of them, and the two decisions."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.permissions import CONTROL, OFFICE, role_in
from server.accounts.requests import body, person
from server.bursts import selectors, services
from server.bursts.models import Alert


class BurstsView(APIView):
    """What is to be decided, newest first."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(operation_id="bursts_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"bursts": [selectors.summary(a) for a in selectors.open_alerts()[:200]]})


class BurstView(APIView):
    """One of them: calls, ranked mains with reasons, the plan to isolate the first or `pipe`."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(parameters=[OpenApiParameter("pipe", str)], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        alert = get_object_or_404(Alert.objects.select_related("incident"), pk=pk)
        return Response(selectors.detail(alert, request.query_params.get("pipe", "")[:60]))


class ConfirmView(APIView):
    """Take it up as an incident on `pipe`, or on the first of the list; the tickets join it."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        alert = services.confirm(
            get_object_or_404(Alert, pk=pk), pipe=str(body(request).get("pipe") or "")[:60],
            by=person(request).username,
        )  # fmt: skip
        return Response({**selectors.summary(alert), "incident_id": alert.incident_id}, status=201)


class DismissView(APIView):
    """It is no burst; with the reason."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        alert = services.dismiss(
            get_object_or_404(Alert, pk=pk), reason=str(body(request).get("reason") or ""),
            by=person(request).username,
        )  # fmt: skip
        return Response(selectors.summary(alert))
