"""The demo's password, where the front door wrote it; an installation without one shows none."""

from __future__ import annotations

import json
import os
from pathlib import Path


def demo_password() -> str:
    """STANDPIPE_DEMO_PASSWORD, else `demo_password` in state/secrets.json, else ''."""
    if given := os.environ.get("STANDPIPE_DEMO_PASSWORD"):
        return given
    state = os.environ.get("STANDPIPE_STATE")
    if not state:
        return ""
    try:
        secrets = json.loads((Path(state) / "secrets.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    value = secrets.get("demo_password", "") if isinstance(secrets, dict) else ""
    return value if isinstance(value, str) else ""
