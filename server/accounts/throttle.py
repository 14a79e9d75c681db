"""Slow down somebody who guesses passwords, by user name and address, kept in the database."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from server.accounts.models import AuditRow

TRIES = 8
WINDOW = timedelta(minutes=5)


def too_many_tries(username: str, address: str) -> bool:
    """Whether this name from this address failed TRIES times within WINDOW."""
    return (
        AuditRow.objects.filter(
            action="sign_in.refused",
            subject=f"user:{username}"[:80],
            address=address,
            at__gt=timezone.now() - WINDOW,
        ).count()
        >= TRIES
    )
