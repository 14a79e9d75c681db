"""Questions to the network as it stands in the tables."""

from __future__ import annotations

import math
import threading

import pytest
from django.db import connection

from server.accounts.refusals import Refused
from server.network import graph, plans, selectors, tracing
from server.network.models import NetworkVersion, Pipe, Valve
from tests.server_city.conftest import drawn_network


def test_the_network_comes_back_from_the_tables_as_it_went_in(city):
    assert graph.network() == drawn_network()


def test_a_plan_names_the_valves_and_everybody_behind_them(city):
    plan = graph.isolate("P2")
    assert "V1" in plan.valves_to_close
    assert plan.minimal_valves == ("V1",)
    assert set(plan.segment_pipes) == {"P2"}
    assert set(plan.unintended_pipes) == {"P3", "P4"}
    assert set(plan.premises) == {"home", "clinic", "school"}
    assert plan.hydrants_lost == ("H1",)


def test_a_valve_closed_in_the_field_is_a_border_and_not_work(city):
    Valve.objects.filter(asset="V2").update(position="closed")
    plan = graph.isolate("P4")
    assert plan.valves_to_close == ("V3",)
    plan = graph.isolate("P3")
    assert plan.valves_to_close == ()
    assert plan.already_closed == ("V2",)


def test_the_jobs_own_closed_valve_stays_in_its_list(city):
    Valve.objects.filter(asset="V3").update(position="closed")
    assert graph.isolate("P4", still_ours=["V3"]).valves_to_close == ("V3",)


def test_a_stuck_valve_widens_the_plan_and_one_that_turns_again_narrows_it(city):
    assert set(graph.isolate("P4", inoperable=["V3"]).segment_pipes) == {"P2", "P4"}
    Valve.objects.filter(asset="V3").update(operable="no")
    assert set(graph.isolate("P4").segment_pipes) == {"P2", "P4"}
    graph.forget()
    assert set(graph.isolate("P4").segment_pipes) == {"P2", "P4"}
    Valve.objects.filter(asset="V3").update(operable="yes")
    assert set(graph.isolate("P4").segment_pipes) == {"P4"}


def test_a_new_version_of_the_network_is_used_at_once(city):
    before = graph.current()
    assert graph.current() is before
    header = NetworkVersion.objects.get().header
    NetworkVersion.objects.create(number=before.version + 1, source="again", header=header)
    assert graph.current().version == before.version + 1


@pytest.mark.django_db(transaction=True)
def test_threads_that_ask_at_once_share_one_compiled_network(city):
    seen = []

    def ask():
        try:
            seen.append(graph.current())
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert len(seen) == 6
    assert len({id(c) for c in seen}) == 1


def test_a_trace_follows_the_valves_as_they_stand_now(city):
    assert graph.trace("P4", "source_path").pipes == ("P1", "P2", "P4")
    assert set(graph.trace("P2", "downstream").pipes) == {"P2", "P3", "P4"}
    Valve.objects.filter(asset="V3").update(position="closed")
    assert not graph.trace("P4", "source_path").reached
    with pytest.raises(Refused) as refused:
        graph.trace("P4", "sideways")
    assert refused.value.field == "kind"


def test_who_is_dry_with_exactly_these_valves_shut(city):
    assert set(graph.dry(["V1"]).premises) == {"home", "clinic", "school"}
    assert graph.dry(["V3"]).pipes == ("P4",)
    assert graph.dry([]).premises == ()
    with pytest.raises(Refused) as refused:
        graph.dry(["no-such-valve"])
    assert "no-such-valve" in str(refused.value)


def test_every_pipe_knows_its_segment_in_the_tables(city):
    stored = dict(Pipe.objects.values_list("asset", "segment"))
    assert stored == {p: graph.segment_of(p) for p in ("P1", "P2", "P3", "P4")}
    assert len(set(stored.values())) == 4
    assert graph.segment_of("no-such-pipe") is None


def test_an_unknown_asset_is_refused_by_name(city):
    with pytest.raises(Refused) as refused:
        graph.isolate("no-such-pipe")
    assert (refused.value.field, refused.value.code, refused.value.status) == (
        "target", "unknown_asset", 404)
    assert "no-such-pipe" in str(refused.value)


def test_without_a_network_the_answer_says_so(db):
    graph.forget()
    with pytest.raises(Refused) as refused:
        graph.isolate("P2")
    assert refused.value.code == "no_network"


def test_a_plan_is_drawn_with_places_order_and_people(city):
    shown = tracing.answer("P2", geometry=True)
    first = shown["valves"][0]
    assert (first["id"], first["sequence"], first["minimal"], first["state"]) == (
        "V1", 1, True, "open")
    assert first["lon"] == pytest.approx(24.9421)
    drawn = shown["drawn"]
    assert drawn["pipes"]["type"] == drawn["unintended"]["type"] == "MultiLineString"
    assert len(drawn["pipes"]["coordinates"]) == 1
    assert len(drawn["unintended"]["coordinates"]) == 2
    assert shown["customers_off"] == 3
    who = plans.who_is_off(shown["premises"]["ids"])
    assert who["by_class"] == {"home": 1, "hospital": 1, "school": 1}
    assert [c["premise"] for c in who["priority_customers"]] == ["clinic", "school"]


def test_a_premise_is_placed_on_its_service_line(city):
    place = selectors.place_of_premise("clinic")
    assert (place.service, place.pipe) == ("S-clinic", "P3")
    assert place.segment == graph.segment_of("P3")
    assert (place.lon, place.lat) == pytest.approx((24.945, 60.1701))
    assert selectors.place_of_premise("nobody") is None


def test_a_click_beside_a_main_snaps_to_it(city):
    hit = selectors.snap(24.943, 60.1701)
    assert hit.pipe == "P2"
    assert hit.segment == graph.segment_of("P2")
    assert hit.distance_m == pytest.approx(11.1, abs=0.3)
    assert not hit.ambiguous


def test_between_two_mains_the_snap_is_ambiguous_and_shows_both(city):
    hit = selectors.snap(24.9441, 60.17005)
    assert hit.ambiguous
    assert {c.pipe for c in hit.candidates} >= {"P3", "P4"}


def test_far_from_every_main_a_place_stays_unsnapped(city):
    hit = selectors.snap(24.9385, 60.1735)
    assert (hit.pipe, hit.segment, hit.distance_m) == (None, None, None)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [(25.5, 60.17, "outside_city"), (60.170, 24.943, "swapped_axes"),
     (math.nan, 60.17, "not_a_position"), (24.94, math.inf, "not_a_position"),
     ("x", "y", "not_a_position"), (None, None, "not_a_position"),
     (24.94, 91.0, "not_a_position"), (1e300, 0, "not_a_position")],
)
def test_a_place_that_cannot_be_in_the_city_is_refused_with_the_reason(city, lon, lat, code):
    with pytest.raises(Refused) as refused:
        selectors.snap(lon, lat)
    assert (refused.value.field, refused.value.code) == ("place", code)


def test_a_place_outside_says_how_far(city):
    with pytest.raises(Refused) as refused:
        selectors.snap(24.958, 60.170)
    assert refused.value.extra["distance_m"] == pytest.approx(555, abs=15)


def test_zones_and_near_assets(city):
    assert selectors.zone_at(24.943, 60.170).code == "low"
    assert selectors.zone_at(24.90, 60.170) is None
    near = selectors.assets_near(24.944, 60.170, "valve", radius_m=60)
    assert [v.asset for v in near] == ["V2", "V3"]
    assert near[0].distance_m == pytest.approx(5.6, abs=0.3)
    assert selectors.asset("H1")[0] == "hydrant"
    assert selectors.asset_place("P2") == pytest.approx((24.943, 60.170))


# --- doors --------------------------------------------------------------------------------------

def test_assets_in_a_box_are_geojson(city, sign_in):
    url = "/api/assets?kind=valves&bbox=24.9435,60.16,24.95,60.18"
    answer = sign_in("dispatcher").get(url).json()
    assert answer["type"] == "FeatureCollection"
    assert answer["truncated"] is False
    features = {f["id"]: f for f in answer["features"]}
    assert set(features) == {"V2", "V3"}
    assert features["V2"]["properties"]["operable"] == "unknown"
    assert features["V2"]["geometry"]["type"] == "Point"


@pytest.mark.parametrize(
    ("query", "field"),
    [("kind=unicorns", "kind"), ("", "kind"), ("kind=valves&bbox=1,2,3", "bbox"),
     ("kind=valves&bbox=a,b,c,d", "bbox"), ("kind=valves&bbox=nan,0,1,1", "bbox"),
     ("kind=valves&bbox=5,0,1,1", "bbox"), ("kind=valves&bbox=0,0,1,500", "bbox")],
)
def test_a_bad_question_for_assets_names_the_field(city, sign_in, query, field):
    answer = sign_in("dispatcher").get(f"/api/assets?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_one_asset_and_its_trace(city, sign_in):
    client = sign_in("engineer")
    asset = client.get("/api/assets/P2").json()
    assert (asset["id"], asset["properties"]["asset_kind"]) == ("P2", "pipe")
    trace = client.get("/api/trace/P2").json()
    assert trace["customers_off"] == 3
    assert trace["by_class"]["hospital"] == 1
    assert trace["hydraulics"]["status"] == "topology_only"
    wider = client.get("/api/trace/P4?inoperable=V3").json()
    assert len(wider["drawn"]["pipes"]["coordinates"]) == 2
    missing = client.get("/api/trace/nothing")
    assert missing.status_code == 404
    assert missing.json()["errors"][0]["code"] == "unknown_asset"


def test_a_stranger_gets_nothing(city, client):
    assert client.get("/api/assets?kind=valves").status_code in (401, 403)
    assert client.get("/api/trace/P2").status_code in (401, 403)
