"""Backup of a running system into one file, and back into an empty state.

The file is a tar archive: database.dump (pg_dump's own format), recordings/, photos/, options.json
and, last, manifest.json with the size and SHA-256 of every other member. Passwords between our
own processes are not in it: a restored state has its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ops import VERSION
from ops.errors import OpsError
from ops.paths import State, only_one
from ops.postgres import Cluster
from ops.run import run
from ops.say import Say
from ops.settings import DB_NAME, DB_USER
from ops.site import forget_preparation, open_installation
from ops.supervise import Supervisor
from ops.up import database_running, set_up

FORMAT = 1
DUMP = "database.dump"
MANIFEST = "manifest.json"
FOLDERS = ("recordings", "photos", "uploads", "city", "streets")
CHUNK = 1024 * 1024


def backup(state: State, home: Path, file: Path, say: Say, words: list[str]) -> int:
    """Write `file`, whole or not at all; the system may go on running. Raises OpsError."""
    if not (state.root / "pg" / "PG_VERSION").exists():
        raise OpsError(f"{state.root}: there is no database to back up")
    if not file.parent.is_dir():
        raise OpsError(f"{file.parent}: there is no such directory")
    set_up(home, {"core"}, say, words, install=False, kind="runtime")
    installation = open_installation(state, home, say)
    part = file.with_name(f".{file.name}.part")
    try:
        with (
            database_running(installation, say),
            tempfile.TemporaryDirectory(dir=file.parent, prefix=".standpipe-backup-") as scratch,
            say.step("backup"),
        ):
            dump = Path(scratch) / DUMP
            cluster = installation.site.cluster
            run(
                [cluster.program("pg_dump"), "-Fc", "-d", DB_NAME, "-f", dump],
                what="pg_dump", env=cluster.admin_env(),
            )  # fmt: skip
            # The dump comes first: a file written after it is one too many, never one too few.
            _pack(part, state, dump)
        part.chmod(0o600)
        part.replace(file)
    except OSError as error:
        raise OpsError(f"{file}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    return 0


def _members(state: State, dump: Path) -> Iterator[tuple[str, Path]]:
    yield DUMP, dump
    if (state.root / "options.json").exists():
        yield "options.json", state.root / "options.json"
    for folder in FOLDERS:
        for path in sorted((state.root / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(state.root)), path


def _pack(part: Path, state: State, dump: Path) -> None:
    listed: dict[str, dict[str, Any]] = {}
    with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in _members(state, dump):
            with path.open("rb") as handle:
                # A call may be recorded just now: what counts is what was read, not what was there.
                source, size = _Summing(handle), path.stat().st_size
                tar.addfile(_info(name, size), source)
            listed[name] = {"size": size, "sha256": source.digest.hexdigest()}
        manifest = {
            "standpipe": FORMAT, "version": VERSION, "made_at": datetime.now(UTC).isoformat(),
            "members": listed,
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


def _checked(tar: tarfile.TarFile, file: Path) -> dict[str, Any]:
    try:
        source = tar.extractfile(MANIFEST)
    except KeyError:
        source = None
    if source is None:
        raise OpsError(f"{file}: not a backup of Standpipe, or cut short (no {MANIFEST} in it)")
    try:
        manifest: dict[str, Any] = json.loads(source.read(64 * CHUNK))
        form, members = manifest["standpipe"], dict(manifest["members"])
    except (ValueError, KeyError, TypeError):
        raise OpsError(f"{file}: its manifest.json cannot be read") from None
    if form != FORMAT:
        raise OpsError(f"{file}: format {form}; this version reads format {FORMAT}")
    seen = set()
    for member in tar.getmembers():
        name = member.name
        if name == MANIFEST:
            continue
        if name not in members or not member.isfile() or not safe_name(name):
            raise OpsError(f"{file}: holds {name!r}, which its manifest does not allow")
        source = tar.extractfile(member)
        if source is None or _stream_digest(source) != members[name]["sha256"]:
            raise OpsError(f"{file}: {name} is damaged (its SHA-256 differs)")
        seen.add(name)
    if lacking := sorted(set(members) - seen):
        raise OpsError(f"{file}: {lacking[0]} is missing" + (" and more" if lacking[1:] else ""))
    if DUMP not in seen:
        raise OpsError(f"{file}: holds no {DUMP}")
    return manifest


def safe_name(name: str) -> bool:
    """A member that lands where a backup's members belong, and nowhere else."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return False
    return name in (DUMP, "options.json") or (len(path.parts) > 1 and path.parts[0] in FOLDERS)


def _stream_digest(source: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := source.read(CHUNK):
        digest.update(block)
    return digest.hexdigest()


def restore(
    state: State, home: Path, file: Path, say: Say, words: list[str], *, force: bool, install: bool
) -> int:
    """Put `file` into `state`, which must be stopped, and empty unless `force`. Raises OpsError."""
    with say.step("checking the file"):
        manifest = read_manifest(file)
    set_up(home, {"core"}, say, words, install=install, kind="runtime")
    state.prepare()
    with only_one(state.root / ".up.lock", "another start of the same state"):
        if Supervisor(state).pid() is not None:
            raise OpsError(f"{state.root} is running. Stop it first: ./standpipe down")
        installation = open_installation(state, home, say)
        cluster = installation.site.cluster
        with database_running(installation, say):
            tables = int(cluster.sql(_COUNT, DB_NAME))
            files = any(_folder_used(state.root / folder) for folder in ("recordings", "photos"))
            if (tables or files) and not force:
                raise OpsError(
                    f"{state.root} is not empty. Name an empty --state, or replace it with --force"
                )
            with say.step("restoring"):
                _restore_into(state, cluster, file)
        forget_preparation(state)
        (state.root / "sign_ins.json").unlink(missing_ok=True)
    print(f"Restored the backup of {manifest['made_at']} into {state.root}. Now: ./standpipe up")
    return 0


_COUNT = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','p') AND n.nspname = 'public' AND c.relname <> 'spatial_ref_sys';"""


def _folder_used(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


def _restore_into(state: State, cluster: Cluster, file: Path) -> None:
    """Everything beside what is there first; what is there gives way only when all is well."""
    with tempfile.TemporaryDirectory(dir=state.root, prefix=".restore-") as scratch:
        aside = Path(scratch)
        with tarfile.open(file, "r:") as tar:
            for member in tar.getmembers():
                source = tar.extractfile(member)
                if member.name == MANIFEST or source is None:
                    continue
                target = aside / member.name  # a safe name: read_manifest has seen to it
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    shutil.copyfileobj(source, out)
        fresh = f"{DB_NAME}_restored"
        cluster.sql(f"DROP DATABASE IF EXISTS {fresh};")
        cluster.sql(f"CREATE DATABASE {fresh} OWNER {DB_USER} TEMPLATE template0;")
        run(
            [cluster.program("pg_restore"), "--exit-on-error", "--single-transaction", "-d", fresh,
             aside / DUMP],
            what="pg_restore", env=cluster.admin_env(),
        )  # fmt: skip
        cluster.sql(f"GRANT ALL ON SCHEMA public TO {DB_USER};", fresh)
        cluster.sql(
            f"DROP DATABASE IF EXISTS {DB_NAME} WITH (FORCE);"
            f"ALTER DATABASE {fresh} RENAME TO {DB_NAME};"
        )
        for folder in FOLDERS:
            target = state.root / folder
            shutil.rmtree(target, ignore_errors=True)
            if (aside / folder).is_dir():
                (aside / folder).rename(target)
            else:
                target.mkdir()
            target.chmod(0o750)
        if (aside / "options.json").exists():
            (aside / "options.json").replace(state.root / "options.json")
