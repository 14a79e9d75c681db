"""The demo city is grown once for all tests."""

from __future__ import annotations

import pytest

from gis_data.helsinki import City, demo_city


@pytest.fixture(scope="session")
def helsinki() -> City:
    return demo_city()
