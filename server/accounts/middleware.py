"""Know who is acting while a request runs, and answer in that person's language."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _

from server.accounts.context import Acting, act_as

RETRY_S = "5"


def away() -> dict[str, list[dict[str, str]]]:
    """The errors of an answer without a database."""
    text = _("The database is not reachable. What you typed is kept; try again shortly.")
    return {"errors": [{"field": "", "code": "database_away", "text": text}]}


def database_away(request: HttpRequest) -> HttpResponse:
    """503 and when to come back: for programs as JSON, for people in a sentence."""
    connection.close()
    errors, response = away(), HttpResponse(status=503, content_type="text/plain; charset=utf-8")
    if request.path.startswith(("/api/", "/live")):
        response = JsonResponse(errors, status=503)
    else:
        response.write(errors["errors"][0]["text"])
    response["Retry-After"] = RETRY_S
    return response


class RequestContext:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        request_id = request.headers.get("X-Request-Id", "")[:36] or str(uuid4())
        try:
            # Asked of the database here, for the first time in a request.
            language = user.language if user.is_authenticated else ""
        except (OperationalError, InterfaceError):
            return database_away(request)
        who = Acting(
            by=user.get_username() or "anonymous",
            role=getattr(user, "role", ""),
            address=str(request.META.get("REMOTE_ADDR", ""))[:45],
            request_id=request_id,
        )
        # The cookie is this browser's choice; the profile is the person's and comes second.
        if language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()
        with act_as(who):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page or the live stream met a database that is away."""
        if isinstance(error, OperationalError | InterfaceError):
            return database_away(request)
        return None
