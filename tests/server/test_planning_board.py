"""The board: who works when, what they have in hand, what waits and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.dispatch import services
from server.dispatch.models import WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Who

pytestmark = pytest.mark.django_db


@pytest.fixture
def board(client_of, cast):
    def ask(**window: Any) -> Any:
        return client_of(cast.mika).get("/api/board", window).json()

    return ask


def row_of(found: Any, crew: Any) -> Any:
    return next(r for r in found["crews"] if r["id"] == crew.pk)


def test_every_crew_has_a_row_with_its_shifts_also_when_it_is_off_duty(board, cast):
    found = board()
    assert {r["code"] for r in found["crews"]} == {"north", "south", "meter", "night"}
    north, night = row_of(found, cast.north), row_of(found, cast.night)
    assert north["free"] and north["shift"][0]["kind"] == "day"
    assert not night["on_shift"] and not night["free"]


def test_an_order_in_hand_stands_with_the_times_planned_and_those_that_came(burst, cast, board):
    order = services.assign(burst, cast.north, by="mika", reason="knows the street")
    for action in ("accept", "depart"):
        services.act(order, Step(action, timezone.now()), who=Who.CREW, by="n", crew=cast.north)
    (shown,) = row_of(board(), cast.north)["orders"]
    assert shown["number"] == order.number and shown["state"] == "en_route"
    assert shown["planned"]["start"] < shown["planned"]["arrive"] < shown["planned"]["end"]
    assert shown["actual"]["start"] and shown["actual"]["arrive"] is None
    assert shown["held"] and shown["pinned"] and shown["movable"]
    assert not row_of(board(), cast.north)["free"]


def test_what_ended_before_the_window_is_not_on_the_board(burst, cast, board):
    order = services.assign(burst, cast.north, by="mika", reason="x")
    services.act(order, Step("recall", timezone.now(), reason="no"), who=Who.DISPATCHER, by="m")
    assert len(row_of(board(), cast.north)["orders"]) == 1
    WorkOrder.objects.update(ended_at=timezone.now() - timedelta(hours=30))
    assert row_of(board(), cast.north)["orders"] == []
    start = (timezone.now() - timedelta(hours=31)).isoformat()
    assert len(row_of(board(**{"from": start}), cast.north)["orders"]) == 1


def test_work_without_a_crew_waits_with_its_deadline_and_the_reason(burst, register, board):
    lost = register("leak").incident
    rows = {r["incident"]: r for r in board()["waiting"]}
    assert rows[burst.pk]["due_at"] and rows[burst.pk]["why_text"]
    assert rows[lost.pk]["why"] == "unlocated"


@pytest.mark.parametrize(
    ("window", "field"),
    [
        ({"from": "yesterday"}, "from"), ({"to": "2026-02-31T10:00:00Z"}, "to"),
        ({"from": "2026-11-26T10:00:00Z", "to": "2026-11-26T10:00:00Z"}, "to"),
        ({"from": "2026-11-26T10:00:00Z", "to": "2027-11-26T10:00:00Z"}, "to"),
    ],
)  # fmt: skip
def test_a_window_that_is_none_is_refused_by_name(cast, client_of, window, field):
    answer = client_of(cast.mika).get("/api/board", window)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_what_if_names_the_crew_that_would_have_gone_and_the_minutes(burst, cast, client_of):
    url = f"/api/incidents/{burst.pk}/what-if"
    north = client_of(cast.mika).get(url, {"crew": cast.north.pk}).json()
    south = client_of(cast.mika).get(url, {"crew": cast.south.pk}).json()
    assert sorted([north["minutes_later"], south["minutes_later"]])[0] == 0
    assert client_of(cast.mika).get(url, {"crew": "x"}).status_code == 422
    assert client_of(cast.mika).get(url).status_code == 422


@pytest.mark.parametrize("when", ["9999-12-31T23:00", "0001-01-01T00:00", "soon", "2026-13-01"])
def test_a_window_that_no_calendar_has_is_refused_by_name(client_of, cast, when):
    for name in ("from", "to"):
        answer = client_of(cast.mika).get("/api/board", {name: when})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == name
