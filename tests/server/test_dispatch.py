"""Work orders: sent with reasons, moved by their crew alone, never back, nothing lost."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.dispatch import seen, services, states
from server.dispatch.models import CrewReport, WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Action, State, Who
from server.outages import services as outages
from server.outages.models import PremiseOff, ShutOff
from server.tickets.models import Ticket
from server.workforce.models import Crew, CrewPosition

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(burst, cast):
    return services.assign(burst, cast.north, by="mika", reason="knows the street")


def put(order: WorkOrder, state: str) -> WorkOrder:
    WorkOrder.objects.filter(pk=order.pk).update(state=state)
    order.refresh_from_db()
    return order


def now() -> datetime:
    return datetime.now(UTC)


# -- assigning ------------------------------------------------------------------------------------


def test_another_than_the_first_crew_needs_a_reason_and_both_are_kept(burst, cast):
    from server.dispatch.candidates import rank_crews

    ranked, _ms = rank_crews(burst)
    first, second = (Crew.objects.get(pk=r.candidate.id) for r in ranked[:2])
    with pytest.raises(Refused) as no:
        services.assign(burst, second, by="mika")
    assert no.value.field == "reason" and first.name in str(no.value)
    order = services.assign(burst, second, by="mika", reason="is nearer in truth")
    assert order.override_reason == "is nearer in truth"
    assert {r["code"] for r in order.reasons} >= {"drive"}
    assert services.assign(burst, first, by="mika", reason="both").crew == first


def test_the_crew_that_stood_first_a_moment_ago_is_sent_without_a_reason(burst, cast, client_of):
    control = client_of(cast.mika)
    url = f"/api/incidents/{burst.pk}"
    told = control.get(f"{url}/crews").json()
    first, second = (row["crew"]["id"] for row in told["ranked"][:2])
    # The second has driven on meanwhile, and stands at the burst.
    CrewPosition.objects.filter(crew_id=second).delete()
    CrewPosition.objects.create(
        crew_id=second,
        geom=burst.geom,
        fix_time=now(),
        device_time=now(),
        received_at=now(),
    )
    assert control.get(f"{url}/crews").json()["ranked"][0]["crew"]["id"] == second
    for slip in ("", "forged", told["seen"] + "x", "7"):
        no = control.post(f"{url}/assign", {"crew": first, "seen": slip})
        assert no.status_code == 422 and no.json()["errors"][0]["field"] == "reason", slip
    # The slip stands for this crew at this incident alone.
    assert not seen.was_first(told["seen"], burst.pk, second)
    assert not seen.was_first(told["seen"], burst.pk + 1, first)
    sent = control.post(f"{url}/assign", {"crew": first, "seen": told["seen"]})
    assert sent.status_code == 201, sent.json()
    assert WorkOrder.objects.get().override_reason == ""


def test_a_crew_that_lacks_the_skill_is_sent_only_with_a_reason(burst, cast):
    with pytest.raises(Refused) as no:
        services.assign(burst, cast.meter, by="mika")
    assert no.value.field == "reason"


def test_a_crew_in_the_books_twice_is_refused_naming_the_order_it_has(burst, order, cast):
    with pytest.raises(Conflict) as no:
        services.assign(burst, cast.north, by="sari", reason="again")
    assert no.value.code == "crew_taken"
    assert no.value.extra["holder"] == order.number
    assert WorkOrder.objects.count() == 1


def test_an_unlocated_incident_a_strange_crew_and_a_strange_kind_are_refused(
    cast, register, burst, client_of
):
    control = client_of(cast.mika)
    lost = register("leak").incident
    for url, body, field in (
        (f"/api/incidents/{lost.pk}/assign", {"crew": cast.north.pk}, "place"),
        (f"/api/incidents/{burst.pk}/assign", {"crew": 999_999}, "crew"),
        (f"/api/incidents/{burst.pk}/assign", {"crew": "x"}, "crew"),
        (f"/api/incidents/{burst.pk}/assign", {"crew": cast.north.pk, "kind": "party"}, "kind"),
    ):
        answer = control.post(url, body, content_type="application/json")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
    assert control.get(f"/api/incidents/{lost.pk}/crews").status_code == 422
    assert not WorkOrder.objects.exists()


def test_nobody_is_sent_where_the_water_is_back(burst, cast):
    from server.tickets.services import move_incident

    move_incident(burst, "restored", by="x")
    with pytest.raises(Conflict) as no:
        services.assign(burst, cast.north, by="mika", reason="x")
    assert no.value.code == "over"


def test_the_ranking_names_all_crews_and_says_why_not(burst, cast, client_of):
    found = client_of(cast.mika).get(f"/api/incidents/{burst.pk}/crews").json()
    names = {r["crew"]["name"] for r in found["ranked"] + found["excluded"]}
    assert names == {"Crew North", "Crew South", "Crew Meter", "Crew Night"}
    assert all(r["text"] for row in found["ranked"] + found["excluded"] for r in row["reasons"])


# -- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
def test_what_the_table_does_not_list_is_refused_with_what_is_allowed(order, state):
    """Every state x action x who; nothing is changed by a refusal."""
    for action in [*Action, "explode"]:
        for who in Who:
            put(order, state)
            step = Step(str(action), now(), reason="because", valve="V8")
            listed = states.next_state(state, str(action))
            try:
                moved = services.act(order, step, who=who, by="x", crew=order.crew)
            except Conflict as no:
                if no.code == "illegal_transition":
                    assert listed is None
                    assert no.extra["current"] == state
                    assert no.extra["allowed"] == [str(a) for a in states.legal_actions(state, who)]
                else:
                    assert no.code in (
                        "not_closed", "valves_closed", "turned", "not_to_close", "not_repaired"
                    )  # fmt: skip
            except NotAllowed as no:
                assert no.code == "not_yours"
                assert action not in states.ALLOWED[who]
            else:
                assert listed is not None and action in states.ALLOWED[who]
                assert moved.state == listed or moved.state == State.ISOLATED
                continue
            order.refresh_from_db()
            assert order.state == state


def test_a_supervisor_needs_a_reason_to_take_a_crews_step(order, cast, client_of):
    boss = client_of(cast.sari)
    url = f"/api/work-orders/{order.number}/actions"
    for reason in ("", "   "):
        answer = boss.post(url, {"action": "accept", "reason": reason}, "application/json")
        assert answer.status_code == 422
    answer = boss.post(url, {"action": "accept", "reason": "their phone is broken"},
                       "application/json")  # fmt: skip
    assert answer.json()["state"] == "accepted"
    assert AuditRow.objects.get(action="order.accept").note == "their phone is broken"


@pytest.mark.parametrize("action", ["decline", "recall", "no_access", "pause"])
def test_giving_up_needs_a_reason(order, action):
    put(order, "on_site" if action in ("no_access", "pause") else "dispatched")
    who = Who.DISPATCHER if action == "recall" else Who.CREW
    with pytest.raises(Refused) as no:
        services.act(order, Step(action, now()), who=who, by="x", crew=order.crew)
    assert no.value.field == "reason"


def test_a_dispatcher_takes_no_field_steps(order, cast, client_of):
    answer = client_of(cast.mika).post(
        f"/api/work-orders/{order.number}/actions", {"action": "accept"}, "application/json"
    )
    assert answer.status_code == 403


# -- reports from the field -----------------------------------------------------------------------


def test_a_report_twice_counts_once_and_gets_the_same_answer(order, cast, report):
    same = str(uuid.uuid4())
    first = report(cast.north, order, "accept", id=same)
    version = WorkOrder.objects.get().version
    again = report(cast.north, order, "accept", id=same)
    assert first.ok and again == first
    assert WorkOrder.objects.get().version == version
    assert CrewReport.objects.count() == 1


def test_another_crews_order_is_refused_and_the_report_kept(order, cast, report):
    answer = report(cast.south, order, "accept", note="we are here")
    assert not answer.ok and answer.error.code == "not_yours"
    kept = CrewReport.objects.get()
    assert (kept.refused, kept.note, kept.order) == ("not_yours", "we are here", order)
    order.refresh_from_db()
    assert order.state == "dispatched"


@pytest.mark.parametrize("action", ["accept", "note", "photo"])
def test_another_crews_order_stays_refused_however_far_it_is(order, cast, report, action):
    put(order, "on_site")
    assert report(cast.south, order, action).error.code == "not_yours"


def test_a_late_report_does_not_move_the_order_back(order, cast, report):
    for action in ("accept", "depart", "arrive"):
        assert report(cast.north, order, action).ok
    assert report(cast.north, order, "accept").ok  # a second telephone, or a tap too many
    order.refresh_from_db()
    assert order.state == "on_site"


def test_a_step_too_early_is_refused_with_the_reason_in_the_crews_language(order, cast, report):
    cast.north.user.language = "zh-hans"
    cast.north.user.save()
    answer = report(cast.north, order, "repaired")
    assert not answer.ok and answer.error.code == "illegal_transition"
    assert CrewReport.objects.get().refused == "illegal_transition"


def test_a_report_for_an_order_nobody_knows_is_kept(order, cast, report):
    answer = report(cast.north, "W-99999", "accept")
    assert answer.error.code == "unknown_order"
    assert CrewReport.objects.get().order is None


def test_a_crew_offline_while_its_order_is_recalled_loses_nothing(
    order, cast, report, news, broker
):
    services.act(order, Step("recall", now(), reason="needed elsewhere"), who=Who.DISPATCHER,
                 by="mika")  # fmt: skip
    cast.north.refresh_from_db()
    assert cast.north.state == "available"
    answer = report(cast.north, order, "arrive", note="road flooded to the kerb")
    assert not answer.ok
    assert CrewReport.objects.get().note == "road flooded to the kerb"
    news()
    assert [o.state for o in broker.retained[cast.north.device].orders] == ["recalled"]


def test_a_telephones_clock_moves_no_minutes_of_ours(order, cast, report):
    """1970 and next year are not when it happened; the ledger is reckoned from these times."""
    report(cast.north, order, "accept")
    report(cast.north, order, "depart", at=now() + timedelta(days=365))
    report(cast.north, order, "arrive", at=datetime(1970, 1, 1, tzinfo=UTC))
    for valve in ("V6", "V8", "V11"):
        assert report(cast.north, order, "close_valve", valve=valve,
                      at=datetime(1970, 1, 1, tzinfo=UTC)).ok  # fmt: skip
    order.refresh_from_db()
    assert order.dispatched_at <= order.on_site_at <= now()
    assert PremiseOff.objects.count() == 4
    assert all(p.off_at >= order.dispatched_at for p in PremiseOff.objects.all())
    # What the telephone said is kept as evidence.
    assert CrewReport.objects.get(action="arrive").at.year == 1970


def test_more_turns_than_any_valve_has_are_no_reason_to_stop_the_intake(order, cast, report):
    put(order, "on_site")
    assert report(cast.north, order, "close_valve", valve="V8", turns=100_000).ok


def test_water_is_not_back_while_a_valve_is_closed(order, cast, report):
    for action in ("accept", "depart", "arrive"):
        report(cast.north, order, action)
    report(cast.north, order, "close_valve", valve="V8")
    report(cast.north, order, "repaired")
    answer = report(cast.north, order, "restored")
    assert answer.error.code == "valves_closed" and "V8" in answer.error.text
    assert report(cast.north, order, "open_valve", valve="V8").ok
    assert report(cast.north, order, "restored").ok


def test_trench_flush_sample_and_road_are_timed_and_move_nothing(order, cast, report):
    from server.dispatch.lists import order_list
    from server.dispatch.selectors import incident_detail

    def offered() -> set[str]:
        cast.north.refresh_from_db()
        (listed,) = order_list(cast.north).orders
        return {str(a) for a in listed.next} & {"excavated", "flushed", "sampled", "reinstated"}

    for action in ("accept", "depart", "arrive"):
        report(cast.north, order, action)
    assert offered() == {"excavated"}
    assert report(cast.north, order, "flushed").error.code == "illegal_transition"
    assert report(cast.north, order, "excavated").ok
    assert offered() == set()
    for action in ("repaired", "flushed", "sampled", "restored", "reinstated", "complete"):
        assert report(cast.north, order, action).ok
        if action == "repaired":
            assert offered() == {"flushed", "sampled", "reinstated"}
    order.refresh_from_db()
    assert order.state == "completed"
    said = [e["what"] for e in incident_detail(order.incident)["timeline"] if not e.get("refused")]
    assert [a for a in said if a in ("excavated", "flushed", "sampled", "reinstated")] == [
        "excavated", "flushed", "sampled", "reinstated"
    ]  # fmt: skip


def test_a_repair_without_a_shut_off_drops_the_draft(order, cast, report):
    for action in ("accept", "depart", "arrive", "repaired", "restored", "complete"):
        assert report(cast.north, order, action).ok
    assert ShutOff.objects.get().state == "cancelled"
    assert not PremiseOff.objects.exists()


def test_a_valve_opened_too_early_can_be_closed_again(order, cast, report):
    for action in ("accept", "depart", "arrive"):
        report(cast.north, order, action)
    for valve in ("V6", "V8", "V11"):
        report(cast.north, order, "close_valve", valve=valve)
    report(cast.north, order, "open_valve", valve="V8")
    order.refresh_from_db()
    assert order.state == "isolating"
    assert report(cast.north, order, "close_valve", valve="V8").ok
    order.refresh_from_db()
    assert order.state == "isolated"


def test_a_valve_closed_after_the_plan_was_complete_is_a_fact_all_the_same(order, cast, report):
    for action in ("accept", "depart", "arrive"):
        report(cast.north, order, action)
    for valve in ("V6", "V8", "V11"):
        report(cast.north, order, "close_valve", valve=valve)
    off = ShutOff.objects.get()
    off.valves.create(asset="V3", sequence=4, state="dropped")
    assert report(cast.north, order, "close_valve", valve="V3").ok
    assert report(cast.north, order, "close_valve", valve="V8").ok, "told twice"
    order.refresh_from_db()
    assert order.state == "isolated"
    assert outages.still_closed(off) == ["V6", "V8", "V11", "V3"]


def test_the_answer_says_which_lists_are_too_old_to_show_the_report(
    order, cast, report, news, broker
):
    news()
    before = broker.retained[cast.north.device]
    moved = report(cast.north, order, "accept")
    assert moved.orders_version == before.version
    news()
    after = broker.retained[cast.north.device]
    assert after.version > moved.orders_version and after.orders[0].state == "accepted"
    # What changes nothing waits for no list; told again, the answer is the first one.
    assert report(cast.north, order, "accept").orders_version is None
    assert report(cast.north, order, "note", note="wet").orders_version is None
    assert report(cast.north, order, "restored").orders_version is None


def test_a_crew_that_took_another_job_cannot_resume_the_paused_one(order, cast, register, news):
    put(order, "on_site")
    services.act(order, Step("pause", now(), reason="gas smell"), who=Who.CREW, by="north",
                 crew=cast.north)  # fmt: skip
    other = register("leak", home="gym").incident
    news()
    second = services.assign(other, cast.north, by="mika", reason="free meanwhile")
    with pytest.raises(Conflict) as no:
        services.act(order, Step("resume", now()), who=Who.CREW, by="north", crew=cast.north)
    assert no.value.code == "crew_taken" and no.value.extra["holder"] == second.number


def test_verifying_old_work_leaves_a_busy_crew_alone(order, cast, register, news):
    put(order, "completed")
    other = register("leak", home="gym").incident
    news()
    services.assign(other, cast.north, by="mika", reason="next")
    services.act(order, Step("verify", now()), who=Who.DISPATCHER, by="mika")
    cast.north.refresh_from_db()
    assert cast.north.state == "assigned"


def test_tickets_are_settled_when_the_last_crew_is_done(order, burst, cast, news):
    second = services.assign(burst, cast.south, by="mika", kind="valves", reason="two needed")
    news()
    Ticket.objects.update(state="in_progress")
    for work in (second, order):
        assert Ticket.objects.get().state == "in_progress"
        put(work, "restored")
        services.act(work, Step("complete", now()), who=Who.CREW, by="x", crew=work.crew)
        news()
    assert Ticket.objects.get().state == "call_back"


def test_the_list_on_the_telephone_only_grows_in_version(order, cast, report, news, broker):
    news()
    first = broker.retained[cast.north.device]
    report(cast.north, order, "accept")
    news()
    second = broker.retained[cast.north.device]
    assert second.version > first.version
    assert (first.orders[0].next[0], second.orders[0].next[0]) == ("accept", "depart")


def test_a_crew_sees_its_track_looked_at_only_with_a_reason(cast, client_of):
    boss = client_of(cast.sari)
    assert boss.get(f"/api/crews/{cast.north.pk}/track").status_code == 422
    found = boss.get(f"/api/crews/{cast.north.pk}/track?reason=accident")
    assert found.status_code == 200
    assert AuditRow.objects.get(action="track.view").note == "accident"


def test_every_holding_state_says_what_the_crew_does():
    assert {str(s) for s in services.CREW_STATE} == states.HOLDING


def test_still_closed_valves_are_named(order, cast, report):
    put(order, "on_site")
    report(cast.north, order, "close_valve", valve="V8")
    assert outages.still_closed(ShutOff.objects.get()) == ["V8"]
