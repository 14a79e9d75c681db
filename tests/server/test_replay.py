"""The time slider: any past moment as it was, held against what the live tables said then.

now     ----o------o--------o-----o------o---->     a picture of the live tables after each step
            |      |        |     |      |
replay      o      o        o     o      o          the same moment, asked afterwards
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.gis.geos import Polygon
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.accounts.models import AuditRow
from server.accounts.refusals import Refused
from server.calls.models import Call
from server.dispatch import selectors as dispatch
from server.dispatch import services, states
from server.dispatch.models import WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.events.models import Cursor, Event
from server.events.reading import Mark, Row
from server.outages.models import PremiseOff, ShutOff, ValveTask
from server.positions import partitions, roster
from server.positions.models import Device, Fix
from server.replay import selectors
from server.replay.models import Span
from server.replay.picture import SUBSCRIBER
from server.replay.subscribers import keep_spans
from server.streets.models import StreetChange
from server.tickets import services as tickets
from server.tickets.models import Incident, Ticket
from server.workforce.models import Crew, Shift
from tests import town as drawn

pytestmark = pytest.mark.django_db
OVER = ("closed", "cancelled", "audited", "merged")
HOMES = ("anna", "bo", "cai", "clinic", "school")


def live() -> dict[str, Any]:
    """What the live tables say now, without a look at the events."""
    orders = WorkOrder.objects.exclude(state__in=sorted(states.ENDED))
    open_shut_offs = ShutOff.objects.filter(state__in=("active", "partly_restored"))
    stuck = ValveTask.objects.filter(
        state="cannot_close",
        shut_off__in=ShutOff.objects.exclude(state__in=("restored", "closed", "cancelled")),
    )
    closed = ValveTask.objects.filter(state="closed")
    return {
        "incidents": {
            f["id"]: (
                p["number"], p["priority"], p["state"], p["kind"], p["address"],
                p["customers_off"], p["callers"], f["geometry"] and f["geometry"]["coordinates"],
            )
            for f in dispatch.incident_features()["features"]
            for p in [f["properties"]]
        },
        "tickets": dict(Ticket.objects.exclude(state__in=OVER).values_list("number", "state")),
        "orders": {o.number: (o.state, o.incident_id, o.crew_id, o.kind) for o in orders},
        "crews": dict(Crew.objects.filter(shifts__ends__gt=timezone.now(),
                                          shifts__starts__lte=timezone.now())
                      .values_list("pk", "state")),
        "valves": {v.asset: v.state for v in [*stuck, *closed]},
        # Whoever has a tank of their own has water until it is empty.
        "dry": sorted(
            (p.premise.geom.x, p.premise.geom.y)
            for p in PremiseOff.objects.filter(
                off_at__isnull=False, on_at=None, shut_off__in=open_shut_offs
            ).select_related("premise")
            if p.off_at is not None
            and p.off_at + timedelta(hours=p.premise.storage_hours) <= timezone.now()
        ),
        "calls": dict(Call.objects.exclude(state="ended").values_list("call_id", "state")),
    }  # fmt: skip


def replayed(at: datetime) -> dict[str, Any]:
    """The same of a past moment, by the door's own answer."""
    m = selectors.moment(at, with_crews=True)
    return {
        "incidents": {
            f["id"]: (
                p["number"],
                p["priority"],
                p["state"],
                p["kind"],
                p["address"],
                p["customers_off"],
                p["callers"],
                f["geometry"] and f["geometry"]["coordinates"],
            )
            for f in m["incidents"]["features"]
            for p in [f["properties"]]
        },
        "tickets": {t["number"]: t["state"] for t in m["tickets"]},
        "orders": {
            o["number"]: (o["state"], o["incident"], o["crew"] and o["crew"]["id"], o["kind"])
            for o in m["orders"]
        },
        "crews": {f["id"]: f["properties"]["state"] for f in m["crews"]["features"]},
        "valves": {v["id"]: v["state"] for v in m["valves"]},
        "dry": sorted((lon, lat) for lon, lat in m["water"]["dry"]),
        "calls": {c["id"]: c["state"] for c in m["calls"]},
    }


def settle() -> None:
    """The worker has carried every event so far into the spans."""
    mark = Cursor.objects.filter(subscriber=SUBSCRIBER).first()
    rows = Event.objects.filter(pk__gt=mark.event_id if mark else 0).order_by("pk")
    for e in rows:
        keep_spans(Row(Mark(e.xid, e.pk), e.name, e.topic, e.subject, e.payload, e.by, e.at))
        Cursor.objects.update_or_create(
            subscriber=SUBSCRIBER, defaults={"xid": e.xid, "event_id": e.pk}
        )


def step(order: WorkOrder, action: str, **more: Any) -> None:
    order.refresh_from_db()
    services.act(
        order, Step(action=action, at=timezone.now(), **more), who=Who.CREW, by="north",
        crew=order.crew,
    )  # fmt: skip


class Watch:
    """A shift at the utility: each thing that happens leaves a picture of the live tables."""

    def __init__(self, register: Callable[..., Any], news: Callable[[], None]) -> None:
        self.register, self.news = register, news
        self.pictures: list[tuple[datetime, dict[str, Any]]] = []
        self.look()

    def look(self) -> None:
        self.news()
        found = live()
        self.pictures.append((timezone.now(), found))


@pytest.fixture
def shift(cast, register, news):
    Event.objects.create(name="test.begins")
    return Watch(register, news)


def burst_from_call_to_water_back(shift: Watch) -> WorkOrder:
    """One burst, whole, with a valve that will not turn and a second caller."""
    first = shift.register("burst", home="anna", name="Anna", phone="+358401000101")
    shift.look()
    incident = first.incident
    order = services.assign(incident, Crew.objects.get(code="north"), by="mika", reason="near")
    shift.look()
    for action in ("accept", "depart", "arrive"):
        step(order, action)
        shift.look()
    shift.register("no_water", home="clinic", phone="+358401000102")
    shift.look()
    off = ShutOff.objects.get(incident=incident)
    step(order, "close_valve", valve="V8")
    shift.look()
    step(order, "cannot_close_valve", valve="V6", reason="seized")
    shift.look()
    while left := off.valves.filter(state="requested").order_by("sequence").first():
        step(order, "close_valve", valve=left.asset)
        shift.look()
    step(order, "repaired")
    for task in off.valves.filter(state="closed"):
        step(order, "open_valve", valve=task.asset)
        shift.look()
    for action in ("restored", "complete"):
        step(order, action)
        shift.look()
    return order


@pytest.mark.parametrize("projected", [False, True], ids=["from the events", "from the spans"])
def test_every_moment_of_a_burst_is_shown_as_it_was(shift, projected):
    burst_from_call_to_water_back(shift)
    if projected:
        settle()
        assert Span.objects.filter(ends=None, kind="valve").count() == 1  # V6 stays stuck
    for at, was in shift.pictures:
        assert replayed(at) == was
    dry = [len(was["dry"]) for _, was in shift.pictures]
    assert max(dry) >= 4 and dry[-1] == 0
    assert any("cannot_close" in was["valves"].values() for _, was in shift.pictures)


def test_now_is_what_the_live_tables_say(shift):
    burst_from_call_to_water_back(shift)
    settle()
    shift.register("leak", home="cai")
    shift.news()
    assert replayed(timezone.now()) == live()


STEPS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 11)), min_size=3, max_size=14)


@settings(
    deadline=None, max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(plan=STEPS, cut=st.floats(0, 1))
def test_whatever_happens_in_a_shift_every_moment_of_it_can_be_shown(
    cast, register, news, plan, cut
):
    """Any order of reports, assignments, steps, recalls and closings; the spans up to any point."""
    with transaction.atomic():
        Event.objects.create(name="test.begins")
        shift = Watch(register, news)
        for n, (what, which) in enumerate(plan):
            _happen(shift, what, which)
            shift.look()
            if n == int(cut * len(plan)):
                settle()
        for at, was in shift.pictures:
            assert replayed(at) == was
        transaction.set_rollback(True)


def _happen(shift: Watch, what: int, which: int) -> None:
    """Something that may be refused; a refusal happens too, and changes nothing."""
    orders = list(WorkOrder.objects.exclude(state__in=sorted(states.ENDED)).order_by("pk"))
    incidents = list(Incident.objects.order_by("pk"))
    try:
        with transaction.atomic():
            if what == 0:
                kind = ("burst", "leak", "no_water", "discoloured")[which % 4]
                shift.register(kind, home=HOMES[which % len(HOMES)])
            elif what == 1 and incidents:
                crew = Crew.objects.order_by("pk")[which % 3]
                services.assign(incidents[which % len(incidents)], crew, by="mika", reason="so")
            elif what in (2, 3) and orders:
                order = orders[which % len(orders)]
                legal = states.legal_actions(order.state, Who.CREW)
                action = str(legal[which % len(legal)])
                tasks = ValveTask.objects.filter(shut_off__incident=order.incident)
                wanted = "closed" if action == "open_valve" else "requested"
                task = tasks.filter(state=wanted).first()
                step(order, action, valve=task.asset if task else "", reason="so it is")
            elif what == 4 and orders:
                order = orders[which % len(orders)]
                services.act(
                    order, Step("recall", timezone.now(), reason="elsewhere"),
                    who=Who.DISPATCHER, by="mika",
                )  # fmt: skip
            elif what == 5 and incidents:
                incident = incidents[which % len(incidents)]
                tickets.set_priority(incident, f"P{which % 4 + 1}", by="mika", why="seen")
            elif what == 6 and incidents:
                rows = list(Ticket.objects.order_by("pk"))
                ticket = rows[which % len(rows)]
                tickets.act(ticket, "cancel", role="supervisor", by="sari", reason="not ours")
    except Refused:
        pass


def test_calls_are_shown_in_the_state_they_were_in(cast):
    """Anna rings, waits, is answered, is gone."""
    from server.calls import services as calls

    Event.objects.create(name="test.begins")
    pictures = []
    for happens in (
        lambda: calls.rang(calls.Ring("c1", "0401000101", "Anna", "100", timezone.now())),
        lambda: calls.queued("c1", at=timezone.now()),
        lambda: calls.answered("c1", "1001", at=timezone.now()),
        lambda: calls.ended("c1", at=timezone.now()),
    ):
        happens()
        pictures.append((timezone.now(), live()["calls"]))
    assert [list(was.values()) for _, was in pictures] == [["ringing"], ["queued"], ["talking"], []]
    for at, was in pictures:
        assert replayed(at)["calls"] == was


# -- crews ----------------------------------------------------------------------------------------


def fix(crew: Crew, at: datetime, lon: float, lat: float, flag: str = "") -> None:
    roster.adopt()
    partitions.ensure([at.astimezone(UTC).date()])
    Fix.objects.create(
        device=Device.objects.get(name=crew.device), seq=Fix.objects.count(), fix_time=at,
        device_time=at, received_at=timezone.now(), lon=lon, lat=lat, accuracy_m=5, flag=flag,
    )  # fmt: skip


def test_a_crew_stands_where_its_last_true_fix_before_the_moment_was(cast):
    """A jump is in the track and never moves the sign; off shift nobody is shown."""
    now = timezone.now()
    Event.objects.create(name="test.begins")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event DISABLE TRIGGER events_are_append_only")
        cursor.execute("UPDATE events_event SET at = %s", [now - timedelta(hours=1)])
        cursor.execute("ALTER TABLE events_event ENABLE TRIGGER events_are_append_only")
    for minutes, place, flag in ((50, "A", ""), (40, "B", ""), (39, "I", "jump"), (30, "C", "")):
        lon, lat = drawn.place(place)
        fix(cast.north, now - timedelta(minutes=minutes), lon, lat, flag)

    def where(minutes: int) -> Any:
        features = selectors.moment(now - timedelta(minutes=minutes), with_crews=True)["crews"]
        shown = {f["properties"]["code"]: f for f in features["features"]}
        assert "night" not in shown
        geometry = shown["north"]["geometry"]
        return geometry and tuple(geometry["coordinates"])

    assert where(55) is None
    assert where(45) == drawn.place("A")
    assert where(38) == drawn.place("B")
    assert where(10) == drawn.place("C")
    Shift.objects.filter(crew=cast.north).update(starts=now - timedelta(minutes=20))
    shown = selectors.moment(now - timedelta(minutes=30), with_crews=True)["crews"]["features"]
    assert "north" not in {f["properties"]["code"] for f in shown}


def test_a_closed_street_is_shown_while_it_was_closed_and_known_to_be(shift, cast):
    """Closed at minute 10, lifted at minute 40; another is written down now for then."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event DISABLE TRIGGER events_are_append_only")
        cursor.execute("UPDATE events_event SET at = %s", [now - timedelta(hours=2)])
        cursor.execute("ALTER TABLE events_event ENABLE TRIGGER events_are_append_only")
    lon, lat = drawn.place("B")
    ring = Polygon(((lon, lat), (lon + 0.001, lat), (lon, lat + 0.001), (lon, lat)), srid=4326)
    known, late = (
        StreetChange.objects.create(
            kind="closed", reason="flood", area=ring, starts_at=now - timedelta(minutes=50),
            accepted_at=now - timedelta(minutes=50), by="mika",
        )
        for _ in range(2)
    )  # fmt: skip
    StreetChange.objects.filter(pk=known.pk).update(
        created_at=now - timedelta(minutes=50), lifted_at=now - timedelta(minutes=20)
    )

    def closed(minutes: float) -> list[int]:
        found = selectors.moment(now - timedelta(minutes=minutes), with_crews=False)["closures"]
        assert all(f["geometry"]["type"] == "Polygon" for f in found["features"])
        return [f["id"] for f in found["features"]]

    assert [closed(m) for m in (55, 30, 10)] == [[], [known.pk], []]
    StreetChange.objects.filter(pk=late.pk).update(created_at=now - timedelta(minutes=15))
    assert closed(10) == [late.pk]


def test_who_looks_at_where_crews_were_is_written_down_once_per_hour_looked_at(
    shift, client_of, cast
):
    shift.register("leak", home="anna")
    at = timezone.now().isoformat()
    control = client_of(cast.mika)
    for _ in range(3):
        answer = control.get("/api/replay", {"at": at})
        assert answer.status_code == 200 and answer.json()["crews"]["features"]
    rows = AuditRow.objects.filter(action="track.view")
    assert [(r.by, r.subject.split(":")[0], r.note) for r in rows] == [("mika", "crews", "replay")]
    assert client_of(cast.sari).get("/api/replay", {"at": at}).status_code == 200
    assert {r.by for r in rows.all()} == {"mika", "sari"}


def test_an_engineer_sees_the_past_without_the_crews(shift, client_of, cast):
    shift.register("leak", home="anna")
    found = client_of(cast.juho).get("/api/replay", {"at": timezone.now().isoformat()}).json()
    assert found["crews_hidden"] and found["crews"]["features"] == []
    assert found["incidents"]["features"]
    assert not AuditRow.objects.filter(action="track.view").exists()


# -- the slider -----------------------------------------------------------------------------------


def test_the_slider_counts_what_happened_and_jumps_to_it(shift, client_of, cast):
    order = burst_from_call_to_water_back(shift)
    begin, end = shift.pictures[0][0], timezone.now()
    control = client_of(cast.mika)
    found = control.get(
        "/api/replay/range", {"from": begin.isoformat(), "to": end.isoformat()}
    ).json()
    counted = {family: sum(n) for family, n in found["families"].items()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, count(*) FROM events_event WHERE at >= %s AND at < %s GROUP BY 1",
            [begin, end],
        )
        names = dict(cursor.fetchall())
    assert counted["incidents"] == names["incident.opened"] == 1
    assert counted["orders"] == names["order.changed"]
    assert counted["valves"] == names["valve.closed"] + names["valve.opened"]
    assert found["earliest"] <= found["from"]

    closings = Event.objects.filter(name__in=("valve.closed", "valve.opened")).order_by("at")
    at, jumped = begin.isoformat(), []
    while True:
        hop = control.get("/api/replay/next", {"at": at, "kind": "valves"}).json()["found"]
        if hop is None:
            break
        jumped.append(hop["at"])
        at = hop["at"]
    assert [datetime.fromisoformat(t) for t in jumped] == [e.at for e in closings]
    back = control.get("/api/replay/next", {"at": end.isoformat(), "direction": "back",
                                            "kind": "orders"}).json()["found"]  # fmt: skip
    assert (back["number"], back["action"]) == (order.number, "complete")


@pytest.mark.parametrize(
    ("url", "query", "field", "code"),
    [("/api/replay", {}, "at", "required"), ("/api/replay", {"at": "soon"}, "at", "not_a_date"),
     ("/api/replay", {"at": "2999-01-01"}, "at", "future"),
     ("/api/replay", {"at": "1999-01-01T00:00:00Z"}, "at", "before_records"),
     ("/api/replay/range", {"from": "2026-02-02", "to": "2026-02-01"}, "to", "before_from"),
     ("/api/replay/range", {"from": "2020-02-02", "to": "2026-02-01"}, "to", "too_long"),
     ("/api/replay/next", {"at": "2026-02-01", "kind": "gossip"}, "kind", "unknown"),
     ("/api/replay/next", {"at": "2026-02-01", "direction": "up"}, "direction", "unknown")],
)  # fmt: skip
def test_a_moment_that_cannot_be_shown_is_refused_naming_the_field(
    shift, client_of, cast, url, query, field, code
):
    answer = client_of(cast.mika).get(url, query)
    assert answer.status_code == 422, answer.content
    error = answer.json()["errors"][0]
    assert (error["field"], error["code"]) == (field, code) and error["text"]


def test_while_years_are_being_read_the_slider_says_so(shift, client_of, cast, monkeypatch):
    monkeypatch.setattr("server.replay.picture.TAIL", 3)
    for _ in range(4):
        Event.objects.create(name="test.happens")
    answer = client_of(cast.mika).get("/api/replay", {"at": datetime.now(UTC).isoformat()})
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["code"] == "still_reading"
