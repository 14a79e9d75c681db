"""Doors for queues: how they stand, and what a supervisor sets."""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.models import Area, Role, User
from server.accounts.permissions import DESK, OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.calls.queueing import callbacks, editing, items, seating, selectors
from server.calls.queueing.models import AgentProfile, KeptPlace, PauseReason, Queue

SUPERVISOR = [role_in("supervisor")]
_SHOWN = ("rank", "active", "call_back", *editing.LIMITS)


def queue_json(queue: Queue) -> dict[str, Any]:
    return {
        "code": queue.code, "name": queue.name, "name_zh": queue.name_zh, "shown": queue.shown,
        "skill": queue.skill, "area": queue.area.code if queue.area else None,
        "overflow_to": queue.overflow_to.code if queue.overflow_to else None,
        **{name: getattr(queue, name) for name in _SHOWN},
    }  # fmt: skip


class QueuesView(APIView):
    """Every queue with its rules."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = Queue.objects.select_related("area", "overflow_to")
        return Response({
            "queues": [queue_json(q) for q in rows],
            "areas": [
                {"code": a.code, "name": a.name, "name_zh": a.name_zh} for a in Area.objects.all()
            ],
        })  # fmt: skip


class QueuesNowView(APIView):
    """How each queue stands this moment."""

    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.now())


class QueueView(APIView):
    permission_classes = SUPERVISOR

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, code: str) -> Response:
        queue = editing.save_queue(code, body(request), by=person(request).username)
        return Response(queue_json(queue))


class AgentSkillsView(APIView):
    """Everybody who can take calls, with skills, districts and written work."""

    permission_classes = SUPERVISOR

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        users = list(
            User.objects.filter(role__in=(Role.AGENT, Role.SUPERVISOR), is_active=True)
            .exclude(extension="")
            .select_related("agent_profile")
            .prefetch_related(
                "agent_skills", Prefetch("agent_profile__areas", Area.objects.only("code"))
            )
            .order_by("extension")
        )
        works = seating.skills_of([user.pk for user in users])
        return Response([agent_json(user, works[user.pk]) for user in users])


def agent_json(user: User, works: dict[str, int]) -> dict[str, Any]:
    """`works`: the skills with which the agent sits in the queues (`seating.skills_of`)."""
    profile = getattr(user, "agent_profile", None)
    own = {row.skill: row.level for row in user.agent_skills.all()}
    shown = profile or AgentProfile()
    return {
        "username": user.username, "name": user.name, "extension": user.extension,
        "skills": own, "usual": not own, "works": works,
        "areas": [area.code for area in profile.areas.all()] if profile else [],
        "text_limit": shown.text_limit, "text_while_talking": shown.text_while_talking,
    }  # fmt: skip


class AgentSkillView(APIView):
    permission_classes = SUPERVISOR

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, username: str) -> Response:
        data = body(request)
        user = get_object_or_404(User, username=username)
        editing.save_agent(user, data, by=person(request).username)
        return Response(agent_json(user, seating.skills_of([user.pk])[user.pk]))


class AgentStateView(APIView):
    """A supervisor ends a wrap-up or a pause, pauses an agent, or signs one out."""

    permission_classes = SUPERVISOR

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, username: str) -> Response:
        data = body(request)
        user = get_object_or_404(User, username=username)
        row = editing.set_state_of(
            user, str(data.get("state") or ""), str(data.get("reason") or ""),
            by=person(request).username,
        )  # fmt: skip
        return Response({"state": row.state, "reason": row.reason, "since": row.since})


def reason_json(row: PauseReason) -> dict[str, Any]:
    return {
        "code": row.code, "name": row.name, "name_zh": row.name_zh, "shown": row.shown,
        "away": row.away, "limit_s": row.limit_s, "active": row.active, "system": row.system,
    }  # fmt: skip


class PauseReasonsView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response([reason_json(row) for row in PauseReason.objects.all()])


class PauseReasonView(APIView):
    permission_classes = SUPERVISOR

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, code: str) -> Response:
        row = editing.save_reason(code, body(request), by=person(request).username)
        return Response(reason_json(row))


class KeptPlacesView(APIView):
    """Callers who wait for our call, in their turn."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = KeptPlace.objects.filter(
            state__in=(KeptPlace.State.WAITING, KeptPlace.State.DIALLING)
        ).select_related("call")[:200]
        return Response([
            {"id": r.pk, "queue": r.queue, "number": r.number, "priority": r.priority,
             "since": r.since, "asked_at": r.asked_at, "state": r.state, "call": r.call.call_id}
            for r in rows
        ])  # fmt: skip


class KeptPlaceCancelView(APIView):
    permission_classes = [role_in(*DESK)]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        place = get_object_or_404(KeptPlace, pk=pk)
        callbacks.cancel(place, by=person(request).username)
        return Response({"state": KeptPlace.State.CANCELLED})


class ItemsView(APIView):
    """Written work in my hands or offered to me, and how much waits."""

    permission_classes = [role_in("agent", "supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(items.listed(person(request)))


class ItemView(APIView):
    """{"act": "take"}, {"act": "pass"}, or {"act": "done", "outcome", "reply", "ticket"}."""

    permission_classes = [role_in("agent", "supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        data, user = body(request), person(request)
        match data.get("act"):
            case "take":
                item = items.take(pk, by=user)
            case "pass":
                item = items.pass_on(pk, by=user)
            case "done":
                item = items.finish(pk, data, by=user)
            case _:
                raise Refused("act", "unknown", _("Choose take, pass or done."))
        return Response(items.item_json(item))


class InboundView(APIView):
    """A gateway delivers an SMS or an e-mail: {"kind", "id", "from", "name", "subject", "text"}.

    `Authorization: Bearer` with STANDPIPE_INBOUND_KEY; closed where none is set.
    """

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        key = settings.STANDPIPE["INBOUND_KEY"]
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not key or not hmac.compare_digest(given.encode(), key.encode()):
            raise Refused("", "key", _("That key is not known here."), status=401)
        data = body(request)
        if data.get("kind") not in ("sms", "email"):
            raise Refused("kind", "unknown", _("Choose sms or email."))
        item = items.receive(
            str(data["kind"]), ref=str(data.get("id") or ""), sender=str(data.get("from") or ""),
            body=str(data.get("text") or ""), name=str(data.get("name") or ""),
            subject=str(data.get("subject") or ""), skill=str(data.get("skill") or "")[:20],
        )  # fmt: skip
        return Response({"item": item.pk, "state": item.state}, status=201)
