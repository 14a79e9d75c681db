"""Doors of the boards: what they show, the boards, and texts by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.moments import read_moment
from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.led import selectors, services
from server.led.models import Bulletin, Panel
from server.led.text import pages, replacements

READERS = ("supervisor", "dispatcher", "manager")
COLUMNS, ROWS = 192, 2


def _whole(data: Any, field: str, default: int) -> int:
    raw = data.get(field, default)
    try:
        return int(raw)
    except (TypeError, ValueError, OverflowError):
        raise Refused(field, "not_a_number", _("A whole number is needed.")) from None


class BoardView(APIView):
    """What the boards show now, for one of `?columns=` dots and `?rows=`: {"pages", "bulletins",
    "replaced", "panels", "mine"}.
    """

    permission_classes = [role_in(*READERS)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        columns = _whole(request.query_params, "columns", COLUMNS)
        rows = _whole(request.query_params, "rows", ROWS)
        services.check_size(columns, rows)
        lines = selectors.current()
        return Response(
            {
                "at": timezone.now(), "columns": columns, "rows": rows,
                "pages": [
                    {"kind": p.kind, "priority": p.priority, "seconds": p.seconds,
                     "rows": list(p.rows)}
                    for p in pages(lines, columns=columns, rows=rows)
                ],
                "bulletins": [
                    {"kind": line.kind, "priority": line.priority, "text": line.text,
                     "key": line.key}
                    for line in lines
                ],
                "replaced": replacements(lines),
                "panels": [_panel(p) for p in Panel.objects.all()],
                "mine": [_bulletin(b) for b in Bulletin.objects.filter(until__gt=timezone.now())],
            }
        )  # fmt: skip


class BulletinsView(APIView):
    permission_classes = [role_in("supervisor", "dispatcher")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = body(request)
        until = read_moment(
            str(data.get("until") or ""), "until", timezone.now() + timedelta(hours=4)
        )
        row = services.put_up(
            str(data.get("kind") or "notice"), str(data.get("text") or ""),
            _whole(data, "priority", 3), until, by=person(request).username,
        )  # fmt: skip
        return Response(_bulletin(row), status=201)


class BulletinRemoveView(APIView):
    permission_classes = [role_in("supervisor", "dispatcher")]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        services.take_down(get_object_or_404(Bulletin, pk=pk), by=person(request).username)
        return Response({"removed": True})


class PanelsView(APIView):
    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = body(request)
        panel = services.add_panel(
            str(data.get("name") or ""), str(data.get("host") or ""), _whole(data, "port", 0),
            _whole(data, "columns", COLUMNS), _whole(data, "rows", ROWS),
            str(data.get("language") or "zh-hans"), by=person(request).username,
        )  # fmt: skip
        return Response(_panel(panel), status=201)


class PanelRemoveView(APIView):
    permission_classes = [role_in("supervisor")]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        services.remove_panel(get_object_or_404(Panel, pk=pk), by=person(request).username)
        return Response({"removed": True})


def _panel(p: Panel) -> dict[str, Any]:
    return {
        "id": p.pk, "name": p.name, "host": p.host, "port": p.port, "columns": p.columns,
        "rows": p.rows, "language": p.language, "online": p.online, "missed": p.missed,
        "seen_at": p.seen_at, "problem": p.problem,
    }  # fmt: skip


def _bulletin(b: Bulletin) -> dict[str, Any]:
    return {
        "id": b.pk, "kind": b.kind, "label": str(b.get_kind_display()), "text": b.text,
        "priority": b.priority, "until": b.until, "by": b.by,
    }  # fmt: skip
