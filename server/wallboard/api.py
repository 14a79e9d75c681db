"""The wall's figures."""

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

from server.accounts.moments import read_moment, today
from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.calls import lines
from server.calls.rules import SERVICE_LEVEL_S, SHORT_ABANDON_S
from server.forecast import services as forecast
from server.forecast.models import AgentShift
from server.wallboard import staffing, tables
from server.wallboard.facts import facts
from server.wallboard.figures import city, period, wall
from server.wallboard.floor import supervisor


def keep_session(request: Request) -> None:
    """A screen that nobody touches for days stays signed in while it asks: once an hour its
    session begins anew.
    """
    session, now = request.session, timezone.now().timestamp()
    if now - float(session.get("kept_at", 0.0)) > 3600:
        session["kept_at"] = now


class WallView(APIView):
    permission_classes = [role_in("supervisor", "manager", "dispatcher", "agent")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        keep_session(request)
        return Response(wall())


class CityView(APIView):
    """The whole city in one line: incidents, crews, water, notices, the next promise to break."""

    permission_classes = [role_in("supervisor", "manager", "dispatcher", "agent", "engineer")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(city())


class SupervisorView(APIView):
    """The floor now: agents, queues, callers inside shut-offs."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(supervisor())


class FiguresView(APIView):
    """Every figure of a period, at most 31 days: all together, by queue, by agent, by hour."""

    permission_classes = [role_in("supervisor", "manager")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        now = timezone.now()
        day = today(now)
        start = read_moment(request.query_params.get("from"), "from", day)
        end = read_moment(request.query_params.get("to"), "to", now + timedelta(seconds=1))
        if start >= end:
            raise Refused("from", "after_end", _("The period ends before it begins."))
        if end - start > timedelta(days=31, hours=2):
            raise Refused("to", "too_long", _("At most 31 days can be counted at once."))
        read = facts(start, end)
        return Response(
            {
                "from": start, "to": end, "all": period(start, end, read=read),
                "queues": tables.by_queue(start, end, read),
                "agents": tables.by_agent(start, end, read),
                "hours": tables.by_hour(start, end, read),
                "trunk_occupancy": lines.occupancy("trunk", start, end),
                "internal_occupancy": lines.occupancy("phone", start, end),
                "service_level_s": SERVICE_LEVEL_S, "short_abandon_s": SHORT_ABANDON_S,
            }
        )  # fmt: skip


class StaffingView(APIView):
    """The staffing of a day: `?on=&queue=&aht_s=&patience_s=&shrinkage=&target=&within_s=`."""

    permission_classes = [role_in("supervisor", "manager")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        on = timezone.localtime(
            read_moment(request.query_params.get("on"), "on", timezone.now())
        ).date()
        queue = str(request.query_params.get("queue") or "")[:20]
        return Response(staffing.plan(queue, on, request.query_params.dict()))


class ShiftsView(APIView):
    """When agents are planned to be there: those of today and later; and one more."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        first = timezone.now() - timedelta(hours=12)
        rows = AgentShift.objects.filter(ends__gt=first).select_related("user")[:300]
        return Response([_shift(s) for s in rows])

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = body(request)
        times = {}
        for name in ("starts", "ends"):
            if not data.get(name):
                raise Refused(name, "required", _("From when until when?"))
            times[name] = read_moment(str(data[name]), name, timezone.now())
        shift = forecast.plan_shift(
            str(data.get("agent") or ""), times["starts"], times["ends"],
            by=person(request).username,
        )  # fmt: skip
        return Response(_shift(shift), status=201)


class ShiftRemoveView(APIView):
    permission_classes = [role_in("supervisor")]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        forecast.drop_shift(get_object_or_404(AgentShift, pk=pk), by=person(request).username)
        return Response({"removed": True})


def _shift(shift: AgentShift) -> dict[str, Any]:
    return {
        "id": shift.pk, "agent": shift.user.username, "name": shift.user.name,
        "starts": shift.starts, "ends": shift.ends,
    }  # fmt: skip
