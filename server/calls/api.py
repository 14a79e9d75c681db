"""Doors for the desk: who am I, what rings, the card, the draft, registering, playing."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.idempotency import idempotent
from server.accounts.permissions import DESK, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.calls import agents, guarding, locating, selectors, services, supervising
from server.calls.models import AgentState, Call
from server.calls.queueing import editing
from server.customers.models import Account
from server.tickets.models import CallBack


class MeView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        who = person(request)
        # No field at all where there is nothing to show: nobody can tell why.
        listeners = supervising.open_to(who)
        return Response({**agents.me(who), **({"listeners": listeners} if listeners else {})})


class MyStateView(APIView):
    """Ready, paused (with a reason) or signed out; the queue follows."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        state = str(body(request).get("state") or "")
        reason = str(body(request).get("reason") or "")[:40]
        if state not in ("ready", "paused", "signed_out"):
            raise Refused("state", "unknown", _("Choose ready, paused or signed out."))
        if state == "paused":
            editing.check_reason(reason)
        if not person(request).extension:
            raise Refused("state", "no_extension", _("You have no telephone line."))
        agents.set_state(person(request), AgentState.State(state), reason=reason)
        agents.ask_queue(person(request), state, reason)
        return Response(agents.me(person(request)))


class BlockedView(APIView):
    """Addresses that are shut out of the exchange now."""

    permission_classes = [role_in("supervisor", "engineer", "auditor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"blocked": guarding.blocked_now()})


class ReleaseView(APIView):
    """Somebody answers for an address: it is let in again."""

    permission_classes = [role_in("supervisor", "engineer")]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        guarding.release(pk, by=person(request).username)
        return Response({"blocked": guarding.blocked_now()})


class LiveCallsView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.live_calls())


class CallView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, call_id: str) -> Response:
        return Response(selectors.card(_call(call_id)))


class IdentifyView(APIView):
    """The agent says which account it is, having asked a second thing; nothing is assumed."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, call_id: str) -> Response:
        call = _call(call_id)
        account = Account.objects.filter(number=str(body(request).get("account") or "")).first()
        if account is None:
            raise Refused("account", "unknown", _("There is no such account."))
        call = services.identify(call, account, by=person(request).username)
        return Response(selectors.card(call))


class DraftView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, call_id: str) -> Response:
        services.save_draft(_call(call_id), dict(body(request)), by=person(request).username)
        return Response({"saved_at": timezone.now()})


class RegisterView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request, call_id: str) -> Response:
        ticket = services.register(_call(call_id), body(request), by=person(request).username)
        incident: dict[str, Any] | None = None
        if ticket.incident is not None:
            incident = {"id": ticket.incident.pk, "number": ticket.incident.number}
        return Response(
            {"ticket": ticket.number, "state": ticket.state, "incident": incident}, status=201
        )


class CallBacksView(APIView):
    """The calls we owe, the most overdue first."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = CallBack.objects.filter(done_at=None).select_related("ticket")[:50]
        return Response(
            [
                {"id": r.pk, "reason": r.reason, "label": str(r.get_reason_display()),
                 "phone": r.phone, "due_at": r.due_at, "call": r.call_id or None,
                 "ticket": r.ticket.number if r.ticket else None}
                for r in rows
            ]
        )  # fmt: skip


class CallBackDoneView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        row = get_object_or_404(CallBack, pk=pk)
        outcome = str(body(request).get("outcome") or "")
        if outcome not in ("reached", "not_reached", "not_fixed"):
            raise Refused("outcome", "unknown", _("Say how the call went."))
        services.call_back_done(row, outcome, by=person(request).username)
        return Response({"done_at": row.done_at, "outcome": row.outcome})


def _call(call_id: str) -> Call:
    return get_object_or_404(
        Call.objects.select_related("account__premise", "premise", "agent"), call_id=call_id
    )


class LocationLinkView(APIView):
    """Text the caller a link with which their telephone shows where it is."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, call_id: str) -> Response:
        site = f"{request.scheme}://{request.get_host()}"
        locating.send_link(_call(call_id), site=site, by=request.user.username)
        return Response({"sent": True}, status=201)


class WhereView(APIView):
    """The caller's telephone answers: {lon, lat, accuracy_m}. No sign-in; the link is the key."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, token: str) -> Response:
        data = body(request)
        call = locating.share(token, data.get("lon"), data.get("lat"), data.get("accuracy_m"))
        return Response({"taken": True, "rough": call.location["rough"]})
