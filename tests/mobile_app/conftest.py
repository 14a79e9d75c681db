from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mobile_app.headless import CrewLink
from mobile_app.store import Store
from tests.mobile_app.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    running = Office(tmp_path).start()
    yield running
    running.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "phone")
    yield opened
    opened.close()


@pytest.fixture
def crew(office: Office, tmp_path: Path) -> Iterator[CrewLink]:
    """Signed in and connected."""
    link = CrewLink(office.url, tmp_path / "phone", resend_s=0.5)
    link.sign_in("crew1", "right")
    link.start()
    assert link.wait_connected(10)
    yield link
    link.close()
