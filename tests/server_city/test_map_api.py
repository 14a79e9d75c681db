"""The doors of the engineer's map: what hangs on an asset, found by the start of its number."""

from __future__ import annotations

import itertools

import pytest
from django.utils import timezone

from server.network import graph, identify
from server.network.models import Manhole, Pipe, Sewer


def test_a_pipe_knows_its_ends_its_valves_its_neighbours_and_its_segment(city, sign_in):
    found = sign_in("engineer").get("/api/assets/P2/identify").json()
    assert found["kind"] == "pipe"
    assert {(n["kind"], n["id"]) for n in found["neighbours"]} == {
        ("node", "A"), ("node", "B"), ("valve", "V1"), ("pipe", "P1"), ("pipe", "P3"),
        ("pipe", "P4")}
    segment = Pipe.objects.get(asset="P2").segment
    inside = Pipe.objects.filter(segment=segment)
    assert found["segment"] == {
        "number": segment, "pipes": inside.count(), "length_m": 111.0 * inside.count(),
        "services": 1}


def test_what_is_open_on_a_main_or_in_its_segment_is_told(city, sign_in):
    from server.outages.models import ShutOff, ValveTask
    from server.tickets.models import Incident

    here = Incident.objects.create(number="I-1", kind="burst", priority="P1", pipe="P3")
    Incident.objects.create(number="I-2", kind="leak", pipe="P3", state="closed")
    Incident.objects.create(
        number="I-3", kind="no_water", pipe="P1", segment=Pipe.objects.get(asset="P3").segment)
    Incident.objects.create(number="I-4", kind="leak", pipe="P1")
    off = ShutOff.objects.create(
        number="S-1", target="P3", plan={"pipes": ["P3"]}, started_at=timezone.now())
    ValveTask.objects.create(shut_off=off, asset="V2", sequence=1)
    client = sign_in("engineer")
    found = client.get("/api/assets/P3/identify").json()
    assert [(i["number"], i["here"]) for i in found["incidents"]] == [("I-1", True), ("I-3", False)]
    assert [s["number"] for s in found["shut_offs"]] == ["S-1"]
    assert [s["number"] for s in client.get("/api/assets/V2/identify").json()["shut_offs"]] == [
        "S-1"]
    assert client.get("/api/assets/P2/identify").json()["shut_offs"] == []
    assert here.number == found["incidents"][0]["number"]


def test_a_sewer_has_manholes_and_troubles_and_no_segment(city, sign_in):
    from server.tickets.models import Incident

    for name, lon in (("M1", 24.943), ("M2", 24.944)):
        Manhole.objects.create(asset=name, geom=f"SRID=4326;POINT({lon} 60.1701)")
    Sewer.objects.create(asset="W1", start="M1", end="M2", length_m=56, diameter_mm=250,
                         geom="SRID=4326;LINESTRING(24.943 60.1701, 24.944 60.1701)")
    Incident.objects.create(number="I-9", kind="sewer", sewer="W1")
    found = sign_in("engineer").get("/api/assets/W1/identify").json()
    assert (found["kind"], found["segment"]) == ("sewer", None)
    assert [n["id"] for n in found["neighbours"]] == ["M1", "M2"]
    assert [i["number"] for i in found["incidents"]] == ["I-9"]


@pytest.mark.parametrize("name", ["V1", "H1", "A", "S-home", "P1"])
def test_every_kind_of_asset_can_be_identified(city, sign_in, name):
    found = sign_in("dispatcher").get(f"/api/assets/{name}/identify").json()
    assert found["neighbours"]
    assert found["segment"]["number"] is not None


def test_an_unknown_asset_is_refused_in_words(city, sign_in):
    answer = sign_in("engineer").get("/api/assets/nothing/identify")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "unknown_asset"


@pytest.mark.parametrize(("q", "ids"), [
    ("p", []), ("P1", ["P1"]), ("p1", ["P1"]), ("V2", ["V2"]), ("s-", ["S-clinic", "S-home",
                                                                       "S-school"]),
    ("%_", []), ("nothing", [])])
def test_assets_are_found_by_how_their_number_begins(city, sign_in, q, ids):
    results = sign_in("engineer").get("/api/find-assets", {"q": q}).json()["results"]
    assert sorted(r["id"] for r in results) == ids
    assert all(24.9 < r["lon"] < 25 and 60 < r["lat"] < 61 for r in results)


def test_the_network_says_what_it_is_made_of(city, sign_in):
    identify._summary.cache_clear()
    told = sign_in("engineer").get("/api/network").json()
    assert told["km"] == 0.444
    assert told["materials"] == [{"value": "PE", "pipes": 4, "km": 0.444}]
    assert {d["value"]: d["pipes"] for d in told["diameters"]} == {300: 1, 150: 1, 100: 2}
    assert told["decades"] == [{"value": 1990, "pipes": 4, "km": 0.444}]


def test_upstream_downstream_and_the_way_of_the_water_are_traced_and_drawn(city, sign_in):
    # R ==P1== A v1-P2-- B v2-P3-- C and B v3-P4- D
    client = sign_in("engineer")
    up = client.get("/api/trace/P3?kind=upstream").json()
    assert sorted(up["pipes"]) == ["P1", "P2", "P3"]
    assert (up["length_m"], up["sources"], up["reached"]) == (333.0, ["R"], True)
    assert len(up["drawn"]["pipes"]["coordinates"]) == 3
    down = client.get("/api/trace/P2?kind=downstream").json()
    assert sorted(down["pipes"]) == ["P2", "P3", "P4"]
    # P2 drawn against the water is turned round on the way from the source.
    Pipe.objects.filter(asset="P2").update(
        start="B", end="A", geom="SRID=4326;LINESTRING(24.944 60.17, 24.942 60.17)")
    graph.forget()
    way = client.get("/api/trace/P3?kind=source_path").json()
    assert way["pipes"] == ["P1", "P2", "P3"]
    lines = way["drawn"]["pipes"]["coordinates"]
    assert all(a[-1] == b[0] for a, b in itertools.pairwise(lines))
    assert lines[0][0] == [24.94, 60.17]


def test_a_plan_can_be_asked_with_valves_stuck_or_shut_already(city, sign_in):
    client = sign_in("engineer")
    plain = client.get("/api/trace/P3").json()
    assert [v["id"] for v in plain["valves"]] == ["V2"]
    stuck = client.get("/api/trace/P3?inoperable=V2").json()
    assert {v["id"] for v in stuck["valves"]} == {"V1", "V3"}
    shut = client.get("/api/trace/P3?inoperable=V2&closed=V1").json()
    assert {v["id"] for v in shut["valves"]} <= {"V3"}
    assert shut["already_closed"] == ["V1"]


def test_a_trace_of_no_known_kind_is_refused(city, sign_in):
    answer = sign_in("engineer").get("/api/trace/P3?kind=sideways")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "kind"
