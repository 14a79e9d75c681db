"""Doors of the roster: a week of it, shifts, patterns, on call, leave, tables, state of a crew."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.audit import record
from server.accounts.idempotency import idempotent
from server.accounts.moments import midnight, read_moment
from server.accounts.permissions import CONTROL, role_in
from server.accounts.refusals import NotAllowed, Refused
from server.accounts.requests import body, person
from server.workforce import boards, patterns, reading, roster_csv, rostering, services
from server.workforce.models import Crew, Leave, OnCallCrew, Shift
from server.workforce.rostering import Wanted

MOST_DAYS = 62
_DAYS = [
    OpenApiParameter("from", str, description="first day; this week's Monday"),
    OpenApiParameter("days", int, description="how many, 62 at most; 7"),
]


def _range(request: Request) -> tuple[date, int]:
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    first = reading.day(request.query_params.get("from"), "from") or monday
    days = reading.whole(request.query_params, "days", 7)
    if not 1 <= days <= MOST_DAYS:
        raise Refused("days", "out_of_range", _("Ask for 1 to 62 days."))
    return first, days


def _wanted(data: dict[str, Any]) -> Wanted:
    return Wanted(
        reading.crew(data), reading.moment(data, "starts"), reading.moment(data, "ends"),
        reading.text(data, "kind") or Shift.Kind.DAY, reading.vehicle(data),
        reading.members(data), reading.text(data, "note"),
    )  # fmt: skip


class RosterView(APIView):
    """Shifts, times on call and leave, crew by crew."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(parameters=_DAYS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(boards.roster(*_range(request)))


class CoverageView(APIView):
    """How many crews on shift can do what, hour by hour."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(parameters=_DAYS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(boards.cover(*_range(request)))


class ShiftsView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        shift = rostering.add_shift(_wanted(body(request)), by=person(request).username)
        return Response(boards.shift_json(shift), status=201)


class ShiftView(APIView):
    """Change one shift whole."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, pk: int) -> Response:
        data = body(request)
        shift = get_object_or_404(Shift, pk=pk)
        shift = rostering.change_shift(shift, _wanted(data), by=person(request).username)
        return Response(boards.shift_json(shift))


class ShiftActionView(APIView):
    """`remove` a shift, or `swap` it `with` another crew's."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        shift = get_object_or_404(Shift.objects.select_related("crew"), pk=pk)
        action, by = reading.text(body(request), "action"), person(request).username
        if action == "remove":
            rostering.remove_shift(shift, by=by)
        elif action == "swap":
            other = reading.row(Shift, body(request).get("with"), "with")
            rostering.swap_shifts(shift, other, by=by)
        else:
            raise Refused("action", "unknown", _("There is no such step."))
        return Response({"done": action})


class PatternView(APIView):
    """Lay a pattern over crews and days; with `preview` only say what would happen."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        first, last = reading.day(data.get("from"), "from"), reading.day(data.get("to"), "to")
        if first is None or last is None:
            field = "from" if first is None else "to"
            raise Refused(field, "required", _("Give a day."))
        crews = [reading.row(Crew, pk, "crews") for pk in reading.several(data, "crews")]
        found = rostering.apply_pattern(
            reading.text(data, "pattern"), crews, first, last, by=person(request).username,
            preview=bool(data.get("preview")),
        )  # fmt: skip
        return Response(
            {
                "new": sum(p.in_the_way is None for p in found),
                "kept": sum(p.in_the_way is not None for p in found),
                "shifts": [
                    {"crew": p.crew.pk, "name": p.crew.shown, "kind": p.kind,
                     "starts": p.starts, "ends": p.ends,
                     "in_the_way": p.in_the_way and rostering.text_of(p.in_the_way)}
                    for p in found[:500]
                ],
                "patterns": sorted(patterns.PATTERNS),
            }
        )  # fmt: skip


class OnCallView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        row = rostering.put_on_call(
            reading.crew(data), reading.moment(data, "starts"), reading.moment(data, "ends"),
            call_out_min=reading.whole(data, "call_out_min", 30), by=person(request).username,
        )  # fmt: skip
        return Response(boards.on_call_json(row), status=201)


class OnCallRemoveView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        row = get_object_or_404(OnCallCrew.objects.select_related("crew"), pk=pk)
        rostering.remove_on_call(row, by=person(request).username)
        return Response({"done": "remove"})


class LeaveView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        found = reading.members({"members": [data["member"]] if data.get("member") else []})
        row = rostering.give_leave(
            reading.crew(data), reading.moment(data, "starts"), reading.moment(data, "ends"),
            kind=reading.text(data, "kind"), member=found[0] if found else None,
            note=reading.text(data, "note"), by=person(request).username,
        )  # fmt: skip
        return Response(boards.leave_json(row), status=201)


class LeaveRemoveView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        row = get_object_or_404(Leave.objects.select_related("crew", "member"), pk=pk)
        rostering.remove_leave(row, by=person(request).username)
        return Response({"done": "remove"})


class RosterCsvView(APIView):
    """The shifts of some days for a spreadsheet, in the utility's wall clock."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(
        parameters=_DAYS, responses={(200, "text/csv"): OpenApiTypes.STR},
        operation_id="roster_csv_retrieve",
    )  # fmt: skip
    def get(self, request: Request) -> StreamingHttpResponse:
        first, days = _range(request)
        start, end = midnight(first), midnight(first + timedelta(days=days))
        record("roster.export", f"roster:{first}", note=f"{days} days")
        answer = StreamingHttpResponse(
            roster_csv.lines(start, end), content_type="text/csv; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="roster-{first}.csv"'
        return answer


class RosterImportView(APIView):
    """A table in: all of it, or nothing and what is wrong by line."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        found = roster_csv.read(
            reading.text(data, "text"), by=person(request).username,
            preview=bool(data.get("preview")),
        )  # fmt: skip
        return Response(asdict(found))


class NowView(APIView):
    """Every crew as it stands."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(boards.now())


class StatusView(APIView):
    """What a crew did, as intervals; and put it on a break, out of service, back to work."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, pk: int) -> Response:
        crew = get_object_or_404(Crew, pk=pk)
        now = timezone.now()
        start = read_moment(request.query_params.get("from"), "from", now - timedelta(hours=24))
        end = read_moment(request.query_params.get("to"), "to", now)
        return Response({"crew": crew.shown, "intervals": boards.history(crew, start, end)})

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        crew = get_object_or_404(Crew, pk=pk)
        return Response(_set_aside(crew, body(request), by=person(request).username))


class OwnStatusView(APIView):
    """A crew's phone: on a break for so many minutes, or back at work."""

    permission_classes = [role_in("crew")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request) -> Response:
        return Response(
            _set_aside(_own(request), body(request), by=person(request).username)
        )


def _set_aside(crew: Crew, data: dict[str, Any], *, by: str) -> dict[str, Any]:
    state, reason = reading.text(data, "state"), reading.text(data, "reason")[:120]
    if state == Crew.State.BREAK:
        crew = services.take_break(crew, reading.whole(data, "minutes", 30), by=by, reason=reason)
    elif state == Crew.State.OUT_OF_SERVICE:
        until = reading.moment(data, "until") if data.get("until") else None
        crew = services.out_of_service(crew, by=by, reason=reason, until=until)
    elif state == Crew.State.AVAILABLE:
        crew = services.return_to_work(crew, by=by)
    else:
        raise Refused("state", "unknown", _("There is no such state to choose."))
    return {"id": crew.pk, "state": crew.state, "until": crew.state_until}


def _own(request: Request) -> Crew:
    crew = Crew.objects.filter(user=person(request)).first()
    if crew is None:
        raise NotAllowed("", "no_crew", _("You belong to no crew."))
    return crew


class TrackViewsView(APIView):
    """Who looked at a crew's track."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="crews_track_views_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        return Response({"views": boards.track_views(get_object_or_404(Crew, pk=pk))})


class OwnTrackViewsView(APIView):
    """A crew sees who looked at its track."""

    permission_classes = [role_in("crew")]

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="crew_track_views_retrieve")
    def get(self, request: Request) -> Response:
        return Response({"views": boards.track_views(_own(request))})
