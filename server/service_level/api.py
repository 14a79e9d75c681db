"""Doors to the clocks: let one stand still, let it run, say that an escalation was seen."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import CONTROL, role_in
from server.accounts.requests import body, person
from server.service_level import services
from server.service_level.models import Clock, Escalation


class ClockView(APIView):
    """`{"action": "pause" | "resume", "reason"}`; only listed reasons let a clock stand still."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        clock = get_object_or_404(Clock, pk=pk)
        data, by = body(request), person(request).username
        if data.get("action") == "resume":
            services.resume(clock, by=by)
        else:
            services.pause(clock, str(data.get("reason") or ""), by=by)
        clock.refresh_from_db()
        return Response({"id": clock.pk, "state": clock.state, "due_at": clock.due_at})


class EscalationView(APIView):
    """Somebody has seen it; the clock runs on."""

    permission_classes = [role_in("dispatcher", "supervisor", "manager")]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        step = get_object_or_404(Escalation, pk=pk)
        services.acknowledge(step, by=person(request).username)
        return Response({"id": step.pk, "acknowledged_at": step.acknowledged_at})
