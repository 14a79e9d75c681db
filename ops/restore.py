"""A backup back into an empty state: all is checked first, nothing gives way before it is in."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import backup_keys, store
from ops.archive import DUMP, FOLDERS, MANIFEST, OPTIONS, SEALED_KEYS, read_manifest
from ops.errors import OpsError
from ops.paths import State, only_one
from ops.postgres import Cluster
from ops.run import run
from ops.say import Say
from ops.settings import DB_NAME, DB_USER
from ops.site import forget_preparation, open_installation
from ops.supervise import Supervisor
from ops.up import database_running, set_up

if TYPE_CHECKING:
    from server.calls.recordings.keyfile import Held


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line of `restore`."""

    file: Path
    # The store that `backup --recordings` wrote into.
    recordings: Path | None = None
    # Exported keys, where they are not in the backup.
    keys: Path | None = None
    without_keys: bool = False
    force: bool = False
    install: bool = True


def restore(state: State, home: Path, wish: Wish, say: Say, words: list[str]) -> int:
    """Put the backup into `state`, which is stopped, and empty unless forced. Raises OpsError."""
    file = wish.file
    if not file.is_file():
        raise OpsError(f"{file}: there is no such file")
    set_up(home, {"core"}, say, words, install=wish.install, kind="runtime")
    with say.step("checking the file"):
        manifest = read_manifest(file)
    store.check(manifest.get("apart", {}), wish.recordings, file)
    state.prepare()
    with only_one(state.root / ".up.lock", "another start of the same state"):
        if Supervisor(state).pid() is not None:
            raise OpsError(f"{state.root} is running. Stop it first: ./standpipe down")
        installation = open_installation(state, home, say)
        brought = backup_keys.brought(file, manifest, wish.keys, without=wish.without_keys)
        lacking = backup_keys.check_all_here(
            manifest, [*brought, *backup_keys.keys_of(state)], file, without=wish.without_keys
        )
        with database_running(installation, say):
            read_in(state, installation.site.cluster, wish, manifest, brought, say)
        forget_preparation(state)
        (state.root / "sign_ins.json").unlink(missing_ok=True)
    for key_id in lacking:
        say(f"The key {key_id} is not here: its recordings stay silent until you import it.")
    print(f"Restored the backup of {manifest['made_at']} into {state.root}. Now: ./standpipe up")
    return 0


def read_in(
    state: State, cluster: Cluster, wish: Wish, manifest: dict[str, Any], brought: list[Held],
    say: Say,
) -> None:  # fmt: skip
    """Put a checked backup into a state whose database answers. Raises OpsError."""
    tables = int(cluster.sql(_COUNT, DB_NAME))
    files = any(_folder_used(state.root / folder) for folder in _OF_PEOPLE)
    if (tables or files) and not wish.force:
        raise OpsError(
            f"{state.root} is not empty. Name an empty --state, or replace it with --force"
        )
    take_keys(state, brought)
    try:
        with say.step("restoring"):
            _restore_into(state, cluster, wish.file, manifest, wish.recordings)
    except OSError as error:
        named = error.filename or state.root
        raise OpsError(f"{named}: {error.strerror or error}") from error


_COUNT = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','p') AND n.nspname = 'public' AND c.relname <> 'spatial_ref_sys';"""
# Folders whose contents are somebody's work; the others can be made again.
_OF_PEOPLE = ("recordings", "photos", "uploads", "own-prompts")


def take_keys(state: State, brought: list[Held]) -> None:
    """The backup's keys in front, in their order; our own stay behind them. Raises OpsError."""
    from server.calls.recordings import keyfile

    path = state.root / keyfile.NAME
    try:
        with keyfile.only_one(path):
            keyfile.write(path, keyfile.merged(brought, keyfile.read(path)))
    except keyfile.KeyFileError as no:
        raise OpsError(f"{state.root}: {no}") from None
    except OSError as error:
        raise OpsError(f"{path}: {error.strerror or error}") from error


def _folder_used(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


def _restore_into(
    state: State, cluster: Cluster, file: Path, manifest: dict[str, Any] | None = None,
    recordings: Path | None = None,
) -> None:  # fmt: skip
    """Everything beside what is there first; what is there gives way only when all is well."""
    with tempfile.TemporaryDirectory(dir=state.root, prefix=".restore-") as scratch:
        aside = Path(scratch)
        with tarfile.open(file, "r:") as tar:
            for member in tar.getmembers():
                source = tar.extractfile(member)
                if member.name in (MANIFEST, SEALED_KEYS) or source is None:
                    continue
                target = aside / member.name  # a safe name: read_manifest has seen to it
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    shutil.copyfileobj(source, out)
        apart = (manifest or {}).get("apart", {})
        if apart and recordings is not None:
            store.bring(apart, recordings, aside)
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
            _take_place(aside / folder, state.root / folder)
        # Asterisk plays these under a user of its own.
        (state.root / "own-prompts").chmod(0o755)
        if (aside / OPTIONS).exists():
            (aside / OPTIONS).replace(state.root / OPTIONS)


def _take_place(source: Path, target: Path) -> None:
    """`source` (which may be lacking) instead of `target`, which may be a disk of its own."""
    source.mkdir(exist_ok=True)
    if not os.path.ismount(target):
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)
        target.chmod(0o750)
        return
    for child in target.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    for child in source.iterdir():
        shutil.move(child, target / child.name)
