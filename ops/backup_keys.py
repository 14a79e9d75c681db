"""The keys of recordings in a backup: under a passphrase, and compared with what is needed."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.archive import SEALED_KEYS, read_member
from ops.errors import OpsError
from ops.paths import State
from ops.postgres import Cluster
from ops.secrets import PASSPHRASE_NAMES
from ops.settings import DB_NAME

if TYPE_CHECKING:
    from server.calls.recordings.keyfile import Held

_ASK = " or ".join(PASSPHRASE_NAMES)


def ask_passphrase(*, new: bool) -> str:
    """From the environment, a file that it names, or the person. Raises OpsError."""
    from server.calls.recordings.sealedkeys import SHORTEST

    given = _given()
    if given is None:
        if not sys.stdin.isatty():
            raise OpsError(
                f"the keys of recordings need a passphrase: set {_ASK}, or leave the keys out with "
                "--without-keys (recordings that they seal stay silent then)", 2
            )  # fmt: skip
        given = getpass.getpass("Passphrase for the keys of recordings: ")
        if new and given != getpass.getpass("Once more: "):
            raise OpsError("these were two different passphrases", 2)
    if new and len(given) < SHORTEST:
        raise OpsError(f"a passphrase has {SHORTEST} characters at least", 2)
    return given


def _given() -> str | None:
    plain, in_file = PASSPHRASE_NAMES
    if (file := os.environ.get(in_file)) is not None:
        try:
            return Path(file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise OpsError(f"{in_file}: {file}: {error}") from error
    return os.environ.get(plain)


def keys_of(state: State) -> list[Held]:
    """All keys of an installation, the newest first. Raises OpsError."""
    from server.calls.recordings import keyfile, vault

    try:
        held = keyfile.read(state.root / keyfile.NAME)
    except keyfile.KeyFileError as no:
        raise OpsError(f"{state.root}: {no}") from None
    outside = vault.secrets_in(os.environ.get("STANDPIPE_RECORDING_KEYS", ""))
    return keyfile.merged(held, [keyfile.Held(secret) for secret in outside])


def ids_of(keys: list[Held]) -> list[str]:
    """Their names. Raises OpsError."""
    from server.calls.recordings import sealedkeys, vault

    try:
        return [sealedkeys.id_of(key) for key in keys]
    except vault.VaultError as no:
        raise OpsError(str(no)) from None


def sealed(keys: list[Held], passphrase: str) -> str:
    """The keys as a member of a backup, opened again before it is believed. Raises OpsError."""
    from server.calls.recordings import sealedkeys

    try:
        text = sealedkeys.seal_keys(keys, passphrase)
        if sealedkeys.open_keys(text, passphrase) != keys:
            raise OpsError("the sealed keys do not open as they were sealed")
    except sealedkeys.SealedKeysError as no:
        raise OpsError(str(no)) from None
    return text


def needed(cluster: Cluster) -> dict[str, int]:
    """Key id -> sealed files that need it, as the database has them."""
    if not cluster.sql("SELECT to_regclass('public.recordings_soundfile');", DB_NAME):
        return {}
    rows = cluster.sql(
        "SELECT key_id, count(*) FROM recordings_soundfile GROUP BY 1 ORDER BY 1;", DB_NAME
    )
    return {key: int(n) for key, _, n in (row.partition("|") for row in rows.splitlines())}


def brought(
    file: Path, manifest: dict[str, Any], keys: Path | None, *, without: bool
) -> list[Held]:
    """The keys that come with a backup, or in an exported file beside it. Raises OpsError."""
    from server.calls.recordings import sealedkeys

    texts: list[tuple[str, str]] = []
    if SEALED_KEYS in manifest["members"] and not without:
        texts.append((str(file), read_member(file, SEALED_KEYS)))
    if keys is not None:
        try:
            texts.append((str(keys), keys.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise OpsError(f"{keys}: {getattr(error, 'strerror', None) or error}") from error
    if not texts:
        return []
    passphrase = ask_passphrase(new=False)
    found: list[Held] = []
    for name, text in texts:
        try:
            found += sealedkeys.open_keys(text, passphrase)
        except sealedkeys.SealedKeysError as no:
            raise OpsError(f"{name}: keys of recordings: {no}") from None
    return found


def check_all_here(
    manifest: dict[str, Any], keys: list[Held], file: Path, *, without: bool
) -> list[str]:
    """The ids of keys that recordings of the backup need and nobody has.

    Raises OpsError naming them, before anything has been touched, unless that was asked for.
    """
    needs = dict(manifest.get("recordings", {}).get("needs", {}))
    here = set(ids_of(keys))
    lacking = {key: n for key, n in needs.items() if key not in here}
    if lacking and not without:
        named = ", ".join(f"{key} ({n} files)" for key, n in lacking.items())
        raise OpsError(
            f"{file}: recordings in it need keys that are neither in it nor here: {named}. Name a "
            "file of exported keys with --keys FILE, or restore --without-keys: those recordings "
            "stay silent until `manage recording_keys import FILE`."
        )
    return sorted(lacking)
