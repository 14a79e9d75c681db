"""Who looked at where crews had been: written down, once per hour looked at."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from server.accounts.audit import record
from server.accounts.context import acting
from server.accounts.models import AuditRow

# Playing asks twice a second; within this time the same person's same hour is one look.
ONE_LOOK = timedelta(minutes=15)


def note_look(at: datetime) -> None:
    """Write down that the acting person sees the crews' tracks of this hour."""
    hour = at.astimezone(timezone.get_current_timezone()).strftime("%Y-%m-%dT%H:00%z")
    subject = f"crews:{hour}"
    known = AuditRow.objects.filter(
        subject=subject, action="track.view", by=acting().by,
        at__gt=timezone.now() - ONE_LOOK,
    ).exists()  # fmt: skip
    if not known:
        record("track.view", subject, note="replay")
