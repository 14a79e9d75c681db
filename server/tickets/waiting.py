"""An incident whose crews have all declined, not answered or been recalled waits again."""

from __future__ import annotations

from django.db import transaction

from server.tickets.models import Incident
from server.tickets.services import back_to_open


def back_to_waiting(incident: Incident, *, by: str, note: str = "") -> bool:
    """From "crew sent" back to open. False where somebody has been there: that is never undone."""
    with transaction.atomic():
        locked = Incident.objects.select_for_update().get(pk=incident.pk)
        if locked.state != Incident.State.DISPATCHED:
            return False
        back_to_open(locked, "waiting", change="waiting", by=by, note=note)
        return True
