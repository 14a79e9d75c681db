"""What positions mean: who moves, who comes where, who has probably arrived.

    A ----- B ----- C        The depot lies around A, a district covers A to B, the burst is on
    |       |       |        P8, between E and F.
    D ----- E ----- F
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from django.contrib.gis.geos import Polygon
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.model import M_PER_DEGREE
from server.dispatch import arrivals, services
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.events.models import Event
from server.positions import fencing, motion
from server.positions.fencing import Area, Areas
from server.positions.models import Fence, Motion, Presence
from server.positions.pipeline import Pipeline
from server.positions.watching import Watch, fences, incidents
from tests import town
from tests.server.test_positions import fix

# A machine that is busy with other work is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


NOON = timezone.now().replace(hour=12, minute=0)


# -- areas, without a database --------------------------------------------------------------------


def square(lon: float, lat: float, half_m: float) -> Any:
    high = half_m / M_PER_DEGREE
    wide = high / math.cos(math.radians(lat))
    return shapely.box(lon - wide, lat - high, lon + wide, lat + high)


def east(metres: float) -> float:
    return 24.93 + metres / M_PER_DEGREE / math.cos(math.radians(60.17))


def walk(areas: Areas, metres: list[float]) -> list[str]:
    """Someone on a line through the middle of an area; what is said at each step."""
    present: set[tuple[str, str]] = set()
    said = []
    for m in metres:
        found = fencing.crossings(
            areas, ["crew:1"], np.array([east(m)]), np.array([60.17]), present
        )
        present = (present | found.entered) - found.left
        said.append("in" if found.entered else "out" if found.left else "")
    return said


def test_who_wanders_on_the_border_comes_in_once_and_goes_out_once() -> None:
    areas = Areas([Area("fence:1", square(24.93, 60.17, 100))])
    assert walk(areas, [150, 99, 105, 97, 120, 95, 128, 90, 140, 99, 140]) == [
        "", "in", "", "", "", "", "", "", "out", "in", "out",
    ]  # fmt: skip


def test_an_area_for_one_subject_is_nobody_elses() -> None:
    areas = Areas([Area("order:W-1", square(24.93, 60.17, 100), only="crew:2")])
    at = np.array([24.93, 24.93]), np.array([60.17, 60.17])
    found = fencing.crossings(areas, ["crew:1", "crew:2"], *at, set())
    assert found.entered == {("crew:2", "order:W-1")}


@patient
@given(st.lists(st.tuples(st.floats(-400, 400), st.floats(-400, 400)), min_size=1, max_size=30))
def test_the_tree_finds_what_looking_at_each_area_finds(points: list[tuple[float, float]]) -> None:
    shapes = [square(east(x), 60.17 + y / M_PER_DEGREE, 60 + 10 * k)
              for k, (x, y) in enumerate([(-200, 0), (0, 0), (60, 50), (250, -100)])]  # fmt: skip
    areas = Areas(Area(f"fence:{k}", s) for k, s in enumerate(shapes))
    lon = np.array([east(x) for x, _ in points])
    lat = np.array([60.17 + y / M_PER_DEGREE for _, y in points])
    got = set(zip(*(a.tolist() for a in areas.inside(lon, lat)), strict=True))
    assert got == {
        (p, k) for p in range(len(points)) for k, s in enumerate(shapes)
        if s.intersects(shapely.Point(lon[p], lat[p]))
    }  # fmt: skip


def test_the_outer_border_is_thirty_metres_out_in_every_direction() -> None:
    areas = Areas([Area("fence:1", square(24.93, 60.17, 100))])
    for bearing in range(0, 360, 90):
        x, y = math.sin(math.radians(bearing)), math.cos(math.radians(bearing))
        for metres, near in ((125, 1), (135, 0)):
            lon = np.array([east(x * metres)])
            lat = np.array([60.17 + y * metres / M_PER_DEGREE])
            assert len(areas.near(lon, lat)[0]) == near, (bearing, metres)


# -- motion ---------------------------------------------------------------------------------------


def states(steps: list[tuple[float, float, bool | None]]) -> list[str]:
    """(second, metres east, engine) one after another."""
    now: motion.Motion | None = None
    said = []
    for second, metres, engine in steps:
        at = NOON + timedelta(seconds=second)
        now = motion.follow(now, east(metres), 60.17, at, accuracy_m=5, engine=engine)
        said.append(now.state)
    return said


def test_a_van_drives_waits_with_the_engine_on_and_is_parked() -> None:
    assert states([
        (0, 0, True), (10, 100, True), (20, 200, True), (60, 210, True), (120, 205, True),
        (180, 208, False), (190, 215, False), (200, 400, True),
    ]) == [
        "idling", "moving", "moving", "moving", "idling", "standing", "standing", "moving",
    ]  # fmt: skip


def test_a_receiver_that_wanders_while_parked_does_not_drive() -> None:
    jitter = [(10.0 * n, 15.0 * (-1) ** n, None) for n in range(40)]
    assert set(states(jitter)) == {"standing"}


def test_a_stop_began_when_it_came_to_the_place() -> None:
    now: motion.Motion | None = None
    for second, metres in ((0, 0), (10, 100), (20, 200), (120, 205)):
        now = motion.follow(now, east(metres), 60.17, NOON + timedelta(seconds=second))
    assert now is not None
    assert (now.state, now.since) == ("standing", NOON + timedelta(seconds=20))


# -- in the town ----------------------------------------------------------------------------------


@pytest.fixture
def worker(cast: Any) -> Pipeline:
    return Pipeline()


@pytest.fixture
def watch(cast: Any) -> Watch:
    return Watch((fences, incidents, arrivals.areas))


def drawn(name: str, where: str, half_m: float, **more: Any) -> Fence:
    lon, lat = town.place(where)
    shape = Polygon(list(square(lon, lat, half_m).exterior.coords), srid=4326)
    return Fence.objects.create(name=name, kind=more.pop("kind", "depot"), geom=shape, **more)


def told(*names: str) -> list[tuple[str, Any]]:
    rows = Event.objects.filter(name__in=names).order_by("pk")
    return [(e.name, e.payload.get("name") or e.payload.get("order")) for e in rows]


BORDER = ("fence.entered", "fence.left", "fence.dwelt")


def see(worker: Pipeline, watch: Watch, device: str, at: datetime, where: str, **more: Any) -> None:
    worker.take([fix(device, at, where, **more)])
    watch._looked_at = at - timedelta(seconds=3)
    watch.step(at)


@pytest.mark.django_db
def test_coming_staying_and_going_are_each_told_once_also_over_a_restart(
    cast: Any, worker: Pipeline, watch: Watch
) -> None:
    drawn("Depot", "A", 80, dwell_s=60)
    now = timezone.now() - timedelta(minutes=4)
    north = cast.north.device
    for second in (0, 5, 10):
        see(worker, watch, north, now + timedelta(seconds=second), "A")
    assert told(*BORDER) == [("fence.entered", "Depot")]
    after = Watch((fences, incidents))  # another process takes over
    for second in (30, 70, 80):
        see(worker, after, north, now + timedelta(seconds=second), "A")
    see(worker, after, north, now + timedelta(seconds=110), "B")
    assert told(*BORDER) == [
        ("fence.entered", "Depot"), ("fence.dwelt", "Depot"), ("fence.left", "Depot"),
    ]  # fmt: skip
    event = Event.objects.get(name="fence.entered")
    assert (event.topic, event.payload["crew"], event.payload["kind"]) == (
        "crews", cast.north.pk, "depot",
    )  # fmt: skip
    assert not Presence.objects.exists()


@pytest.mark.django_db
def test_who_is_silent_for_half_an_hour_is_nowhere(
    cast: Any, worker: Pipeline, watch: Watch
) -> None:
    drawn("Depot", "A", 80)
    now = timezone.now() - timedelta(hours=1)
    see(worker, watch, cast.north.device, now, "A")
    watch.step(now + timedelta(minutes=31))
    left = Event.objects.get(name="fence.left")
    assert left.payload["silent"] is True


@pytest.mark.django_db
def test_hours_of_old_fixes_from_a_cellar_are_no_news(
    cast: Any, worker: Pipeline, watch: Watch
) -> None:
    drawn("Depot", "A", 80)
    now = timezone.now()
    old = [fix(cast.north.device, now - timedelta(minutes=m), "A") for m in (50, 40, 30)]
    worker.take([f._replace(received_at=now) for f in old])
    watch.step(now)
    assert told(*BORDER) == []


@pytest.mark.django_db
def test_a_fence_that_is_taken_away_takes_its_guests_along(
    cast: Any, worker: Pipeline, watch: Watch
) -> None:
    fence = drawn("Depot", "A", 80)
    now = timezone.now() - timedelta(minutes=2)
    see(worker, watch, cast.north.device, now, "A")
    fence.delete()
    watch._read_at = -1e9
    watch.step(now + timedelta(seconds=5))
    assert not Presence.objects.exists()


@pytest.mark.django_db
def test_a_crew_that_stands_at_its_place_has_probably_arrived_and_nothing_is_decided(
    cast: Any, burst: Any, worker: Pipeline, watch: Watch
) -> None:
    order = services.assign(burst, cast.north, by="mika", reason="x")
    now = timezone.now() - timedelta(minutes=4)
    for action in ("accept", "depart"):
        order = services.act(order, Step(action=action, at=now), who=Who.CREW, by="north",
                             crew=cast.north)  # fmt: skip
    target = order.target or burst.geom
    at = {"lon": target.x + 1e-4, "lat": target.y}
    see(worker, watch, cast.north.device, now + timedelta(seconds=5), "A")
    see(worker, watch, cast.south.device, now + timedelta(seconds=6), "A", **at)  # not its order
    for second in (60, 80, 110, 140):
        see(worker, watch, cast.north.device, now + timedelta(seconds=second), "A", **at)
    assert told("arrival.suggested") == [("arrival.suggested", order.number)]
    event = Event.objects.get(name="arrival.suggested")
    assert (event.payload["crew"], event.payload["incident"]) == (cast.north.pk, burst.pk)
    order.refresh_from_db()
    assert (order.state, order.on_site_at) == ("en_route", None)


@pytest.mark.django_db
def test_driving_past_is_no_arrival(cast: Any, burst: Any, worker: Pipeline, watch: Watch) -> None:
    order = services.assign(burst, cast.north, by="mika", reason="x")
    now = timezone.now() - timedelta(minutes=4)
    for action in ("accept", "depart"):
        order = services.act(order, Step(action=action, at=now), who=Who.CREW, by="north",
                             crew=cast.north)  # fmt: skip
    target = order.target or burst.geom
    for second, away in ((5, 0.004), (15, 0.0), (25, 0.004), (90, 0.006)):
        see(worker, watch, cast.north.device, now + timedelta(seconds=second), "A",
            lon=target.x + away, lat=target.y)  # fmt: skip
    assert told("arrival.suggested") == []


@pytest.mark.django_db
def test_whether_a_crew_moves_is_kept_for_the_map(
    cast: Any, worker: Pipeline, watch: Watch
) -> None:
    now = timezone.now() - timedelta(minutes=5)
    for second, where in ((0, "A"), (30, "B"), (60, "C")):
        see(worker, watch, cast.north.device, now + timedelta(seconds=second), where)
    assert Motion.objects.get(subject=f"crew:{cast.north.pk}").state == "moving"
    see(worker, watch, cast.north.device, now + timedelta(seconds=200), "C")
    row = Motion.objects.get(subject=f"crew:{cast.north.pk}")
    assert (row.state, row.since) == ("standing", now + timedelta(seconds=60))
