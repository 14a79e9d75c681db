"""Passwords between our own processes: random, made once, readable by the owner alone."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

from ops.errors import OpsError
from ops.paths import State, write_atomically

NAMES = (
    "secret_key", "db_admin_password", "db_password", "mqtt_password", "ari_password",
    "ami_password", "phone_password_seed", "demo_password",
)  # fmt: skip
# The keys of recordings have a file of their own: they change while all runs, and are in backups.
RECORDING_KEYS = "recording_keys"
# What they are sealed under in a backup; the second names a file that holds it.
PASSPHRASE_NAMES = ("STANDPIPE_KEY_PASSPHRASE", "STANDPIPE_KEY_PASSPHRASE_FILE")


def ensure_secrets(state: State) -> dict[str, str]:
    """The secrets of this state, adding what is lacking. Raises OpsError when damaged."""
    path = state.root / "secrets.json"
    held: dict[str, str] = {}
    if path.exists():
        try:
            held = {str(k): str(v) for k, v in json.loads(path.read_text("utf-8")).items()}
        except (OSError, ValueError, AttributeError) as error:
            raise OpsError(
                f"{path}: cannot be read ({error}). The database's password is in it: restore "
                "the file, or a backup into a new --state."
            ) from None
    lacking = [name for name in NAMES if name not in held]
    if lacking:
        # Letters and digits only: they travel through configuration files of four programs.
        # The demo's is typed by people.
        held |= {n: secrets.token_hex(4 if n == "demo_password" else 24) for n in lacking}
        write_atomically(path, json.dumps(held, indent=1) + "\n", 0o600)
    _ensure_recording_keys(state, held)
    return held


def _ensure_recording_keys(state: State, held: dict[str, str]) -> None:
    """A first key for a new state; those that `secrets.json` had before move into the file."""
    # Not at the top: the image of Asterisk has this folder and nothing of the server.
    from server.calls.recordings import keyfile

    path = state.root / keyfile.NAME
    earlier = [s.strip() for s in held.get(RECORDING_KEYS, "").split(",") if s.strip()]
    if path.exists() and not earlier:
        return
    try:
        keys = keyfile.read(path)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        if not keys and not earlier:
            keys = [keyfile.Held(secrets.token_hex(32), now)]
        keyfile.write(path, keyfile.merged(keys, [keyfile.Held(one) for one in earlier]))
    except keyfile.KeyFileError as no:
        raise OpsError(f"{state.root}: {no}. Recordings need it: restore it") from None
    except OSError as error:
        raise OpsError(f"{path}: {error.strerror or error}") from error
    if earlier:
        del held[RECORDING_KEYS]
        write_atomically(state.root / "secrets.json", json.dumps(held, indent=1) + "\n", 0o600)
