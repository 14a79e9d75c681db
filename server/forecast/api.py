"""Doors: today against the forecast, the days out of line, the past of another exchange."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.forecast import history, selectors, services
from server.forecast.models import DayNote

READERS = ("supervisor", "manager", "dispatcher", "agent")


def queue_in(request: Request) -> str:
    return str(request.query_params.get("queue") or "")[:20]


class ForecastView(APIView):
    """Today by half hour, the next days, and how the forecast was judged. `?queue=`, `?days=`."""

    permission_classes = [role_in(*READERS)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        queue = queue_in(request)
        days = request.query_params.get("days") or "7"
        if not (days.isascii() and days.isdecimal()) or not 1 <= int(days) <= services.AHEAD_D:
            raise Refused("days", "range", _("Between 1 and 28 days can be asked for."))
        return Response(
            {
                "today": selectors.today(queue), "days": selectors.coming(queue, int(days)),
                "quality": selectors.quality(queue),
            }
        )  # fmt: skip


class DaysView(APIView):
    """Days out of line, from 60 days ago on; and marking one by hand."""

    permission_classes = [role_in("supervisor", "manager")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        first = timezone.localdate() - timedelta(days=60)
        rows = DayNote.objects.filter(on__gte=first)[:400]
        return Response([_note(n) for n in rows])

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        data = body(request)
        try:
            on = date.fromisoformat(str(data.get("on") or ""))
        except ValueError:
            raise Refused("on", "not_a_date", _("Which day?")) from None
        if not 1990 <= on.year <= 2100:
            raise Refused("on", "not_a_date", _("Which day?"))
        outlier = data.get("outlier")
        if outlier is not None and not isinstance(outlier, bool):
            raise Refused("outlier", "unknown", _("Say whether the day is out of line."))
        kind = data.get("kind")
        note = services.mark_day(
            on, by=person(request).username, outlier=outlier,
            kind=None if kind is None else str(kind), name=str(data.get("name") or ""),
        )  # fmt: skip
        return Response(_note(note))


def _note(note: DayNote) -> dict[str, Any]:
    return {
        "on": note.on, "kind": note.kind, "label": str(note.get_kind_display()), "name": note.name,
        "outlier": note.outlier, "outlier_why": note.outlier_why, "lowest_c": note.lowest_c,
        "by": note.by,
    }  # fmt: skip


class ImportView(APIView):
    """`what`: "calls" (date,time,queue,calls) or "days" (date,kind,name,lowest_c); `text`: CSV."""

    permission_classes = [role_in("supervisor", "manager")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        data = body(request)
        what, text = data.get("what"), str(data.get("text") or "")
        by = person(request).username
        if what == "calls":
            days = history.import_counts(text, by=by)
        elif what == "days":
            days = history.import_notes(text, by=by)
        else:
            raise Refused("what", "unknown", _("Choose calls or days."))
        services.refresh()
        return Response({"days": days, "quality": selectors.quality("")})
