"""What a JSON body may be, and who sent it: checked once, at the door, for every view."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, cast

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from server.accounts.models import User
from server.accounts.refusals import Refused

MAX_BYTES = 2 * 1024 * 1024


class ObjectParser(JSONParser):
    """One JSON object of at most MAX_BYTES, without text no column can hold."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise too_large()
        try:
            data = super().parse(BytesIO(raw), media_type, parser_context)
            _look_through(data)
        except RecursionError:
            raise ParseError(_("That is nested too deeply.")) from None
        if not isinstance(data, dict):
            raise ParseError(_("Send one JSON object."))
        return data


def too_large() -> Refused:
    return Refused("", "too_large", _("That is more than a request may hold."), status=413)


def _look_through(value: Any) -> None:
    """PostgreSQL stores neither NUL nor half of a surrogate pair; say so instead of failing."""
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _look_through(name)
            _look_through(inner)
    elif isinstance(value, list):
        for inner in value:
            _look_through(inner)


def check_text(text: str) -> None:
    try:
        codecs.encode(text, "utf-8")
    except UnicodeEncodeError:
        raise ParseError(_("There is a character that cannot be stored.")) from None
    if "\x00" in text:
        raise ParseError(_("There is a character that cannot be stored."))


def body(request: Request) -> dict[str, Any]:
    """The request's fields (JSON or multipart); an empty one for none."""
    data = request.data
    if not isinstance(data, dict):
        raise ParseError(_("Send one JSON object."))
    return data


def person(request: Request) -> User:
    """Who is signed in; for views whose permission has let nobody else through."""
    return cast(User, request.user)


def same_body(data: Mapping[str, Any]) -> bytes:
    """A body as bytes that are equal for equal bodies."""
    return json.dumps(data, sort_keys=True, default=str).encode()
