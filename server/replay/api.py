"""The time slider's doors: one moment, how much happened when, and what comes next."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.moments import read_moment
from server.accounts.permissions import CONTROL, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import person
from server.replay import selectors
from server.replay.looking import note_look

WHO = (*CONTROL, "engineer")


class MomentView(APIView):
    """The map and the lists as they were at `at`. Positions of crews only for control; who looks
    at them is written down.
    """

    permission_classes = [role_in(*WHO)]

    @extend_schema(
        parameters=[OpenApiParameter("at", OpenApiTypes.DATETIME, required=True)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        raw = request.query_params.get("at")
        if not raw:
            raise Refused("at", "required", _("Say which moment."))
        at = read_moment(raw, "at", timezone.now())
        with_crews = person(request).role in CONTROL
        found = selectors.moment(at, with_crews=with_crews)
        if with_crews and found["crews"]["features"]:
            note_look(at)
        return Response(found)


class RangeView(APIView):
    """How much happened when, for the slider; the last 24 hours when nothing is asked."""

    permission_classes = [role_in(*WHO)]

    @extend_schema(
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATETIME),
            OpenApiParameter("to", OpenApiTypes.DATETIME),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        end = read_moment(request.query_params.get("to"), "to", timezone.now())
        start = read_moment(request.query_params.get("from"), "from", end - timedelta(days=1))
        return Response(selectors.density(start, end))


class NextView(APIView):
    """The next thing that happened after `at`, or the last before it (`direction=back`)."""

    permission_classes = [role_in(*WHO)]

    @extend_schema(
        parameters=[
            OpenApiParameter("at", OpenApiTypes.DATETIME, required=True),
            OpenApiParameter("kind", str, description="families, with commas; all by default"),
            OpenApiParameter("direction", str, enum=["on", "back"]),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        at = read_moment(request.query_params.get("at"), "at", timezone.now())
        asked = [k for k in request.query_params.get("kind", "").split(",") if k]
        unknown = [k for k in asked if k not in selectors.FAMILIES]
        if unknown:
            raise Refused(
                "kind", "unknown",
                _("There is no such kind; there are: %(kinds)s.")
                % {"kinds": ", ".join(selectors.FAMILIES)},
            )  # fmt: skip
        direction = request.query_params.get("direction", "on")
        if direction not in ("on", "back"):
            raise Refused("direction", "unknown", _("The direction is “on” or “back”."))
        found = selectors.neighbour(
            at, asked or list(selectors.FAMILIES), forward=direction == "on"
        )
        return Response({"found": found})
