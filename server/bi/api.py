"""Figures for managers."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.bi.figures import summary


def _moment(raw: str | None, field: str, default: datetime) -> datetime:
    if not raw:
        return default
    try:
        found = parse_datetime(raw)
        if found is None and (day := parse_date(raw)) is not None:
            found = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - made aware below
    except ValueError:
        found = None
    if found is None:
        raise Refused(field, "not_a_date", _("That is not a date: %(raw)s") % {"raw": raw[:40]})
    return found if found.tzinfo else timezone.make_aware(found)


class SummaryView(APIView):
    permission_classes = [role_in("manager", "supervisor", "auditor", "dispatcher")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        now = timezone.now()
        start = _moment(request.query_params.get("from"), "from", now - timedelta(days=7))
        end = _moment(request.query_params.get("to"), "to", now + timedelta(seconds=1))
        if start >= end:
            raise Refused("from", "after_end", _("The period ends before it begins."))
        return Response(summary(start, end, settings.TIME_ZONE))
