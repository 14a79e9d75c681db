"""The audit log: one row per change, in the same transaction as the change."""

from __future__ import annotations

from server.accounts.context import acting
from server.accounts.models import AuditRow


def record(
    action: str,
    subject: str,
    *,
    from_state: str = "",
    to_state: str = "",
    note: str = "",
    by: str = "",
) -> AuditRow:
    """Write who did `action` to `subject` (for example 'ticket:T-12')."""
    who = acting()
    return AuditRow.objects.create(
        by=by or who.by,
        role=who.role,
        action=action,
        subject=subject[:80],
        from_state=from_state,
        to_state=to_state,
        address=who.address,
        request_id=who.request_id,
        note=note[:2000],
    )
