"""Closed and slow streets: made, extended, lifted; counted by every answer from the next one on.

        Mill Street
    R ------- A ------- B ------- C        crossings are 222 m apart, everybody drives 36 km/h:
              |         |         |        a stretch takes 22.2 s
              D ------- E ------- F        Church Street
              |         |         |
              G ------- H ------- I        Harbour Street

Crew North stands at A, Crew South at G, Crew Meter at E.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import shapely
from django.db import connection, transaction
from django.utils import timezone

from routing.index import StreetIndex
from routing.model import Origin
from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.events.models import Event
from server.streets import index as streets
from server.streets import services
from server.streets.models import StreetChange
from server.streets.reading import circle
from tests import town

pytestmark = pytest.mark.django_db


def seconds(a: str, b: str) -> float:
    return round(streets.route(town.place(a), town.place(b)).seconds, 1)


def between(a: str, b: str, share: float = 0.5) -> tuple[float, float]:
    (x0, y0), (x1, y1) = town.place(a), town.place(b)
    return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


def pool(a: str, b: str, radius: float = 30.0) -> shapely.Polygon:
    """Water on the street between two crossings."""
    return circle(between(a, b), radius)


def test_a_flooded_street_is_driven_round_until_it_is_lifted(town: Any):
    assert seconds("A", "B") == 22.2
    flood = services.close_area(pool("A", "B"), reason="flood", by="mika")
    assert flood.streets == ["Mill Street"]
    assert seconds("A", "B") == 66.6
    services.lift(flood, by="mika", reason="dry again")
    assert seconds("A", "B") == 22.2


def test_who_stands_in_the_water_gets_out_and_is_marked(town: Any):
    services.close_area(pool("A", "B"), reason="flood", by="mika")
    crew = Origin("1", *between("A", "B"))
    (reach,) = streets.reach(town.place("E"), [crew])
    assert (round(reach.seconds or 0, 1), reach.note) == (33.3, "on_closed_street")


def test_a_closure_begins_and_ends_by_its_time(town: Any, monkeypatch: pytest.MonkeyPatch):
    now = timezone.now()
    services.close_area(
        pool("A", "B"), reason="event", by="mika",
        starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2),
    )  # fmt: skip
    later = {"by": timedelta()}
    monkeypatch.setattr(streets.timezone, "now", lambda: now + later["by"])
    found = []
    for minutes in (0, 59, 61, 119, 121):
        later["by"] = timedelta(minutes=minutes)
        streets.index(fresh=True)
        found.append(seconds("A", "B"))
    assert found == [22.2, 22.2, 66.6, 66.6, 22.2]


def test_nobody_asks_the_database_more_than_twice_a_second(
    town: Any, django_assert_num_queries: Any
):
    streets.index()
    with django_assert_num_queries(0):
        for _ in range(20):
            streets.index()


def test_a_closure_about_to_end_is_asked_about_sooner(
    town: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streets, "AGE_S", 3600.0)
    ends = timezone.now() + timedelta(seconds=60)
    services.close_area(pool("A", "B"), reason="event", by="mika", ends_at=ends)
    assert seconds("A", "B") == 66.6
    held = streets._held
    assert held is not None and held.good_until - streets.time.monotonic() <= 60


def test_one_direction_alone_can_be_closed(town: Any):
    index = streets.opened()
    way = index.snap(*between("A", "B")).edge
    services.close_street([way], reason="works", by="mika")
    assert {seconds("A", "B"), seconds("B", "A")} == {22.2, 66.6}


def test_pointing_at_a_street_closes_it_from_crossing_to_crossing(town: Any):
    services.close_street(at=between("D", "E"), reason="accident", by="mika")
    assert (seconds("D", "E"), seconds("E", "D"), seconds("A", "B")) == (66.6, 66.6, 22.2)


def test_a_slow_street_slows_and_never_speeds_up(town: Any):
    slow = services.slow_area(pool("A", "B"), reason="works", by="mika", kph=18)
    assert seconds("A", "B") == 44.4
    services.lift(slow, by="mika")
    services.slow_area(pool("A", "B"), reason="works", by="mika", kph=90)
    assert seconds("A", "B") == 22.2
    services.slow_area(pool("A", "B"), reason="works", by="mika", factor=0.5)
    assert seconds("A", "B") == 44.4
    services.close_area(pool("A", "B"), reason="flood", by="mika")
    assert seconds("A", "B") == 66.6


def test_two_closures_of_one_street_are_lifted_one_by_one(town: Any):
    first = services.close_area(pool("A", "B"), reason="flood", by="mika")
    second = services.close_area(pool("A", "B", 60), reason="event", by="mika")
    services.lift(first, by="mika")
    assert seconds("A", "B") == 66.6
    services.lift(second, by="mika")
    assert seconds("A", "B") == 22.2


def test_what_is_over_stays_over(town: Any):
    flood = services.close_area(pool("A", "B"), reason="flood", by="mika")
    services.lift(flood, by="mika")
    for again in (services.lift, services.extend):
        with pytest.raises(Conflict):
            again(flood, by="sari", **({"ends_at": None} if again is services.extend else {}))


def test_an_end_can_be_moved_or_taken_away(town: Any):
    soon = timezone.now() + timedelta(hours=1)
    flood = services.close_area(pool("A", "B"), reason="flood", by="mika", ends_at=soon)
    flood = services.extend(flood, ends_at=soon + timedelta(hours=1), by="sari")
    flood = services.extend(flood, ends_at=None, by="sari")
    assert flood.ends_at is None
    with pytest.raises(Refused) as no:
        services.extend(flood, ends_at=timezone.now() - timedelta(minutes=1), by="sari")
    assert no.value.field == "ends_at"


def test_every_verb_leaves_an_audit_row_and_an_event(town: Any):
    flood = services.close_area(pool("A", "B"), reason="flood", note="hydrant", by="mika")
    services.extend(flood, ends_at=timezone.now() + timedelta(hours=1), by="mika")
    services.lift(flood, by="sari", reason="dry")
    rows = AuditRow.objects.filter(subject=f"street:{flood.pk}")
    assert [(r.action, r.by) for r in rows] == [
        ("street.close", "mika"), ("street.extend", "mika"), ("street.lift", "sari"),
    ]  # fmt: skip
    told = [e.payload["phase"] for e in Event.objects.filter(name="streets.changed").order_by("pk")]
    assert told == ["made", "extended", "lifted"]


def test_what_begins_and_ends_by_time_is_told_once(town: Any):
    now = timezone.now()
    services.close_area(
        pool("A", "B"), reason="event", by="mika",
        starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2),
    )  # fmt: skip
    moments = [now + timedelta(minutes=m) for m in (30, 61, 62, 121, 130)]
    assert [services.tell_due(m) for m in moments] == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("area", "code"),
    [
        (circle((24.9301, 60.1752), 5), "outside_city"),
        (circle((24.9321, 60.1690), 5), "no_street"),
        (shapely.box(60.165, 24.92, 60.17, 24.94), "swapped_axes"),
    ],
)
def test_an_area_without_a_street_is_refused_with_the_reason(town: Any, area: Any, code: str):
    with pytest.raises(Refused) as no:
        services.close_area(area, reason="flood", by="mika")
    assert (no.value.field, no.value.code) == ("area", code)
    assert not StreetChange.objects.exists()


def test_a_closure_rolled_back_is_in_force_nowhere(town: Any):
    with pytest.raises(RuntimeError), transaction.atomic():
        services.close_area(pool("A", "B"), reason="flood", by="mika")
        assert seconds("A", "B") == 66.6  # whoever writes sees what it wrote
        raise RuntimeError
    streets.index(fresh=True)
    assert seconds("A", "B") == 22.2
    # Another one at the same place in the count is not taken for the first.
    services.close_area(pool("D", "E"), reason="flood", by="mika")
    assert (seconds("A", "B"), seconds("D", "E")) == (22.2, 66.6)


def test_who_writes_past_the_services_is_noticed_too(town: Any):
    flood = services.close_area(pool("A", "B"), reason="flood", by="mika")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE streets_streetchange SET lifted_at = now(), version = 9 WHERE id = %s",
            [flood.pk],
        )
    streets.index(fresh=True)
    assert seconds("A", "B") == 22.2


def test_a_newer_file_of_streets_keeps_the_closures(town: Any, settings: Any, tmp_path: Any):
    """The second file numbers its junctions otherwise, as a file simplified anew does."""
    import networkx as nx

    services.close_area(pool("A", "B"), reason="flood", by="mika")
    one_way = streets.opened().snap(*between("D", "E")).edge
    services.close_street([one_way], reason="works", by="mika")
    before = {(a, b): seconds(a, b) for a in "ABDE" for b in "ABDE" if a != b}
    newer = nx.relabel_nodes(town.street_graph(), lambda n: n + 1000)
    StreetIndex.compile(newer).save(tmp_path / "newer")
    settings.STANDPIPE = {**settings.STANDPIPE, "STREETS": tmp_path / "newer"}
    streets.forget()
    try:
        assert {(a, b): seconds(a, b) for a in "ABDE" for b in "ABDE" if a != b} == before
    finally:
        streets.forget()


def test_a_dispatcher_closes_extends_and_lifts_through_the_door(
    cast: Any, client_of: Any, town: Any
):
    mika = client_of(cast.mika)
    lon, lat = between("A", "B")
    made = mika.post(
        "/api/streets/changes",
        {"centre": [lon, lat], "radius_m": 30, "reason": "flood", "note": "Main open",
         "ends_at": (timezone.now() + timedelta(hours=2)).isoformat()},
        content_type="application/json",
    )  # fmt: skip
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["streets"], row["state"], row["edges"]) == (["Mill Street"], "in_force", 2)
    assert len(row["course"]["coordinates"]) == 1  # two directions, drawn once
    assert mika.get("/api/streets/changes").json()["changes"][0]["id"] == row["id"]
    longer = mika.post(f"/api/streets/changes/{row['id']}/extend", {"ends_at": ""},
                       content_type="application/json")  # fmt: skip
    assert longer.json()["ends_at"] is None
    done = mika.post(f"/api/streets/changes/{row['id']}/lift", {"reason": "dry"},
                     content_type="application/json")  # fmt: skip
    assert done.json()["state"] == "lifted"
    again = mika.post(f"/api/streets/changes/{row['id']}/lift", {}, content_type="application/json")
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "edges"),
        ({"at": [1, 2, 3]}, "at"),
        ({"at": "nowhere"}, "at"),
        ({"centre": [24.932, 60.17], "radius_m": "wide"}, "radius_m"),
        ({"centre": [60.17, 24.932], "radius_m": 30}, "centre"),
        ({"area": {"type": "Point", "coordinates": [24.932, 60.17]}}, "area"),
        ({"area": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}, "area"),
        ({"area": {"type": "Polygon", "coordinates": [[[24.93, 60.17], [24.94, 60.165],
                   [24.93, 60.165], [24.94, 60.17], [24.93, 60.17]]]}}, "area"),
        ({"area": "here"}, "area"),
        ({"edges": [[1, 2]]}, "edges"),
        ({"edges": [[1, 2, 99]]}, "edges"),
        ({"at": [24.932, 60.17], "reason": "because"}, "reason"),
        ({"at": [24.932, 60.17], "ends_at": "tomorrow"}, "ends_at"),
        ({"at": [24.932, 60.17], "ends_at": "2020-01-01T00:00"}, "ends_at"),
        ({"at": [24.932, 60.17], "starts_at": "2020-01-01T00:00"}, "starts_at"),
        ({"kind": "shut", "at": [24.932, 60.17]}, "kind"),
        ({"kind": "slowed", "at": [24.932, 60.17]}, "area"),
        ({"kind": "slowed", "centre": [24.932, 60.17], "radius_m": 30}, "kph"),
        ({"kind": "slowed", "centre": [24.932, 60.17], "radius_m": 30, "kph": "x"}, "kph"),
        ({"kind": "slowed", "centre": [24.932, 60.17], "radius_m": 30, "factor": 2}, "factor"),
    ],
)  # fmt: skip
def test_a_closure_that_cannot_be_is_refused_by_field(
    cast: Any, client_of: Any, data: dict[str, Any], field: str
):
    answer = client_of(cast.mika).post(
        "/api/streets/changes", json.dumps({"reason": "flood", **data}),
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["field"] == field
    assert not StreetChange.objects.exists()
