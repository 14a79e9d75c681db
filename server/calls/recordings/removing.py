"""Recordings whose time is over go; what is under a legal hold stays."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.calls.models import Recording
from server.calls.recordings import keeping, retention
from server.calls.recordings.models import Hold, Keeping

A_STEP = 100


def remove(recording: Recording, why: str, *, by: str = "recordings") -> bool:
    """Remove the sound, all legs; the row stays and says when and why. False under a hold.

    Files go first: after a crash the row still asks for them to be removed, never the other way.
    """
    with transaction.atomic():
        recording = (
            Recording.objects.select_for_update().select_related("call").get(pk=recording.pk)
        )
        if Hold.objects.filter(recording=recording, lifted_at=None).exists():
            return False
        row = Keeping.objects.filter(recording=recording, removed_at=None).first()
        if row is None:
            return False
        for file in recording.files.all():
            (keeping.folder() / file.name).unlink(missing_ok=True)
        for leg in keeping.PLAIN:
            keeping.plain_path(recording.call.call_id, leg).unlink(missing_ok=True)
        recording.files.all().delete()
        row.removed_at, row.removed_why = timezone.now(), why[:40]
        row.save(update_fields=["removed_at", "removed_why"])
        record("recording.removed", f"call:{recording.call.call_id}", note=why, by=by)
    return True


def removable() -> QuerySet[Keeping]:
    """What is there and under no legal hold."""
    held = Hold.objects.filter(recording=OuterRef("recording"), lifted_at=None)
    found = Keeping.objects.filter(~Exists(held), removed_at=None)
    return found.select_related("recording__call")


def sweep(limit: int = A_STEP) -> int:
    """Remove what is past its time; returns how many. Raises OSError."""
    gone = 0
    for row in removable().filter(keep_until__lt=timezone.now()).order_by("keep_until")[:limit]:
        # A ticket written after the call may ask for longer.
        if keeping.classify(row.recording).keep_until < timezone.now():
            gone += remove(row.recording, "retention")
    return gone


def choose(recording: Recording, name: str, *, reason: str, by: str) -> Keeping:
    """A person says which class it is of, and why."""
    if name not in retention.DAYS:
        raise Refused("retention", "unknown", _("There is no such class of retention."))
    reason = _reason(reason)
    with transaction.atomic():
        row = keeping.classify(recording)
        _still_there(row)
        before = row.retention
        row.retention, row.chosen_by = name, by
        row.save(update_fields=["retention", "chosen_by"])
        row = keeping.classify(recording)
        record("recording.retention", f"call:{recording.call.call_id}", from_state=before,
               to_state=name, note=reason, by=by)  # fmt: skip
    return row


def hold(recording: Recording, *, on: bool, reason: str, by: str) -> Hold:
    """Put a legal hold on it, or lift it, with the reason."""
    reason = _reason(reason)
    with transaction.atomic():
        Recording.objects.select_for_update().get(pk=recording.pk)
        row = Hold.objects.filter(recording=recording, lifted_at=None).first()
        if on:
            _still_there(keeping.classify(recording))
            if row is not None:
                raise Conflict("on", "held", _("It is under a legal hold already."))
            row = Hold.objects.create(recording=recording, reason=reason, by=by)
        else:
            if row is None:
                raise Conflict("on", "not_held", _("It is under no legal hold."))
            row.lifted_at, row.lifted_by, row.lifted_why = timezone.now(), by, reason
            row.save()
        record("recording.hold" if on else "recording.hold_lifted",
               f"call:{recording.call.call_id}", note=reason, by=by)  # fmt: skip
    return row


def _reason(text: str) -> str:
    text = " ".join(text.split())
    if len(text) < 3:
        raise Refused("reason", "required", _("Give a reason; it is written down."))
    if len(text) > 200:
        raise Refused("reason", "too_long", _("A reason may have 200 characters."))
    return text


def _still_there(row: Keeping) -> None:
    if row.removed_at is not None:
        raise Conflict("", "removed", _("This recording was removed."))
