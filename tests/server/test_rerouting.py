"""Streets close and open while crews are on their way; a crew's own trench closes the street.

    Mill Street
R ------- A ------- B ------- C        a stretch takes 22.2 s; the main is open in Church Street
          |         |         |        between E and F, 30 % along: +
          D ------- E --+---- F        Crew North sets out at A, Crew South at G
          |         |         |
          G ------- H ------- I
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.dispatch import rerouting, services
from server.dispatch.models import WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.events.models import Event
from server.streets import services as streets
from server.streets.models import StreetChange
from server.streets.reading import circle
from server.workforce.models import Crew, CrewPosition
from tests import town

pytestmark = pytest.mark.django_db
THERE = 52.2  # seconds from A to the burst, a little beyond where Anna's service line taps


def between(a: str, b: str, share: float = 0.5) -> tuple[float, float]:
    (x0, y0), (x1, y1) = town.place(a), town.place(b)
    return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


def flood(a: str, b: str) -> StreetChange:
    return streets.close_area(circle(between(a, b), 30), reason="flood", by="mika")


def take(order: WorkOrder, *steps: str) -> None:
    for step in steps:
        services.act(order, Step(step, timezone.now(), reason="x"), who=Who.CREW, by="north",
                     crew=order.crew)  # fmt: skip


def stand(crew: Crew, place: tuple[float, float]) -> None:
    now = timezone.now()
    CrewPosition.objects.update_or_create(
        crew=crew,
        defaults={"fix_time": now, "device_time": now, "received_at": now,
                  "geom": f"SRID=4326;POINT({place[0]} {place[1]})"},
    )  # fmt: skip


def steps_told() -> list[tuple[str, str]]:
    rows = Event.objects.filter(name="order.changed").order_by("pk")
    return [(e.payload["number"], e.payload["action"]) for e in rows
            if e.payload["action"] in ("rerouted", "cut_off")]  # fmt: skip


@pytest.fixture
def order(burst: Any, cast: Any, news: Any) -> WorkOrder:
    """Crew North is on its way to the burst; `way` is through which crossing."""
    made = services.assign(burst, cast.north, by="mika", reason="x")
    take(made, "accept", "depart")
    news()
    made.refresh_from_db()
    return made


def crossing(order: WorkOrder) -> str:
    """Through B or through D: the two ways are as long as each other."""
    return "B" if list(town.place("B")) in order.route["geometry"] else "D"


def test_a_closure_on_the_way_sends_the_crew_round_with_a_new_list(
    order: WorkOrder, news: Any, broker: Any
):
    through = crossing(order)
    lists = len(broker.sent)
    closed = flood("A", through)
    news()
    order.refresh_from_db()
    assert crossing(order) != through
    assert order.route["seconds"] == THERE
    assert steps_told() == [(order.number, "rerouted")]
    assert len(broker.sent) == lists + 1
    told = Event.objects.filter(name="order.changed").last()
    assert told is not None and told.payload["change"] == closed.pk


def test_a_closure_elsewhere_or_behind_the_crew_changes_nothing(
    order: WorkOrder, cast: Any, news: Any
):
    through, before = crossing(order), order.route
    flood("H", "I")
    stand(cast.north, between(through, "E"))
    flood("A", through)
    news()
    order.refresh_from_db()
    assert order.route == before and steps_told() == []


def test_a_closure_planned_for_later_counts_when_it_begins(order: WorkOrder, news: Any):
    now = timezone.now()
    streets.close_area(
        circle(between("A", crossing(order)), 30), reason="event", by="mika",
        starts_at=now + timedelta(seconds=0.2),
    )  # fmt: skip
    news()
    assert steps_told() == []
    time.sleep(0.25)
    assert streets.tell_due() == 1
    news()
    assert steps_told() == [(order.number, "rerouted")]


def test_nobody_gets_there_any_more_and_the_order_says_so(
    order: WorkOrder, cast: Any, news: Any, client_of: Any
):
    for a, b in ("EF", "BE", "DE", "EH", "AB", "DG"):
        flood(a, b)
        stand(cast.north, between("A", "D"))
    news()
    order.refresh_from_db()
    # The crew is in the dead end of A and D; the burst would be reached from F.
    assert order.route is None and order.eta_at is None
    assert steps_told()[-1] == (order.number, "cut_off")
    shown = client_of(cast.mika).get(f"/api/incidents/{order.incident_id}").json()
    (row,) = (o for o in shown["work_orders"] if o["number"] == order.number)
    assert row["way_problem"].startswith("No street leads there now; straight line ")


def test_a_lifted_closure_that_saves_little_changes_nothing(order: WorkOrder, news: Any):
    """By C and F it takes 81 s, half a minute more: no reason for a new list."""
    shut = [flood("B", "E"), flood("D", "E")]
    news()
    order.refresh_from_db()
    assert order.route["seconds"] == 81.0
    told = len(steps_told())
    for change in shut:
        streets.lift(change, by="mika")
    news()
    order.refresh_from_db()
    assert order.route["seconds"] == 81.0 and len(steps_told()) == told


def test_a_lifted_closure_that_saves_a_minute_sends_the_crew_back(order: WorkOrder, news: Any):
    """Round by G, H, I and F it takes 125 s."""
    shut = [flood(a, b) for a, b in ("BE", "DE", "CF", "EH")]
    news()
    order.refresh_from_db()
    assert order.route["seconds"] == 125.4
    streets.lift(shut[0], by="mika")
    news()
    order.refresh_from_db()
    assert order.route["seconds"] == THERE


def test_slow_streets_move_the_arrival(order: WorkOrder, news: Any):
    """At 9 km/h on both ways to E, by C and F is quicker."""
    before = order.eta_at
    for through in "BD":
        streets.slow_area(circle(between("E", through), 30), reason="works", by="mika", kph=9)
    news()
    order.refresh_from_db()
    assert before is not None and order.eta_at is not None
    assert 28 < (order.eta_at - before).total_seconds() < 35


def test_who_has_arrived_is_left_alone(order: WorkOrder, news: Any):
    take(order, "arrive")
    flood("A", crossing(order))
    news()
    assert steps_told() == []


def test_driving_across_a_closed_street_is_not_driving_along_it():
    from shapely import LineString, MultiLineString

    shut = MultiLineString([[(24.93, 60.17), (24.934, 60.17)]])
    across = LineString([(24.932, 60.169), (24.932, 60.171)])
    along = LineString([(24.931, 60.17), (24.932, 60.17)])
    assert not rerouting.runs_along(across, shut)
    assert rerouting.runs_along(along, shut)


# -- the trench of a crew -------------------------------------------------------------------------


def test_a_trench_is_suggested_accepted_with_one_press_and_opened_when_made_good(
    order: WorkOrder, cast: Any, news: Any, client_of: Any
):
    take(order, "arrive", "excavated")
    news()
    mika = client_of(cast.mika)
    (row,) = mika.get("/api/streets/changes").json()["changes"]
    assert (row["state"], row["reason"], row["order"]) == ("suggested", "excavation", order.number)
    assert row["streets"] == ["Church Street"]
    assert not rerouting.streets.index(fresh=True).closures  # in force nowhere
    done = mika.post(f"/api/streets/changes/{row['id']}/accept", {},
                     content_type="application/json")  # fmt: skip
    assert done.json()["state"] == "in_force"
    assert len(rerouting.streets.index().closures) == 2
    again = mika.post(f"/api/streets/changes/{row['id']}/accept", {},
                      content_type="application/json")  # fmt: skip
    assert again.status_code == 409
    take(order, "repaired", "reinstated")
    news()
    change = StreetChange.objects.get()
    assert change.lifted_at is not None
    assert not rerouting.streets.index(fresh=True).closures


def test_a_suggestion_nobody_wants_is_dropped(order: WorkOrder, cast: Any, news: Any):
    take(order, "arrive", "excavated")
    news()
    streets.lift(StreetChange.objects.get(), by="mika", reason="beside the road")
    take(order, "repaired", "reinstated")
    news()
    change = StreetChange.objects.get()
    assert change.accepted_at is None and change.lifted_by == "mika"


def test_a_pit_away_from_every_street_suggests_nothing(town: Any):
    assert streets.suggest_trench("W-1", (24.9321, 60.1690), by="north") is None
    assert not StreetChange.objects.exists()
