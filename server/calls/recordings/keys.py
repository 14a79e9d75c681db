"""What a person does with the keys of recordings; each change has a row in the audit log.

A key itself is never shown: its id names it, and tells nothing of it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.calls.recordings import (
    disk,
    keeping,
    keyfile,
    keyring,
    rotating,
    sealedkeys,
    vault,
)
from server.calls.recordings.keyfile import Held
from server.calls.recordings.models import SoundFile
from server.calls.recordings.sealedkeys import SealedKeysError

_HEX = frozenset("0123456789abcdef")


def listing() -> list[dict[str, Any]]:
    """The keys, the newest first, and behind them those that recordings need and nobody has here.

    {"id", "made_at" ('' where it is not known), "kept_in": "file", "setting" or "" (not here),
    "seals": the next recording, "recordings", "files", "stored": bytes, "first", "last": when its
    oldest and its newest file were sealed}. Raises Refused.
    """
    held = _all()
    newest = next(iter(held), None)
    used: dict[str, dict[str, Any]] = {
        row["key_id"]: dict(row)
        for row in SoundFile.objects.values("key_id").annotate(
            files=Count("pk"), recordings=Count("recording", distinct=True), stored=Sum("stored"),
            first=Min("kept_at"), last=Max("kept_at"),
        ).order_by("key_id")
    }  # fmt: skip
    lines = []
    for key_id in (*held, *(one for one in used if one not in held)):
        kept_in, made_at = held.get(key_id, ("", ""))
        found: dict[str, Any] = used.get(key_id, {})
        lines.append({
            "id": key_id, "made_at": made_at, "kept_in": kept_in, "seals": key_id == newest,
            "recordings": found.get("recordings", 0), "files": found.get("files", 0),
            "stored": found.get("stored") or 0, "first": found.get("first"),
            "last": found.get("last"),
        })  # fmt: skip
    return lines


def _all() -> dict[str, tuple[str, str]]:
    """Id -> (where it is kept, when it was made), the newest first."""
    try:
        found = {sealedkeys.id_of(key): ("file", key.made_at) for key in keyring.from_file()}
        for secret in keyring.from_setting():
            found.setdefault(vault.id_of(secret), ("setting", ""))
    except vault.VaultError as no:
        raise _unreadable(no) from None
    return found


def _unreadable(no: Exception) -> Refused:
    return Refused("keys", "unreadable", _("The keys cannot be read: %(why)s") % {"why": no})


@contextmanager
def _changing() -> Iterator[None]:
    """One change of the file at a time, together with its row in the audit log. Raises Refused."""
    try:
        with keyfile.only_one(keyring.path()), transaction.atomic():
            yield
    except OSError as error:
        raise Refused(
            "keys", "unwritable",
            _("%(file)s cannot be written: %(why)s") % {
                "file": keyring.path(), "why": error.strerror,
            },
        ) from error  # fmt: skip


def _held() -> list[Held]:
    try:
        return keyring.from_file()
    except vault.VaultError as no:
        raise _unreadable(no) from None


def add(*, by: str, note: str = "") -> str:
    """Make a key that seals every recording from now on; those before stay readable. Its id."""
    with _changing():
        key = Held(secrets.token_hex(32), timezone.now().isoformat(timespec="seconds"))
        before = next(iter(_all()), "")
        key_id = sealedkeys.id_of(key)
        record("recording.key_added", f"key:{key_id}", from_state=before, to_state=key_id,
               note=note, by=by)  # fmt: skip
        keyfile.write(keyring.path(), [key, *_held()])
    return key_id


def retire(key_id: str, *, by: str, note: str = "") -> None:
    """Destroy a key that seals nothing any more. Raises Refused, Conflict."""
    key_id = _id(key_id)
    with _changing():
        keyring.hold_alone()
        held = _all()
        if key_id not in held:
            raise Refused("key", "unknown", _("There is no key %(key)s here.") % {"key": key_id})
        if key_id in {vault.id_of(secret) for secret in keyring.from_setting()}:
            raise Conflict(
                "key", "setting",
                _("The key %(key)s comes from STANDPIPE_RECORDING_KEYS: take it out there, and "
                  "restart.") % {"key": key_id},
            )  # fmt: skip
        if key_id == next(iter(held)):
            raise Conflict(
                "key", "newest",
                _("The key %(key)s seals the next recording. Add a new one first.")
                % {"key": key_id},
            )  # fmt: skip
        left = SoundFile.objects.filter(key_id=key_id).count()
        if left:
            raise Conflict(
                "key", "in_use",
                _("The key %(key)s still seals %(n)s files. Seal them with the newest key first: "
                  "recording_keys reseal") % {"key": key_id, "n": left},
            )  # fmt: skip
        record("recording.key_retired", f"key:{key_id}", note=note, by=by)
        keyfile.write(keyring.path(), [key for key in _held() if sealedkeys.id_of(key) != key_id])


def _id(key_id: str) -> str:
    key_id = key_id.strip().lower()
    if len(key_id) != 16 or not set(key_id) <= _HEX:
        raise Refused("key", "form", _("A key is named by its 16 signs, as in the list."))
    return key_id


def reseal(
    *, by: str, limit: int = 0, tell: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, int]:
    """Wrap the files of older keys with the newest, at most `limit` (0: all of them).

    {"done", "failed", "left"}; `tell(done, of)` after each step. It may end anywhere and be begun
    again, beside the round that does the same more slowly. Raises Refused.
    """
    if limit < 0:
        raise Refused("limit", "form", _("A number of files is 1 or more."))
    if not disk.present(keeping.folder()):
        raise Refused("folder", "away", _("The folder of recordings is not there: mount it first."))
    done = failed = after = 0
    newest = ""
    try:
        newest = keyring.ring().current.id
        of = rotating.older().count()
        of = min(of, limit) if limit else of
        over = of == 0
        while not over:
            room = limit - done - failed if limit else rotating.A_STEP
            taken = rotating.step(after, min(room, rotating.A_STEP))
            done, failed, after = done + taken.done, failed + taken.failed, taken.after
            tell(done + failed, of)
            if taken.stopped is not None:
                raise Refused(
                    "folder", "disk",
                    _("Stopped after %(n)s files: %(why)s. Begun again it goes on there.")
                    % {"n": done, "why": taken.stopped.strerror},
                ) from taken.stopped  # fmt: skip
            over = taken.over or bool(limit and done + failed >= limit)
    except vault.VaultError as no:
        raise _unreadable(no) from None
    finally:
        if done:
            record("recording.resealed", f"key:{newest}", note=f"{done} files", by=by)
    return {"done": done, "failed": failed, "left": rotating.older().count()}


def export(file: Path, passphrase: str, *, by: str) -> list[str]:
    """Write all keys into `file` under a passphrase; their ids. An existing file stays."""
    try:
        keys = [*_held(), *(Held(secret) for secret in keyring.from_setting())]
        keys = keyfile.merged(keys, [])
        if not keys:
            raise Refused("keys", "none", _("There is no key to export."))
        text = sealedkeys.seal_keys(keys, passphrase)
        ids = [sealedkeys.id_of(key) for key in keys]
        with transaction.atomic():
            record("recording.keys_exported", "keys", note=" ".join(ids), by=by)
            _write_new(file, text)
    except SealedKeysError as no:
        raise _of_sealed(no, file) from None
    except vault.VaultError as no:
        raise _unreadable(no) from None
    except FileExistsError:
        raise Conflict(
            "file", "exists", _("%(file)s is there already; nothing was written.") % {"file": file}
        ) from None
    except OSError as error:
        raise Refused(
            "file", "unwritable",
            _("%(file)s cannot be written: %(why)s") % {"file": file, "why": error.strerror},
        ) from error  # fmt: skip
    return ids


def _write_new(file: Path, text: str) -> None:
    """Whole or not at all: half an export would look like one. Raises OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        file.unlink(missing_ok=True)
        raise


def bring(file: Path, passphrase: str, *, by: str) -> dict[str, list[str]]:
    """Take the keys of an exported file in, behind our own: {"new": ids, "known": ids}.

    What seals the next recording stays the same. Raises Refused.
    """
    try:
        keys = sealedkeys.open_keys(text_of(file, "file"), passphrase)
    except SealedKeysError as no:
        raise _of_sealed(no, file) from None
    with _changing():
        known = _all()
        ids = [sealedkeys.id_of(key) for key in keys]
        fresh = [key for key in keys if sealedkeys.id_of(key) not in known]
        new = [one for one in ids if one not in known]
        if fresh:
            mine = _held()
            if not mine:
                # Else one of the file's would go in front of the setting's.
                mine = [Held(secret) for secret in keyring.from_setting()[:1]]
            record("recording.keys_imported", "keys", note=" ".join(new), by=by)
            keyfile.write(keyring.path(), [*mine, *fresh])
    return {"new": new, "known": [one for one in ids if one in known]}


def text_of(file: Path, field: str) -> str:
    """The text of a file that a person named in `field`. Raises Refused."""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Refused(
            field, "unreadable",
            _("%(file)s cannot be read: %(why)s") % {"file": file, "why": why},
        ) from error  # fmt: skip


def _of_sealed(no: SealedKeysError, file: Path) -> Refused:
    if no.code == "short":
        return Refused(
            "passphrase", "short",
            _("A passphrase has %(n)s characters at least.") % {"n": sealedkeys.SHORTEST},
        )  # fmt: skip
    texts = {
        "passphrase": _("The passphrase is another one, or %(file)s was changed."),
        "newer": _("%(file)s was written by a newer version."),
        "foreign": _("%(file)s holds no sealed keys."),
    }
    return Refused(
        "passphrase" if no.code == "passphrase" else "file", no.code,
        texts[no.code] % {"file": file},
    )  # fmt: skip


def lacking() -> dict[str, int]:
    """Keys that sealed files need and nobody has here: id -> files."""
    rows = SoundFile.objects.exclude(key_id__in=_all()).values("key_id")
    return {row["key_id"]: row["n"] for row in rows.annotate(n=Count("pk")).order_by("key_id")}
