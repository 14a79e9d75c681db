"""The town, built once per file: every test starts from it and leaves it as it was.

Tests that need real commits (races, cursors) stand in files of their own and build what they need.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def _built(
    django_db_setup: Any, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Town and cast in one transaction around all tests of a file; each test is a savepoint."""
    from django.db import transaction

    from server.network import graph
    from server.streets import index as streets
    from tests import people, town

    folder = tmp_path_factory.mktemp("town")
    (folder / "streets").mkdir()
    streets.forget()
    with django_db_blocker.unblock():
        whole = transaction.atomic()
        whole.__enter__()
        town.build(folder / "streets")
        people.hire()
    yield folder
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        whole.__exit__(None, None, None)
    graph.forget()
    streets.forget()


@pytest.fixture
def town(_built: Path, db: Any, settings: Any, tmp_path: Path) -> Any:
    """As the `town` of all stories, without building it again."""
    from server.messaging.gateways import gateway
    from server.streets import index as streets
    from tests import town as drawn

    settings.STANDPIPE = {
        **settings.STANDPIPE, "STREETS": _built / "streets", "SMS_DIR": tmp_path / "sms",
        "RECORDINGS": tmp_path / "recordings", "PHOTOS": tmp_path / "photos",
        "RECORDING_KEYS": "o" * 48, "RECORDING_KEY_FILE": tmp_path / "recording_keys.json",
        "CALL_LOG": tmp_path / "asterisk", "SMS_GATEWAY": "file",
    }  # fmt: skip
    settings.STATE = tmp_path
    for name in ("recordings", "asterisk"):
        (tmp_path / name).mkdir()
    gateway.cache_clear()
    # The closures of the test before were rolled back; in life half a second would pass.
    streets.expire()
    yield drawn
    gateway.cache_clear()


@pytest.fixture
def cast(town: Any) -> Any:
    """Everybody of tests/people.py, as the database has them."""
    from server.accounts.models import User
    from server.workforce.models import Crew
    from tests.people import Cast

    names = ("aino", "mika", "sari", "juho", "hui", "anu")
    staff = {n: User.objects.get(username=n) for n in names}
    crews = {n: Crew.objects.get(code=n) for n in ("north", "south", "meter", "night")}
    return Cast(**staff, **crews)


@pytest.fixture
def register(town: Any) -> Callable[..., Any]:
    """Write down a report: register("burst", home="anna") or register("leak", at=(lon, lat))."""
    from server.customers.models import Account
    from server.tickets import services
    from server.tickets.placing import Where
    from server.tickets.services import Registration

    def write(
        kind: str, *, home: str = "", at: tuple[float, float] | None = None, by: str = "aino",
        **more: Any,
    ) -> Any:  # fmt: skip
        account = Account.objects.filter(premise__code=home).first() if home else None
        lon, lat = at or (None, None)
        return services.register(
            Registration(kind, Where(lon, lat, premise=home), account=account, **more), by=by
        )

    return write


@pytest.fixture
def burst(register: Callable[..., Any], news: Callable[[], None], cast: Any) -> Any:
    """The main in Church Street is open, its plan is drawn: the incident."""
    ticket = register("burst", home="anna", name="Anna", phone="+358401000101")
    news()
    ticket.incident.refresh_from_db()
    return ticket.incident


@pytest.fixture
def report() -> Callable[..., Any]:
    """What a crew's telephone sends, and the server's answer to it."""
    from mqtt.fakes import deliver
    from mqtt.messages import Report
    from server.dispatch.intake import Intake

    def send(crew: Any, order: Any, action: str, **more: Any) -> Any:
        number = order if isinstance(order, str) else order.number
        fields = {"id": str(uuid.uuid4()), "seq": 1, "at": datetime.now(UTC), **more}
        message = Report(order=number, action=action, **fields)
        return deliver(Intake().handle, crew.device, [message])[crew.device].acks[0]

    return send


@pytest.fixture
def english() -> Iterator[None]:
    """Whatever language the test before has left behind."""
    from django.utils import translation

    with translation.override("en"):
        yield


@pytest.fixture
def asterisk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What Asterisk would be asked, and who is free (tests/server/ringing.py)."""
    from tests.server.ringing import stand_in

    return stand_in(monkeypatch)


@pytest.fixture
def dry(burst: Any) -> Any:
    """The valves around the burst on P8 are shut: the shut-off."""
    from django.utils import timezone

    from server.outages import services as outages
    from server.outages.models import ShutOff

    off = ShutOff.objects.get()
    for valve in ("V8", "V6", "V11"):
        outages.valve_closed(off, valve, at=timezone.now(), by="x")
    off.refresh_from_db()
    return off
