"""Two people at once, with real commits: one wins, the other is told, nothing happens twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

RACES = 300
WRITTEN = (
    "tickets_incident", "tickets_contact", "tickets_ticket", "events_event", "calls_call",
    "messaging_smsmessage", "service_level_clock", "accounts_idempotencykey", "outages_shutoff",
    "bursts_alert",
)  # fmt: skip


@pytest.fixture(scope="module")
def committed(
    django_db_setup: Any, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Town and cast for everybody to see, until the end of this file."""
    from django.core.management import call_command

    from server.network import graph
    from server.streets import index as streets
    from tests import people, town

    folder = tmp_path_factory.mktemp("races")
    (folder / "streets").mkdir()
    streets.forget()
    with django_db_blocker.unblock():
        town.build(folder / "streets")
        yield people.hire(), folder
        race(*[lambda: connection.close()] * RUNNERS)
        call_command("flush", interactive=False, verbosity=0)
        connection.close()
    graph.forget()
    streets.forget()


@pytest.fixture
def db(committed: Any) -> Any:
    """In place of the framework's: nothing is rolled back here, others must see what is written."""
    return committed


@pytest.fixture
def real(db: Any, settings: Any, tmp_path: Any) -> Iterator[Any]:
    """The cast; what a test writes is wiped away after it."""
    cast, folder = db
    settings.STANDPIPE = {
        **settings.STANDPIPE, "STREETS": folder / "streets", "SMS_DIR": tmp_path / "sms",
        "SMS_GATEWAY": "file",
    }  # fmt: skip
    yield cast
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(WRITTEN)} CASCADE")


RUNNERS = 8
_runners = ThreadPoolExecutor(RUNNERS)


def race(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs at one moment, each in a thread; what each gave, or raised.

    The threads and their connections are kept from race to race: making them takes longer than
    most races.
    """
    ready = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            ready.wait(10)
            return job()
        except Exception as error:  # noqa: BLE001 - the result of the race
            return error

    return [f.result(30) for f in [_runners.submit(run, job) for job in jobs]]


def test_two_dispatchers_send_one_crew_and_exactly_one_wins_each_time(real, monkeypatch):
    """The check before the insert sees a free crew in both threads; the constraint decides."""
    from server.accounts.refusals import Conflict
    from server.dispatch import needing, services, states
    from server.dispatch.models import WorkOrder
    from server.tickets.placing import Where
    from server.tickets.services import Registration, register

    places = [register(Registration("burst", Where(premise=home)), by="aino").incident
              for home in ("anna", "gym")]  # fmt: skip
    # Ranking is the slow part and not what is raced here: each race asks it once, beforehand.
    ranked = {i.pk: needing.rank_for(i) for i in places}
    monkeypatch.setattr(needing, "rank_for", lambda incident, kind="repair": ranked[incident.pk])
    for n in range(RACES):
        results = race(*(
            lambda i=i, who=who: services.assign(i, real.north, by=who, reason="race")
            for i, who in zip(places, ("mika", "sari"), strict=True)
        ))  # fmt: skip
        won = [r for r in results if isinstance(r, WorkOrder)]
        lost = [r for r in results if isinstance(r, Conflict)]
        assert (len(won), len(lost)) == (1, 1), (n, results)
        assert lost[0].extra["holder"] == won[0].number
        held = WorkOrder.objects.filter(state__in=sorted(states.HOLDING))
        assert held.count() == 1
        held.update(state="completed", ended_at=timezone.now())
    assert WorkOrder.objects.count() == RACES


@pytest.fixture
def sent(real):
    """An order in Crew North's hand, put back to "sent" before each race."""
    from server.dispatch import services
    from server.dispatch.models import WorkOrder
    from server.tickets.placing import Where
    from server.tickets.services import Registration, register

    incident = register(Registration("burst", Where(premise="anna")), by="aino").incident
    order = services.assign(incident, real.north, by="mika", reason="x")

    def again(**more: Any) -> Any:
        WorkOrder.objects.exclude(pk=order.pk).update(
            state="recalled", ended_at=timezone.now(), follows=None
        )
        WorkOrder.objects.filter(pk=order.pk).update(
            state="dispatched", ended_at=None, end_reason="", **more
        )
        return order

    return again


def test_a_crew_accepts_while_the_dispatcher_recalls_and_there_is_one_outcome(sent, real):
    """Whoever comes second hears what has happened: the crew by the refusal of its report, the
    dispatcher by what the order is now (`seen`), before anything is done with it.
    """
    from server.accounts.refusals import Conflict
    from server.dispatch import services
    from server.dispatch.models import WorkOrder
    from server.dispatch.services import Step
    from server.dispatch.states import Who

    now, outcomes = datetime.now(UTC), set()
    for n in range(RACES):
        order = sent()
        accepted, recalled = race(
            lambda o=order: services.act(o, Step("accept", now), who=Who.CREW, by="n",
                                         crew=real.north),
            lambda o=order: services.act(
                o, Step("recall", now, reason="x", seen="dispatched"), who=Who.DISPATCHER, by="m"
            ),
        )  # fmt: skip
        order.refresh_from_db()
        outcomes.add(order.state)
        if order.state == "accepted":
            assert isinstance(accepted, WorkOrder) and isinstance(recalled, Conflict), n
            assert recalled.code == "changed_meanwhile"
            assert recalled.extra["current"] == "accepted"
        else:
            assert order.state == "recalled"
            assert isinstance(recalled, WorkOrder) and isinstance(accepted, Conflict), n
            assert accepted.extra["current"] == "recalled"
    assert outcomes <= {"accepted", "recalled"}


def test_a_late_yes_and_the_offer_to_the_next_crew_never_both_win(sent, real, monkeypatch):
    """Three minutes are over and the crew says yes at that very moment: one crew goes, the other
    is not sent, and who came too late is told so.
    """
    from server.accounts.refusals import Conflict
    from server.dispatch import needing, offers, services, states
    from server.dispatch.models import WorkOrder
    from server.dispatch.services import Step
    from server.dispatch.states import Who

    order = sent()
    ranked = needing.rank_for(order.incident)
    monkeypatch.setattr(needing, "rank_for", lambda incident, kind="repair": ranked)
    monkeypatch.setattr(offers, "_planned", lambda incident, kind: [])
    now, outcomes = datetime.now(UTC), set()
    for n in range(RACES):
        order = sent(answer_by=timezone.now())
        accepted, offered = race(
            lambda o=order: services.act(o, Step("accept", now), who=Who.CREW, by="n",
                                         crew=real.north),
            lambda o=order: offers.re_offer(o),
        )  # fmt: skip
        order.refresh_from_db()
        outcomes.add(order.state)
        held = list(WorkOrder.objects.filter(state__in=sorted(states.HOLDING)))
        assert len(held) == 1, (n, held)
        if order.state == "accepted":
            assert isinstance(accepted, WorkOrder) and offered is None, (n, offered)
        else:
            assert order.state == "recalled" and isinstance(accepted, Conflict), (n, accepted)
            assert held[0].follows_id == order.pk and held[0].crew == real.south
    assert outcomes <= {"accepted", "recalled"}


def test_ten_reports_of_one_burst_at_one_moment_are_one_incident(real):
    from server.tickets.models import Incident, Ticket
    from server.tickets.placing import Where
    from server.tickets.services import Registration, register

    first = register(Registration("burst", Where(premise="anna")), by="aino")
    race(*(
        lambda: register(Registration("no_water", Where(premise="clinic")), by="aino")
        for _ in range(6)
    ))  # fmt: skip
    assert Ticket.objects.count() == 7
    assert Incident.objects.get() == first.incident


def test_one_key_twice_at_once_changes_things_once(real):
    from server.tickets.models import Ticket

    def send() -> Any:
        client = Client()
        client.force_login(real.aino)
        body = {"kind": "burst", "place": {"premise": "anna"}, "key": "same"}
        answer = client.post("/api/tickets", body, content_type="application/json")
        return answer.status_code, answer.json()

    results = race(send, send, send)
    assert [r[0] for r in results] == [201] * 3, results
    assert len({str(r[1]) for r in results}) == 1
    assert Ticket.objects.count() == 1


def test_one_call_registered_by_two_agents_is_one_ticket(real):
    from server.calls import services as calls
    from server.tickets.models import Ticket

    call = calls.rang(calls.Ring("c1", "0401000101", "", "965113", datetime.now(UTC)))
    made = race(
        lambda: calls.register(call, {"kind": "burst"}, by="aino"),
        lambda: calls.register(call, {"kind": "leak"}, by="sari"),
    )
    assert len({t.pk for t in made}) == 1
    assert Ticket.objects.count() == 1


def test_two_workers_never_send_a_text_twice(real, settings):
    from server.messaging import services
    from server.messaging.gateways import gateway
    from server.messaging.models import SmsMessage

    gateway.cache_clear()
    for n in range(30):
        services.text("0401", "location_link", language="en", dedupe=f"d{n}", utility="U", link="x")
    counts = race(services.send_due_now, services.send_due_now, services.send_due_now)
    assert sum(counts) == 30
    lines = (settings.STANDPIPE["SMS_DIR"] / "outbox.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 30
    assert set(SmsMessage.objects.values_list("state", "attempts")) == {("sent", 1)}
    gateway.cache_clear()


def test_one_mark_is_fired_by_one_of_two_clock_processes(real):
    from server.service_level import services
    from server.service_level.models import Escalation

    begun = timezone.now()
    for n in range(10):
        services.start("repair", f"x:{n}", priority="P2", allowed_s=100, at=begun)
    later = begun + timezone.timedelta(seconds=85)
    counts = race(lambda: services.fire_due(later), lambda: services.fire_due(later))
    assert sum(counts) == Escalation.objects.count() == 10


def test_two_who_approve_and_one_who_cancels_have_one_outcome(real):
    """Approval against approval, and against cancelling: the row's lock decides, nobody half."""
    from datetime import timedelta

    from server.accounts.refusals import Conflict
    from server.outages import planning
    from server.outages.models import ShutOff
    from server.outages.planning import Works

    def written() -> ShutOff:
        starts = timezone.now() + timedelta(hours=50)
        off = planning.create(
            Works(["P8"], starts, starts + timedelta(hours=2), "x"), by="juho", role="engineer"
        )
        for kind in planning.missing(off):
            planning.add_permit(off, kind, issuer="x", number="1", valid_from=None, valid_to=None,
                                evidence="", by="juho", role="engineer")  # fmt: skip
        return off

    for n in range(6):
        off = written()
        results = race(
            lambda off=off: planning.approve(off, by="sari", role="supervisor"),
            lambda off=off: planning.approve(off, by="other", role="engineer"),
        )
        assert sum(isinstance(r, ShutOff) for r in results) == 1, (n, results)
        assert sum(isinstance(r, Conflict) for r in results) == 1, (n, results)
        off.refresh_from_db()
        planning.cancel(off, by="sari", role="supervisor", reason="again")
        off = written()
        results = race(
            lambda off=off: planning.approve(off, by="sari", role="supervisor"),
            lambda off=off: planning.cancel(off, by="juho", role="engineer", reason="rain"),
        )
        off.refresh_from_db()
        # Cancelled in either order; an approval that came too late is refused.
        assert off.state == "cancelled", (n, results)
        if isinstance(results[0], Conflict):
            assert off.approved_by == ""
        else:
            assert off.approved_by == "sari"


def test_two_crews_turn_valves_of_two_jobs_and_nobody_waits_for_ever(real):
    """Each turn settles every open shut-off: they are locked in one order."""
    from server.outages import services
    from server.outages.models import PremiseOff, ShutOff
    from server.tickets.placing import Where
    from server.tickets.services import Registration, register

    jobs = []
    for home in ("anna", "gym"):
        incident = register(Registration("burst", Where(premise=home)), by="aino").incident
        jobs.append(services.plan_for_incident(incident, by="x"))
    turns = [(job, v) for job in jobs for v in job.valves.values_list("asset", flat=True)]
    for verb in (services.valve_closed, services.valve_opened):
        results = race(*(
            lambda job=job, v=v, verb=verb: verb(job, v, at=timezone.now(), by="x")
            for job, v in turns
        ))  # fmt: skip
        assert all(isinstance(r, bool) for r in results), results
    assert set(ShutOff.objects.values_list("state", flat=True)) == {"restored"}
    assert not PremiseOff.objects.filter(off_at__isnull=False, on_at=None).exists()


def test_of_two_surveys_approved_at_once_one_is_the_next_version(real):
    """And the other is told to compare again."""
    from server.accounts.refusals import Conflict
    from server.network import graph
    from server.network.models import NetworkVersion
    from server.versions import services
    from server.versions.models import NetworkImport
    from tests.server.surveyors import draft_of, surveyed

    start = graph.version()
    one, other = draft_of(surveyed()), draft_of(surveyed())
    results = race(lambda: services.approve(one, by="juho"),
                   lambda: services.approve(other, by="sari"))  # fmt: skip
    assert sum(isinstance(r, NetworkVersion) for r in results) == 1, results
    assert sum(isinstance(r, Conflict) for r in results) == 1, results
    assert graph.version() == start + 1
    services.roll_back(start, by="juho", reason="for the tests that follow")
    NetworkImport.objects.all().delete()
    NetworkVersion.objects.filter(number__gt=start).delete()
    graph.forget()


def test_two_dispatchers_take_one_probable_burst_up_and_there_is_one_incident(real):
    """Each would open an incident of its own; the second is told who was first."""
    from server.accounts.refusals import Conflict
    from server.bursts import services
    from server.bursts.models import Alert
    from server.tickets.models import Incident
    from server.tickets.placing import Where
    from server.tickets.services import Registration, register

    for _n in range(5):
        Alert.objects.all().delete()
        Incident.objects.update(state="closed")
        for home in ("anna", "clinic", "school"):
            services.note(register(Registration("no_water", Where(premise=home)), by="aino"))
        alert = Alert.objects.get()
        results = race(
            lambda a=alert: services.confirm(a, pipe="P8", by="mika"),
            lambda a=alert: services.confirm(a, pipe="P11", by="sari"),
        )
        refused = [r for r in results if isinstance(r, Conflict)]
        assert len(refused) == 1, results
        assert refused[0].extra["incident"] == Alert.objects.get().incident.number
        assert Incident.objects.exclude(state="closed").count() == 1
        services.Report.objects.all().delete()


def test_two_dispatchers_promise_the_last_clamp_and_exactly_one_gets_it_each_time(real):
    """A conditional UPDATE decides; the other is told which order holds it."""
    from server.accounts.refusals import Conflict
    from server.workforce import services
    from server.workforce.models import Reservation, Stock

    van = real.north.vehicle
    Stock.objects.filter(vehicle=van, diameter_mm=150).update(quantity=1, reserved=0)
    for n in range(RACES):
        orders = (f"W-a{n}", f"W-b{n}")
        results = race(*(
            lambda o=o, who=who: services.reserve_stock(
                o, "clamp", 150, real.north, who, depots=[]
            )
            for o, who in zip(orders, ("mika", "sari"), strict=True)
        ))  # fmt: skip
        won = [r for r in results if isinstance(r, Reservation)]
        lost = [r for r in results if isinstance(r, Conflict)]
        assert (len(won), len(lost)) == (1, 1), (n, results)
        assert won[0].order in lost[0].extra["holders"]
        services.release_stock(won[0].order, "mika")
    stock = Stock.objects.get(vehicle=van, diameter_mm=150)
    assert (stock.quantity, stock.reserved) == (1, 0)
    Stock.objects.filter(pk=stock.pk).update(quantity=2)
