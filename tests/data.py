"""Real networks, streets and calls that lie beside the checkout, for tests that may use them."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(relative: str) -> Path:
    """Path of a shared data file; skips the calling test where the data is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"the shared data file {relative} is not on this machine")
    return path
