"""A planned round: what can wait, with little driving, kept as pins that the plan holds to.

A (Crew North) ---- B ---- C        bo: Mill Street between B and C (hydrant)
|                   |      |        dora: Church Street between D and E (hydrant)
D ----------------- E ---- F        gym: Harbour Street between G and H (hydrant)
|                   |      |        Crew Meter at E can only do meters
G (Crew South) ---- H ---- I
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.dispatch import accepting, planning, services
from server.dispatch.models import PlanWish, RunCard, WorkOrder
from server.service_level.models import Clock
from server.streets import index as streets
from server.tickets.models import Incident
from server.workforce.models import Crew, Shift

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]
HYDRANTS = ("bo", "dora", "gym")


@pytest.fixture
def written(register, news):
    """written("hydrant", "bo"): the incident of a report from there."""

    def write(kind: str, home: str) -> Incident:
        found = register(kind, home=home).incident
        news()
        found.refresh_from_db()
        return found

    return write


@pytest.fixture
def hydrants(written, cast) -> list[Incident]:
    """Three to look at, two hours each, promised within seven."""
    made = [written("hydrant", home) for home in HYDRANTS]
    Clock.objects.update(due_at=timezone.now() + timedelta(hours=7))
    return made


@pytest.fixture
def control(cast, client_of):
    return client_of(cast.mika)


def proposed(control: Any, **asked: str) -> dict[str, Any]:
    answer = control.get("/api/rounds", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def keep(control: Any, **asked: Any) -> dict[str, Any]:
    answer = control.post("/api/rounds/keep", asked, "application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def pins() -> dict[int, int]:
    return dict(PlanWish.objects.filter(ended_at=None).values_list("incident", "crew"))


# -- what is in it --------------------------------------------------------------------------------


def test_what_is_urgent_is_in_no_round_and_what_can_wait_is(hydrants, written, burst, control):
    leak = written("leak", "cai")
    assert {burst.priority, leak.priority} <= {"P1", "P2"}
    found = proposed(control)
    told = {r["incident"] for r in (*found["rows"], *found["waiting"])}
    assert told == {i.pk for i in hydrants}
    assert {r["priority"] for r in found["rows"]} == {"P3"}


def test_what_somebody_has_in_hand_is_in_no_round(hydrants, cast, control):
    services.assign(hydrants[0], cast.north, by="mika", reason="x")
    assert hydrants[0].pk not in {r["incident"] for r in proposed(control)["rows"]}


def test_one_crew_has_them_in_order_with_times_and_the_way_between(hydrants, cast, control):
    found = proposed(control, crews=str(cast.north.pk))
    assert [r["position"] for r in found["rows"]] == [0, 1, 2]
    for before, after in pairwise(found["rows"]):
        assert before["arrive"] < before["end"] <= after["start"] <= after["arrive"]
    (crew,) = [c for c in found["crews"] if c["chosen"]]
    assert (crew["id"], crew["stops"]) == (cast.north.pk, 3)
    assert found["driven_min"] == crew["driven_min"] > 0
    assert len(crew["course"]["coordinates"]) == 3
    assert {c["id"] for c in found["crews"]} == {cast.north.pk, cast.south.pk, cast.meter.pk}


def test_a_round_is_of_the_kinds_that_are_asked_for(hydrants, written, cast, control):
    meter = written("meter", "erik")
    (row,) = proposed(control, kinds="meter")["rows"]
    assert (row["incident"], row["crew"], row["priority"]) == (meter.pk, cast.meter.pk, "P4")


def test_skills_are_hard_and_what_waits_says_why(hydrants, written, cast, control):
    meter = written("meter", "erik")
    found = proposed(control, crews=f"{cast.meter.pk}")
    assert [r["incident"] for r in found["rows"]] == [meter.pk]
    assert {w["why"] for w in found["waiting"]} == {"no_skill"}
    assert {w["number"] for w in found["waiting"]} == {i.number for i in hydrants}
    assert all(w["why_text"] for w in found["waiting"])


def test_shifts_are_hard_and_the_rest_waits_for_another_day(hydrants, cast, control):
    # Two hours each: one is done before the shift ends, and no second.
    Shift.objects.filter(crew=cast.north).update(ends=timezone.now() + timedelta(hours=3))
    found = proposed(control, crews=str(cast.north.pk))
    assert len(found["rows"]) == 1 and found["rows"][0]["overtime_s"] == 0
    assert [w["why"] for w in found["waiting"]] == ["no_room", "no_room"]
    Shift.objects.filter(crew=cast.north).update(ends=timezone.now() + timedelta(hours=1))
    found = proposed(control, crews=str(cast.north.pk))
    assert not found["rows"] and {w["why"] for w in found["waiting"]} == {"shift_ends"}


def test_what_would_break_its_promise_behind_the_others_waits_instead(hydrants, cast, control):
    Clock.objects.update(due_at=timezone.now() + timedelta(hours=3))
    found = proposed(control, crews=str(cast.north.pk))
    assert len(found["rows"]) == 2 and not any(r["late_s"] for r in found["rows"])
    assert [w["why"] for w in found["waiting"]] == ["no_room"]


def test_who_is_at_home_is_not_called_out_for_a_round(hydrants, cast, control):
    found = proposed(control, crews=str(cast.night.pk))
    assert not found["rows"] and {w["why"] for w in found["waiting"]} == {"no_crew"}
    assert cast.night.pk not in {c["id"] for c in found["crews"]}


def test_a_promise_nobody_can_keep_any_more_keeps_nothing_out_of_the_round(hydrants, control):
    Clock.objects.update(due_at=timezone.now() - timedelta(hours=1))
    found = proposed(control)
    assert {r["incident"] for r in found["rows"]} == {i.pk for i in hydrants}
    assert all(r["late_s"] > 3600 for r in found["rows"])


def test_what_wants_several_crews_or_has_no_place_is_in_no_round(
    hydrants, register, cast, control
):
    RunCard.objects.create(
        name="two for a hydrant", kinds=["hydrant"],
        orders=[{"kind": "repair", "crews": 2, "skills": [], "target": "place"}],
    )  # fmt: skip
    lost = register("low_pressure").incident
    found = proposed(control)
    assert not found["rows"]
    assert {(w["incident"], w["why"]) for w in found["waiting"]} == {
        *((i.pk, "several_crews") for i in hydrants), (lost.pk, "unlocated"),
    }  # fmt: skip


def test_where_nothing_can_wait_the_round_is_empty(burst, cast, control):
    found = proposed(control)
    assert (found["rows"], found["waiting"], found["driven_min"]) == ([], [], 0)


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"crews": "x"}, "crews"), ({"crews": "0"}, "crews"), ({"crews": "9" * 30}, "crews"),
     ({"crews": "-1"}, "crews"), ({"kinds": "party"}, "kinds"), ({"crews": "²"}, "crews")],
)  # fmt: skip
def test_crews_and_kinds_that_are_none_are_refused_by_field(cast, control, asked, field):
    answer = control.get("/api/rounds", asked)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field
    asked = {name: [value] for name, value in asked.items()}
    answer = control.post("/api/rounds/keep", asked, "application/json")
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


def test_a_round_drives_no_more_than_always_going_to_the_nearest_next(hydrants, cast, control):
    """Against a tour made here, by asking the streets from stop to stop."""
    found = proposed(control, crews=str(cast.north.pk))
    at, left, driven = (cast.north.base.x, cast.north.base.y), list(hydrants), 0.0
    while left:
        ways = [streets.route(at, (i.geom.x, i.geom.y)).seconds for i in left]
        driven += min(ways)
        stop = left.pop(ways.index(min(ways)))
        at = (stop.geom.x, stop.geom.y)
    assert sum(r["driven_s"] for r in found["rows"]) <= driven + len(hydrants)  # whole seconds
    assert found["driven_min"] * 60 > driven / 3, "something is driven"


# -- kept -----------------------------------------------------------------------------------------


def test_a_round_that_is_kept_is_pinned_and_the_plan_holds_to_it(hydrants, cast, control):
    # Left to itself the plan has somebody soon everywhere: both crews.
    assert {r["crew"] for r in planning.refresh().body["rows"]} == {cast.north.pk, cast.south.pk}
    rows = proposed(control, crews=str(cast.north.pk))["rows"]
    told = keep(control, rows=[{"row": r["row"], "crew": r["crew"]} for r in rows])
    assert len(told["kept"]) == 3 and not told["refused"]
    assert pins() == {i.pk: cast.north.pk for i in hydrants}
    now = timezone.localtime()
    assert set(PlanWish.objects.values_list("reason", "by")) == {
        (f"round of {now.day} {now:%B}", "mika")
    }
    assert {r["crew"] for r in planning.refresh().body["rows"]} == {cast.north.pk}
    assert AuditRow.objects.filter(action="round.keep", by="mika").get().note == "3 kept, 0 refused"
    # Nobody is sent by it; a dispatcher's word sends as ever.
    assert not WorkOrder.objects.exists()
    sent = control.post("/api/plan/accept", {}, "application/json").json()
    assert [s["crew"] for s in sent["sent"]] == [cast.north.pk] and len(sent["queued"]) == 2


def test_without_rows_the_whole_round_is_kept_and_twice_is_once(hydrants, cast, control):
    asked = {"crews": [cast.south.pk], "kinds": ["hydrant"]}
    assert len(keep(control, **asked)["kept"]) == 3
    assert len(keep(control, **asked)["kept"]) == 3
    assert PlanWish.objects.count() == 3, "pinned already"


def test_the_next_round_holds_to_what_is_pinned(hydrants, cast, control):
    accepting.wish(hydrants[2], cast.north, "pin", by="sari", reason="knows it")
    found = proposed(control, crews=str(cast.south.pk))
    assert {r["incident"] for r in found["rows"]} == {i.pk for i in hydrants[:2]}
    assert [(w["incident"], w["why"]) for w in found["waiting"]] == [(hydrants[2].pk, "pinned")]


def test_a_row_whose_incident_got_a_crew_meanwhile_is_refused_and_the_rest_is_kept(
    hydrants, cast, control
):
    rows = proposed(control, crews=str(cast.north.pk))["rows"]
    services.assign(hydrants[1], cast.south, by="sari", reason="was quicker")
    told = keep(control, rows=[{"row": r["row"], "crew": r["crew"]} for r in rows])
    assert {k["incident"] for k in told["kept"]} == {hydrants[0].pk, hydrants[2].pk}
    (no,) = told["refused"]
    assert (no["row"], no["code"]) == (f"{hydrants[1].pk}:repair:0", "taken")
    assert "Crew South" in no["text"] and hydrants[1].number in no["text"]


def test_each_row_that_has_changed_says_what_stands_against_it(hydrants, written, cast, control):
    bo, dora, gym = hydrants
    meter, lost = written("meter", "erik"), written("hydrant", "anna")
    Incident.objects.filter(pk=bo.pk).update(priority="P1")
    Incident.objects.filter(pk=lost.pk).update(state="closed")
    accepting.wish(gym, cast.south, "pin", by="sari", reason="x")
    accepting.wish(meter, cast.meter, "exclude", by="sari", reason="x")
    Crew.objects.filter(pk=cast.south.pk).update(state="out_of_service")
    asked = [
        (bo, cast.north.pk), (lost, cast.north.pk), (gym, cast.north.pk), (meter, cast.meter.pk),
        (dora, cast.meter.pk),
    ]  # fmt: skip
    told = keep(control, rows=[{"row": f"{i.pk}:repair:0", "crew": c} for i, c in asked])
    assert [r["code"] for r in told["refused"]] == [
        "urgent", "gone", "pinned", "excluded", "no_skill",
    ]  # fmt: skip
    assert all(r["text"] for r in told["refused"]) and not told["kept"]
    for crew, code in ((cast.south.pk, "crew_out"), (999_999, "unknown")):
        (no,) = keep(control, rows=[{"row": f"{dora.pk}:repair:0", "crew": crew}])["refused"]
        assert no["code"] == code
    Shift.objects.filter(crew=cast.north).update(ends=timezone.now() + timedelta(minutes=30))
    (no,) = keep(control, rows=[{"row": f"{dora.pk}:repair:0", "crew": cast.north.pk}])["refused"]
    assert no["code"] == "shift_ends"


@pytest.mark.parametrize(
    "rows", ["all", [1], [{"row": 1, "crew": 1}], ["5:repair:0"], [{"row": "x", "crew": "y"}]]
)
def test_rows_that_are_none_are_refused(cast, control, rows):
    answer = control.post("/api/rounds/keep", {"rows": rows}, "application/json")
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "rows"
    told = keep(control, rows=[{"row": "x:y", "crew": 1}, {"row": "9" * 60, "crew": 1}])
    assert {r["code"] for r in told["refused"]} <= {"gone", "unknown"}


def test_dispatchers_and_supervisors_make_rounds_and_nobody_else(hydrants, cast, client_of):
    for who, answered in (
        (cast.mika, 200), (cast.sari, 200), (cast.aino, 403), (cast.juho, 403), (cast.hui, 403),
    ):  # fmt: skip
        client = client_of(who)
        assert client.get("/api/rounds").status_code == answered
        kept = client.post("/api/rounds/keep", {"rows": []}, "application/json")
        assert kept.status_code == answered
