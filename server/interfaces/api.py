"""Doors to webhooks. A secret is in the answer that makes it and nowhere else."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import role_in
from server.accounts.requests import body, person
from server.interfaces import services
from server.interfaces.models import Delivery, Webhook


def hook_json(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.pk, "name": hook.name, "url": hook.url, "events": hook.events,
        "active": hook.active, "stopped_for": hook.stopped_for, "created_at": hook.created_at,
        "waiting": hook.deliveries.filter(state=Delivery.State.WAITING).count(),
    }  # fmt: skip


class WebhooksView(APIView):
    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="webhooks_list")
    def get(self, request: Request) -> Response:
        return Response({"results": [hook_json(h) for h in Webhook.objects.all()]})

    # Not idempotent on purpose: the answer holds a secret, which is stored nowhere twice.
    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        data = body(request)
        hook, secret = services.register(
            str(data.get("name") or ""), str(data.get("url") or ""), data.get("events"),
            by=person(request).username,
        )  # fmt: skip
        return Response({**hook_json(hook), "secret": secret}, status=201)


class WebhookView(APIView):
    """GET: what was sent lately. POST: pause, resume, rotate, remove."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="webhooks_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        hook = get_object_or_404(Webhook, pk=pk)
        rows = hook.deliveries.select_related("event").order_by("-pk")[:100]
        return Response({**hook_json(hook), "deliveries": [
            {"id": d.pk, "event": d.event.name, "state": d.state, "attempts": d.attempts,
             "status": d.status, "error": d.error, "next_try_at": d.next_try_at,
             "done_at": d.done_at} for d in rows
        ]})  # fmt: skip

    @extend_schema(
        request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT, operation_id="webhooks_step"
    )
    def post(self, request: Request, pk: int) -> Response:
        step = str(body(request).get("step") or "")
        secret = services.change(
            get_object_or_404(Webhook, pk=pk), step, by=person(request).username
        )
        found = Webhook.objects.filter(pk=pk).first()
        shown = hook_json(found) if found else {"removed": True}
        return Response({**shown, **({"secret": secret} if secret else {})})
