"""Doors for the auditor: what is to be checked, and what the check found."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import role_in
from server.accounts.requests import body, person
from server.quality import services
from server.quality.models import Check


def shown(check: Check) -> dict[str, object]:
    return {
        "id": check.pk, "ticket": check.ticket.number, "why": check.why, "result": check.result,
        "note": check.note, "by": check.by, "chosen_at": check.chosen_at,
        "done_at": check.done_at,
    }  # fmt: skip


class ChecksView(APIView):
    """The sample, what is still to be done first."""

    permission_classes = [role_in("auditor", "supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = Check.objects.select_related("ticket").order_by("done_at", "pk")[:200]
        return Response([shown(c) for c in rows])


class CheckView(APIView):
    permission_classes = [role_in("auditor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        data = body(request)
        check = services.settle(
            get_object_or_404(Check, pk=pk), str(data.get("result") or ""),
            note=str(data.get("note") or ""), by=person(request).username,
        )  # fmt: skip
        return Response(shown(check))
