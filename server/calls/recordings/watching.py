"""The round of whoever looks after recordings: seal, count, make room, remove. One leads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from server.calls import supervising
from server.calls.models import Call
from server.calls.recordings import (
    alarms,
    disk,
    keeping,
    keyring,
    pausing,
    reconciling,
    removing,
    rotating,
    vault,
)
from server.calls.recordings.models import SoundFile
from server.events.leader import Leadership
from server.events.services import beat

log = logging.getLogger("standpipe.recordings")
# What stayed plain for longer has a reason that a person has to remove.
PLAIN_TOO_LONG_S = 300.0
_AGAIN_S = 30.0


def seal() -> None:
    """Seal what was closed; raise the alarm when it cannot be done.

    Not while the disk is away: what is sealed into its empty place is hidden when it comes back,
    behind a row that says it is kept.
    """
    if not disk.present(keeping.folder()):
        return
    try:
        keeping.step()
    except vault.VaultError as no:
        log.warning("recordings stay plain: %s", no)
        alarms.raised("keys" if "key" in str(no) else "recorder", call=str(no)[:120])
        return
    except OSError as error:
        # The disk is full or away: disk.look says so, with the remedy.
        log.warning("recordings stay plain: %s", error)
        return
    alarms.cleared("keys")


def count_plain() -> None:
    """Raise the alarms for recordings that stay plain, and for those nobody can open."""
    now = timezone.now().timestamp()
    try:
        files = list(keeping.plain_files())
    except OSError:
        return
    old = {call for call, path in files if now - _changed(path) > PLAIN_TOO_LONG_S}
    n = Call.objects.filter(call_id__in=old, state=Call.State.ENDED).count() if old else 0
    lacking = SoundFile.objects.exclude(key_id__in=_key_ids()).count()
    if lacking:
        alarms.raised("old_keys", n=lacking)
    else:
        alarms.cleared("old_keys")
    if n:
        alarms.raised("plain", n=n)
    else:
        alarms.cleared("plain")


def _key_ids() -> list[str]:
    try:
        return keyring.ring().ids
    except vault.VaultError:
        return []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return timezone.now().timestamp()


# (what, how often in seconds)
ROUND: tuple[tuple[Callable[[], object], float], ...] = (
    (seal, 1.0), (disk.look, 10.0), (pausing.sweep, 5.0), (reconciling.look, 20.0),
    (supervising.sweep, 20.0), (count_plain, 30.0), (rotating.sweep, 15.0),
    (removing.sweep, 60.0),
)  # fmt: skip


class Round:
    """The parts of the round, each when it is due; one that fails rests, the others go on."""

    def __init__(self, parts: tuple[tuple[Callable[[], object], float], ...] = ROUND) -> None:
        self._parts = parts
        self._due: dict[Callable[[], object], float] = {}

    def step(self, now: float | None = None) -> None:
        now = time.monotonic() if now is None else now
        failed = ""
        for part, every_s in self._parts:
            if self._due.get(part, 0.0) > now:
                continue
            self._due[part] = now + every_s
            try:
                part()
            except DatabaseError:
                raise
            except Exception as error:
                log.exception("%s.%s failed", part.__module__, part.__qualname__)
                self._due[part] = now + _AGAIN_S
                failed = f"{part.__qualname__}: {error}"[:120]
        if failed:
            alarms.raised("recorder", call=failed)


def tell() -> None:
    """The beat, with the alarms that stand: /health and `standpipe status` show them."""
    beat("recordings", alarms=[a["text"] for a in alarms.standing()])


def run(over: threading.Event) -> None:
    """Look once a second until told to stop; a second process stands by."""
    leader = Leadership("recordings")
    parts = Round()
    told_at = 0.0
    while not over.wait(1.0):
        try:
            if leader.take():
                parts.step()
                if time.monotonic() - told_at > 2.0:
                    tell()
                    told_at = time.monotonic()
        except DatabaseError as problem:
            log.warning("could not look after recordings: %s", problem)
        except Exception:
            log.exception("could not look after recordings")
            over.wait(10.0)
        close_old_connections()
    leader.release()
    connection.close()
