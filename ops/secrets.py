"""Passwords between our own processes: random, made once, readable by the owner alone."""

from __future__ import annotations

import json
import secrets

from ops.errors import OpsError
from ops.paths import State, write_atomically

NAMES = (
    "secret_key", "db_admin_password", "db_password", "mqtt_password", "ari_password",
    "ami_password", "phone_password_seed", "demo_password", "recording_keys",
)  # fmt: skip


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
    return held
