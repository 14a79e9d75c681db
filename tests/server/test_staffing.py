"""Agents needed, half hour by half hour: reckoned with what was measured, or said to be assumed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from server.calls.models import AgentInterval, AgentState, Call
from server.forecast import erlang, services
from server.forecast.models import Run
from server.wallboard import staffing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]
MONDAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _nothing_kept():
    cache.clear()


def at(hour: int, minute: int = 0) -> datetime:
    return datetime.combine(MONDAY, time(hour, minute), tzinfo=timezone.get_current_timezone())


def forecast(calls: float | None = 50.0) -> Run:
    day = {"on": MONDAY.isoformat(), "expected": [calls] * 48, "low": [calls] * 48,
           "high": [calls] * 48}  # fmt: skip
    return Run.objects.create(on=MONDAY, made_at=at(0), show="model", why="passed", weeks=30,
                              days=[day], day_spread=0.01)  # fmt: skip


def test_the_table_is_erlang_a_with_c_beside_it_and_the_roster_after_shrinkage(cast):
    forecast()
    services.plan_shift("aino", at(8), at(12), by="sari")
    got = staffing.plan("", MONDAY, {}, at(0, 5))
    row = got["rows"][18]
    load = erlang.load(100, 180)
    assert row["erlang"] == round(load, 2) == 5.0
    assert row["agents"] == erlang.agents_for(load, 180, target=0.8, within_s=15, patience_s=120)
    assert row["agents_c"] == erlang.agents_for(load, 180, target=0.8, within_s=15, patience_s=None)
    assert row["rostered"] == erlang.rostered(row["agents"], 0.3)
    assert (row["planned"], row["gap"]) == (1, 1 - row["rostered"])
    assert got["rows"][24]["planned"] == 0  # her shift is over at noon
    assert got["trunks"] == erlang.trunks_needed(5.0) == 11
    assert got["terms"]["measured"] == () and len(got["assumptions"]) == 3
    assert got["label"] == "" and got["simulated"] is None


def test_where_nothing_is_forecast_nothing_is_reckoned(cast):
    got = staffing.plan("", MONDAY, {}, at(0, 5))
    assert got["rows"][18]["calls"] is None and got["rows"][18]["agents"] is None
    assert "no forecast" in got["label"]


def test_handling_and_patience_are_measured_when_there_is_enough(cast):
    start = at(8) - timedelta(days=2)
    calls = []
    for n in range(140):
        q = start + timedelta(seconds=60 * n)
        gone = n % 4 == 3  # 35 give up after 40 s, 105 are answered after 10
        calls.append(Call(
            call_id=f"c{n}", started_at=q, queued_at=q, state="ended",
            outcome="abandoned" if gone else "answered", agent=None if gone else cast.aino,
            answered_at=None if gone else q + timedelta(seconds=10),
            ended_at=q + timedelta(seconds=40),
        ))  # fmt: skip
    Call.objects.bulk_create(calls)
    AgentInterval.objects.create(user=cast.aino, state="talking", started_at=start,
                                 ended_at=start + timedelta(seconds=105 * 200))  # fmt: skip
    got = staffing.measured("", at(8))
    assert got["aht_s"] == 200.0
    assert got["patience_s"] == pytest.approx((105 * 10 + 35 * 40) / 35, abs=0.1)
    terms = staffing.terms("", {}, at(8))
    assert set(terms.measured) == {"aht_s", "patience_s"} and terms.shrinkage == 0.3
    asked = staffing.terms("", {"aht_s": "300", "target": "0.9"}, at(8))
    assert (asked.aht_s, asked.target) == (300.0, 0.9) and "aht_s" not in asked.measured


def test_on_a_day_out_of_line_a_simulation_with_those_who_are_here_is_shown(cast):
    forecast()
    services.mark_day(MONDAY, by="sari", outlier=True)
    for n in range(30):
        Call.objects.create(call_id=f"w{n}", state="queued", started_at=at(9), queued_at=at(9, 59))
    AgentState.objects.create(user=cast.aino, state="ready", since=at(8))
    AgentState.objects.create(user=cast.sari, state="paused", since=at(8))
    got = staffing.plan("", MONDAY, {}, at(10))
    assert got["burst"] and got["simulated"]["agents"] == 1
    slots = got["simulated"]["slots"]
    assert slots[0]["at"] == at(10) and len(slots) == 6
    assert slots[0]["abandoned"] > 0.5  # one agent for a load of five


@pytest.mark.parametrize(
    ("query", "field"),
    [("aht_s=0", "aht_s"), ("aht_s=x", "aht_s"), ("patience_s=nan", "patience_s"),
     ("shrinkage=1", "shrinkage"), ("target=1", "target"), ("within_s=-1", "within_s"),
     ("on=never", "on")],
)  # fmt: skip
def test_terms_that_make_no_sense_are_refused_by_name(cast, client_of, query, field):
    answer = client_of(cast.sari).get(f"/api/staffing?{query}")
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["field"] == field


def test_the_doors_give_figures_shifts_and_the_table(cast, client_of):
    sari = client_of(cast.sari)
    assert len(sari.get("/api/staffing").json()["rows"]) == 48
    found = sari.get("/api/figures").json()
    assert found["all"]["offered"] == 0 and found["trunk_occupancy"] is None
    assert (
        sari.get("/api/figures?from=2026-01-01&to=2026-06-01").json()["errors"][0]["field"] == "to"
    )
    assert (
        sari.get("/api/figures?from=2026-02-01&to=2026-01-01").json()["errors"][0]["field"]
        == "from"
    )
    tomorrow = timezone.localdate() + timedelta(days=1)  # of days gone by no shift is listed
    body = {"agent": "aino", "starts": f"{tomorrow}T08:00", "ends": f"{tomorrow}T16:00"}
    made = sari.post("/api/agent-shifts", body, content_type="application/json")
    assert made.status_code == 201
    again = sari.post("/api/agent-shifts", {"agent": "aino"}, content_type="application/json")
    assert again.json()["errors"][0]["field"] == "starts"
    assert [s["agent"] for s in sari.get("/api/agent-shifts").json()] == ["aino"]
    gone = sari.post(f"/api/agent-shifts/{made.json()['id']}/remove", {},
                     content_type="application/json")  # fmt: skip
    assert gone.status_code == 200 and sari.get("/api/agent-shifts").json() == []


def test_a_wall_that_asks_stays_signed_in(cast, client_of):
    wall = client_of(cast.sari)
    first = wall.get("/api/wall")
    assert "standpipe_session" in first.cookies  # its time begins anew
    assert "standpipe_session" not in wall.get("/api/wall").cookies  # once an hour is enough
