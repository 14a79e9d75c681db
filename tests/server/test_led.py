"""Display boards: what they say of themselves, by hand, and how they are told.

A burst on P8: Church Street is without water, a crew works there; the board in the hall says so.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from server.led import driving, selectors, services, wire
from server.led.models import Bulletin, Panel
from server.outages.models import ShutOff
from tests.led.board import Board

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def off(number: str = "A-0901", **more) -> ShutOff:
    now = timezone.now()
    return ShutOff.objects.create(
        target="P8", number=number, state="active", started_at=now,
        expected_back_at=now + timedelta(hours=2), **more,
    )  # fmt: skip


def a_panel(port: int, **more) -> Panel:
    return Panel.objects.create(
        **{"name": "hall", "host": "127.0.0.1", "port": port, "language": "en", **more}
    )


def test_the_network_speaks_by_itself_of_streets_and_never_of_houses(cast, burst):
    now = timezone.now()
    ShutOff.objects.filter(incident=burst).update(
        state="active", started_at=now, expected_back_at=now + timedelta(hours=2)
    )
    texts = [line.text for line in selectors.current()]
    assert len(texts) == 1
    assert texts[0].startswith("Water off: Church Street, since ")
    assert "back about" in texts[0] and burst.address not in texts[0]


@pytest.mark.parametrize(
    ("address", "street"),
    [("Church Street 21", "Church Street"), ("Church Street 21 B, 00100 Town", "Church Street"),
     ("教堂街21号", "教堂街"), ("Mill Street 9-11", "Mill Street"), ("Harbour", "Harbour"),
     ("", ""), ("42", "42")],
)  # fmt: skip
def test_a_street_is_an_address_without_its_house(address, street):
    assert selectors.street(address) == street


def test_a_text_by_hand_ends_by_its_time_and_signs_it_cannot_show_are_named(cast, client_of):
    sari = client_of(cast.sari)

    def post(door, **data):
        return sari.post(f"/api/led/{door}", data, content_type="application/json")

    until = (timezone.now() + timedelta(hours=1)).isoformat()
    made = post("bulletins", text="Flushing – Hämeentie 囍", until=until, priority=2)
    assert made.status_code == 201
    got = sari.get("/api/led").json()
    assert {r["sign"]: r["by"] for r in got["replaced"]} == {"–": "-", "ä": "a", "囍": "?"}
    assert got["pages"][0]["rows"] == ["Flushing - Hameentie ?"]
    assert sari.get("/api/led?columns=64&rows=1").json()["pages"][0]["rows"] == ["Flushing"]
    Bulletin.objects.update(until=timezone.now())
    assert sari.get("/api/led").json()["pages"] == []
    for field, data in {
        "text": {"text": "  "}, "priority": {"text": "x", "priority": 9},
        "until": {"text": "x", "until": "2020-01-01"}, "kind": {"text": "x", "kind": "party"},
    }.items():  # fmt: skip
        assert post("bulletins", **data).json()["errors"][0]["field"] == field
    for field, data in {
        "name": {}, "host": {"name": "a"}, "port": {"name": "a", "host": "h"},
        "columns": {"name": "a", "host": "h", "port": 5, "columns": 100},
        "rows": {"name": "a", "host": "h", "port": 5, "rows": 99},
        "language": {"name": "a", "host": "h", "port": 5, "language": "fi"},
    }.items():  # fmt: skip
        assert post("panels", **data).json()["errors"][0]["field"] == field
    assert sari.get("/api/led?columns=7").json()["errors"][0]["field"] == "columns"
    assert client_of(cast.aino).get("/led").status_code == 403
    assert sari.get("/led").status_code == 200


def test_a_board_is_told_once_and_again_only_when_something_changes(cast):
    driver = driving.Driver()
    with Board() as board:
        a_panel(board.port)
        services.put_up("notice", "Good morning", 3, timezone.now() + timedelta(hours=1), by="sari")
        for _n in range(3):
            driver.round()
        assert board.shows == [["Good morning"]]
        assert [c for c, _p in board.received] == [wire.SHOW]
        shown = off()
        driver.round()
        assert board.shows[0][0].startswith("Water off: P8")
        shown.state = "restored"
        shown.save()
        driver.round()
        assert board.shows == [["Good morning"]]
    panel = Panel.objects.get()
    assert panel.online and panel.missed == 0 and panel.problem == ""


def test_a_board_that_was_away_gets_the_present_and_nothing_of_the_past(cast):
    driver = driving.Driver()
    with Board() as board:
        a_panel(board.port)
        driver.round()
        port = board.port
    texts = [services.put_up("notice", f"text {n}", 3, timezone.now() + timedelta(hours=1), by="s")
             for n in range(3)]  # fmt: skip
    for text in texts[:2]:
        driver._rest.clear()
        driver.round()
        services.take_down(text, by="s")
    driver._rest.clear()
    driver.round()
    panel = Panel.objects.get()
    assert not panel.online and panel.missed >= 2 and panel.problem
    with Board(port) as again:
        driver._rest.clear()
        driver.round()
        assert again.shows == [["text 2"]]
        assert [c for c, _p in again.received] == [wire.SHOW]
    panel.refresh_from_db()
    assert panel.online and panel.missed == 0


def test_a_board_that_refuses_or_talks_nonsense_is_not_thought_to_show_it(cast):
    driver = driving.Driver()
    with Board() as board:
        a_panel(board.port)
        for answer, says in ((b"\x15\x01\x03", "does not fit"), (b"\x06\xee", "something else"),
                             (b"", "closed")):  # fmt: skip
            board.answer = answer
            driver._rest.clear()
            driver.round()
            panel = Panel.objects.get()
            assert not panel.online and says in panel.problem
        board.answer = None
        driver._rest.clear()
        driver.round()
        assert Panel.objects.get().online


def test_one_board_that_is_away_does_not_keep_the_next_one_waiting_for_ever(cast):
    driver = driving.Driver()
    with Board() as board:
        port = board.port
    a_panel(port, name="away")
    with Board() as board:
        a_panel(board.port, name="here")
        driver.round()
        driver.round()
        assert len(board.received) == 1
    assert driver._rest[Panel.objects.get(name="away").pk][1] > 1.0  # growing patience
