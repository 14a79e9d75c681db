"""Doors for what an agent does with a telephone."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import DESK, role_in
from server.accounts.requests import body, person
from server.calls.models import Call
from server.desk import control, dialling


class TalkView(APIView):
    """Who is in the talk; and what to do with it."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, call_id: str) -> Response:
        return Response(control.talk_of(get_object_or_404(Call, call_id=call_id)))

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, call_id: str) -> Response:
        said = body(request)
        call = get_object_or_404(Call, call_id=call_id)
        control.act(
            call, str(said.get("act") or ""), by=person(request), to=str(said.get("to") or "")[:30],
            on=said.get("on") is not False, key=str(said.get("key") or ""),
        )  # fmt: skip
        return Response({"done": True})


class ColleaguesView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        me = person(request)
        return Response({"colleagues": control.colleagues(me), "queues": control.queues(me)})


class DialView(APIView):
    """Ring a number: the agent's own telephone first, then the number."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        said = body(request)
        made = dialling.ring(
            str(said.get("number") or ""), by=person(request),
            account=str(said.get("account") or ""), subject=str(said.get("subject") or ""),
        )  # fmt: skip
        return Response(made, status=201)
