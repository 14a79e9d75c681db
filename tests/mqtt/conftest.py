from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mqtt.running import Broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path / "mosquitto", {"crew1": "1werc", "crew2": "2werc"})
    running.start()
    yield running
    running.stop()
