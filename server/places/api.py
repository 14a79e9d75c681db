"""Geocoding for the desk and the map, and the list of what people call places."""

from __future__ import annotations

import math
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.places import aliases
from server.places.models import Alias
from server.places.search import find_places

_LARGEST = 2 * 1024 * 1024
KEEPERS = ("supervisor", "engineer")


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
    """Places a text may mean, best first, each with grade and confidence; or why there is none.

    With `typing=1` the text is not finished yet: what it may become is offered too.
    """

    permission_classes = [IsAuthenticated]

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, required=True),
            OpenApiParameter("near", str, description="lon,lat"),
            OpenApiParameter("typing", bool, description="1: complete what is being typed"),
        ],
        responses={200: dict},
        operation_id="places_search",
    )
    def get(self, request: Request) -> Response:
        query = str(request.query_params.get("q", ""))
        near = read_near(str(request.query_params.get("near", "")))
        typing = request.query_params.get("typing") in ("1", "true", "yes")
        return Response(find_places(query, near, typing=typing).as_json())


class Aliases(APIView):
    """Old and local names: all of them; one more, or many from a CSV file."""

    def get_permissions(self) -> list[Any]:
        if self.request.method == "GET":
            return [IsAuthenticated()]
        return [role_in(*KEEPERS)()]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="place_aliases")
    def get(self, request: Request) -> Response:
        rows = Alias.objects.select_related("created_by").order_by("text")
        return Response({"results": [_row(a) for a in rows]})

    @extend_schema(
        request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT},
        operation_id="place_aliases_add",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = body(request)
        alias = aliases.add(
            str(said.get("text") or ""), str(said.get("means") or ""),
            kind=str(said.get("kind") or Alias.Kind.LOCAL), by=person(request),
        )  # fmt: skip
        return Response(_row(alias), status=201)


class AliasFile(APIView):
    """Aliases from a CSV file, as `file` of a form: columns alias, means and perhaps kind."""

    permission_classes = [role_in(*KEEPERS)]

    @extend_schema(
        request=OpenApiTypes.BINARY, responses={200: OpenApiTypes.OBJECT},
        operation_id="place_aliases_import",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        sent = request.FILES.get("file")
        if sent is None or isinstance(sent, list):
            raise Refused("file", "missing", _("Send a CSV file."))
        if sent.size is None or sent.size > _LARGEST:
            raise Refused("file", "too_large", _("The file is larger than 2 MB."))
        return Response(aliases.load(sent.read(), by=person(request)))


class OneAlias(APIView):
    """Take an alias from the list."""

    permission_classes = [role_in(*KEEPERS)]

    @extend_schema(
        request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT},
        operation_id="place_aliases_remove",
    )  # fmt: skip
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        aliases.remove(get_object_or_404(Alias, pk=pk), by=person(request))
        return Response({"removed": pk})


def _row(alias: Alias) -> dict[str, Any]:
    return {
        "id": alias.pk, "text": alias.text, "kind": alias.kind,
        "kind_label": alias.get_kind_display(), "means": alias.means, "grade": alias.grade,
        "lon": alias.geom.x, "lat": alias.geom.y, "at": alias.created_at,
        "by": alias.created_by.username if alias.created_by else "",
    }  # fmt: skip
