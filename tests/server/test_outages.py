"""Shut-offs: the plan, the valves as they were turned, and every minute without water once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.accounts.refusals import Conflict, Refused
from server.customers.models import Premise
from server.network.models import Valve
from server.outages import selectors, services, tasks
from server.outages.models import PremiseOff, ShutOff, ValveTask

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def off(burst):
    return ShutOff.objects.get(incident=burst)


def states(off: ShutOff) -> dict[str, str]:
    return dict(off.valves.values_list("asset", "state"))


def close(off: ShutOff, *valves: str, minute: int = 0) -> bool:
    done = False
    for valve in valves:
        done = services.valve_closed(off, valve, at=START + timedelta(minutes=minute), by="x")
    return done


def minutes(**more: object) -> float:
    return selectors.customer_minutes(
        START - timedelta(days=1), START + timedelta(days=1), at=START + timedelta(days=1), **more
    )


def test_a_burst_has_its_plan_at_once(off):
    """V8 bounds Church Street to the west, V6 to the north; V11 keeps what hangs behind."""
    assert states(off) == dict.fromkeys(("V6", "V8", "V11"), "requested")
    assert set(off.plan["premises"]) == {"anna", "clinic", "tea", "school"}
    assert off.number == f"A-{off.pk:04d}"


def test_planning_again_gives_the_same_shut_off(off, burst):
    assert services.plan_for_incident(burst, by="x") == off
    assert ShutOff.objects.count() == 1


def test_trouble_on_no_pipe_has_no_plan(cast, register, news):
    incident = register("burst").incident
    news()
    assert services.plan_for_incident(incident, by="x") is None
    assert not ShutOff.objects.exists()


def test_a_call_about_low_pressure_asks_for_no_valves(cast, register, news):
    register("low_pressure", home="anna")
    news()
    assert not ShutOff.objects.exists()


def test_the_last_valve_closed_makes_it_dry_and_turning_it_twice_changes_nothing(off):
    assert not close(off, "V8", minute=0)
    off.refresh_from_db()
    assert off.state == "active" and off.started_at == START
    assert not PremiseOff.objects.filter(off_at__isnull=False).exists()
    assert close(off, "V6", "V11", minute=5)
    assert set(off.premises.values_list("off_at", flat=True)) == {START + timedelta(minutes=5)}
    version = ShutOff.objects.get().version
    assert close(off, "V8", minute=30)
    assert ShutOff.objects.get().version == version
    assert off.valves.get(asset="V8").done_at == START


def test_valves_of_no_plan_and_valves_not_closed_are_refused(off):
    with pytest.raises(Refused) as no:
        close(off, "V2")
    assert (no.value.field, no.value.code) == ("valve", "not_in_plan")
    with pytest.raises(Conflict):
        services.valve_opened(off, "V8", at=START, by="x")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_valve_that_will_not_turn_needs_a_reason(off, reason):
    with pytest.raises(Refused) as no:
        services.cannot_close(off, "V6", reason=reason, at=START, by="x")
    assert no.value.field == "reason"
    assert states(off)["V6"] == "requested"


def test_the_plan_goes_round_a_stuck_valve_and_names_only_the_newly_inside(off, news):
    close(off, "V8")
    assert services.cannot_close(off, "V6", reason="seized", at=START, by="x") == ["bo"]
    assert states(off)["V6"] == "cannot_close" and states(off)["V3"] == "requested"
    assert services.cannot_close(off, "V6", reason="seized", at=START, by="x") == []
    assert Valve.objects.get(asset="V6").operable == "no"
    with pytest.raises(Conflict):
        services.cannot_close(off, "V8", reason="x", at=START, by="x")


def test_where_the_wider_plan_needs_no_valve_the_water_is_off_at_that_moment(off):
    """Behind V11 lies a dead end: without it there is nothing more to close.

    With V8 and V6 shut everybody is dry at once; the clinic lives on its own tank for hours.
    """
    close(off, "V8", "V6", minute=0)
    services.cannot_close(off, "V11", reason="paved over", at=START + timedelta(minutes=9), by="x")
    off.refresh_from_db()
    assert services.is_isolated(off)
    assert not off.premises.filter(off_at=None).exists()
    services.valve_opened(off, "V8", at=START + timedelta(minutes=19), by="x")
    services.valve_opened(off, "V6", at=START + timedelta(minutes=19), by="x")
    assert off.premises.count() == 4
    assert minutes() == pytest.approx(19 * 3)


def test_a_valve_closed_by_the_plan_of_a_minute_ago_is_closed_and_must_be_opened_again(
    cast, register, news
):
    """Round V9 and V7 the plan reaches E, and V10 lies inside: the crew has just closed it."""
    incident = register("burst", home="gym").incident
    news()
    off = ShutOff.objects.get(incident=incident)
    assert states(off) == {"V9": "requested", "V10": "requested"}
    for stuck in ("V9", "V7"):
        services.cannot_close(off, stuck, reason="seized", at=START, by="x")
    assert states(off)["V10"] == "dropped"
    assert not close(off, "V10", minute=1)
    assert Valve.objects.get(asset="V10").position == "closed"
    assert close(off, "V4", "V5", "V8", minute=2)
    for valve in ("V4", "V5", "V8"):
        assert not services.valve_opened(off, valve, at=START + timedelta(minutes=9), by="x")
    assert services.still_closed(off) == ["V10"]
    assert services.valve_opened(off, "V10", at=START + timedelta(minutes=9), by="x")


def test_the_water_is_back_when_the_last_valve_is_open(off):
    close(off, "V8", "V6", "V11")
    assert not services.valve_opened(off, "V8", at=START + timedelta(minutes=60), by="x")
    assert not services.valve_opened(off, "V6", at=START + timedelta(minutes=61), by="x")
    assert services.valve_opened(off, "V11", at=START + timedelta(minutes=62), by="x")
    off.refresh_from_db()
    assert off.state == "restored"
    assert minutes() == pytest.approx(62 * 3), "the clinic has a tank"
    with pytest.raises(Conflict):  # what is over starts no second interval
        close(off, "V8", minute=70)


def test_trouble_that_comes_back_has_a_shut_off_and_minutes_of_its_own(off, burst, news):
    """The customer says not fixed: the valves can be closed again, the old ledger stays closed."""
    from server.messaging.models import SmsMessage
    from server.tickets import services as tickets
    from server.tickets.models import Ticket

    def shut_and_open(which: ShutOff, start: int, end: int) -> None:
        close(which, "V8", "V6", "V11", minute=start)
        for valve in ("V8", "V6", "V11"):
            services.valve_opened(which, valve, at=START + timedelta(minutes=end), by="x")
        news()

    shut_and_open(off, 0, 60)
    tickets.move_incident(burst, "restored", by="x")
    Ticket.objects.update(state="call_back", result="clamp")
    told = SmsMessage.objects.filter(template="water_back").count()
    assert told == 4
    tickets.act(Ticket.objects.get(), "reopen", role="agent", by="aino", reason="dry again")
    news()
    again = ShutOff.objects.filter(incident=burst).first()
    assert again != off and again.state == "draft"
    assert services.plan_for_incident(burst, by="x") == again
    shut_and_open(again, 100, 130)
    assert minutes() == pytest.approx(3 * (60 + 30))
    assert SmsMessage.objects.filter(template="water_back").count() == 2 * told


def test_a_closed_valve_of_another_shut_off_bounds_the_next_plan(off, cast, register, news):
    """With V8 and V5 shut, E is cut from both sides already."""
    close(off, "V8", "V6", "V11")
    second = register("burst", home="dora").incident  # P7, from D to E
    news()
    plan = ShutOff.objects.get(incident=second).plan
    valves = {v["asset"] for v in plan["valves"]}
    assert "V8" not in valves and "V7" in valves
    assert not {"anna", "clinic", "school"} & set(plan["premises"])


def test_the_simulation_says_something_and_a_changed_plan_drops_it(off):
    result = tasks.simulate.call(off.pk, off.version)
    assert result["status"] in ("done", "topology_only")
    off.refresh_from_db()
    assert off.hydraulics["status"] == result["status"]
    assert tasks.simulate.call(off.pk, off.version + 1) == {"status": "stale"}
    services.keep_hydraulics(off.pk, off.version + 7, {"status": "wrong"})
    off.refresh_from_db()
    assert off.hydraulics["status"] == result["status"]


def test_simulations_whose_worker_died_are_asked_for_again_and_given_up_in_the_end(off):
    ShutOff.objects.update(created_at=START - timedelta(days=1))
    for _ in range(6):
        services.sweep()
    off.refresh_from_db()
    assert off.hydraulics == {"status": "topology_only", "reason": "no result"}


def test_who_stands_inside_is_told_so(off, cast):
    assert selectors.inside("anna") is None
    close(off, "V8", "V6", "V11")
    found = selectors.inside("anna")
    assert found.shut_off == off and found.since == START and found.customers == 4
    assert selectors.inside("dora") is None
    assert selectors.without_water_now() == 4


def test_a_valve_of_a_planned_notice_is_known_to_the_callers_inside(cast):
    off = ShutOff.objects.create(
        target="P8", planned=True, state="noticed",
        notice_from=datetime.now(UTC) + timedelta(hours=3),
        notice_to=datetime.now(UTC) + timedelta(hours=5),
    )  # fmt: skip
    PremiseOff.objects.create(shut_off=off, premise=Premise.objects.get(code="anna"))
    assert selectors.planned_notice("anna") == off
    assert selectors.planned_notice("dora") is None
    assert ValveTask.objects.count() == 0
