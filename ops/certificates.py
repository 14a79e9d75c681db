"""Downloads trust what the machine trusts, so that a company's own authority works too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

STORE = Path("/etc/ssl/certs/ca-certificates.crt")


def download_env(outer: Mapping[str, str] = os.environ, store: Path = STORE) -> dict[str, str]:
    """`outer` for pip, uv and npm. Without a store of the machine they use the ones they bring."""
    env = dict(outer)
    if not store.exists():
        return env
    env.setdefault("PIP_CERT", str(store))
    env.setdefault("NODE_EXTRA_CA_CERTS", str(store))
    if "SSL_CERT_FILE" not in env:
        env.setdefault("UV_SYSTEM_CERTS", "true")
        env.setdefault("UV_NATIVE_TLS", "true")  # the same, as an older uv calls it
    return env
