"""Choose finished work to check, and record what the check found."""

from __future__ import annotations

import zlib

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.quality.models import Check
from server.tickets import services as tickets
from server.tickets.models import Ticket

SHARE = 5  # one closed ticket in five


def choose(ticket: Ticket) -> Check | None:
    """Re-opened work is always checked; of the rest a share, chosen by number so that it is the
    same whoever asks.
    """
    if ticket.reopened:
        why = "reopened"
    elif zlib.crc32((ticket.number or "").encode()) % SHARE == 0:
        why = "random"
    else:
        return None
    return Check.objects.get_or_create(ticket=ticket, defaults={"why": why})[0]


def settle(check: Check, result: str, *, note: str, by: str) -> Check:
    """Write down the result; whoever did or closed the work may not check it."""
    if result not in Check.Result.values:
        raise Refused("result", "unknown", _("Say pass or fail."))
    ticket = check.ticket
    closers = ticket.history.filter(action="close").values_list("by", flat=True)
    if by in {ticket.handler, ticket.opened_by, *closers}:
        raise NotAllowed("by", "own_work", _("Nobody checks their own work."))
    with transaction.atomic():
        check = Check.objects.select_for_update().get(pk=check.pk)
        if check.done_at is not None:
            raise Conflict("check", "done", _("That check is done."))
        check.result, check.note, check.by = result, note[:2000], by
        check.done_at = timezone.now()
        check.save()
        record("quality.check", f"ticket:{ticket.number}", to_state=result, note=note, by=by)
        if ticket.state == "closed":
            tickets.act(ticket, "audit", role="auditor", by=by)
    return check
