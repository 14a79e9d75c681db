"""The doors of positions: vehicles, tracks, devices and their health."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mqtt.fields import MAX_BYTES
from server.accounts.idempotency import idempotent
from server.accounts.permissions import CONTROL, OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person, too_large
from server.positions import devices, fences, http, selectors
from server.positions.health import health
from server.positions.models import Fence
from server.workforce.models import Crew, Vehicle

MOST_HOURS = 72
Found = TypeVar("Found", bound=Model)


def hours_of(request: Request, usual: float) -> float:
    """How far back is asked for; Refused when it is no number or too far."""
    raw = request.query_params.get("hours", "")
    try:
        hours = float(raw) if raw else usual
    except ValueError:
        hours = -1.0
    if not 0 < hours <= MOST_HOURS:
        raise Refused(
            "hours", "out_of_range", _("Hours are a number from 0 to %(most)d.")
            % {"most": MOST_HOURS},
        )  # fmt: skip
    return hours


class RawParser(BaseParser):
    """The body as it is: the format reads it. At most what the broker would take."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        raw: bytes = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise too_large()
        return {"": raw}


class VehiclesView(APIView):
    """Where the vehicles are, as GeoJSON."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.vehicles())


class TrackView(APIView):
    """Where a crew was over a past stretch; who looked is written down."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(
        parameters=[
            OpenApiParameter("reason", str, required=True),
            OpenApiParameter("hours", float),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, pk: int) -> Response:
        reason = request.query_params.get("reason", "").strip()
        if not reason:
            raise Refused("reason", "required", _("Say why you look at a crew's track."))
        hours = hours_of(request, 8)
        end = timezone.now()
        crew = get_object_or_404(Crew, pk=pk)
        return Response(selectors.track(crew, end - timedelta(hours=hours), end, reason=reason))


class CrewRevokeView(APIView):
    """A crew's lost phone: its tokens and its broker account end at once."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        crew = get_object_or_404(Crew, pk=pk)
        reason = str(body(request).get("reason") or "")
        devices.revoke(crew.device, reason=reason, by=person(request).username)
        return Response({"revoked": crew.device})


class DevicesView(APIView):
    """All devices; POST registers one and tells its secret this once."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"devices": selectors.devices()})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        name = str(data.get("name") or "").strip()
        code, plate = str(data.get("crew") or ""), str(data.get("vehicle") or "")
        secret = devices.register(
            name, kind=str(data.get("kind") or ""), by=person(request).username,
            crew=known("crew", code, Crew.objects.filter(code=code)) if code else None,
            vehicle=known("vehicle", plate, Vehicle.objects.filter(plate=plate)) if plate
            else None,
        )  # fmt: skip
        return Response({"name": name, "secret": secret}, status=201)


def known(field: str, said: str, rows: QuerySet[Found]) -> Found:
    """The one row there is, or a refusal that names the field."""
    row = rows.first()
    if row is None:
        raise Refused(field, "unknown", _("There is no %(what)s.") % {"what": said[:60]})
    return row


class DeviceRevokeView(APIView):
    """A device that was lost or sold: its account ends at once."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, name: str) -> Response:
        reason = str(body(request).get("reason") or "")
        devices.revoke(name, reason=reason, by=person(request).username)
        return Response({"revoked": name})


class HealthView(APIView):
    """What the last hours' tracks say of each device, the worst first."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(
        parameters=[OpenApiParameter("hours", float)], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request) -> Response:
        hours = hours_of(request, 8)
        return Response({"hours": hours, "devices": health(hours)})


class FencesView(APIView):
    """Areas whose borders are watched; POST draws one."""

    def get_permissions(self) -> list[BasePermission]:
        allowed = CONTROL if self.request.method == "POST" else OFFICE
        return [role_in(*allowed)()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(fences.features())

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        made = fences.draw(**_of_an_area(body(request)), by=person(request).username)
        return Response({"id": made.pk}, status=201)


def _of_an_area(data: Mapping[str, Any]) -> dict[str, Any]:
    words = {name: str(data.get(name) or "") for name in ("name", "name_zh", "kind")}
    return {**words, "corners": data.get("corners"), "dwell_s": data.get("dwell_s")}


class FenceChangeView(APIView):
    """An area that is called otherwise, tells otherwise, or lies elsewhere (`corners`)."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        fence = get_object_or_404(Fence, pk=pk, active=True)
        fences.change(fence, **_of_an_area(body(request)), by=person(request).username)
        return Response({"id": pk})


class FenceRemovalView(APIView):
    """An area that is no longer watched."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)  # nothing is asked, but nonsense is refused all the same
        fences.remove(get_object_or_404(Fence, pk=pk, active=True), by=person(request).username)
        return Response({"removed": pk})


class PositionsView(APIView):
    """Positions of a device that does not speak MQTT; it signs in with its own secret."""

    # Not a person: neither a session nor a crew's token opens this door.
    authentication_classes = ()
    permission_classes = ()
    parser_classes = (RawParser,)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        return self._take(request, "standpipe")

    def _take(self, request: Request, form: str) -> Response:
        chosen = http.format_named(form)
        device = http.signed_in(request)
        answers = http.take(device, body(request).get("", b""), chosen)
        if http.speaks_owntracks(chosen):
            return Response([])
        return Response({"fixes": answers, "stored": sum(a["stored"] for a in answers)})


class OtherPositionsView(PositionsView):
    """The same in the format of another maker, e.g. `owntracks`."""

    @extend_schema(
        operation_id="positions_in_format", request=OpenApiTypes.OBJECT,
        responses=OpenApiTypes.OBJECT,
    )  # fmt: skip
    def post(self, request: Request, form: str) -> Response:  # type: ignore[override]
        return self._take(request, form)
