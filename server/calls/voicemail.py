"""Voice mail: whoever was asked for a message gets a ticket and a call, words or no words.

A message with less than two seconds of voice is a missed call, and so is one that found no room.
"""

from __future__ import annotations

import logging
import shutil
import wave
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from server.calls import menu, services
from server.calls.models import Call
from server.tickets import services as tickets
from server.tickets.models import CallBack, Contact
from telephony.dialplan.values import ROOM_FILE
from telephony.wav import loud_seconds

log = logging.getLogger("standpipe.telephony")
BY = "voice mail"
# Below so much free space callers are told that nothing can be recorded; their numbers are kept.
LEAST_ROOM_BYTES = 100 * 1024 * 1024
CALL_BACK_MINUTES = 30
# app_queue's reasons for giving up, after which a caller is asked for a message.
GAVE_UP = frozenset({"TIMEOUT", "FULL", "JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL"})


def heard(call_id: str, path: str) -> None:
    """A message was stored: how long it is, and how much of it is voice."""
    file = Path(settings.STANDPIPE["RECORDINGS"]) / Path(path).name
    try:
        with wave.open(str(file), "rb") as sound:
            frames = sound.readframes(sound.getnframes())
            seconds = sound.getnframes() / sound.getframerate()
    except (OSError, wave.Error, EOFError, ZeroDivisionError) as bad:
        log.warning("the message of %s cannot be read: %s", call_id, bad)
        return
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).filter(call_id=call_id).first()
        if call is None:
            return
        call.menu = {
            **call.menu, "message_s": round(seconds, 1), "voice_s": round(loud_seconds(frames), 1),
        }  # fmt: skip
        call.save(update_fields=["menu"])
        if call.state == Call.State.ENDED:
            # Rebuilt from Asterisk's files, the end came first.
            _settle(call, words=services.has_words(call))


def was_offered(call: Call, status: str, message_left: bool) -> bool:
    """The caller was asked for a message."""
    return (
        message_left or status in GAVE_UP or call.menu.get("to") == "message"
        or "message_s" in call.menu
    )  # fmt: skip


def after(call_id: str, status: str, *, message_left: bool) -> None:
    """The call is over: what is owed to a caller who was asked for a message."""
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).filter(call_id=call_id).first()
        if call is not None and was_offered(call, status, message_left):
            _settle(call, words="message_s" in call.menu and services.has_words(call))


def _settle(call: Call, *, words: bool) -> None:
    """Ticket and call-back for a call that ended at the message; repeating it changes nothing."""
    if call.outcome == Call.Outcome.ANSWERED:
        return
    call.outcome = Call.Outcome.MESSAGE if words else Call.Outcome.ABANDONED
    call.save(update_fields=["outcome"])
    seconds = round(call.menu.get("message_s", 0))
    note = (
        _("Voice message of %(seconds)s s.") % {"seconds": seconds} if words
        else _("Missed call: the caller was asked for a message and left no words.")
    )  # fmt: skip
    ticket = menu.written_down(
        call, kind="enquiry", note=note, by=BY,
        channel=Contact.Channel.MESSAGE if words else Contact.Channel.PHONE,
    )  # fmt: skip
    reason = CallBack.Reason.MESSAGE if words else CallBack.Reason.MISSED
    other = CallBack.Reason.MISSED if words else CallBack.Reason.MESSAGE
    CallBack.objects.filter(call_id=call.call_id, reason=other, done_at=None).delete()
    owed = tickets.owe_call_back(
        reason, call.phone, call_id=call.call_id, ticket=ticket, minutes=CALL_BACK_MINUTES
    )
    if owed is not None and owed.ticket_id is None:
        owed.ticket = ticket
        owed.save(update_fields=["ticket"])


def keep_room(folder: Path) -> bool:
    """Let the dialplan know whether a message can be stored. False while the disk is full."""
    flag = folder / ROOM_FILE
    try:
        room = shutil.disk_usage(folder).free >= LEAST_ROOM_BYTES
        if room:
            flag.touch()
        else:
            flag.unlink(missing_ok=True)
    except OSError as gone:
        log.error("the recordings' folder cannot be used: %s", gone)
        return False
    if not room:
        log.error("the disk of the recordings is full: callers cannot leave messages")
    return room
