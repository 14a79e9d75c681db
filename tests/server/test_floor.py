"""The supervisor's page: every agent with what they do, and callers inside known shut-offs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from server.calls import agents, services
from server.calls.models import AgentState, Call
from server.outages.models import ShutOff
from server.wallboard import floor

pytestmark = pytest.mark.django_db


def test_the_grid_says_who_does_what_since_when_and_with_whom(cast, client_of):
    now = timezone.now()
    services.rang(services.Ring("sp-1", "0401000101", "Anna", "965113", now))
    services.queued("sp-1", at=now)
    services.answered("sp-1", "1001", at=now)
    agents.set_state(cast.sari, "paused", reason="lunch")
    AgentState.objects.filter(user=cast.sari).update(since=now - timedelta(minutes=5))
    got = {a["username"]: a for a in client_of(cast.sari).get("/api/supervisor").json()["agents"]}
    assert got["aino"]["state"] == "talking" and got["aino"]["call"]["name"] == "Anna Virtanen"
    assert "0401000101" not in str(got["aino"]["call"])
    assert (got["sari"]["state"], got["sari"]["reason"]) == ("paused", "lunch")
    assert 299 <= got["sari"]["seconds"] < 330
    assert got["sari"]["call"] is None


def test_an_agent_sees_nothing_of_the_floor(cast, client_of):
    assert client_of(cast.aino).get("/api/supervisor").status_code == 403
    assert client_of(cast.aino).get("/supervisor").status_code == 403
    assert client_of(cast.sari).get("/supervisor").status_code == 200


def test_callers_inside_a_shut_off_are_counted_by_shut_off(cast):
    now = timezone.now()
    ShutOff.objects.create(target="P8", number="A-0001", state="active", started_at=now,
                           expected_back_at=now + timedelta(hours=2))  # fmt: skip
    for n, (state, outcome) in enumerate(
        [("talking", "answered"), ("ended", "informed"), ("ended", "answered"), ("ivr", "")]
    ):
        Call.objects.create(
            call_id=f"i{n}", state=state, outcome=outcome, started_at=now,
            verdict="inside_shutoff", verdict_data={"data": {"shut_off": "A-0001"}},
        )  # fmt: skip
    Call.objects.create(call_id="x", state="talking", started_at=now)
    assert [(r["shut_off"], r["now"], r["today"], r["informed"])
            for r in floor.inside_shut_offs(now)] == [("A-0001", 2, 4, 1)]  # fmt: skip


def test_a_supervisor_begins_at_the_floor(cast, client_of):
    home = client_of(cast.sari).get("/")
    assert (home.status_code, home.headers["Location"]) == (302, "/supervisor")
