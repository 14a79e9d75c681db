"""Geocoding for the desk and the map."""

from __future__ import annotations

import math

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.refusals import Refused
from server.places.search import find_places


def read_near(text: str) -> tuple[float, float] | None:
    """"lon,lat" as numbers, None for ''; Refused ('near') for anything else."""
    if not text:
        return None
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        lon = lat = math.nan
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise Refused("near", "malformed", _("A position is two numbers: lon,lat."))
    return lon, lat


class Places(APIView):
    """Places a text may mean, best first, each with grade and confidence; or why there is none."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, required=True),
            OpenApiParameter("near", str, description="lon,lat"),
        ],
        responses={200: dict},
        operation_id="places_search",
    )
    def get(self, request: Request) -> Response:
        query = str(request.query_params.get("q", ""))
        near = read_near(str(request.query_params.get("near", "")))
        return Response(find_places(query, near).as_json())
