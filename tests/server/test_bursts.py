"""From calls to a probable burst: neighbours call one after another, none of them says "burst".

    R ====P1==== A x---P2---- B x---P3---- C
                 x            x            x V6
                 P4           P5           P6   茶馆 (tea)
                 |            |            |
                 D x---P7---- E x---P8-*-- F        * open, and nobody has seen it: Anna and the
                 x            x   V8       x V11      clinic are dry, the tea house and the
                 P9           P10          P11        school behind it as well
                 |            |            |
                 G ----P12--- H            I
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.bursts import clusters, mains, selectors, services
from server.bursts.models import Alert, Report
from server.events.models import Event
from server.tickets.models import Incident, Ticket

pytestmark = pytest.mark.django_db
DRY = ("anna", "clinic", "school")


@pytest.fixture
def calls(register, news):
    """calls("anna", "clinic"): each says that there is no water, and the news is carried."""

    def tell(*homes: str, kind: str = "no_water") -> list[Ticket]:
        told = [register(kind, home=home, name=home) for home in homes]
        news()
        return told

    return tell


@pytest.fixture
def alert(calls) -> Alert:
    calls(*DRY)
    return Alert.objects.get()


def test_two_callers_are_two_calls_and_the_third_makes_a_burst_probable(calls):
    calls("anna", "clinic")
    assert not Alert.objects.exists()
    calls("school")
    alert = Alert.objects.get()
    assert (alert.state, alert.calls, alert.number) == ("open", 3, f"B-{alert.pk:04d}")
    assert alert.chance < 1e-4
    told = Event.objects.get(name="burst.suspected")
    assert told.topic == "incidents" and told.payload["calls"] == 3


def test_the_main_they_all_hang_on_comes_first_with_its_reasons_and_its_plan(alert):
    shown = selectors.detail(alert)
    assert shown["candidates"][0]["pipe"] == "P8"
    assert sum(c["probability"] for c in shown["candidates"]) == pytest.approx(1.0, abs=0.01)
    reasons = {r["code"]: r["text"] for r in shown["candidates"][0]["reasons"]}
    assert reasons["dry_with_it"] == "3 of 3 callers would lose water with it"
    assert shown["address"] == "Church Street"
    assert {v["id"] for v in shown["plan"]["valves"]} >= {"V8"}
    assert {"anna", "clinic", "school"} <= set(shown["plan"]["premises"])
    numbers = list(Ticket.objects.order_by("pk").values_list("number", flat=True))
    assert [r["ticket"] for r in shown["reports"]] == numbers
    assert selectors.detail(alert, "P2")["plan"]["target"] == "P2"


def test_one_home_that_calls_three_times_is_one_call(calls):
    calls("anna", "anna", "anna", "clinic")
    assert Report.objects.count() == 4
    assert not Alert.objects.exists()


def test_homes_at_the_other_end_of_town_do_not_count(calls):
    """Anna is 600 m along the mains from the farm and from Bo."""
    calls("anna", "farm1", "bo")
    assert not Alert.objects.exists()


def test_brown_water_alone_is_no_burst(calls):
    calls("anna", "clinic", "school", kind="discoloured")
    assert Report.objects.filter(cluster__isnull=False).count() == 3
    assert not Alert.objects.exists()


def test_somebody_who_says_burst_makes_it_known_and_no_alert_is_needed(register, calls):
    register("burst", home="anna")
    calls("clinic", "tea")
    assert Incident.objects.exclude(state="closed").count() == 1
    assert not Alert.objects.exists()


def test_a_closed_valve_between_callers_separates_them(calls, town):
    from server.network.models import Valve

    Valve.objects.filter(asset="V11").update(position="closed")
    calls(*DRY)
    assert not Alert.objects.exists()


def test_the_dispatcher_takes_it_up_and_the_tickets_join_one_incident(alert, cast, client_of, news):
    before = {t.incident_id for t in Ticket.objects.all()}
    assert len(before) == 2, "Anna and the clinic share a segment, the school has its own"
    answer = client_of(cast.mika).post(f"/api/bursts/{alert.pk}/confirm", {}, "application/json")
    assert answer.status_code == 201
    news()
    alert.refresh_from_db()
    incident = alert.incident
    assert (alert.state, alert.pipe, alert.decided_by) == ("confirmed", "P8", "mika")
    assert {t.incident_id for t in Ticket.objects.all()} == {incident.pk}
    assert (incident.kind, incident.pipe, incident.priority) == ("burst", "P8", "P1")
    assert incident.shut_offs.get().target == "P8", "it has its isolation plan"
    assert Incident.objects.exclude(state="closed").count() == 1
    assert AuditRow.objects.get(action="burst.confirm").by == "mika"
    assert client_of(cast.mika).get("/api/bursts").json() == {"bursts": []}


def test_another_main_than_the_first_can_be_chosen_and_an_unknown_one_cannot(alert):
    with pytest.raises(Refused) as refused:
        services.confirm(alert, pipe="P99", by="mika")
    assert refused.value.field == "pipe"
    assert services.confirm(alert, pipe="P11", by="mika").incident.pipe == "P11"


def test_later_callers_join_the_incident_it_became(alert, calls, news):
    services.confirm(alert, by="mika")
    news()
    (late,) = calls("tea")
    late.refresh_from_db()
    alert.refresh_from_db()
    assert late.incident_id == alert.incident_id
    assert Alert.objects.count() == 1


def test_a_caller_inside_the_shut_off_confirms_it_and_is_no_new_trouble(
    alert, calls, news, cast
):
    from server.ledger.models import SupplyFact
    from server.outages import services as outages

    services.confirm(alert, by="mika")
    news()
    alert.refresh_from_db()
    off = alert.incident.shut_offs.get()
    for valve in off.valves.exclude(state="dropped"):
        outages.valve_closed(off, valve.asset, at=timezone.now(), by="north")
    (late,) = calls("tea")
    report = late.burst_report
    late.refresh_from_db()
    assert report.confirms == off.number and report.cluster is None
    assert late.incident_id == alert.incident_id
    facts = SupplyFact.objects.filter(shut_off=off.number, premise__code="tea", basis="confirmed")
    assert facts.exists()
    assert late.history.filter(action="confirms", note=off.number).exists()


def test_it_is_dismissed_with_a_reason_once_and_comes_back_when_twice_as_many_call(
    alert, calls, cast, client_of
):
    door = client_of(cast.mika)
    address = f"/api/bursts/{alert.pk}/dismiss"
    bare = door.post(address, {}, "application/json")
    assert (bare.status_code, bare.json()["errors"][0]["field"]) == (422, "reason")
    assert door.post(address, {"reason": "Flushing"}, "application/json").status_code == 200
    again = door.post(address, {"reason": "Flushing"}, "application/json")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "decided")
    with pytest.raises(Conflict):
        services.confirm(alert, by="sari")
    calls("tea", "hotel")
    assert Alert.objects.count() == 1
    calls("erik")
    assert Alert.objects.filter(state="open").count() == 1


def test_a_cancelled_ticket_leaves_the_cluster_and_the_alert_dies_down(alert, news, cast):
    from server.tickets import services as tickets

    ticket = Ticket.objects.get(premise__code="school")
    tickets.act(ticket, "cancel", role="agent", by="aino", reason="Own tap")
    news()
    alert.refresh_from_db()
    assert (alert.state, alert.reason) == ("expired", "withdrawn")
    assert Report.objects.filter(cluster__isnull=False).count() == 0


def test_a_ticket_put_right_moves_with_its_place(alert, news, town):
    from server.tickets.amending import Amendment, amend
    from server.tickets.placing import Where

    ticket = Ticket.objects.get(premise__code="school")
    amend(ticket, Amendment(0, where=Where(premise="farm1")), by="aino")
    news()
    assert ticket.burst_report.pipe == "P9"
    alert.refresh_from_db()
    assert alert.state == "expired"


def test_hearing_the_same_news_twice_changes_nothing(alert):
    before = list(Report.objects.values("pk", "cluster", "core", "alert"))
    events = Event.objects.count()
    for ticket in Ticket.objects.all():
        services.note(ticket)
    assert list(Report.objects.values("pk", "cluster", "core", "alert")) == before
    assert Event.objects.count() == events


def test_call_by_call_is_what_all_at_once_gives(calls):
    for homes in (("anna", "bo"), ("clinic", "school"), ("tea", "cai", "hotel"), ("erik", "dora")):
        calls(*homes)
        now = timezone.now()
        assert dict(Report.objects.values_list("pk", "cluster")) == clusters.as_of(now)
    Report.objects.update(cluster=None)
    assert services.rebuild(timezone.now()) > 0
    assert dict(Report.objects.values_list("pk", "cluster")) == clusters.as_of(timezone.now())


def test_nobody_decides_and_six_hours_later_it_has_died_down(alert):
    services.sweep()
    alert.refresh_from_db()
    assert alert.state == "open"
    Alert.objects.update(last_at=timezone.now() - timedelta(hours=7))
    services.sweep()
    alert.refresh_from_db()
    assert (alert.state, alert.reason) == ("expired", "quiet")


def test_old_news_read_for_the_first_time_alarms_nobody(register, news):
    """A subscriber starts at the beginning of the list of events, in a system that has run long."""
    for home in DRY:
        register("no_water", home=home)
    Ticket.objects.update(opened_at=timezone.now() - timedelta(days=2))
    news()
    assert Report.objects.filter(cluster__isnull=False).count() == 3
    assert not Alert.objects.exists()


def test_calls_of_another_hour_are_other_trouble(calls, register):
    calls("anna", "clinic")
    Ticket.objects.update(opened_at=timezone.now() - timedelta(hours=2))
    Report.objects.update(at=timezone.now() - timedelta(hours=2))
    calls("school")
    assert not Alert.objects.exists()


def test_the_pressures_are_simulated_in_the_background_and_keep_the_ranking_honest(alert):
    from server.bursts.tasks import simulate

    assert simulate.func(alert.pk, 99) == {"status": "stale"}
    answer = simulate.func(alert.pk, alert.simulated_calls)
    alert.refresh_from_db()
    assert answer["status"] == "done"
    assert alert.method == "hydraulics" and alert.method_note == ""
    assert sum(c["probability"] for c in alert.candidates) == pytest.approx(1.0, abs=0.01)


def test_a_network_too_large_to_simulate_is_said_and_the_topology_stands(alert, monkeypatch):
    from server.bursts import ranking
    from server.bursts.tasks import simulate

    monkeypatch.setattr(ranking, "MOST_NODES", 3)
    before = alert.candidates
    assert simulate.func(alert.pk, alert.simulated_calls)["status"] == "topology_only"
    alert.refresh_from_db()
    assert alert.candidates == before
    assert selectors.detail(alert)["method_note"].startswith("The network is too large")


def test_who_lives_there_hears_at_the_desk_that_it_is_known(alert):
    assert selectors.near("P8") == alert
    assert selectors.near("P1") is None
    assert selectors.near("") is None


def test_hundreds_of_calls_are_one_alert_and_the_work_per_call_stays_bounded(
    town, cast, news, django_assert_max_num_queries
):
    """60 homes along P8 and P11; each call looks at its neighbourhood and not at the city."""
    from server.customers.models import Premise
    from server.network.models import ServiceLine
    from server.tickets import services as tickets
    from server.tickets.placing import Where
    from server.tickets.services import Registration

    lines = ServiceLine.objects.filter(premise__in=("anna", "school")).order_by("asset")
    for n in range(60):
        line = lines[n % 2]
        home = Premise.objects.get(code=line.premise)
        home.pk, home.code = None, f"flat{n}"
        home.save()
        ServiceLine.objects.create(asset=f"SL{n}", pipe=line.pipe, measure=(n % 100) / 100,
                                   premise=home.code, geom=line.geom)  # fmt: skip
    told = [tickets.register(Registration("no_water", Where(premise=f"flat{n}")), by="aino")
            for n in range(60)]  # fmt: skip
    for ticket in told[:45]:
        services.note(ticket)
    with django_assert_max_num_queries(60 * 15):
        for ticket in told[45:]:
            services.note(ticket)
    alert = Alert.objects.get()
    assert alert.calls == 60 and alert.reports.count() == 60
    assert Event.objects.filter(name="burst.suspected").count() == 1
    services.confirm(alert, by="mika")
    assert Incident.objects.exclude(state="closed").count() == 1
    assert alert.incident is None and Alert.objects.get().incident.tickets.count() == 60


def test_bad_questions_are_answered_with_a_sentence(alert, cast, client_of):
    door = client_of(cast.mika)
    assert door.get("/api/bursts/999999").status_code == 404
    assert door.get(f"/api/bursts/{alert.pk}?pipe=%00").status_code in (400, 404, 422)
    unknown = door.get(f"/api/bursts/{alert.pk}?pipe=nothing")
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (404, "unknown_asset")
    asked: Any = {"pipe": {"a": 1}}
    refused = door.post(f"/api/bursts/{alert.pk}/confirm", asked, "application/json")
    assert refused.status_code == 422
    assert Alert.objects.get().state == "open"


def test_a_premise_without_a_service_line_and_a_place_off_the_mains_make_no_report(register, news):
    ticket = register("no_water", at=(24.9300 - 0.0045, 60.1705))
    news()
    assert not Report.objects.filter(ticket=ticket).exists()
    assert mains.of_premise("nobody") is None
