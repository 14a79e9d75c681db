"""Doors of shut-offs: the list, one with all of it, planning, and every step from there on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.moments import parse_moment
from server.accounts.permissions import OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.outages import nearby, ordering, planning, screens, services
from server.outages.models import ShutOff
from server.outages.planning import Works

PLANNERS = ("engineer", "supervisor")


class ShutOffsView(APIView):
    """All that are under way or to come; near a place; or a new planned one."""

    def get_permissions(self) -> list[Any]:
        who = OFFICE if self.request.method == "GET" else PLANNERS
        return [role_in(*who)()]

    @extend_schema(
        operation_id="shutoffs_list",
        parameters=[
            OpenApiParameter("near", str), OpenApiParameter("premise", str),
            OpenApiParameter("address", str),
        ],
        responses=OpenApiTypes.OBJECT,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked = request.query_params
        place = _place(asked)
        if place is None:
            return Response(screens.listed())
        covering = nearby.covering(place)
        there = {o.pk for o in covering}
        return Response(
            {
                "place": {"text": place.text, "lon": place.lon, "lat": place.lat,
                          "premise": place.premise},
                "covering": [nearby.short(o) for o in covering],
                "nearest": [
                    {**nearby.short(o), "distance_m": round(metres)}
                    for o, metres in nearby.nearest(place) if o.pk not in there
                ],
            }
        )  # fmt: skip

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Write down planned works: a draft with its plan."""
        who = person(request)
        off = planning.create(_works(body(request)), by=who.username, role=who.role)
        return Response(screens.detail(off, who.role, who.username), status=201)


class ShutOffView(APIView):
    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        who = person(request)
        return Response(screens.detail(_shut_off(number), who.role, who.username))


class ShutOffActionView(APIView):
    """One step; the table of states says who may take it from where."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        who, data = person(request), body(request)
        off = _shut_off(number)
        step = STEPS.get(str(data.get("action") or ""))
        if step is None:
            raise Refused("action", "unknown", _("There is no such step."))
        step(off, data, by=who.username, role=who.role)
        off.refresh_from_db()
        return Response(screens.detail(off, who.role, who.username))


def _shut_off(number: str) -> ShutOff:
    found = ShutOff.objects.filter(number=number).select_related("incident").first()
    if found is None:
        raise Refused("number", "unknown", _("There is no such shut-off."), status=404)
    return found


def _place(asked: Any) -> nearby.Place | None:
    if premise := _text(asked, "premise", 60):
        return nearby.of_premise(premise)
    if address := _text(asked, "address", 200):
        return nearby.of_address(address)
    if near := _text(asked, "near", 60):
        try:
            lon, lat = (float(part) for part in near.split(","))
        except ValueError:
            lon, lat = 999.0, 999.0
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise Refused("near", "not_a_point", _("Give a point as longitude, latitude."))
        return nearby.of_point(lon, lat)
    return None


def _text(data: Any, name: str, most: int) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(name, "not_text", _("That must be text."))
    return value.replace("\x00", " ").strip()[:most]


def _texts(data: Any, name: str) -> list[str]:
    value = data.get(name) or []
    if isinstance(value, str):
        value = value.replace(",", " ").replace(",", " ").split()
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise Refused(name, "not_a_list", _("That must be a list of texts."))
    return [v.strip()[:60] for v in value if v.strip()][:200]


def _moment(data: Any, name: str) -> datetime | None:
    raw = _text(data, name, 40)
    if not raw:
        return None
    found = parse_moment(raw)
    if found is None:
        raise Refused(name, "not_a_moment", _("That is no date and time."))
    return found


def _when(data: Any) -> datetime:
    """When it happened in the street: now, unless said; never in the future."""
    now = timezone.now()
    return min(_moment(data, "at") or now, now)


def _works(data: Any) -> Works:
    return Works(
        _texts(data, "targets"), _moment(data, "from"), _moment(data, "to"),
        _text(data, "reason", 200), _text(data, "work", 4000), _texts(data, "works"),
    )  # fmt: skip


def _turns(data: Any) -> int | None:
    value = data.get("turns")
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        raise Refused("turns", "not_a_number", _("Turns are a whole number."))
    return value


def _valve(data: Any) -> str:
    if not (valve := _text(data, "valve", 60)):
        raise Refused("valve", "required", _("Say which valve."))
    return valve


def _permit(off: ShutOff, data: Any, *, by: str, role: str) -> None:
    planning.add_permit(
        off, _text(data, "kind", 20), issuer=_text(data, "issuer", 120),
        number=_text(data, "number", 60), valid_from=_moment(data, "valid_from"),
        valid_to=_moment(data, "valid_to"), evidence=_text(data, "evidence", 4000),
        by=by, role=role,
    )  # fmt: skip


def _close_valve(off: ShutOff, data: Any, *, by: str, role: str) -> None:
    services.valve_closed(
        off, _valve(data), at=_when(data), by=by, turns=_turns(data), role=role,
        said_by=_text(data, "said_by", 80),
    )  # fmt: skip


def _open_valve(off: ShutOff, data: Any, *, by: str, role: str) -> None:
    planning.open_by_radio(
        off, _valve(data), at=_when(data), by=by, turns=_turns(data), role=role,
        said_by=_text(data, "said_by", 80),
    )  # fmt: skip


STEPS: dict[str, Callable[..., Any]] = {
    "revise": lambda off, d, **who: planning.revise(off, _works(d), **who),
    "permit": _permit,
    "approve": lambda off, d, **who: planning.approve(
        off, acknowledge=_texts(d, "acknowledge"), override=_text(d, "override", 200), **who
    ),
    "notify": lambda off, d, **who: planning.notify(off, **who),
    "reached": lambda off, d, **who: planning.reached(
        off, d.get("notice"), _text(d, "outcome", 12) or "reached", note=_text(d, "note", 200),
        **who,
    ),
    "release": lambda off, d, **who: planning.release(
        off, valves=_texts(d, "valves"), override=_text(d, "override", 200), **who
    ),
    "dispatch": lambda off, d, **who: ordering.send_to_dispatch(off, **who),
    "close_valve": _close_valve,
    "cannot_close": lambda off, d, **who: services.cannot_close(
        off, _valve(d), reason=_text(d, "reason", 120), at=_when(d), **who
    ),
    "open_valve": _open_valve,
    "leave_closed": lambda off, d, **who: services.leave_closed(
        off, _valve(d), reason=_text(d, "reason", 120), **who
    ),
    "work_done": lambda off, d, **who: services.work_done(off, at=_when(d), **who),
    "expect": lambda off, d, **who: planning.expect(
        off, _moment(d, "at"), reason=_text(d, "reason", 200), **who
    ),
    "restore": lambda off, d, **who: services.restore(off, at=_when(d), **who),
    "close": lambda off, d, **who: planning.close(off, **who),
    "cancel": lambda off, d, **who: planning.cancel(off, reason=_text(d, "reason", 200), **who),
}  # fmt: skip
