"""Whoever attacks the exchange is shut out, told of, and let in again by a person."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.calls import guarding
from server.calls.models import BlockedSource
from server.events.models import Event
from telephony.ami import events as ami
from telephony.console import ConsoleError
from telephony.guard import TRIES

pytestmark = pytest.mark.django_db
THIEF = "198.51.100.66"


@pytest.fixture
def told(cast, settings, monkeypatch, tmp_path: Path) -> list[list[str]]:
    """What Asterisk was told to shut out, each time."""
    said: list[list[str]] = []
    log = tmp_path / "asterisk" / "log"
    log.mkdir(parents=True)
    settings.STANDPIPE = {**settings.STANDPIPE, "CALL_LOG": log, "TRUSTED_ADDRESSES": ("10.1.1.1",)}
    monkeypatch.setattr(guarding, "shut_out", lambda base, addresses: said.append(addresses))
    monkeypatch.setattr(guarding, "_watch", None)
    return said


def knock(times: int, address: str = THIEF, what: str = "password", account: str = "1001") -> None:
    for _ in range(times):
        guarding.follow(ami.Knocked(address, account, what), datetime.now(UTC))


def test_a_guesser_is_shut_out_told_of_and_let_in_by_a_person(told, client_of, cast) -> None:
    knock(TRIES - 1)
    guarding.bring_in_line()
    assert told == [[]] and not BlockedSource.objects.exists()
    knock(5)
    guarding.bring_in_line()
    guarding.bring_in_line()
    assert told == [[], [THIEF]], "told once"
    row = BlockedSource.objects.get()
    assert (row.what, row.account) == ("password", "1001")
    assert Event.objects.get(name="exchange.blocked").payload["address"] == THIEF
    desk = client_of(cast.sari)
    (shown,) = desk.get("/api/exchange/blocked").json()["blocked"]
    assert shown["address"] == THIEF and shown["tries"] == TRIES
    assert desk.post(f"/api/exchange/blocked/{row.pk}").json() == {"blocked": []}
    assert desk.post(f"/api/exchange/blocked/{row.pk}").status_code == 404
    guarding.bring_in_line()
    assert told[-1] == []
    assert AuditRow.objects.filter(action="exchange.released").count() == 1


def test_the_list_outlives_a_restart_of_ours_and_ends_by_itself(told, monkeypatch) -> None:
    knock(TRIES)
    monkeypatch.setattr(guarding, "_watch", None)
    guarding.bring_in_line()
    assert told[-1] == [THIEF]
    BlockedSource.objects.update(until=timezone.now())
    monkeypatch.setattr(guarding, "_watch", None)
    guarding.bring_in_line()
    assert told[-1] == [] and guarding.blocked_now() == []


def test_a_stolen_account_that_tries_numbers_abroad_is_shut_out_sooner(told) -> None:
    knock(4, what="number")
    assert not BlockedSource.objects.exists()
    knock(1, what="number")
    assert BlockedSource.objects.get().what == "number"


def test_gateways_and_this_machine_are_never_shut_out(told) -> None:
    for address in ("10.1.1.1", "127.0.0.1", "", "nonsense"):
        knock(50, address=address)
    assert not BlockedSource.objects.exists()


def test_an_asterisk_that_cannot_be_told_is_told_later(told, monkeypatch) -> None:
    def away(base: Path, addresses: list[str]) -> None:
        raise ConsoleError("away")

    knock(TRIES)
    monkeypatch.setattr(guarding, "shut_out", away)
    guarding.bring_in_line()
    said: list[list[str]] = []
    monkeypatch.setattr(guarding, "shut_out", lambda base, addresses: said.append(addresses))
    guarding.bring_in_line()
    assert said == [[THIEF]]
