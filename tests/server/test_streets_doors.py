"""Who is nearest, which way, how far in so many minutes: by HTTP and on the command line.

        Mill Street
    R ------- A ------- B ------- C        crossings are 222 m apart, everybody drives 36 km/h:
              |         |         |        a stretch takes 22.2 s
              D ------- E ------- F        Church Street
              |         |         |
              G ------- H ------- I        Harbour Street

Crew North stands at A, Crew South at G, Crew Meter at E; Crew Night is off shift.
"""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from shapely.geometry import Point, shape

from server.streets import services
from server.streets.reading import circle
from server.workforce.models import Crew, CrewPosition
from tests import town

pytestmark = pytest.mark.django_db


def at(name: str) -> str:
    return ",".join(map(str, town.place(name)))


def between(a: str, b: str, share: float = 0.5) -> tuple[float, float]:
    (x0, y0), (x1, y1) = town.place(a), town.place(b)
    return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


# In Mill Street, nearer to B: nobody is as near as anybody else.
HERE = ",".join(map(str, between("A", "B", 0.6)))


@pytest.fixture
def mika(cast: Any, client_of: Any) -> Any:
    return client_of(cast.mika)


def test_crews_on_shift_come_by_street_time_and_the_first_ones_way_is_drawn(mika: Any):
    answer = mika.get(f"/api/streets/nearest?at={HERE}&geometry=1").json()
    rows = [(r["crew"]["name"], round(r["seconds"], 1), r["metres"]) for r in answer["crews"]]
    assert rows == [
        ("Crew North", 13.3, 133.2), ("Crew Meter", 31.1, 310.8), ("Crew South", 57.7, 577.2),
    ]  # fmt: skip
    assert answer["route"]["seconds"] == 13.3
    assert [s["turn"] for s in answer["route"]["steps"]] == ["depart", "arrive"]
    assert (answer["on_shift"], answer["reachable"]) == (3, 3)


def test_a_crew_counts_from_its_newest_trusted_position(mika: Any, cast: Any):
    now = timezone.now()
    CrewPosition.objects.create(
        crew=cast.south, fix_time=now - timedelta(seconds=30), device_time=now, received_at=now,
        geom=f"SRID=4326;POINT({town.place('C')[0]} {town.place('C')[1]})",
    )  # fmt: skip
    rows = mika.get(f"/api/streets/nearest?at={at('F')}&k=1").json()["crews"]
    assert [(r["crew"]["code"], round(r["seconds"], 1)) for r in rows] == [("south", 22.2)]
    assert 30 <= rows[0]["fix_age_s"] < 40


def test_only_free_crews_when_asked(mika: Any, cast: Any):
    Crew.objects.filter(pk=cast.north.pk).update(state="on_site")
    names = [r["crew"]["code"] for r in
             mika.get(f"/api/streets/nearest?at={at('B')}&free=1").json()["crews"]]  # fmt: skip
    assert names == ["meter", "south"]


def test_a_crew_cut_off_by_closures_stands_last_and_says_why(mika: Any):
    for a, b in ("AB", "AD", "RA"):
        services.close_area(circle(between(a, b), 30), reason="flood", by="mika")
    last = mika.get(f"/api/streets/nearest?at={at('B')}").json()["crews"][-1]
    assert (last["crew"]["code"], last["seconds"], last["note"], last["note_text"]) == (
        "north", None, "unreachable", "no street leads there",
    )  # fmt: skip


def test_the_route_has_turns_and_alternatives(mika: Any):
    found = mika.get(f"/api/streets/route?from={at('A')}&to={at('I')}&alternatives=3").json()
    assert (found["seconds"], found["metres"]) == (88.8, 888.0)
    assert found["geometry"][0] == list(town.place("A"))
    assert found["alternatives"] and all(r["seconds"] >= 88.8 for r in found["alternatives"])


def test_nobody_gets_there_and_the_answer_says_how_far_it_is(mika: Any):
    for a, b in ("AB", "BC", "BE"):
        services.close_area(circle(between(a, b), 30), reason="flood", by="mika")
    answer = mika.get(f"/api/streets/route?from={at('A')}&to={at('B')}")
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["field"], error["code"]) == ("to", "unreachable")
    assert error["text"] == "No street leads there now; straight line 220 m."


def test_who_is_within_a_minute_is_an_area_and_a_closure_shrinks_it(mika: Any):
    def area(query: str) -> Any:
        answer = mika.get(f"/api/streets/isochrone?minutes=0.5&{query}").json()
        return shape(answer["features"][0]["geometry"])

    free = area("crew=north")
    assert free.contains(Point(between("A", "B")))
    assert not free.contains(Point(town.place("I")))
    assert area("").contains(Point(town.place("G")))  # all free crews: South stands there
    services.close_area(circle(between("A", "B"), 30), reason="flood", by="mika")
    assert not area("crew=north").contains(Point(town.place("B")))


def test_the_street_at_a_place_has_side_and_directions(mika: Any):
    lon, lat = between("A", "B")
    found = mika.get(f"/api/streets/at?lon={lon}&lat={lat + 0.0001}").json()
    assert (found["street"], found["kph"]) == ("Mill Street", 36.0)
    assert 10 < found["distance_m"] < 12
    assert sorted(d["towards"] for d in found["directions"]) == ["e", "w"]
    assert found["side"] in ("left", "right")


@pytest.mark.parametrize(
    ("path", "field", "code"),
    [
        ("nearest", "at", "required"),
        ("nearest?at=here", "at", "not_a_position"),
        ("nearest?at=24.93,", "at", "not_a_position"),
        ("nearest?at=60.17,24.93", "at", "swapped_axes"),
        ("nearest?at=25.9,60.17", "at", "outside_city"),
        ("nearest?at=nan,nan", "at", "not_a_position"),
        ("nearest?at=24.93,60.17&k=0", "k", "out_of_range"),
        ("nearest?at=24.93,60.17&k=many", "k", "out_of_range"),
        ("route?from=24.93,60.17", "to", "required"),
        ("route?from=60.17,24.93&to=24.93,60.17", "from", "swapped_axes"),
        ("route?from=24.93,60.17&to=24.934,60.17&alternatives=9", "alternatives", "out_of_range"),
        ("isochrone?minutes=soon", "minutes", "out_of_range"),
        ("isochrone?minutes=0", "minutes", "out_of_range"),
        ("isochrone?crew=nobody", "crew", "unknown"),
        ("isochrone?crew=night", "crew", "unknown"),
        ("at?lon=1", "at", "not_a_position"),
        ("changes?at=yesterday", "at", "malformed"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_by_field(
    mika: Any, path: str, field: str, code: str
):
    answer = mika.get(f"/api/streets/{path}")
    assert answer.status_code == 422, answer.content
    error = answer.json()["errors"][0]
    assert (error["field"], error["code"]) == (field, code)
    assert error["text"]


def test_without_streets_the_answer_is_503(mika: Any, settings: Any, tmp_path: Any):
    from server.streets import index as streets

    settings.STANDPIPE = {**settings.STANDPIPE, "STREETS": tmp_path / "none"}
    streets.forget()
    try:
        answer = mika.get(f"/api/streets/nearest?at={at('B')}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "not_loaded")
    finally:
        streets.forget()


# -- on the command line --------------------------------------------------------------------------


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_the_command_line_gives_what_the_api_gives(mika: Any, cast: Any):
    printed = json.loads(run("nearest", "--at", at("B"), "-k", "2", "--json"))
    asked = mika.get(f"/api/streets/nearest?at={at('B')}&k=2&geometry=1").json()
    for answer in (printed, asked):
        answer.pop("computed_ms")
    assert printed == asked
    printed = json.loads(run("route", "--from", at("A"), "--to", at("I"), "--json"))
    assert printed == mika.get(f"/api/streets/route?from={at('A')}&to={at('I')}").json()


def test_people_read_minutes_and_turns(cast: Any):
    lines = run("nearest", "--at", HERE).splitlines()
    assert lines[0] == "3 crews on shift, by street time to Mill Street:"
    assert lines[1].split() == ["1", "Crew", "North", "13", "s", "133", "m", "Available"]
    lines = run("route", "--from", at("A"), "--to", at("E")).splitlines()
    assert lines[0] == "444 m, 44 s"
    assert lines[-1].split(maxsplit=1)[1].startswith("arrive")
    assert "Mill Street" in lines[1] or "West Lane" in lines[1]


def test_chinese_words_for_a_chinese_reader(cast: Any):
    printed = run("route", "--from", at("A"), "--to", at("E"), "--language", "zh-hans")
    assert "到达" in printed and "arrive" not in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nearest", "--at", "60.17,24.93"), "swapped"),
        (("nearest", "--at", "25.9,60.17"), "outside the city"),
        (("nearest", "--at", "-8.61,41.15"), "outside the city"),
        (("nearest", "--at", "here"), "two numbers"),
        (("route", "--from", "24.93,60.17", "--to", "60.17,24.93"), "swapped"),
        (("nearest", "--at", "24.93,60.17", "-k", "0"), "whole number"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(cast: Any, words: tuple[str, ...], said: str):
    with pytest.raises(CommandError) as no:
        run(*words)
    assert said in str(no.value) and "\n" not in str(no.value)
