"""Silence in the recording while a caller says payment data."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.calls import exchange, sites
from server.calls.models import Call
from server.calls.recordings.models import Pause
from server.events.services import publish

log = logging.getLogger("standpipe.recordings")
# A pause that was forgotten would cost the rest of the call.
LONGEST = timedelta(minutes=5)


def set_paused(call: Call, on: bool, *, by: User) -> Pause | None:
    """Silence from now on, or sound again; asking twice changes nothing.

    Raises NotAllowed for another's call, Conflict when nobody talks, Refused when Asterisk is away.
    """
    if by.role != "supervisor" and call.agent_id != by.pk:
        raise NotAllowed("call", "not_yours", _("This is not your call."))
    if call.state != Call.State.TALKING:
        raise Conflict("on", "not_talking", _("Nobody talks in this call now."))
    return _set(call, on, by.username)


def _set(call: Call, on: bool, by: str) -> Pause | None:
    with transaction.atomic():
        Call.objects.select_for_update(of=("self",)).get(pk=call.pk)
        row = Pause.objects.filter(call=call, ended_at=None).first()
        if (row is not None) == on:
            return row
        # First Asterisk: what is written down as silent has to be silent.
        exchange.act(
            "MixMonitorMute", site=sites.of_channel(call.channel_id), Channel=call.channel_id,
            Direction="both", State="1" if on else "0",
        )  # fmt: skip
        now = timezone.now()
        if on:
            row = Pause.objects.create(call=call, started_at=now, by=by)
        elif row is not None:
            row.ended_at, row.ended_by = now, by
            row.save(update_fields=["ended_at", "ended_by"])
        name = "recording.paused" if on else "recording.resumed"
        record(name, f"call:{call.call_id}", by=by)
        publish(name, f"call:{call.call_id}", topic="calls", call=call.call_id, paused=on, who=by)
    return row


def sweep() -> None:
    """End pauses that were forgotten, and those of calls that are over."""
    now = timezone.now()
    for row in Pause.objects.filter(ended_at=None).select_related("call"):
        if row.call.state == Call.State.ENDED:
            Pause.objects.filter(pk=row.pk, ended_at=None).update(
                ended_at=row.call.ended_at or now, ended_by="recordings"
            )
        elif now - row.started_at > LONGEST:
            try:
                _set(row.call, False, "recordings")
            except Refused as no:
                log.warning("call %s stays silent in its recording: %s", row.call.call_id, no)
