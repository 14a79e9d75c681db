"""Is there room for the next recording, and is the folder the one it should be?

A disk that was not mounted leaves an empty folder behind in which Asterisk would happily write: a
mark inside tells the two apart. Calls never wait for any of this.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from server.calls.recordings import alarms, keeping, removing
from server.calls.recordings.models import SoundFile
from server.calls.recordings.retention import EARLY

log = logging.getLogger("standpipe.recordings")
MARK = ".standpipe-recordings"
# Purging ends so many percent below the alarm, or it would begin again with the next call.
BELOW_PERCENT = 3.0
A_STEP = 200


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of the disk that holds the recordings, as whoever writes there may use them."""

    total: int
    free: int

    @property
    def percent(self) -> float:
        return 100.0 * (1.0 - self.free / self.total) if self.total else 100.0


def measure(folder: Path) -> Space:
    """Raises OSError when there is no such folder."""
    found = shutil.disk_usage(folder)
    # `free` leaves out what is reserved for root; `total` must leave it out as well.
    return Space(found.used + found.free, found.free)


def present(folder: Path) -> bool:
    """Whether this is our folder: it has our mark, or nothing was ever kept and it gets one."""
    try:
        if (folder / MARK).is_file():
            return True
        if not folder.is_dir():
            return False
        newest = SoundFile.objects.order_by("-pk").first()
        if newest is not None and not (folder / newest.name).is_file():
            return False
        (folder / MARK).write_text(
            "Recordings of Standpipe are kept on this disk. Do not remove this file.\n", "utf-8"
        )
    except OSError as error:
        log.warning("%s: %s", folder, error)
        return False
    return True


def look() -> Space | None:
    """Raise or clear the alarms, make room where there is none; None when the folder is away."""
    folder = keeping.folder()
    if not present(folder):
        alarms.raised("unmounted")
        return None
    alarms.cleared("unmounted")
    try:
        space = measure(folder)
    except OSError as error:
        log.warning("%s: %s", folder, error)
        alarms.raised("unmounted")
        return None
    full = float(settings.STANDPIPE["RECORDING_FULL_PERCENT"])
    if space.percent >= full:
        alarms.raised("disk_full", percent=round(space.percent))
        space = make_room(folder, full - BELOW_PERCENT)
    elif space.percent < full - BELOW_PERCENT / 2:
        # Not at the very mark, or it would be raised and cleared with every call.
        alarms.cleared("disk_full")
    return space


def make_room(folder: Path, percent: float) -> Space:
    """Remove the oldest recordings that may go before their time, until `percent` is reached.

    Never one under a legal hold, of a class that is kept to its day, or younger than the least.
    """
    least = timedelta(days=int(settings.STANDPIPE["RECORDING_LEAST_DAYS"]))
    rows = removing.removable().filter(
        retention__in=EARLY, recording__call__started_at__lt=timezone.now() - least
    )
    space = measure(folder)
    for row in rows.order_by("recording__call__started_at")[:A_STEP]:
        if space.percent <= percent:
            break
        removing.remove(row.recording, "disk_full")
        space = measure(folder)
    return space
