"""One question, three doors: the command, the API and what stands in both.

        R ====P1==== A x---P2---- B x---P3---- C
                     x            x            x
                     P4           P5           P6
                     |            |            |
                     D x---P7---- E x---P8---- F      a burst on P8: close V8, V6, V11
                     x            x            x
                     P9           P10          P11
                     G ----P12--- H            I
"""

from __future__ import annotations

import ast
import json
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.gis.geos import LineString, Point
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import translation

import gis_data
from gis_data.plan_ranking import ranked
from server.accounts.refusals import Refused
from server.customers.models import Premise
from server.network import graph, tracing, wording
from server.network.models import (
    NetworkVersion,
    Node,
    Pipe,
    ServiceLine,
    Sewer,
    Station,
    Valve,
)
from tests import town as drawn_town

pytestmark = pytest.mark.django_db
ISSUE = {
    "target", "valves_to_close", "minimal_valves", "segment", "unintended", "premises",
    "hydrants_lost", "alternatives", "warnings",
}  # fmt: skip


@pytest.fixture(autouse=True)
def fresh(town):
    """Tables changed here are compiled anew, here and for whoever comes next."""
    graph.forget()
    yield
    graph.forget()


def say(*words: str) -> str:
    out = StringIO()
    call_command("trace", *words, stdout=out)
    return out.getvalue()


def told(*words: str) -> dict:
    return json.loads(say(*words, "--json"))


# -- isolation ------------------------------------------------------------------------------------


def test_the_answer_has_the_promised_shape():
    found = told("P8")
    assert set(found) >= ISSUE
    assert sorted(found["valves_to_close"]) == ["V11", "V6", "V8"]
    assert sorted(found["minimal_valves"]) == ["V6", "V8"]
    assert found["segment"] == {"pipes": ["P6", "P8"], "nodes": ["F"]}
    assert found["unintended"] == {"pipes": ["P11"], "nodes": ["I"]}
    assert found["premises"] == {
        "total": 4, "by_class": {"dialysis": 1, "home": 1, "school": 1, "shop": 1},
        "ids": ["anna", "clinic", "school", "tea"],
    }  # fmt: skip
    assert found["hydrants_lost"] == ["H1"]
    assert [w["code"] for w in found["warnings"]] == ["unintended"]
    assert found["by_zone"] == {"low": 4} and found["parts"] == []
    assert [v["sequence"] for v in found["valves"]] == [1, 2, 3]
    assert {v["condition"] for v in found["valves"]} == {"yes"}


def test_the_command_and_the_api_say_the_same(cast, client_of):
    with translation.override("en"):
        by_command = told("P8", "--inoperable", "V6")
    by_api = client_of(cast.juho).get("/api/trace/P8?inoperable=V6").json()
    assert {key: by_api[key] for key in ISSUE} == {key: by_command[key] for key in ISSUE}
    assert by_api["drawn"]["pipes"]["type"] == "MultiLineString"
    assert len(by_api["drawn"]["pipes"]["coordinates"]) == len(by_api["segment"]["pipes"])
    assert by_api["customers_off"] == by_api["premises"]["total"] == 5
    bare = client_of(cast.juho).get("/api/trace/P8?inoperable=V6&alternatives=no").json()
    assert by_api["alternatives"] and bare == {**by_api, "alternatives": []}


def test_a_valve_named_shut_already_is_a_boundary_and_no_work():
    found = told("P8", "--closed", "V8")
    assert sorted(found["valves_to_close"]) == ["V11", "V6"]
    assert found["already_closed"] == ["V8"]
    assert "already_closed" in [w["code"] for w in found["warnings"]]


def test_a_valve_under_the_asphalt_counts_once_somebody_says_it_is_dug_out():
    """V6 is paved over: the plan goes round it to V3, or uses it when it is dug out."""
    Valve.objects.filter(asset="V6").update(accessible=False)
    graph.forget()
    round_it = told("P8")
    assert "V3" in round_it["valves_to_close"] and "bo" in round_it["premises"]["ids"]
    assert {w["code"]: w["params"] for w in round_it["warnings"]}["valve_buried"] == {"ids": ["V6"]}
    dug = told("P8", "--usable", "V6")
    assert sorted(dug["valves_to_close"]) == ["V11", "V6", "V8"]
    assert {v["id"]: v["condition"] for v in dug["valves"]}["V6"] == "buried"
    firm = next(a for a in dug["alternatives"] if a["valve"] == "V6")
    assert firm["valves_to_close"] == round_it["valves_to_close"]


def test_plan_b_is_ordered_by_who_is_harmed_not_by_how_many_valves():
    """Without V11 nobody more; without V6 Bo; without V8 everything that hangs on E."""
    found = told("P8")["alternatives"]
    assert [a["valve"] for a in found] == ["V11", "V6", "V8"]
    assert [a["extra_customers"] for a in found] == sorted(a["extra_customers"] for a in found)
    for a in found:
        expected = set(graph.isolate("P8", [a["valve"]]).premises)
        assert set(a["extra_premises"]) == expected - {"anna", "clinic", "school", "tea"}
        assert a["valve"] not in a["valves_to_close"] and a["isolates"]
    assert found[1]["extra_premises"] == ["bo"] and found[1]["extra_valves"] == ["V3"]
    people = [a["people"] for a in found]
    assert people == sorted(people)


def test_plans_with_equal_people_are_ordered_by_the_doubt_about_their_valves():
    """The ranking is pure: plans and what is known of people and valves, nothing looked up."""
    a, b = graph.isolate("P8"), graph.isolate("P8", ["V11"])
    assert a.premises == b.premises
    known = {"persons": {}, "classes": {}}
    order = ranked([a, b], **known, conditions={"V6": "yes", "V8": "yes", "V11": "buried"})
    assert [r.plan for r in order] == [b, a]
    order = ranked([b, a], **known, conditions=dict.fromkeys(("V6", "V8", "V11"), "yes"))
    assert [r.plan for r in order] == [b, a], "then fewer valves"
    one_more = graph.isolate("P8", ["V6"])
    assert [r.plan for r in ranked([one_more, a], **known, conditions={})][-1] == one_more


def test_nothing_isolates_below_a_source_and_the_answer_says_so():
    found = told("P1")
    codes = {w["code"]: w for w in found["warnings"]}
    assert codes["no_valve_before_source"]["params"] == {"source": "R", "target": "P1"}
    assert "R" in codes["no_valve_before_source"]["text"]
    node = told("R")
    assert "no_valve_before_source" in [w["code"] for w in node["warnings"]]


@pytest.mark.parametrize(
    ("name", "kind", "holds"),
    [("V8", "valve", {"P8", "P7"}), ("H1", "hydrant", {"P8"}), ("F", "node", {"P8"}),
     ("node:F", "node", {"P8"}), ("S-anna", "service", {"P8"}), ("anna", "premise", {"P8"})],
)  # fmt: skip
def test_whatever_stands_in_the_street_can_be_asked_about(name, kind, holds):
    assert tracing.find(name).kind == kind
    found = told(name)
    assert found["target"] == name and holds <= set(found["segment"]["pipes"])


def test_priority_customers_come_first_with_the_hours_their_water_lasts():
    """The clinic hangs on a secondary-supply station of 12 m³ at 4 m³/h; the school has a tank."""
    Station.objects.create(asset="ST1", service="S-clinic", tank_m3=12, demand_m3h=4,
                           geom=Point(24.93, 60.17))  # fmt: skip
    ServiceLine.objects.filter(asset="S-clinic").update(station="ST1")
    Premise.objects.filter(code="clinic").update(storage_hours=1)
    Premise.objects.filter(code="school").update(storage_hours=8)
    found = told("P8")["priority_customers"]
    assert [(c["premise"], c["hours_left"]) for c in found] == [("clinic", 3), ("school", 8)]
    assert tracing.find("ST1").element == "S-clinic"


def test_a_pipe_that_was_cut_answers_to_its_name_in_the_file():
    """P8 came as "main-9" and was cut at V8b in its middle, node M: both halves are emptied."""
    whole = Pipe.objects.get(asset="P8")
    e, f = drawn_town.place("E"), drawn_town.place("F")
    middle = ((e[0] + f[0]) / 2, e[1])
    Node.objects.create(asset="M", kind="junction", geom=Point(*middle))
    fields = {"length_m": 111.0, "diameter_mm": whole.diameter_mm, "origin": "main-9"}
    whole.delete()
    for name, start, end, line in (("main-9~1", "E", "M", (e, middle)),
                                   ("main-9~2", "M", "F", (middle, f))):  # fmt: skip
        Pipe.objects.create(asset=name, start=start, end=end, geom=LineString(*line), **fields)
    Valve.objects.filter(asset="V8").update(pipe="main-9~1", node="E")
    Valve.objects.create(asset="V8b", pipe="main-9~2", node="M", geom=Point(*middle))
    ServiceLine.objects.filter(asset="S-anna").update(pipe="main-9~1")
    ServiceLine.objects.filter(asset="S-clinic").update(pipe="main-9~2")
    last = NetworkVersion.objects.order_by("-number").first()
    NetworkVersion.objects.create(number=last.number + 1, source="cut", header=last.header)
    graph.forget()
    found = told("main-9")
    assert sorted(found["valves_to_close"]) == ["V11", "V6", "V8"]
    assert found["segment"]["pipes"].count("main-9") == 1
    assert {p["id"] for p in found["parts"]} == {"main-9~1", "main-9~2"}
    assert found["premises"]["ids"] == ["anna", "clinic", "school", "tea"]
    assert [w["code"] for w in found["warnings"]] == ["unintended"], "V8b is not in the way"
    one = told("main-9~1")
    assert sorted(one["valves_to_close"]) == ["V8", "V8b"]


# -- the other traces -----------------------------------------------------------------------------


def test_the_way_of_the_water_from_its_source():
    found = told("clinic", "--kind", "source_path")
    assert found["pipes"][0] == "P1" and found["pipes"][-1] == "P8" and found["reached"]
    assert found["sources"] == ["R"]
    assert found["length_m"] == pytest.approx(222 * len(found["pipes"]))


def test_downstream_of_a_branch_and_upstream_of_it(cast, client_of):
    assert told("P11", "--kind", "downstream")["pipes"] == ["P11"]
    found = client_of(cast.juho).get("/api/trace/P11?kind=upstream").json()
    assert "P1" in found["pipes"] and "P11" in found["pipes"]
    assert len(found["drawn"]["pipes"]["coordinates"]) == len(found["pipes"])
    cut = client_of(cast.juho).get("/api/trace/P11?kind=upstream&closed=V11").json()
    assert not cut["reached"] and cut["warnings"][0]["code"] == "not_reached"


# -- bad questions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "near"),
    [("P88", "P8"), ("p8", "P8"), ("P008", "P8"), ("V-8", "V8"), ("S-ana", "S-anna")],
)
def test_a_name_that_is_nearly_right_is_met_with_the_right_one(cast, client_of, name, near):
    answer = client_of(cast.juho).get(f"/api/trace/{name}")
    assert answer.status_code == 404
    body = answer.json()
    assert body["errors"][0]["field"] == "target" and near in body["suggestions"]
    assert near in body["errors"][0]["text"]
    with pytest.raises(CommandError, match=near):
        say(name)


def test_a_sewer_is_told_from_a_main(cast, client_of):
    assert Sewer.objects.filter(asset="SW1").exists()
    answer = client_of(cast.juho).get("/api/trace/SW1")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "is_sewer"
    with pytest.raises(CommandError, match="water valves do not isolate"):
        say("SW1")


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [("inoperable=V8,V99", "inoperable", "unknown_valve"), ("closed=P8", "closed", "unknown_valve"),
     ("kind=sideways", "kind", "unknown_kind"), ("inoperable=%00", "inoperable", "unknown_valve")],
)  # fmt: skip
def test_a_bad_question_names_its_field(cast, client_of, query, field, code):
    answer = client_of(cast.juho).get(f"/api/trace/P8?{query}")
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["field"], error["code"]) == (422, field, code)


@pytest.mark.parametrize("name", ["%20", "node:", "%00", "'; DROP TABLE", "x" * 300, "管道", "%"])
def test_names_nobody_would_type_are_refused_not_failed(cast, client_of, name):
    assert client_of(cast.juho).get(f"/api/trace/{name}").status_code == 404


def test_without_a_network_that_is_what_is_said(db):
    from server.network.models import NetworkVersion

    NetworkVersion.objects.all().delete()
    with pytest.raises(Refused) as no:
        tracing.answer("P8")
    assert no.value.code == "no_network"
    with pytest.raises(CommandError, match="No pipe network"):
        say("P8")


def test_the_command_speaks_to_people_in_both_languages():
    english, chinese = say("P8", "--language", "en"), say("P8", "--language", "zh-hans")
    first = told("P8")["valves_to_close"][0]
    assert f"  1  {first} " in english and "East Clinic" in english and "H1" in english
    assert "without V6: premises more: 1; also close: V3" in english
    assert "V6" in chinese and "close" not in chinese and "remises" not in chinese
    for kind in ("upstream", "downstream", "connected", "source_path"):
        path = say("anna", "--kind", kind, "--language", "zh-hans")
        assert kind not in path and "anna" in path
    assert "P1 → " in path
    assert say("R", "--language", "zh-hans").startswith("! ")


# -- warnings -------------------------------------------------------------------------------------


def _codes_of_gis_data() -> set[str]:
    """The codes of every Warning(...) in the library, read from its source."""
    found = set()
    for path in Path(gis_data.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Warning"), args=[ast.Constant(value=code), *_]):
                    found.add(str(code))
    return found


def test_every_warning_of_the_library_has_words():
    assert _codes_of_gis_data() - {code for code, _pattern, _words in wording.TABLE} == set()


@pytest.mark.parametrize(
    ("target", "more", "code"),
    [("P1", {}, "no_valve_before_source"), ("P8", {"inoperable": ["V6"]}, "inoperable_valve"),
     ("P8", {"also_closed": ["V8"]}, "already_closed"), ("P8", {}, "unintended"),
     ("P11", {"also_closed": ["V11"]}, "already_without_supply")],
)  # fmt: skip
def test_a_warning_is_said_again_in_chinese_with_the_same_assets(target, more, code):
    plan = graph.isolate(target, **more)
    (warning,) = [w for w in plan.warnings if w.code == code]
    row = {"code": warning.code, "text": warning.text}
    with translation.override("en"):
        english = wording.warning_in_words(row)
    assert english["text"] == warning.text and english["params"]
    with translation.override("zh-hans"):
        chinese = wording.warning_in_words(row)
    assert chinese["text"] != warning.text and chinese["params"] == english["params"]
    named = english["params"].get("ids") or [str(v) for v in english["params"].values()]
    assert all(name in chinese["text"] for name in named)


def test_a_warning_nobody_knows_keeps_its_own_words():
    assert wording.warning_in_words({"code": "new", "text": "Mind the gap."}) == {
        "code": "new", "text": "Mind the gap.", "params": {},
    }  # fmt: skip
