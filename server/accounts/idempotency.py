"""Send the same write twice, get the first answer twice, change things once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from server.accounts.models import IdempotencyKey
from server.accounts.refusals import Conflict, Refused
from server.accounts.requests import body, check_text, person, same_body


def idempotent(view: Callable[..., Response]) -> Callable[..., Response]:
    """Wrap a POST view method: `key` in the body or an Idempotency-Key header.

    The key's row and the change commit together; two requests racing with one key queue on the
    row, and the second gets the first one's answer. The same key with another body is refused.
    """

    @wraps(view)
    def wrapped(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = body(request)
        key = str(request.headers.get("Idempotency-Key") or data.get("key") or "")
        if not key:
            return view(self, request, *args, **kwargs)
        if len(key) > 64:
            raise Refused("key", "too_long", _("The key may have 64 characters."))
        check_text(key)
        digest = hashlib.sha256(same_body(data)).hexdigest()
        user = person(request)
        with transaction.atomic():
            IdempotencyKey.objects.bulk_create(
                [IdempotencyKey(user=user, key=key, path=request.path, body_hash=digest)],
                ignore_conflicts=True,
            )
            row = IdempotencyKey.objects.select_for_update().get(
                user=user, key=key, path=request.path
            )
            if row.body_hash != digest:
                raise Conflict("key", "key_reused", _("This key was used for something else."))
            if row.status is not None:
                return Response(row.answer, status=row.status)
            response = view(self, request, *args, **kwargs)
            row.status = response.status_code
            row.answer = json.loads(json.dumps(response.data, cls=JSONEncoder))
            row.save(update_fields=["status", "answer"])
        return response

    return wrapped
