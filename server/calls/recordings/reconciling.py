"""Every answered call has its sound, as long as the talk: what does not is listed.

A minute after its end a call without a file is a gap; the look comes every twenty seconds. A gap
closes by itself when the file turns up, or by a person who knows why it will not.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.calls.models import Call, Recording
from server.calls.recordings import alarms, disk, keeping, wav
from server.calls.recordings.models import Gap, TalkTime
from server.events.services import publish
from telephony.ami.events import AgentCompleted, AmiEvent

GRACE = timedelta(seconds=60)
# What is older was looked at, many times.
BACK = timedelta(days=7)
SHORT_S = 2.0
# Asterisk counts a talk in whole seconds.
ROUNDING_S = 1.0
LACKING_S = SHORT_S + ROUNDING_S


def hear(event: AmiEvent, now: object) -> None:
    """Add up how long agents talked, by Asterisk's count; a listener of the switchboard."""
    if not isinstance(event, AgentCompleted):
        return
    call = Call.objects.filter(call_id=event.call_id).first()
    if call is None:
        return
    with transaction.atomic():
        TalkTime.objects.get_or_create(call=call)
        row = TalkTime.objects.select_for_update().get(call=call)
        row.seconds, row.parts = row.seconds + event.talk_s, row.parts + 1
        row.save()


def look() -> int:
    """Find new gaps, close those that are none any more; returns how many stand open."""
    now = timezone.now()
    _close_found()
    answered = Call.objects.filter(
        outcome=Call.Outcome.ANSWERED, state=Call.State.ENDED,
        ended_at__gt=now - BACK, ended_at__lt=now - GRACE, gap=None,
    ).exclude(answered_at=None)  # fmt: skip
    for call in answered.filter(recording=None).select_related("talk_time"):
        _open(call, Gap.Kind.MISSING, _talked(call))
    # Asterisk said that it has written a file: into the place of a disk that was away, say.
    told = answered.filter(recording__files=None, recording__keeping__removed_at=None)
    if disk.present(keeping.folder()):
        for call in told.exclude(recording=None).select_related("talk_time", "recording__call"):
            if not _plain_is_there(call.recording):
                _open(call, Gap.Kind.MISSING, _talked(call))
    # The days of calls that are whole stay in the database: the look comes every twenty seconds.
    short = answered.filter(
        recording__kind="call", recording__keeping__removed_at=None,
        talk_time__seconds__gt=F("recording__seconds") + LACKING_S,
    )  # fmt: skip
    for call in short.select_related("talk_time", "recording"):
        _open(call, Gap.Kind.SHORT, call.talk_time.seconds - call.recording.seconds)
    standing = Gap.objects.filter(closed_at=None).count()
    if standing:
        alarms.raised("gaps", n=standing)
    else:
        alarms.cleared("gaps")
    return standing


def _has_sound(recording: Recording) -> bool:
    return recording.files.exists() or _plain_is_there(recording)


def _plain_is_there(recording: Recording) -> bool:
    """A file of Asterisk's that is going to be sealed."""
    try:
        path = keeping.plain_path(recording.call.call_id, keeping.main_leg(recording))
        return wav.look(path) is not None
    except OSError:
        return False


def _talked(call: Call) -> float:
    told = getattr(call, "talk_time", None)
    if told is not None:
        return float(told.seconds)
    if call.ended_at is None or call.answered_at is None:
        return 0.0
    return max(0.0, (call.ended_at - call.answered_at).total_seconds())


def _open(call: Call, kind: str, seconds: float) -> None:
    with transaction.atomic():
        _row, made = Gap.objects.get_or_create(
            call=call,
            defaults={"kind": kind, "found_at": timezone.now(), "seconds": round(seconds, 1)},
        )
        if made:
            publish(
                "recordings.gap", f"call:{call.call_id}", topic="supervision", call=call.call_id,
                kind=kind, seconds=round(seconds, 1),
            )  # fmt: skip


def _close_found() -> None:
    rows = Gap.objects.filter(closed_at=None).exclude(call__recording=None)
    for gap in rows.select_related("call__recording", "call__talk_time"):
        told = getattr(gap.call, "talk_time", None)
        if gap.kind == Gap.Kind.MISSING and not _has_sound(gap.call.recording):
            continue
        if told is None or told.seconds - gap.call.recording.seconds <= LACKING_S:
            gap.closed_at, gap.closed_how = timezone.now(), "found"
            gap.save(update_fields=["closed_at", "closed_how"])


def close(gap: Gap, *, note: str, by: str) -> Gap:
    """A person knows why the sound is missing, and says so."""
    note = " ".join(note.split())
    if len(note) < 3:
        raise Refused("note", "required", _("Say why the recording is missing."))
    with transaction.atomic():
        gap = Gap.objects.select_for_update().select_related("call").get(pk=gap.pk)
        if gap.closed_at is not None:
            raise Conflict("note", "closed", _("This gap is closed already."))
        gap.closed_at, gap.closed_how = timezone.now(), "seen"
        gap.closed_by, gap.note = by, note[:200]
        gap.save()
        record("recording.gap_seen", f"call:{gap.call.call_id}", note=note, by=by)
    return gap
