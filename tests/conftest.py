"""What every test may ask for. Nothing here imports Django before a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.people import Cast


@pytest.fixture(scope="session", autouse=True)
def _machine_code(request: pytest.FixtureRequest) -> None:
    """Compile before the first transaction is open: the database ends those that idle a minute."""
    if any("db" in getattr(item, "fixturenames", ()) for item in request.session.items):
        from gis_data.compiled.warm import warm as warm_pipes
        from routing.compiled.warm import warm as warm_streets

        warm_pipes()
        warm_streets()


@pytest.fixture
def town(db: Any, settings: Any, tmp_path: Any) -> Any:
    """The town of tests/town.py in the tables, its streets compiled."""
    from server.network import graph
    from server.streets import index as streets
    from tests import town as drawn

    settings.STANDPIPE = {
        **settings.STANDPIPE, "STREETS": tmp_path / "streets", "SMS_DIR": tmp_path / "sms",
        "RECORDINGS": tmp_path / "recordings", "PHOTOS": tmp_path / "photos",
        "RECORDING_KEYS": "o" * 48, "RECORDING_KEY_FILE": tmp_path / "recording_keys.json",
        "CALL_LOG": tmp_path / "asterisk", "SMS_GATEWAY": "file",
    }  # fmt: skip
    settings.STATE = tmp_path
    for name in ("streets", "recordings", "asterisk"):
        (tmp_path / name).mkdir()
    streets.forget()
    drawn.build(tmp_path / "streets")
    yield drawn
    graph.forget()
    streets.forget()


@pytest.fixture
def cast(town: Any) -> Cast:
    """Everybody of tests/people.py at work in the town."""
    from tests.people import hire

    return hire()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The broker as the server sees it, remembering what was published."""
    from mqtt.fakes import FakePublisher
    from server.dispatch import publishing

    fake = FakePublisher()
    monkeypatch.setattr(publishing, "_held", fake)
    return fake


@pytest.fixture
def news(db: Any, broker: Any) -> Any:
    """Carry the events written so far to their subscribers; call it as the worker would."""
    from server.events.models import Event, FailedDelivery
    from server.events.reading import Mark, Row
    from server.events.subscribing import _hand_over, subscribers
    from server.messaging.services import send_due_now

    seen: set[int] = set()

    def deliver() -> None:
        # Inside a test's transaction nothing is committed, so the cursor reading (which stops at
        # the oldest running transaction) sees nothing: hand the rows over in order instead.
        while rows := list(Event.objects.exclude(pk__in=seen).order_by("pk")):
            for e in rows:
                seen.add(e.pk)
                row = Row(Mark(e.xid, e.pk), e.name, e.topic, e.subject, e.payload, e.by, e.at)
                for name in subscribers():
                    _hand_over(name, row)
        failed = FailedDelivery.objects.filter(done_at=None).first()
        assert failed is None, failed.error if failed else ""
        send_due_now()

    return deliver


@pytest.fixture
def client_of(db: Any) -> Any:
    """A signed-in browser: client_of(cast.mika)."""
    from django.test import Client

    def signed_in(user: Any) -> Client:
        client = Client(headers={"Accept-Language": "en"})
        client.force_login(user)
        return client

    return signed_in
