"""The wall's figures."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import role_in
from server.wallboard.figures import city, wall
from server.wallboard.floor import supervisor


class WallView(APIView):
    permission_classes = [role_in("supervisor", "manager", "dispatcher", "agent")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(wall())


class CityView(APIView):
    """The whole city in one line: incidents, crews, water, notices, the next promise to break."""

    permission_classes = [role_in("supervisor", "manager", "dispatcher", "agent", "engineer")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(city())


class SupervisorView(APIView):
    """The floor now: agents, queues, callers inside shut-offs."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(supervisor())
