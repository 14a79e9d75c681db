"""Doors to the ledger of minutes: a period's figures, its shut-offs, one premise, an export."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.audit import record
from server.accounts.moments import read_moment
from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.customers.models import Premise
from server.ledger import reports

READERS = ("manager", "supervisor", "engineer", "auditor")
LONGEST = timedelta(days=3660)
_PERIOD = [
    OpenApiParameter("from", str, description="a date or a time; seven days ago"),
    OpenApiParameter("to", str, description="a date or a time, not included; now"),
    OpenApiParameter("as_of", str, description="the moment whose knowledge is asked for; now"),
]


def read_period(request: Request) -> reports.Asked:
    """from, to and as_of of an address. Refused, naming the one at fault."""
    now = timezone.now()
    as_of = read_as_of(request)
    end = read_moment(request.query_params.get("to"), "to", now)
    start = read_moment(request.query_params.get("from"), "from", end - timedelta(days=7))
    if start >= end:
        raise Refused("from", "after_end", _("The period ends before it begins."))
    if end - start > LONGEST:
        raise Refused("from", "too_long", _("Ask for ten years at most."))
    return reports.Asked(start, end, as_of)


def read_as_of(request: Request) -> datetime:
    now = timezone.now()
    as_of = read_moment(request.query_params.get("as_of"), "as_of", now)
    if as_of > now + timedelta(minutes=1):
        raise Refused("as_of", "in_the_future", _("What will be known later cannot be asked yet."))
    return min(as_of, now)


class Ledger(APIView):
    """Customer-minutes lost in a period: whole, by threshold, by group, and its course."""

    permission_classes = [role_in(*READERS)]

    @extend_schema(
        parameters=_PERIOD, responses=OpenApiTypes.OBJECT, operation_id="ledger_retrieve"
    )
    def get(self, request: Request) -> Response:
        return Response(reports.summary(read_period(request), settings.TIME_ZONE))


class ShutOffs(APIView):
    """The shut-offs of a period, those with most minutes first, and minutes by cause."""

    permission_classes = [role_in(*READERS)]

    @extend_schema(
        parameters=_PERIOD, responses=OpenApiTypes.OBJECT, operation_id="ledger_shutoffs_list"
    )
    def get(self, request: Request) -> Response:
        return Response(reports.shut_offs(read_period(request)))


class OneShutOff(APIView):
    """The premises a shut-off made dry, each with its interval."""

    permission_classes = [role_in(*READERS)]

    @extend_schema(
        parameters=_PERIOD, responses=OpenApiTypes.OBJECT, operation_id="ledger_shutoffs_retrieve"
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(reports.premises_of(number[:20], read_period(request)))


class OnePremise(APIView):
    """When a premise was dry, and who said so when."""

    permission_classes = [role_in(*READERS)]

    @extend_schema(
        parameters=_PERIOD[2:], responses=OpenApiTypes.OBJECT,
        operation_id="ledger_premises_retrieve",
    )  # fmt: skip
    def get(self, request: Request, code: str) -> Response:
        row = Premise.objects.filter(code=code.replace("\x00", "")).first()
        if row is None:
            text = _("No premise has the code %(code)s.") % {"code": code[:40]}
            raise Refused("premise", "unknown_premise", text, status=404)
        return Response(reports.premise(row, read_as_of(request)))


class Export(APIView):
    """The intervals of a period for a spreadsheet: RFC 4180, UTF-8, one row each."""

    permission_classes = [role_in(*READERS)]

    @extend_schema(
        parameters=_PERIOD, responses={(200, "text/csv"): OpenApiTypes.STR},
        operation_id="ledger_csv_retrieve",
    )  # fmt: skip
    def get(self, request: Request) -> StreamingHttpResponse:
        asked = read_period(request)
        span = f"{asked.start:%Y-%m-%d}..{asked.end:%Y-%m-%d}"
        record("ledger.export", f"ledger:{span}")
        answer = StreamingHttpResponse(
            reports.csv_lines(asked), content_type="text/csv; charset=utf-8"
        )
        name = f"ledger-{asked.start:%Y%m%d}-{asked.end:%Y%m%d}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer
