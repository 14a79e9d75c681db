"""Write an event: in the transaction of the change it tells of."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from server.accounts.context import acting
from server.events.models import Beat, Event


def publish(
    name: str, subject: str = "", /, *, topic: str = "", by: str = "", **payload: Any
) -> Event:
    """Append one event. `topic` puts it on the live stream too ('' keeps it inside)."""
    return Event.objects.create(
        name=name, topic=topic, subject=subject, payload=payload, by=by or acting().by
    )


def beat(name: str, **detail: Any) -> None:
    """Say that the process `name` has just done something."""
    Beat.objects.update_or_create(name=name, defaults={"at": timezone.now(), "detail": detail})


def personal(user_id: int) -> str:
    """The topic that only this person's own screens hear, whatever the role."""
    return f"user:{user_id}"
