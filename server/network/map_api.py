"""Doors of the engineer's map: identify an asset, find one, what the network is made of."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import OFFICE, role_in
from server.network.identify import assets_like, identify, summary


class Identify(APIView):
    """What an asset is joined to, its valve segment, and what is open on it now."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses={200: dict}, operation_id="assets_identify")
    def get(self, request: Request, name: str) -> Response:
        return Response(identify(name.replace("\x00", "")[:60]))


class FindAssets(APIView):
    """Assets whose id begins as asked, at most twelve; [] for fewer than two characters."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[OpenApiParameter("q", str, required=True)],
        responses={200: dict},
        operation_id="assets_find",
    )
    def get(self, request: Request) -> Response:
        text = str(request.query_params.get("q", "")).replace("\x00", "").strip()[:60]
        return Response({"results": assets_like(text) if len(text) >= 2 else []})


class NetworkSummary(APIView):
    """What the mains are made of: materials, zones, diameters, decades, with their lengths."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses={200: dict}, operation_id="network_retrieve")
    def get(self, request: Request) -> Response:
        return Response(summary())
