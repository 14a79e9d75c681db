"""Pages for anybody: who asks too often is told to wait."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

ASKS, WINDOW_S = 30, 60


def too_often(page: str, request: HttpRequest) -> bool:
    """Counts this request; whether its sender has asked `page` more than 30 times in a minute."""
    sender = request.META.get("REMOTE_ADDR", "")
    key = f"{page}:{sender}:{int(timezone.now().timestamp() // WINDOW_S)}"
    cache.add(key, 0, WINDOW_S)
    return bool(cache.incr(key) > ASKS)
