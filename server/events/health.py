"""/health: is the database there, and when did each process last do something?"""

from __future__ import annotations

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from server.events.models import Beat


def health(request: HttpRequest) -> JsonResponse:
    try:
        now = timezone.now()
        rows = list(Beat.objects.all())
    except Error:
        return JsonResponse({"ok": False, "database": False, "beats": {}}, status=503)
    beats = {b.name: round((now - b.at).total_seconds(), 1) for b in rows}
    # What a person has to put right, as the processes that watch say it with their beat.
    alarms = [text for b in rows for text in b.detail.get("alarms", ())]
    return JsonResponse({"ok": True, "database": True, "beats": beats, "alarms": alarms})
