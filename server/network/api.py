"""Doors to the network: what stands where, what an id is, what closing it would mean."""

from __future__ import annotations

import math
from typing import Any

from django.contrib.gis.geos import Polygon
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField
from rest_framework.views import APIView
from rest_framework_gis.serializers import GeoFeatureModelSerializer

from server.accounts.permissions import OFFICE, role_in
from server.accounts.refusals import Refused
from server.network.models import (
    Control,
    Hydrant,
    Manhole,
    Node,
    Pipe,
    ServiceLine,
    Sewer,
    Station,
    Valve,
)
from server.network.selectors import asset
from server.network.sewers import run_json
from server.network.tracing import KINDS as KINDS_OF_TRACE
from server.network.tracing import answer

LIMIT = 5000
_CREW_AND_OFFICE = (*OFFICE, "crew")


class _Feature(GeoFeatureModelSerializer):
    """GeoJSON of an asset; `id` is the one on its plate."""

    id = CharField(source="asset")


class PipeFeature(_Feature):
    class Meta:
        model = Pipe
        geo_field = "geom"
        id_field = "id"
        fields = (
            "id", "start", "end", "length_m", "diameter_mm", "material", "year", "role", "zone",
            "dma", "street", "one_way", "closed", "segment", "depth_m", "origin",
        )


class ValveFeature(_Feature):
    state = CharField(source="position")

    class Meta:
        model = Valve
        geo_field = "geom"
        id_field = "id"
        fields = (
            "id", "pipe", "node", "kind", "diameter_mm", "normally_open", "state", "operable",
            "turns", "accessible", "closes", "chamber_depth_m", "gas", "last_operated_at",
        )


class HydrantFeature(_Feature):
    class Meta:
        model = Hydrant
        geo_field = "geom"
        id_field = "id"
        fields = ("id", "node", "kind", "outlet_mm", "flow_m3s", "standpipe", "fire_critical")


class ControlFeature(_Feature):
    class Meta:
        model = Control
        geo_field = "geom"
        id_field = "id"
        fields = ("id", "start", "end", "kind", "diameter_mm", "setting", "closed")


class NodeFeature(_Feature):
    class Meta:
        model = Node
        geo_field = "geom"
        id_field = "id"
        fields = ("id", "kind", "elevation_m", "head_m", "zone", "dma")


class ServiceFeature(_Feature):
    class Meta:
        model = ServiceLine
        geo_field = "geom"
        id_field = "id"
        fields = ("id", "pipe", "measure", "premise", "diameter_mm", "material", "station")


class StationFeature(_Feature):
    class Meta:
        model = Station
        geo_field = "geom"
        id_field = "id"
        fields = ("id", "service", "tank_m3", "demand_m3h", "floors", "operator")


class SewerFeature(_Feature):
    class Meta:
        model = Sewer
        geo_field = "geom"
        id_field = "id"
        fields = (
            "id", "start", "end", "length_m", "diameter_mm", "material", "year", "carries",
            "invert_start_m", "invert_end_m", "street",
        )


class ManholeFeature(_Feature):
    class Meta:
        model = Manhole
        geo_field = "geom"
        id_field = "id"
        fields = ("id", "kind", "ground_m", "invert_m")


FEATURES: dict[str, type[_Feature]] = {
    "pipe": PipeFeature,
    "valve": ValveFeature,
    "hydrant": HydrantFeature,
    "control": ControlFeature,
    "node": NodeFeature,
    "service": ServiceFeature,
    "station": StationFeature,
    "sewer": SewerFeature,
    "manhole": ManholeFeature,
}
# The names in addresses are plural.
KINDS = {f"{kind}s": kind for kind in FEATURES}


def read_bbox(text: str) -> Polygon:
    """"west,south,east,north" in degrees as a polygon; Refused ('bbox') with the reason."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise Refused(
            "bbox", "malformed", _("A box is four numbers: west,south,east,north.")
        ) from None
    if not all(map(math.isfinite, (west, south, east, north))):
        raise Refused("bbox", "malformed", _("A box is four numbers: west,south,east,north."))
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise Refused(
            "bbox", "out_of_range", _("West must lie before east and south before north.")
        )
    box = Polygon.from_bbox((west, south, east, north))
    box.srid = 4326
    return box


class Assets(APIView):
    """Assets of one kind in a box, as GeoJSON; at most 5,000, `truncated` if there are more."""

    permission_classes = [role_in(*_CREW_AND_OFFICE)]

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=sorted(KINDS), required=True),
            OpenApiParameter("bbox", str, description="west,south,east,north in degrees"),
        ],
        responses={200: dict},
        operation_id="assets_list",
    )
    def get(self, request: Request) -> Response:
        kind = KINDS.get(str(request.query_params.get("kind", "")))
        if kind is None:
            text = _("Ask for one of: %(kinds)s.") % {"kinds": ", ".join(sorted(KINDS))}
            raise Refused("kind", "unknown_kind", text)
        serializer = FEATURES[kind]
        rows = serializer.Meta.model._default_manager.order_by("id")
        if (bbox := request.query_params.get("bbox")) is not None:
            rows = rows.filter(geom__intersects=read_bbox(bbox))
        found = list(rows[: LIMIT + 1])
        data: dict[str, Any] = dict(serializer(found[:LIMIT], many=True).data)
        data["truncated"] = len(found) > LIMIT
        return Response(data)


class Asset(APIView):
    """One asset by the id on its plate, as a GeoJSON feature; `properties.asset_kind` says what."""

    permission_classes = [role_in(*_CREW_AND_OFFICE)]

    @extend_schema(responses={200: dict}, operation_id="assets_retrieve")
    def get(self, request: Request, name: str) -> Response:
        kind, row = asset(_clean(name))
        data: dict[str, Any] = dict(FEATURES[kind](row).data)
        data["properties"] = {**data["properties"], "asset_kind": kind}
        return Response(data)


class Trace(APIView):
    """What hangs on an asset, as the valves stand now. Changes nothing.

    ?kind= asks for another trace than isolate; ?inoperable=V-1,V-2 for the plan without those
    valves, ?closed=V-3 as if that one were shut, ?usable=V-4 with one that will be dug out.
    ?alternatives=no leaves out what happens if one of the valves will not turn.
    """

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=list(KINDS_OF_TRACE)),
            OpenApiParameter("inoperable", str),
            OpenApiParameter("closed", str),
            OpenApiParameter("usable", str),
            OpenApiParameter("alternatives", str, enum=["yes", "no"]),
        ],
        responses={200: dict},
        operation_id="trace_retrieve",
    )
    def get(self, request: Request, name: str) -> Response:
        asked = request.query_params
        return Response(
            answer(
                name,
                asked.get("kind") or "isolate",
                inoperable=str(asked.get("inoperable", "")).split(","),
                closed=str(asked.get("closed", "")).split(","),
                usable=str(asked.get("usable", "")).split(","),
                geometry=True,
                plan_b=asked.get("alternatives") != "no",
            )
        )


class SewerRun(APIView):
    """Where the water of a sewer or manhole runs to, or what runs into it and would back up."""

    permission_classes = [role_in(*_CREW_AND_OFFICE)]

    @extend_schema(
        parameters=[OpenApiParameter("direction", str, enum=["downstream", "upstream"])],
        responses={200: dict},
        operation_id="sewers_run_retrieve",
    )
    def get(self, request: Request, name: str) -> Response:
        direction = str(request.query_params.get("direction", "downstream"))
        return Response(run_json(_clean(name), direction))


def _clean(name: str) -> str:
    return name.replace("\x00", "")[:60]
