"""Who is acting, for the audit row: kept per request, or named by a long-running door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4


@dataclass(frozen=True)
class Acting:
    """`by` is a user or a process; `role` one of accounts.models.Role or system."""

    by: str = "system"
    role: str = "system"
    address: str = ""
    request_id: str = field(default_factory=lambda: str(uuid4()))


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


def acting() -> Acting:
    return _acting.get() or Acting()


@contextmanager
def act_as(who: Acting) -> Iterator[Acting]:
    token = _acting.set(who)
    try:
        yield who
    finally:
        _acting.reset(token)
