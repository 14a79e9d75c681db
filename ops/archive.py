"""The form of a backup: a tar archive whose last member says what the others are.

    database.dump   pg_dump's own format
    options.json    what `up` was told
    recording_keys.sealed   the keys of recordings under a passphrase; absent when left out
    recordings/ photos/ uploads/ own-prompts/ city/ streets/
    manifest.json   {"standpipe": 2, "version", "made_at", "migrations": [...],
                     "recordings": {"needs": {key id: files}, "sealed": [key id]},
                     "apart": {name: {"size", "sha256"}}, "members": {name: {"size", "sha256"}}}

`apart` are sealed recordings that lie in a store beside the archives (ops/store.py).
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ops.errors import OpsError
from ops.paths import REPO

FORMAT = 2
# 1 had neither keys nor migrations in it.
READ = (1, 2)
DUMP = "database.dump"
MANIFEST = "manifest.json"
OPTIONS = "options.json"
SEALED_KEYS = "recording_keys.sealed"
FOLDERS = ("recordings", "photos", "uploads", "own-prompts", "city", "streets")
KEPT = "recordings/kept/"
CHUNK = 1024 * 1024


def read_manifest(file: Path) -> dict[str, Any]:
    """The manifest of a whole and sound backup; OpsError says what is wrong with any other."""
    if not file.is_file():
        raise OpsError(f"{file}: there is no such file")
    try:
        with tarfile.open(file, "r:") as tar:
            return _checked(tar, file)
    except tarfile.TarError as error:
        raise OpsError(f"{file}: not a backup of Standpipe, or cut short ({error})") from None
    except OSError as error:
        raise OpsError(f"{file}: {error.strerror or error}") from error


def read_member(file: Path, name: str) -> str:
    """The text of a small member of a sound backup."""
    with tarfile.open(file, "r:") as tar:
        source = tar.extractfile(name)
        return source.read(64 * CHUNK).decode() if source is not None else ""


def _checked(tar: tarfile.TarFile, file: Path) -> dict[str, Any]:
    try:
        source = tar.extractfile(MANIFEST)
    except KeyError:
        source = None
    if source is None:
        raise OpsError(f"{file}: not a backup of Standpipe, or cut short (no {MANIFEST} in it)")
    try:
        manifest: dict[str, Any] = json.loads(source.read(256 * CHUNK))
        form, members = manifest["standpipe"], dict(manifest["members"])
        apart = dict(manifest.get("apart", {}))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OpsError(f"{file}: its manifest.json cannot be read") from None
    if form not in READ:
        raise OpsError(f"{file}: format {form}; this version reads formats up to {FORMAT}")
    if newer := newer_than_us(manifest):
        raise OpsError(
            f"{file}: made by a newer version ({manifest.get('version')}): its database has "
            f"{newer[0]}, which this version does not know. Update this one first."
        )
    for name in apart:
        if not safe_name(name) or not name.startswith(KEPT):
            raise OpsError(f"{file}: names {name!r}, which does not belong there")
    seen = set()
    for member in tar.getmembers():
        name = member.name
        if name == MANIFEST:
            continue
        if name not in members or not member.isfile() or not safe_name(name):
            raise OpsError(f"{file}: holds {name!r}, which its manifest does not allow")
        source = tar.extractfile(member)
        if source is None or digest_of(source) != members[name]["sha256"]:
            raise OpsError(f"{file}: {name} is damaged (its SHA-256 differs)")
        seen.add(name)
    if lacking := sorted(set(members) - seen):
        raise OpsError(f"{file}: {lacking[0]} is missing" + (" and more" if lacking[1:] else ""))
    if DUMP not in seen:
        raise OpsError(f"{file}: holds no {DUMP}")
    return manifest


def newer_than_us(manifest: dict[str, Any]) -> list[str]:
    """Migrations of our apps that the backup's database has and this checkout has not."""
    known: dict[str, set[str]] = {}
    for path in (REPO / "server").rglob("migrations/[0-9]*.py"):
        known.setdefault(path.parents[1].name, set()).add(path.stem)
    found = []
    for one in manifest.get("migrations", []):
        app, _, name = str(one).partition(".")
        if app in known and name not in known[app]:
            found.append(one)
    return found


def safe_name(name: str) -> bool:
    """A member that lands where a backup's members belong, and nowhere else."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return False
    if name in (DUMP, OPTIONS, SEALED_KEYS):
        return True
    return len(path.parts) > 1 and path.parts[0] in FOLDERS


def digest_of(source: IO[bytes]) -> str:
    """SHA-256 of what is left to read."""
    digest = hashlib.sha256()
    while block := source.read(CHUNK):
        digest.update(block)
    return digest.hexdigest()
