"""The texts that went out, newest first."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import OFFICE, role_in
from server.messaging.models import SmsMessage


class MessagesView(APIView):
    permission_classes = [role_in(*OFFICE)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = SmsMessage.objects.all()[:100]
        return Response(
            [
                {"id": m.pk, "to_masked": f"{m.to[:3]}****{m.to[-4:]}", "body": m.body,
                 "state": m.state, "at": m.created_at, "sent_at": m.sent_at, "ticket": m.ticket,
                 "audience": m.audience, "error": m.error}
                for m in rows
            ]
        )  # fmt: skip
