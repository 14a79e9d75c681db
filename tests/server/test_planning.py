"""The plan for several incidents at once: made on every event, explained, accepted row by row.

A (Crew North) ---- B ---- C        Anna, clinic: Church Street between E and F
|                   |      |        gym: Harbour Street between G and H
D ----------------- E ---- F        bo: Mill Street between B and C
|                   |      |
G (Crew South) ---- H ---- I
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.dispatch import accepting, needing, offers, planning, selectors, services
from server.dispatch.models import PlanWish, Proposal, RunCard, WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.events.models import Event
from server.messaging.models import SmsMessage
from server.tickets.models import Incident
from server.workforce.models import Crew, Stock

pytestmark = pytest.mark.django_db


def plan() -> dict[str, Any]:
    return planning.refresh().body


def crew_for(body: dict[str, Any], incident: Incident, kind: str = "repair") -> int | None:
    return next(
        (r["crew"] for r in body["rows"] if r["incident"] == incident.pk and r["kind"] == kind),
        None,
    )


@pytest.fixture
def leak(register, news, cast):
    """A leak in Harbour Street, beside Crew South; both crews have what it takes."""
    for crew in (cast.north, cast.south):
        Stock.objects.create(vehicle=crew.vehicle, diameter_mm=100, quantity=2)
    found = register("leak", home="gym").incident
    news()
    found.refresh_from_db()
    return found


@pytest.fixture
def leak_by_north(register, news):
    """A leak in Mill Street, nearer to Crew North."""
    found = register("leak", home="cai").incident
    news()
    found.refresh_from_db()
    return found


def act(order: WorkOrder, action: str, who: Who = Who.CREW, **more: Any) -> WorkOrder:
    step = Step(action, timezone.now(), **more)
    return services.act(order, step, who=who, by="x", crew=order.crew)


# -- several at once ------------------------------------------------------------------------------


def test_two_leaks_get_two_crews_each_the_nearer_one(leak, leak_by_north, cast):
    body = plan()
    assert crew_for(body, leak) == cast.south.pk
    assert crew_for(body, leak_by_north) == cast.north.pk


def test_a_third_incident_waits_its_turn_behind_the_first_that_is_done(
    burst, leak, leak_by_north, cast
):
    rows = plan()["rows"]
    assert {r["incident"] for r in rows} == {burst.pk, leak.pk, leak_by_north.pk}
    assert {r["crew"] for r in rows} == {cast.north.pk, cast.south.pk}
    assert sorted(r["position"] for r in rows) == [0, 0, 1]
    last = next(r for r in rows if r["position"] == 1)
    assert last["incident"] != burst.pk, "what is urgent does not wait"
    ahead = next(r for r in rows if r["crew"] == last["crew"] and r["position"] == 0)
    assert last["start"] >= ahead["end"]


def test_the_plan_says_so_only_when_it_really_changed(leak, cast):
    first = planning.refresh()
    assert first.version == 1
    again = planning.refresh(timezone.now() + timedelta(seconds=40))
    assert again.version == 1 and again.made_at > first.made_at
    assert Event.objects.filter(name="plan.changed").count() == 1
    accepting.wish(leak, cast.north, "pin", by="mika", reason="knows the valve")
    assert planning.refresh().version == 2
    (_first, told) = Event.objects.filter(name="plan.changed").order_by("pk")
    assert told.payload["changes"] == [
        {"row": f"{leak.pk}:repair:0", "incident": leak.pk, "crew": cast.north.pk,
         "before": cast.south.pk}
    ]  # fmt: skip


def test_it_is_made_anew_within_a_second_of_news_and_not_for_nothing(leak, news):
    now = timezone.now()
    assert planning.sweep(now)
    assert not planning.sweep(now + timedelta(seconds=1)), "nothing has happened"
    planning.ask_again()
    assert planning.sweep(timezone.now() + timedelta(seconds=1))
    assert planning.sweep(timezone.now() + timedelta(minutes=2)), "positions drift without news"


def test_what_is_in_hand_is_frozen_and_its_crew_comes_after_it(leak, leak_by_north, cast):
    order = services.assign(leak, cast.south, by="mika", reason="x")
    body = plan()
    assert crew_for(body, leak) is None
    WorkOrder.objects.filter(pk=order.pk).update(state="on_site")
    Crew.objects.filter(pk=cast.north.pk).update(state="out_of_service")
    (row,) = plan()["rows"]
    assert (row["crew"], row["incident"]) == (cast.south.pk, leak_by_north.pk)
    assert row["start"] > (timezone.now() + timedelta(minutes=9)).isoformat()


def test_an_incident_without_a_place_is_not_planned_and_harms_nobody(register, leak):
    register("leak")
    assert [r["incident"] for r in plan()["rows"]] == [leak.pk]


# -- wishes ---------------------------------------------------------------------------------------


def test_a_crew_ruled_out_is_not_planned_until_that_is_taken_back(leak, cast, client_of):
    control = client_of(cast.mika)
    url, body = "/api/plan/wishes", {"incident": leak.pk, "crew": cast.south.pk, "kind": "exclude"}
    assert control.post(url, body, "application/json").status_code == 422, "without a reason"
    made = control.post(url, {**body, "reason": "no key to the yard"}, "application/json").json()
    assert crew_for(plan(), leak) == cast.north.pk
    assert control.get(url).json()["results"][0]["reason"] == "no key to the yard"
    assert control.post(f"{url}/{made['id']}/end", {}, "application/json").status_code == 200
    assert control.post(f"{url}/{made['id']}/end", {}, "application/json").status_code == 409
    assert {"plan.exclude", "plan.exclude_ended"} <= set(
        AuditRow.objects.values_list("action", flat=True)
    )


def test_when_every_crew_is_ruled_out_it_waits_and_the_reason_is_told(leak, cast):
    for crew in (cast.north, cast.south):
        accepting.wish(leak, crew, "exclude", by="mika", reason="x")
    (left,) = plan()["waiting"]
    assert left["why"] == "excluded"
    with pytest.raises(Conflict):
        accepting.wish(leak, cast.south, "exclude", by="sari", reason="again")


def test_a_pin_replaces_the_pin_before_it(leak, cast):
    accepting.wish(leak, cast.north, "pin", by="mika", reason="x")
    accepting.wish(leak, cast.south, "pin", by="mika", reason="y")
    assert PlanWish.objects.filter(ended_at=None).get().crew == cast.south


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"incident": "x"}, "incident"), ({"crew": 0}, "crew"), ({"kind": "love"}, "kind"),
        ({"order_kind": "party"}, "order_kind"), ({"reason": " "}, "reason"),
    ],
)  # fmt: skip
def test_a_wish_that_is_none_is_refused_by_name(leak, cast, client_of, body, field):
    whole = {"incident": leak.pk, "crew": cast.north.pk, "kind": "pin", "reason": "x", **body}
    answer = client_of(cast.mika).post("/api/plan/wishes", whole, "application/json")
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


# -- accepting ------------------------------------------------------------------------------------


def test_the_whole_plan_is_sent_with_one_word_and_the_second_jobs_stay_in_it(
    burst, leak, leak_by_north, cast, client_of
):
    plan()
    found = client_of(cast.mika).post("/api/plan/accept", {}, "application/json").json()
    assert len(found["sent"]) == 2 and len(found["queued"]) == 1 and not found["refused"]
    assert WorkOrder.objects.filter(state="dispatched").count() == 2
    again = client_of(cast.mika).post("/api/plan/accept", {}, "application/json").json()
    assert {r["code"] for r in again["refused"]} == {"crew_taken"}
    assert len(planning.refresh().body["rows"]) == 1


def test_what_has_changed_meanwhile_is_refused_row_by_row_and_the_rest_is_sent(
    leak, leak_by_north, cast, client_of
):
    plan()
    services.assign(leak_by_north, cast.north, by="sari", reason="was quicker")
    rows = [
        {"row": f"{leak.pk}:repair:0", "crew": cast.south.pk},
        {"row": f"{leak_by_north.pk}:repair:0", "crew": cast.north.pk},
        {"row": f"{leak.pk}:repair:0", "crew": cast.meter.pk}, "999:repair:0",
    ]  # fmt: skip
    found = client_of(cast.mika).post("/api/plan/accept", {"rows": rows}, "application/json")
    told = found.json()
    assert [s["crew"] for s in told["sent"]] == [cast.south.pk]
    assert [r["code"] for r in told["refused"]] == ["crew_taken", "changed", "gone"]
    assert all(r["text"] for r in told["refused"])


@pytest.mark.parametrize("rows", ["all", [1], [{"row": 1}], [{"row": "x", "crew": "y"}]])
def test_rows_that_are_none_are_refused(cast, client_of, rows):
    answer = client_of(cast.mika).post("/api/plan/accept", {"rows": rows}, "application/json")
    assert answer.status_code == 422


# -- what if --------------------------------------------------------------------------------------


def test_sending_the_other_crew_costs_minutes_here_and_takes_it_from_another(
    leak, leak_by_north, cast, client_of
):
    url = f"/api/incidents/{leak.pk}/what-if"
    told = client_of(cast.mika).get(url, {"crew": cast.north.pk}).json()
    assert told["instead_of"]["id"] == cast.south.pk
    assert told["minutes_later"] > 0
    (other,) = told["others"]
    assert other["incident"] == leak_by_north.pk and other["minutes_later"] > 0
    assert told["total_s"] > 0 and told["objective"] > 0
    same = client_of(cast.mika).get(url, {"crew": cast.south.pk}).json()
    assert (same["minutes_later"], same["others"], same["total_s"]) == (0, [], 0)


def test_what_if_somebody_has_it_already_says_so(leak, cast, client_of):
    services.assign(leak, cast.south, by="mika", reason="x")
    url = f"/api/incidents/{leak.pk}/what-if"
    assert client_of(cast.mika).get(url, {"crew": cast.north.pk}).status_code == 422


# -- moving an order ------------------------------------------------------------------------------


def test_an_order_moved_to_another_crew_keeps_both_in_its_history(leak, cast, client_of):
    order = services.assign(leak, cast.south, by="mika", reason="x")
    url = f"/api/orders/{order.number}/move"
    control = client_of(cast.mika)
    body = {"crew": cast.north.pk, "reason": "South has a flat tyre", "version": 0}
    assert control.post(url, {**body, "reason": ""}, "application/json").status_code == 422
    assert control.post(url, {**body, "version": 7}, "application/json").status_code == 409
    assert control.post(url, {**body, "version": "x"}, "application/json").status_code == 422
    assert control.post(url, {**body, "crew": cast.south.pk}, "application/json").status_code == 409
    moved = control.post(url, body, "application/json").json()
    assert moved["follows"] == order.number and moved["crew"]["id"] == cast.north.pk
    order.refresh_from_db()
    assert (order.state, order.end_reason) == ("recalled", "South has a flat tyre")
    leak.refresh_from_db()
    assert leak.state == "dispatched"


def test_nothing_has_changed_when_the_other_crew_cannot_go(leak, leak_by_north, cast):
    order = services.assign(leak, cast.south, by="mika", reason="x")
    services.assign(leak_by_north, cast.north, by="mika", reason="x")
    with pytest.raises(Conflict) as no:
        services.reassign(order, cast.north, by="mika", reason="y")
    assert no.value.code == "crew_taken"
    order.refresh_from_db()
    assert order.state == "dispatched"


def test_a_crew_that_is_there_is_not_taken_away(leak, cast):
    order = services.assign(leak, cast.south, by="mika", reason="x")
    for action in ("accept", "depart", "arrive"):
        act(order, action)
    with pytest.raises(Conflict):
        services.reassign(order, cast.north, by="mika", reason="y")


# -- the life of an offer -------------------------------------------------------------------------


def late() -> Any:
    return timezone.now() + timedelta(minutes=4)


def test_without_an_answer_the_next_best_crew_is_asked_after_three_minutes(leak, cast, news):
    order = services.assign(leak, cast.south, by="mika")
    assert offers.sweep(timezone.now() + timedelta(seconds=170)) == 0
    assert offers.sweep(late()) == 1
    order.refresh_from_db()
    assert (order.state, order.end_reason) == ("recalled", "no_answer")
    following = order.followed_by
    assert following.crew == cast.north and "no answer" in following.override_reason
    assert Event.objects.get(name="order.reoffered").payload["follows"] == order.number
    told = [(e["what"], e["text"]) for e in selectors.incident_detail(leak)["timeline"]]
    assert ("no_answer", f"{order.number} Crew South") in told
    assert any(w == "passed_on" and t.startswith(f"{following.number} Crew North")
               for w, t in told)  # fmt: skip
    leak.refresh_from_db()
    assert leak.state == "dispatched"
    assert offers.sweep() == 0


def test_a_crew_that_answered_in_time_keeps_its_order(leak, cast):
    order = services.assign(leak, cast.south, by="mika")
    act(order, "accept")
    assert offers.sweep(late()) == 0
    order.refresh_from_db()
    assert order.state == "accepted"


def test_a_no_goes_on_at_once_and_nobody_is_asked_twice(leak, cast, news):
    order = services.assign(leak, cast.south, by="mika")
    act(order, "decline", reason="flat tyre")
    assert offers.sweep() == 1
    second = WorkOrder.objects.get(follows=order)
    assert second.crew == cast.north and "flat tyre" in second.override_reason
    act(second, "decline", reason="far away")
    assert offers.sweep() == 0
    assert not WorkOrder.objects.filter(state="dispatched").exists()


def test_when_all_have_declined_the_incident_waits_again_and_the_supervisor_is_told(
    leak, cast, news
):
    order = services.assign(leak, cast.south, by="mika")
    act(order, "decline", reason="flat tyre")
    offers.sweep()
    act(WorkOrder.objects.get(follows=order), "decline", reason="far away")
    offers.sweep()
    leak.refresh_from_db()
    assert leak.state == "open"
    assert [h.action for h in leak.history.all()].count("waiting") == 2
    (left,) = planning.refresh().body["waiting"]
    assert left["why"] == "all_asked"
    assert Event.objects.filter(name="incident.no_candidate").count() == 1
    planning.refresh()
    assert Event.objects.filter(name="incident.no_candidate").count() == 1, "once, not each second"
    news()
    text = SmsMessage.objects.get(template="no_candidate")
    assert text.to == cast.sari.mobile and leak.number in text.body and "declined" in text.body


def test_things_have_changed_and_the_crews_are_asked_again(leak, cast, news):
    from server.tickets.services import write_history

    order = services.assign(leak, cast.south, by="mika")
    act(order, "decline", reason="flat tyre")
    assert crew_for(plan(), leak) == cast.north.pk
    write_history(incident=leak, action="moved", by="mika")
    assert not needing.asked([leak.pk])
    assert crew_for(planning.propose(kept=False).body, leak) == cast.south.pk


def test_a_crew_taken_back_by_a_dispatcher_is_not_offered_on_behind_her_back(leak, cast):
    order = services.assign(leak, cast.south, by="mika")
    act(order, "recall", Who.DISPATCHER, reason="false alarm perhaps")
    assert offers.sweep(late()) == 0
    leak.refresh_from_db()
    assert leak.state == "open"


def test_nobody_on_shift_is_told_at_once(leak, cast, news):
    from server.workforce.models import Shift

    Shift.objects.all().delete()
    (left,) = plan()["waiting"]
    assert left["why"] == "no_crew"
    news()
    assert "crew is on shift" in SmsMessage.objects.get(template="no_candidate").body


def test_a_late_yes_hears_who_goes_now(leak, cast, report, news):
    cast.south.user.language = "en"
    order = services.assign(leak, cast.south, by="mika")
    offers.sweep(late())
    answer = report(cast.south, order, "accept")
    assert not answer.ok and "Crew North" in answer.error.text


def test_a_recall_of_what_has_been_accepted_meanwhile_is_asked_about_first(leak, cast, client_of):
    order = services.assign(leak, cast.south, by="mika")
    act(order, "accept")
    url = f"/api/work-orders/{order.number}/actions"
    body = {"action": "recall", "reason": "x", "seen": "dispatched"}
    answer = client_of(cast.mika).post(url, body, "application/json")
    assert answer.status_code == 409 and answer.json()["current"] == "accepted"
    assert client_of(cast.mika).post(url, {**body, "seen": "accepted"},
                                     "application/json").status_code == 200  # fmt: skip


# -- run cards ------------------------------------------------------------------------------------


@pytest.fixture
def two_crews_for_bursts():
    return RunCard.objects.create(
        name="burst", kinds=["burst"], tells=["manager"],
        orders=[
            {"kind": "valves", "crews": 1, "skills": ["valve"], "target": "first_valve"},
            {"kind": "repair", "crews": 1, "skills": ["repair"], "target": "place"},
        ],
    )  # fmt: skip


def test_who_closes_valves_is_sent_to_the_first_valve_and_who_digs_to_the_leak(
    burst, cast, two_crews_for_bursts, news, broker
):
    from server.network.models import Valve

    body = plan()
    valves, pit = crew_for(body, burst, "valves"), crew_for(body, burst)
    assert {valves, pit} == {cast.north.pk, cast.south.pk}
    accepting.accept(None, by="mika")
    order = WorkOrder.objects.get(kind="valves")
    first = burst.shut_offs.get().plan["valves"][0]["asset"]
    assert order.target_asset == first
    place = Valve.objects.get(asset=first).geom
    assert order.target.equals_exact(place, 1e-9)
    assert order.route["geometry"][-1] == pytest.approx([place.x, place.y], abs=0.0005)
    assert WorkOrder.objects.get(kind="repair").target is None
    news()
    listed = broker.retained[order.crew.device].orders[0]
    assert (listed.place.lon, listed.place.lat) == pytest.approx((place.x, place.y))
    assert listed.place.address.startswith(first)


def test_who_was_sent_to_the_valves_is_free_when_they_are_closed(
    burst, cast, two_crews_for_bursts, report
):
    plan()
    accepting.accept(None, by="mika")
    order = WorkOrder.objects.get(kind="valves")
    for action in ("accept", "depart", "arrive"):
        assert report(order.crew, order, action).ok
    for v in burst.shut_offs.get().plan["valves"]:
        assert report(order.crew, order, "close_valve", valve=v["asset"]).ok
    order.refresh_from_db()
    assert order.state == "isolated"
    assert report(order.crew, order, "complete").ok
    pit = WorkOrder.objects.get(kind="repair")
    burst.refresh_from_db()
    assert burst.state == "isolated" and pit.state == "dispatched"
    pit.crew.refresh_from_db()
    order.crew.refresh_from_db()
    assert order.crew.state == "available" and not plan()["rows"]


def test_the_people_of_a_run_card_are_told_once(burst, cast, two_crews_for_bursts, news):
    planning.refresh()
    planning.refresh()
    news()
    text = SmsMessage.objects.get(template="run_card")
    assert text.to == cast.hui.mobile and burst.number in text.body


def test_a_run_card_that_says_so_sends_without_a_word_and_no_other_does(leak, cast):
    plan()
    assert offers.send_automatic() == 0
    RunCard.objects.create(
        name="leaks", kinds=["leak"], automatic=True,
        orders=[{"kind": "repair", "crews": 1, "skills": [], "target": "place"}],
    )  # fmt: skip
    planning.ask_again()
    plan()
    assert offers.send_automatic() == 1
    assert WorkOrder.objects.get().crew == cast.south
    assert offers.send_automatic() == 0


def test_a_card_is_written_by_a_supervisor_and_checked_field_by_field(cast, client_of):
    boss, url = client_of(cast.sari), "/api/run-cards"
    good = {
        "name": "night", "kinds": ["burst"], "from_hour": 22, "to_hour": 6,
        "orders": [{"kind": "repair", "crews": 2}], "tells": ["manager"],
    }  # fmt: skip
    for change, field in (
        ({"name": ""}, "name"),
        ({"kinds": ["party"]}, "kinds"),
        ({"from_mm": -1}, "from_mm"),
        ({"to_hour": None}, "to_hour"),
        ({"orders": []}, "orders"),
        ({"tells": "x"}, "tells"),
        ({"orders": [{"kind": "repair", "crews": 99}]}, "orders"),
        ({"orders": [{"kind": "repair", "target": "pub"}]}, "orders"),
        ({"orders": [{"kind": "repair"}, {"kind": "repair"}]}, "orders"),
        ({"automatic": "yes"}, "automatic"),
    ):
        answer = boss.post(url, {**good, **change}, "application/json")
        assert answer.status_code == 422, change
        assert answer.json()["errors"][0]["field"] == field
    made = boss.post(url, good, "application/json")
    assert made.status_code == 201
    assert boss.post(url, good, "application/json").status_code == 409, "the name is taken"
    put = boss.put(f"{url}/{made.json()['id']}", {"active": False}, "application/json")
    assert put.json()["active"] is False and put.json()["orders"][0]["crews"] == 2
    listed = boss.get(url).json()["results"]
    assert listed[0]["name"] == "night" and listed[-1]["id"] is None
    assert Proposal.objects.get().asked_at


def test_a_refused_card_leaves_nothing_behind(cast):
    from server.dispatch import carding

    with pytest.raises(Refused):
        carding.save(None, {"name": "x", "orders": [{"kind": "dance"}]}, by="sari")
    assert not RunCard.objects.exists()


def test_a_plan_that_fails_holds_back_no_deadline_and_is_tried_again_later(monkeypatch):
    from server.service_level.management.commands import clock

    done: list[str] = []

    def breaks() -> None:
        done.append("breaks")
        raise ValueError("a matrix of another shape")

    sweeps = clock.Sweeps((breaks, lambda: done.append("goes on")))
    sweeps.run()
    sweeps.run()
    assert done == ["breaks", "goes on", "goes on"]
    monkeypatch.setattr(clock.time, "monotonic", lambda: float("inf"))
    sweeps.run()
    assert done[-2:] == ["breaks", "goes on"]
