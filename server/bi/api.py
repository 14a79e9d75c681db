"""Figures for managers."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
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
from server.bi.figures import summary


class SummaryView(APIView):
    permission_classes = [role_in("manager", "supervisor", "auditor", "dispatcher")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        now = timezone.now()
        start = read_moment(request.query_params.get("from"), "from", now - timedelta(days=7))
        end = read_moment(request.query_params.get("to"), "to", now + timedelta(seconds=1))
        if start >= end:
            raise Refused("from", "after_end", _("The period ends before it begins."))
        return Response(summary(start, end, settings.TIME_ZONE))
