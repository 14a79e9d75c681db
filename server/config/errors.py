"""One shape for every refusal: {"errors": [{"field", "code", "text"}]}, in the user's language."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from server.accounts.middleware import RETRY_S, away
from server.accounts.refusals import Conflict, Refused
from server.accounts.requests import too_large


def _flatten(detail: Any, field: str = "") -> list[dict[str, str]]:
    if isinstance(detail, dict):
        return [e for key, value in detail.items() for e in _flatten(value, field or str(key))]
    if isinstance(detail, list):
        return [e for value in detail for e in _flatten(value, field)]
    return [{"field": field, "code": getattr(detail, "code", "invalid"), "text": str(detail)}]


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a service or DRF raised into the one error shape; never a traceback."""
    if isinstance(exc, RequestDataTooBig):
        exc = too_large()
    if isinstance(exc, Refused):
        code = status.HTTP_409_CONFLICT if isinstance(exc, Conflict) else exc.status
        body: dict[str, Any] = {
            "errors": [{"field": exc.field, "code": exc.code, "text": str(exc)}],
            **exc.extra,
        }
        return Response(body, status=code)
    if isinstance(exc, OperationalError | InterfaceError):
        return Response(
            away(), status=status.HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": RETRY_S}
        )
    if isinstance(exc, ValueError) and "NUL" in str(exc):
        # psycopg2's word for a text no column can hold, here from an address or a query string.
        exc = exceptions.ParseError(_("There is a character that cannot be stored."))
    if isinstance(exc, Http404):
        exc = exceptions.NotFound(_("There is no such thing here."))
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    response = exception_handler(exc, context)
    if response is not None:
        detail = response.data
        if isinstance(detail, dict) and set(detail) == {"detail"}:
            detail = detail["detail"]
        response.data = {"errors": _flatten(detail)}
    return response
