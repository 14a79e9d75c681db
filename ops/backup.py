"""Backup of a running system into one file; ops/archive.py has its form, ops/restore.py reads it.

Passwords between our own processes are not in it: a restored state has its own. The keys of
recordings are, under a passphrase: without them the sound could never be heard again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ops import VERSION, backup_keys, store
from ops.archive import (
    DUMP,
    FOLDERS,
    FORMAT,
    KEPT,
    MANIFEST,
    OPTIONS,
    SEALED_KEYS,
    read_manifest,
)
from ops.errors import OpsError
from ops.paths import State, only_one
from ops.postgres import Cluster
from ops.run import run
from ops.say import Say
from ops.settings import DB_NAME
from ops.site import open_installation
from ops.up import database_running, set_up

# Hard links to what is plain while the dump is made: sealed a moment later, it would be gone.
ASIDE = ".backup-"


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line of `backup`."""

    file: Path
    # Sealed recordings into a store of their own, each once; None: into the file.
    recordings: Path | None = None
    keep_days: int = 0
    without_keys: bool = False


@dataclass
class Contents:
    """What the archive says of itself beside its members, and what goes in beside the folders."""

    migrations: list[str] = field(default_factory=list)
    needs: dict[str, int] = field(default_factory=dict)
    sealed: list[str] = field(default_factory=list)
    sealed_text: str = ""
    apart: dict[str, dict[str, Any]] | None = None
    plain: list[tuple[str, Path]] = field(default_factory=list)


def backup(state: State, home: Path, wish: Wish, say: Say, words: list[str]) -> int:
    """Write `wish.file`, whole or not at all; the system may go on running. Raises OpsError."""
    file = wish.file
    if not (state.root / "pg" / "PG_VERSION").exists():
        raise OpsError(f"{state.root}: there is no database to back up")
    if not file.parent.is_dir():
        raise OpsError(f"{file.parent}: there is no such directory")
    set_up(home, {"core"}, say, words, install=False, kind="runtime")
    installation = open_installation(state, home, say)
    passphrase = "" if wish.without_keys else backup_keys.ask_passphrase(new=True)
    with (
        only_one(state.root / ".backup.lock", "another backup of the same state"),
        database_running(installation, say),
    ):
        contents = write(state, installation.site.cluster, wish, passphrase, say)
    keys = f"keys {', '.join(contents.sealed)} under the passphrase" if contents.sealed else (
        "WITHOUT the keys of recordings"
    )  # fmt: skip
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB, {keys}")
    return 0


def write(state: State, cluster: Cluster, wish: Wish, passphrase: str, say: Say) -> Contents:
    """The backup itself, of a state whose database answers; what is in it. Raises OpsError."""
    file = wish.file
    part = file.with_name(f".{file.name}.part")
    try:
        with (
            tempfile.TemporaryDirectory(dir=file.parent, prefix=".standpipe-backup-") as scratch,
            _plain_aside(state) as plain,
        ):
            dump = Path(scratch) / DUMP
            with say.step("the database"):
                dump_database(cluster, dump)
            contents = Contents(
                migrations=_migrations(cluster), needs=backup_keys.needed(cluster), plain=plain
            )
            # After the dump: a key that was made meanwhile is one too many, never one too few.
            _take_keys(state, contents, passphrase, say)
            if wish.recordings is not None:
                with say.step("recordings into their store"):
                    taken = store.take(state, wish.recordings)
                contents.apart = taken.listed
                say(f"{wish.recordings}: {taken.copied} of {len(taken.listed)} recordings were "
                    f"new ({taken.copied_bytes / 1e6:.1f} MB)")  # fmt: skip
            with say.step("the files"):
                _pack(part, state, dump, contents)
            with say.step("reading it back"):
                read_manifest(part)
        part.chmod(0o600)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    except OSError as error:
        raise OpsError(f"{file}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    if wish.recordings is not None and wish.keep_days:
        gone = store.forget(wish.recordings, wish.keep_days)
        say(f"{wish.recordings}: {gone} recordings that no backup of the last {wish.keep_days} "
            "days names were removed")  # fmt: skip
    return contents


def dump_database(cluster: Cluster, dump: Path) -> None:
    """One consistent moment of the database, and a look whether it can be read. Raises OpsError."""
    run(
        [cluster.program("pg_dump"), "-Fc", "-d", DB_NAME, "-f", dump],
        what="pg_dump", env=cluster.admin_env(),
    )  # fmt: skip
    run([cluster.program("pg_restore"), "--list", dump], what="pg_restore",
        env=cluster.admin_env())  # fmt: skip


def _migrations(cluster: Cluster) -> list[str]:
    if not cluster.sql("SELECT to_regclass('public.django_migrations');", DB_NAME):
        return []
    return cluster.sql(
        "SELECT app || '.' || name FROM django_migrations ORDER BY 1;", DB_NAME
    ).splitlines()


def _take_keys(state: State, contents: Contents, passphrase: str, say: Say) -> None:
    keys = backup_keys.keys_of(state)
    here = backup_keys.ids_of(keys)
    for key_id, files in contents.needs.items():
        if key_id not in here:
            say(f"WARNING: {files} recordings need the key {key_id}, which is not here")
    if passphrase:
        contents.sealed, contents.sealed_text = here, backup_keys.sealed(keys, passphrase)


@contextlib.contextmanager
def _plain_aside(state: State) -> Iterator[list[tuple[str, Path]]]:
    """What Asterisk has written and nobody has sealed yet, held until the archive has it.

    The database of the dump knows the call and no sealed file. A minute later the plain one is
    sealed and gone: a restored system would have neither.
    """
    folder = state.root / "recordings"
    for left in folder.glob(f"{ASIDE}*"):
        shutil.rmtree(left, ignore_errors=True)  # of a backup that was killed
    held: list[tuple[str, Path]] = []
    aside = folder / f"{ASIDE}{os.getpid()}"
    try:
        for path in sorted(folder.glob("*.wav")):
            aside.mkdir(exist_ok=True, mode=0o700)
            link = aside / path.name
            try:
                os.link(path, link, follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError:
                # No links here (another's file, or another kind of disk).
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(path, link, follow_symlinks=False)
            if link.is_file() and not link.is_symlink():
                held.append((f"recordings/{path.name}", link))
        yield held
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _members(state: State, dump: Path, contents: Contents) -> Iterator[tuple[str, Path]]:
    yield DUMP, dump
    if (state.root / OPTIONS).exists():
        yield OPTIONS, state.root / OPTIONS
    yield from contents.plain
    taken = {name for name, _path in contents.plain}
    for folder in FOLDERS:
        for path in sorted((state.root / folder).rglob("*")):
            name = str(path.relative_to(state.root))
            if name in taken or path.suffix == ".part" or name.startswith(f"{folder}/{ASIDE}"):
                continue
            if contents.apart is not None and name.startswith(KEPT) and path.suffix == ".spr":
                continue
            if path.is_file() and not path.is_symlink():
                yield name, path


def _pack(part: Path, state: State, dump: Path, contents: Contents | None = None) -> None:
    contents = contents or Contents()
    listed: dict[str, dict[str, Any]] = {}
    with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in _members(state, dump, contents):
            try:
                handle = path.open("rb")
            except FileNotFoundError:
                continue  # removed or sealed since we looked; the dump is older and says so
            with handle:
                # A call may be recorded just now: what counts is what was read, not what was there.
                source, size = _Summing(handle), os.fstat(handle.fileno()).st_size
                tar.addfile(_info(name, size), source)
            listed[name] = {"size": size, "sha256": source.digest.hexdigest()}
        if contents.sealed_text:
            text = contents.sealed_text.encode()
            tar.addfile(_info(SEALED_KEYS, len(text)), io.BytesIO(text))
            listed[SEALED_KEYS] = {"size": len(text), "sha256": hashlib.sha256(text).hexdigest()}
        manifest = {
            "standpipe": FORMAT, "version": VERSION, "made_at": datetime.now(UTC).isoformat(),
            "migrations": contents.migrations,
            "recordings": {"needs": contents.needs, "sealed": contents.sealed},
            "apart": contents.apart or {}, "members": listed,
        }  # fmt: skip
        text = json.dumps(manifest, indent=1).encode()
        tar.addfile(_info(MANIFEST, len(text)), io.BytesIO(text))


class _Summing(io.RawIOBase):
    """A file that sums up what is read from it."""

    def __init__(self, handle: IO[bytes]) -> None:
        super().__init__()
        self._handle = handle
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._handle.read(size)
        self.digest.update(block)
        return block


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info
