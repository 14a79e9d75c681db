"""The file of an installation's keys for recordings: the newest first, for its owner alone. Pure.

    {"standpipe_recording_keys": 1, "keys": [{"secret": "…", "made_at": "2026-11-26T13:10:00Z"}]}

Every process reads it again when it has changed, so a new key seals the next recording without a
restart. It stands whole or not at all: written beside, then renamed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FORM = 1
NAME = "recording_keys.json"


class KeyFileError(Exception):
    """The file is there and cannot be read: never taken for an empty one."""


@dataclass(frozen=True, slots=True)
class Held:
    """One secret that a key is derived from, and when it was made (ISO 8601; '' is not known)."""

    secret: str
    made_at: str = ""


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read(path: Path) -> list[Held]:
    """The keys, the newest first; none where there is no file. Raises KeyFileError."""
    try:
        return parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeyFileError(f"{path.name}: {error.strerror}") from error
    except ValueError as error:
        raise KeyFileError(f"{path.name}: {error}") from None


def parse(text: str) -> list[Held]:
    """Raises ValueError."""
    try:
        held = json.loads(text)
        form, rows = held["standpipe_recording_keys"], held["keys"]
        keys = [Held(str(row["secret"]), str(row.get("made_at", ""))) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("this is no file of recording keys") from None
    if form != FORM:
        raise ValueError(f"form {form} of the keys; this version reads form {FORM}")
    return keys


def dump(keys: Sequence[Held]) -> str:
    """What `parse` reads."""
    rows = [{"secret": key.secret, "made_at": key.made_at} for key in keys]
    return json.dumps({"standpipe_recording_keys": FORM, "keys": rows}, indent=1) + "\n"


def merged(first: Sequence[Held], then: Sequence[Held]) -> list[Held]:
    """All of `first`, then what only `then` has: no key is lost, none stands twice."""
    known: dict[str, Held] = {}
    for key in (*first, *then):
        known.setdefault(key.secret, key)
    return list(known.values())


def write(path: Path, keys: Sequence[Held]) -> None:
    """Replace the file in one step, onto the disk itself. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(dump(keys))
            out.flush()
            os.fsync(out.fileno())
        part.chmod(0o600)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Two that change the keys at the same time would lose one of the changes."""
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
