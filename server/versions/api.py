"""Doors to versions of the network: files in, what they would change, approve, back, and out."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gis_data.exporting import ExportFormat, export
from gis_data.model import NetworkError
from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.accounts.spreadsheets import plain
from server.network import graph
from server.versions import files, merged, reading, selectors, services

LOOK = ("engineer", "supervisor")
CHANGE = ("engineer",)
# Format -> how the file is called.
FORMATS: dict[ExportFormat, str] = {
    "gpkg": "network.gpkg", "geojson": "network.zip", "inp": "network.inp", "csv": "network.zip",
}  # fmt: skip


class _Look(APIView):
    permission_classes = [role_in(*LOOK)]


class _Change(APIView):
    permission_classes = [role_in(*CHANGE)]


class LookOrChange(APIView):
    """GET for those who look, everything else for those who change."""

    def get_permissions(self) -> list[Any]:
        return [role_in(*(LOOK if self.request.method == "GET" else CHANGE))()]


def read_crs(value: Any) -> int | None:
    """An EPSG number as typed ("EPSG:4547", 4547, ""); Refused ('crs', 'malformed')."""
    text = str(value or "").strip().upper().removeprefix("EPSG:").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise Refused("crs", "malformed", _("Write the coordinate system as EPSG:4547."))
    return int(text)


class Imports(LookOrChange):
    """Versions and drafts; POST takes files in."""

    @extend_schema(operation_id="network_imports_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.overview())

    @extend_schema(
        operation_id="network_imports_create",
        request={"multipart/form-data": {"type": "object", "properties": {
            "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
            "name": {"type": "string"}, "source": {"type": "string"}, "crs": {"type": "string"},
        }}},
        responses={201: OpenApiTypes.OBJECT},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        # Before the body is taken in at all.
        if _length(request) > files.most_bytes() + 1024 * 1024:
            raise files.too_large()
        data = body(request)
        given = [(f.name or "", f) for f in request.FILES.getlist("files")]
        crs = read_crs(data.get("crs"))
        draft = services.receive(
            given, name=str(data.get("name") or (given[0][0] if given else "")),
            source=str(data.get("source") or ""), crs=crs, by=person(request).username,
        )  # fmt: skip
        return Response(selectors.detail(draft), status=201)


def _length(request: Request) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


class Import(_Look):
    """One draft: files, layers, map, problems, readiness, what it would change."""

    @extend_schema(operation_id="network_imports_retrieve", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return Response(selectors.detail(services.get(number)))


class ImportMap(_Change):
    """How the files are to be read: {"schema_map", "crs"}."""

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, number: str) -> Response:
        data = body(request)
        draft = services.get(number)
        crs = read_crs(data["crs"]) if "crs" in data else draft.crs
        draft = reading.set_map(
            draft, data.get("schema_map", {}), crs, by=person(request).username
        )
        return Response(selectors.detail(draft))


class ImportBuild(_Change):
    """Build and compare in the background; ask GET for `state`, `step` and `percent`."""

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        body(request)
        draft = reading.ask_build(services.get(number), by=person(request).username)
        return Response(selectors.brief(draft), status=202)


class ImportApprove(_Change):
    """Put a compared draft in force, in the background: {"reason"} where its report says no."""

    @extend_schema(request=OpenApiTypes.OBJECT, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: str) -> Response:
        data = body(request)
        draft = services.ask_approval(
            services.get(number), by=person(request).username, reason=str(data.get("reason") or "")
        )
        return Response(selectors.brief(draft), status=202)


class ImportDiscard(_Change):
    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        data = body(request)
        draft = services.discard(
            services.get(number), by=person(request).username, reason=str(data.get("reason") or "")
        )
        return Response(selectors.brief(draft))


_FILTERS = [
    OpenApiParameter("kind", str), OpenApiParameter("action", str),
    OpenApiParameter("after", int, description="go on behind the change with this id"),
]  # fmt: skip


def _changes(request: Request, **whose: Any) -> Response:
    said = request.query_params
    try:
        after = int(said.get("after") or 0)
    except ValueError:
        raise Refused("after", "malformed", _("That is no number.")) from None
    return Response(
        selectors.changes(
            kind=str(said.get("kind") or ""), action=str(said.get("action") or ""),
            after=min(max(after, 0), 2**62), **whose,
        )
    )


class ImportChanges(_Look):
    """What a draft would change, as GeoJSON, 2,000 at a time."""

    @extend_schema(parameters=_FILTERS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return _changes(request, of=services.get(number))


class VersionChanges(_Look):
    """What a version changed, as GeoJSON, 2,000 at a time."""

    @extend_schema(parameters=_FILTERS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: int) -> Response:
        return _changes(request, version=min(number, 2**31 - 1))


class Quarantine(_Look):
    """Records that were set aside, with their lines; the first 500."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        draft = services.get(number)
        rows = []
        for row in selectors.quarantine(draft):
            rows.append(row)
            if len(rows) == 500:
                break
        return Response({"results": rows, "count": draft.quarantine.count()})


class _Echo:
    def write(self, value: str) -> str:
        return value


class QuarantineCsv(_Look):
    """The same as a table for a spreadsheet, all of it."""

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, number: str) -> HttpResponseBase:
        draft = services.get(number)
        # Read to the end now: the language and the connection are those of this request.
        rows = list(selectors.quarantine(draft))

        def lines() -> Iterator[str]:
            # A spreadsheet takes the bytes for UTF-8 only behind this mark.
            yield "\ufeff"
            write = csv.writer(_Echo()).writerow
            yield write(["layer", "line", "asset", "field", "code", "reason", "record"])
            for q in rows:
                record = "; ".join(f"{k}={v}" for k, v in q["raw"].items())
                cells = (q["layer"], q["line"], q["asset"], q["field"], q["code"], q["text"])
                yield write([*("" if c is None else plain(str(c)) for c in cells), plain(record)])

        answer = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{draft.number}-quarantine.csv"'
        return answer


class RollBack(_Change):
    """Bring an earlier version back as a new one, in the background: {"reason"}."""

    @extend_schema(request=OpenApiTypes.OBJECT, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, number: int) -> Response:
        data = body(request)
        draft = services.ask_roll_back(
            min(number, 2**31 - 1), by=person(request).username,
            reason=str(data.get("reason") or ""),
        )  # fmt: skip
        return Response(selectors.brief(draft), status=202)


class Export(_Look):
    """The network in force as a file."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        # `format` says which file is wanted; to the framework it would name a form of JSON.
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=sorted(FORMATS), required=True)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponseBase:
        asked = str(request.query_params.get("format") or "")
        wanted = next((known for known in FORMATS if known == asked), None)
        if wanted is None:
            known = ", ".join(sorted(FORMATS))
            raise Refused("format", "unknown", _("Ask for one of: %(kinds)s.") % {"kinds": known})
        network = graph.network()
        with tempfile.TemporaryDirectory(prefix="standpipe-export-") as place:
            path = Path(place) / FORMATS[wanted]
            try:
                export(network, path, wanted, merged.drainage_in_force(network.crs_measure),
                       premises=merged.premises_in_force(), zones=merged.zones_in_force())
            except NetworkError as error:
                text = _("The network cannot be written as %(format)s: %(error)s.")
                raise Refused(
                    "format", "cannot_hold", text % {"format": wanted, "error": error.message}
                ) from error
            # Opened before the folder goes: the bytes stay for as long as somebody reads them.
            file = path.open("rb")
        name = f"network-v{graph.version()}{path.suffix}"
        return FileResponse(file, as_attachment=True, filename=name)


class Readiness(_Look):
    """What the network in force is fit for, and every finding."""

    @extend_schema(operation_id="network_readiness", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.readiness_in_force())

