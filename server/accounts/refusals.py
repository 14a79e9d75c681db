"""What a service raises when it refuses: which field, which rule, in the user's words."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A request that cannot be carried out; nothing was changed.

    `field` names the input at fault ('' for the whole), `code` is stable for programs, the text is
    already in the user's language, `extra` goes beside the errors in the answer.
    """

    status = 422

    def __init__(
        self, field: str, code: str, text: str, *, status: int | None = None, **extra: Any
    ) -> None:
        super().__init__(text)
        self.field = field
        self.code = code
        self.extra = extra
        if status is not None:
            self.status = status


class Conflict(Refused):
    """Somebody else was first, or the life cycle does not allow it from here (HTTP 409)."""

    status = 409


class NotAllowed(Refused):
    """The person may not do this (HTTP 403)."""

    status = 403
