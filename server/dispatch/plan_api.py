"""Doors to the plan: the board, what-if, accepting, wishes, moving an order, run cards."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.permissions import CONTROL, OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.dispatch import (
    accepting,
    board,
    carding,
    planning,
    rounds,
    selectors,
    services,
    whatif,
)
from server.dispatch.api import crew_of
from server.dispatch.models import PlanWish, RunCard, WorkOrder
from server.tickets.models import Incident


class WhatIfView(APIView):
    """What sending this crew instead of the planned one costs, here and everywhere else."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[OpenApiParameter("crew", int, required=True)], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, pk: int) -> Response:
        crew = crew_of(request.query_params.get("crew"))
        return Response(whatif.what_if(get_object_or_404(Incident, pk=pk), crew))


class BoardView(APIView):
    """Crews with shifts, orders and the plan between `from` and `to`, and what waits."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(
        parameters=[OpenApiParameter("from", str), OpenApiParameter("to", str)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        return Response(board.board(*board.window(asked.get("from", ""), asked.get("to", ""))))


class PlanView(APIView):
    """The plan in force for what nobody has in hand, and what waits with the reason."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(planning.shown())


class AcceptView(APIView):
    """`{"rows": [{"row", "crew"}]}`, or none for all: each row is sent or refused by itself."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request) -> Response:
        return Response(accepting.accept(body(request).get("rows"), by=person(request).username))


class WishesView(APIView):
    """GET: what dispatchers want of the plan. POST: `{"incident", "crew", "kind", "reason"}`."""

    def get_permissions(self) -> list[Any]:
        return [role_in(*(OFFICE if self.request.method == "GET" else CONTROL))()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = PlanWish.objects.filter(ended_at=None).select_related("incident", "crew")[:500]
        return Response({"results": [accepting.wish_json(w) for w in rows]})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        made = accepting.wish(
            _incident(data.get("incident")), crew_of(data.get("crew")),
            str(data.get("kind") or ""), by=person(request).username,
            reason=str(data.get("reason") or ""), order_kind=str(data.get("order_kind") or ""),
        )  # fmt: skip
        return Response(accepting.wish_json(made), status=201)


def _incident(value: Any) -> Incident:
    try:
        return Incident.objects.get(pk=int(value))
    except (TypeError, ValueError, OverflowError, Incident.DoesNotExist):
        raise Refused("incident", "unknown", _("There is no such incident.")) from None


class WishEndView(APIView):
    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)  # refuses what is no body, before anything is looked up
        wish = get_object_or_404(PlanWish.objects.select_related("incident"), pk=pk)
        accepting.end_wish(wish, by=person(request).username)
        return Response({"id": pk, "ended": True})


class RoundView(APIView):
    """A round for what can wait: `crews` and `kinds`, each parted by commas; else all."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(
        parameters=[OpenApiParameter("crews", str), OpenApiParameter("kinds", str)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        asked = {name: _parted(request, name) for name in ("kinds", "crews")}
        crews = asked["crews"]
        if crews is not None and all(c.isascii() and c.isdecimal() for c in crews):
            return Response(rounds.propose(rounds.asked_for(asked["kinds"], [*map(int, crews)])))
        return Response(rounds.propose(rounds.asked_for(asked["kinds"], crews)))


def _parted(request: Request, name: str) -> list[str] | None:
    """What stands between the commas; None where the parameter is not given."""
    said = request.query_params.get(name)
    return None if said is None else [part.strip() for part in said.split(",") if part.strip()]


class RoundKeepView(APIView):
    """`{"rows": [{"row", "crew"}]}`: pins for these; without rows a whole round made now."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request) -> Response:
        data = body(request)
        asked = rounds.asked_for(data.get("kinds"), data.get("crews"))
        return Response(rounds.keep(data.get("rows"), asked, by=person(request).username))


class MoveView(APIView):
    """`{"crew", "reason", "version"}`: another crew for an order whose crew is not there yet."""

    permission_classes = [role_in(*CONTROL)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        data = body(request)
        order = get_object_or_404(WorkOrder, number=number)
        version = data.get("version")
        if version is not None and type(version) is not int:
            raise Refused("version", "not_a_number", _("That is no version."))
        made = services.reassign(
            order, crew_of(data.get("crew")), by=person(request).username,
            reason=str(data.get("reason") or ""), version=version,
        )  # fmt: skip
        return Response(selectors.order_json(made))


class RunCardsView(APIView):
    """GET: the cards in the order they are asked, the defaults last. POST: another card."""

    def get_permissions(self) -> list[Any]:
        return [role_in(*(OFFICE if self.request.method == "GET" else ("supervisor",)))()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"results": carding.listed()})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        made = carding.save(None, body(request), by=person(request).username)
        return Response(carding.card_json(made), status=201)


class RunCardView(APIView):
    """PUT: a card with these conditions and orders; `{"active": false}` puts it away."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    @idempotent
    def put(self, request: Request, pk: int) -> Response:
        row = get_object_or_404(RunCard, pk=pk)
        made = carding.save(row, body(request), by=person(request).username)
        return Response(carding.card_json(made))
