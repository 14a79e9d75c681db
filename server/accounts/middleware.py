"""Know who is acting while a request runs, and answer in that person's language."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from server.accounts.context import Acting, act_as


class RequestContext:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        request_id = request.headers.get("X-Request-Id", "")[:36] or str(uuid4())
        who = Acting(
            by=user.get_username() or "anonymous",
            role=getattr(user, "role", ""),
            address=str(request.META.get("REMOTE_ADDR", ""))[:45],
            request_id=request_id,
        )
        # The cookie is this browser's choice; the profile is the person's and comes second.
        if user.is_authenticated and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language()
        with act_as(who):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response
