"""Verbs for crews: state changed, shift given."""

from __future__ import annotations

from server.events.services import publish
from server.workforce.models import Crew


def set_state(crew: Crew, state: str, *, by: str) -> None:
    """A crew is available, on its way, on site, off duty…"""
    if crew.state == state:
        return
    before, crew.state = crew.state, state
    crew.save(update_fields=["state"])
    publish(
        "crew.changed", f"crew:{crew.pk}", topic="crews", by=by, crew=crew.pk, name=crew.name,
        state=state, before=before,
    )  # fmt: skip
