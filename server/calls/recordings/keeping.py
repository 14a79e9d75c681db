"""From a plain file of Asterisk's to a sealed one of ours, whatever ends in between.

    <call>.wav --seal--> .spr.part --verify--> .spr --row--> database --> <call>.wav is removed

Each step may be the last before a crash. The next look at the folder begins again from what is on
the disk, and the plain file goes only when the sealed one was read back and stands in the database.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from server.accounts.refusals import Refused
from server.calls.models import Call, Recording
from server.calls.recordings import keyring, retention, vault, wav
from server.calls.recordings.models import Keeping, SoundFile
from server.tickets.models import Ticket

log = logging.getLogger("standpipe.recordings")
# Leg -> how Asterisk's file is called behind the call's id.
PLAIN = {"both": "", "caller": "-in", "agent": "-out", "message": "-message"}
KEPT = "kept"
# A file nobody has closed, and nobody has written to for so long, was left by a killed Asterisk.
ABANDONED_S = 120.0
A_STEP = 40
_SAFE_ID = re.compile(r"[0-9A-Za-z._-]{1,80}")
_PLAIN_NAME = re.compile(r"(?P<call>[0-9A-Za-z._-]{1,80}?)(?P<leg>-in|-out|-message)?\.wav")


def folder() -> Path:
    """Where Asterisk writes, and we keep."""
    return Path(settings.STANDPIPE["RECORDINGS"])


def plain_path(call_id: str, leg: str) -> Path:
    """Asterisk's file for a leg of a call."""
    return folder() / f"{call_id}{PLAIN[leg]}.wav"


def main_leg(recording: Recording) -> str:
    """The leg one hears when one asks for the recording."""
    return "message" if recording.kind == "message" else "both"


def open(recording: Recording, leg: str = "") -> IO[bytes]:
    """The sound as a WAV file to read and to seek in; `leg` of SoundFile.Leg, the whole by itself.

    Raises FileNotFoundError where there is none (any more), VaultError where it cannot be opened.
    """
    leg = leg or main_leg(recording)
    row = recording.files.filter(leg=leg).first()
    if row is not None:
        return vault.opened(folder() / row.name, keyring.ring())
    if Keeping.objects.filter(recording=recording).exclude(removed_at=None).exists():
        raise FileNotFoundError(f"{leg}: removed")
    # Closed a moment ago and not sealed yet.
    path = plain_path(recording.call.call_id, leg)
    found = wav.look(path)
    if found is None:
        raise FileNotFoundError(f"{path.name}: no sound")
    return wav.opened(path, found)[0]


def size_of(recording: Recording, leg: str = "") -> int:
    """Bytes of the plain sound. Raises FileNotFoundError."""
    with open(recording, leg) as sound:
        return sound.seek(0, 2)


def ready(path: Path, *, ended: bool) -> wav.Wav | None:
    """The sound of a plain file that nobody writes to any more; None for every other."""
    try:
        found = wav.look(path)
        if found is None or found.closed:
            return found
        quiet = timezone.now().timestamp() - path.stat().st_mtime
    except OSError:
        return None
    return found if ended and quiet > ABANDONED_S else None


def keep(recording: Recording) -> int:
    """Seal every plain file of the call, and remove the plain ones; how many. Repeatable.

    Raises OSError (a full disk) and VaultError (no key); the plain files are then still there.
    """
    call = recording.call
    if not _SAFE_ID.fullmatch(call.call_id):
        return 0
    done = 0
    for leg in PLAIN:
        path = plain_path(call.call_id, leg)
        found = ready(path, ended=call.state == Call.State.ENDED)
        if found is not None:
            _keep_one(recording, leg, path, found)
            done += 1
    if done:
        classify(recording)
    return done


def _keep_one(recording: Recording, leg: str, path: Path, found: wav.Wav) -> None:
    call = recording.call
    day = timezone.localtime(call.started_at)
    name = f"{KEPT}/{day:%Y/%m/%d}/{call.call_id}-{leg}{vault.SUFFIX}"
    target = folder() / name
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    part = target.with_name(f"{target.name}.part")
    try:
        sound, size = wav.opened(path, found)
        with sound:
            sealed = vault.seal(sound, size, part, keyring.ring())
            sound.seek(0)
            loudness = wav.peaks(sound, found.rate)
        if not vault.verify(part, keyring.ring(), sealed.sha256):
            raise vault.VaultError(f"{part.name}: what was written cannot be read back")
        part.replace(target)
        vault.sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)
    with transaction.atomic():
        keyring.hold_still()
        # Taken away while we sealed: the plain file is still here, and is sealed with another.
        keyring.ring().find(sealed.key_id)
        SoundFile.objects.update_or_create(
            recording=recording, leg=leg,
            defaults={
                "name": name, "key_id": sealed.key_id, "size": sealed.size,
                "sha256": sealed.sha256, "stored": sealed.stored,
                "seconds": round(found.seconds, 2), "peaks": loudness,
                "repaired": not found.closed,
            },
        )  # fmt: skip
        if leg == main_leg(recording):
            Recording.objects.filter(pk=recording.pk).update(
                seconds=round(found.seconds, 2), size=sealed.size, sha256=sealed.sha256
            )
    path.unlink(missing_ok=True)
    vault.sync_folder(path.parent)


def classify(recording: Recording) -> Keeping:
    """Which class a recording is of now, and until when it is kept. A person's choice stays."""
    row = Keeping.objects.filter(recording=recording).first()
    call = recording.call
    if row is not None and row.chosen_by:
        name = row.retention
    else:
        ticket = Ticket.objects.filter(contact=call.contact_id).first() if call.contact_id else None
        name = retention.class_of(
            kind=recording.kind, keys=call.keys, priority=ticket.priority if ticket else ""
        )
    days = retention.parse(settings.STANDPIPE["RECORDING_DAYS"])
    row, _made = Keeping.objects.update_or_create(
        recording=recording,
        defaults={
            "retention": name, "keep_until": retention.until(call.started_at, name, days)
        },
    )  # fmt: skip
    return row


def plain_files() -> Iterator[tuple[str, Path]]:
    """(call id, file) of everything plain in the folder. Raises OSError."""
    for path in folder().iterdir():
        found = _PLAIN_NAME.fullmatch(path.name)
        if found is not None and path.is_file() and not path.is_symlink():
            yield found["call"], path


def step(limit: int = A_STEP) -> int:
    """Seal what has been closed, at most `limit` calls; how many files. Raises OSError, VaultError.

    Files whose closing nobody told us of are found here too.
    """
    from server.calls import services  # it calls us, too

    by_call: dict[str, list[Path]] = {}
    for call_id, path in plain_files():
        by_call.setdefault(call_id, []).append(path)
    if not by_call:
        return 0
    calls = Call.objects.filter(call_id__in=by_call, state=Call.State.ENDED)
    done = 0
    for call in calls.order_by("ended_at")[:limit]:
        names = {path.name for path in by_call[call.call_id]}
        if not hasattr(call, "recording"):
            for leg, kind in (("both", "call"), ("message", "message")):
                path = plain_path(call.call_id, leg)
                if path.name in names:
                    try:
                        services.recorded(call.call_id, str(path), kind=kind)
                    except Refused as no:
                        log.warning("%s: %s", path.name, no)
        recording = Recording.objects.filter(call=call).select_related("call").first()
        if recording is not None:
            done += keep(recording)
    return done
