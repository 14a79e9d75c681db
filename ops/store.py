"""Sealed recordings beside the archives, each once, by what it holds: `backup --recordings DIR`.

    DIR/objects/ab/abcdef…   the sealed file whose SHA-256 that is
    DIR/known.json           {name: [inode, changed (ns), size, sha256]}: not to be read again

A recording is written once and hardly ever changes (a new key of the installation changes its
header), so the second backup copies what was recorded since the first. The files are sealed: the
store needs no other protection than an archive does.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.archive import CHUNK, KEPT, digest_of
from ops.errors import OpsError
from ops.paths import State, write_atomically

DAY_S = 86_400.0


@dataclass
class Taken:
    """What one backup put into the store."""

    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    copied: int = 0
    copied_bytes: int = 0


def take(state: State, store: Path) -> Taken:
    """Copy what the store lacks of the sealed recordings. Raises OpsError."""
    taken = Taken()
    try:
        (store / "objects").mkdir(parents=True, exist_ok=True, mode=0o700)
        known = _known(store)
        fresh: dict[str, list[Any]] = {}
        for name, path in _sealed(state):
            try:
                one = _take_one(name, path, store, known, taken)
            except FileNotFoundError:
                continue  # its time was over a moment ago
            fresh[name] = one
            taken.listed[name] = {"size": one[2], "sha256": one[3]}
        write_atomically(store / "known.json", json.dumps(fresh), 0o600)
    except OSError as error:
        raise OpsError(f"{store}: {error.strerror or error}") from error
    return taken


def _sealed(state: State) -> Iterator[tuple[str, Path]]:
    for path in sorted((state.root / KEPT).rglob("*.spr")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(state.root)), path


def _known(store: Path) -> dict[str, list[Any]]:
    try:
        held = json.loads((store / "known.json").read_text("utf-8"))
        return {str(k): list(v) for k, v in held.items() if len(v) == 4}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # everything is read again, nothing is lost


def _take_one(
    name: str, path: Path, store: Path, known: dict[str, list[Any]], taken: Taken
) -> list[Any]:
    with path.open("rb") as source:
        found = os.fstat(source.fileno())
        mark = [found.st_ino, found.st_mtime_ns, found.st_size]
        before = known.get(name)
        if before is not None and before[:3] == mark:
            target = _object(store, before[3])
            if _whole(target, found.st_size):
                os.utime(target)  # named today: `forget` counts from here
                return before
        part = store / "objects" / f".{os.getpid()}.part"
        try:
            digest = hashlib.sha256()
            with part.open("wb") as out:
                while block := source.read(CHUNK):
                    digest.update(block)
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
            with part.open("rb") as again:
                if digest_of(again) != digest.hexdigest():
                    raise OSError(f"{name}: what was written reads differently")
            target = _object(store, digest.hexdigest())
            if _whole(target, part.stat().st_size):
                os.utime(target)
            else:
                target.parent.mkdir(exist_ok=True, mode=0o700)
                part.chmod(0o600)
                taken.copied, taken.copied_bytes = (
                    taken.copied + 1, taken.copied_bytes + part.stat().st_size
                )  # fmt: skip
                part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return [*mark, digest.hexdigest()]


def _object(store: Path, sha256: str) -> Path:
    return store / "objects" / sha256[:2] / sha256


def _whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def forget(store: Path, days: int) -> int:
    """Remove what no backup of the last `days` days has named; how many. Raises OpsError."""
    gone, limit = 0, time.time() - days * DAY_S
    try:
        for path in (store / "objects").glob("??/*"):
            if path.stat().st_mtime < limit:
                path.unlink()
                gone += 1
    except OSError as error:
        raise OpsError(f"{store}: {error.strerror or error}") from error
    return gone


def check(listed: dict[str, Any], store: Path | None, file: Path) -> None:
    """All that a backup names lies in the store. Raises OpsError before anything is touched."""
    if not listed:
        return
    if store is None:
        raise OpsError(
            f"{file}: its {len(listed)} sealed recordings lie apart. Name their folder with "
            "--recordings DIR"
        )
    lacking = [n for n, o in listed.items() if not _whole(_object(store, o["sha256"]), o["size"])]
    if lacking:
        raise OpsError(
            f"{store}: {len(lacking)} of {len(listed)} recordings of {file.name} are not there, "
            f"{lacking[0]} among them"
        )


def bring(listed: dict[str, Any], store: Path, target: Path) -> None:
    """Copy the recordings below `target`, each summed up on the way. Raises OpsError."""
    for name, one in listed.items():
        source, out = _object(store, one["sha256"]), target / name
        out.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with source.open("rb") as held, out.open("wb") as written:
            while block := held.read(CHUNK):
                digest.update(block)
                written.write(block)
        if digest.hexdigest() != one["sha256"]:
            raise OpsError(f"{source}: damaged (its SHA-256 differs): {name}")
