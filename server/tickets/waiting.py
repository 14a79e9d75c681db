"""An incident whose crews have all declined, not answered or been recalled waits again."""

from __future__ import annotations

from django.db import transaction

from server.accounts.audit import record
from server.tickets.models import Incident
from server.tickets.services import tell_incident, write_history


def back_to_waiting(incident: Incident, *, by: str, note: str = "") -> bool:
    """From "crew sent" back to open. False where somebody has been there: that is never undone."""
    with transaction.atomic():
        locked = Incident.objects.select_for_update().get(pk=incident.pk)
        if locked.state != Incident.State.DISPATCHED:
            return False
        before, locked.state = locked.state, Incident.State.OPEN
        locked.version += 1
        locked.save(update_fields=["state", "version"])
        write_history(
            incident=locked, action="waiting", from_state=before, to_state=locked.state, by=by,
            note=note,
        )  # fmt: skip
        record(
            "incident.waiting", f"incident:{locked.number}", from_state=before,
            to_state=locked.state, note=note, by=by,
        )  # fmt: skip
        tell_incident("incident.changed", locked, by=by, change="waiting")
        return True
