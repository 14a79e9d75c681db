"""The installation's keys as every process has them: the file's, then those of the setting.

Keys change while recordings are sealed. Whoever writes the row of a sealed file shares a lock with
the others; whoever takes a key away has the lock alone, and so counts all that the key seals.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from server.calls.recordings import keyfile, vault
from server.calls.recordings.keyfile import Held, KeyFileError

_LOCK = "hashtextextended('standpipe.recordings.keys', 0)"


def path() -> Path:
    """The file of the keys."""
    return Path(settings.STANDPIPE["RECORDING_KEY_FILE"])


def from_file() -> list[Held]:
    """The newest first. Raises VaultError when the file is there and cannot be read."""
    try:
        return keyfile.read(path())
    except KeyFileError as no:
        raise vault.VaultError(f"the file of keys cannot be read: {no}") from None


def from_setting() -> list[str]:
    """The secrets of STANDPIPE_RECORDING_KEYS."""
    return vault.secrets_in(settings.STANDPIPE["RECORDING_KEYS"])


def ring() -> vault.Ring:
    """All keys; the newest of the file seals, else the first of the setting. Raises VaultError."""
    place = path()
    try:
        mark = keyfile.stamp(place)
    except OSError as error:
        raise vault.VaultError(f"the file of keys cannot be read: {error.strerror}") from None
    return _ring(place, mark, settings.STANDPIPE["RECORDING_KEYS"])


@lru_cache(maxsize=4)
def _ring(place: Path, mark: tuple[int, int, int] | None, text: str) -> vault.Ring:
    """Kept until the file is another: keys are derived once, not with every piece of sound."""
    held = [key.secret for key in from_file()]
    return vault.Ring([*held, *vault.secrets_in(text)])


def hold_still() -> None:
    """Until the end of this transaction no key is taken away; many may say so at once."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")


def hold_alone() -> None:
    """Until the end of this transaction nobody writes the row of a file that a key seals."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
