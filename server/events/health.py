"""/health: is the database there, and when did each process last do something?"""

from __future__ import annotations

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from server.events.models import Beat


def health(request: HttpRequest) -> JsonResponse:
    try:
        now = timezone.now()
        beats = {b.name: round((now - b.at).total_seconds(), 1) for b in Beat.objects.all()}
    except Error:
        return JsonResponse({"ok": False, "database": False, "beats": {}}, status=503)
    return JsonResponse({"ok": True, "database": True, "beats": beats})
