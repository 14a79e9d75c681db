"""The surveyors' new file arrives: read, mapped, checked, compared, approved, taken back.

Through the doors a browser uses; the worker is a call. The files are survey_files.py's.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from shapely import LineString

from server.accounts.models import AuditRow
from server.network import graph
from server.network.models import NetworkVersion, Pipe, Valve
from server.versions import tasks
from server.versions.models import NetworkImport
from tests import town as drawn
from tests.server.survey_files import Pile, pile
from tests.server.surveyors import surveyed

pytestmark = pytest.mark.django_db


@pytest.fixture
def uploads(town, settings, tmp_path):
    settings.STANDPIPE = {**settings.STANDPIPE, "UPLOADS": tmp_path / "uploads", "UPLOAD_MB": 3}
    return tmp_path / "uploads"


@pytest.fixture
def desk(cast, client_of, uploads):
    """Juho at his screen."""
    return Screen(client_of(cast.juho))


class Screen:
    """What a browser does, with the worker at work between two looks."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def send(self, files: Pile, **fields: str) -> Any:
        given = [SimpleUploadedFile(name, file.read()) for name, file in files]
        data = {"files": given, "name": "Survey", "source": "surveyors", **fields}
        return self.client.post("/api/network/imports", data)

    def bring(self, files: Pile, **fields: str) -> dict[str, Any]:
        answer = self.send(files, **fields)
        assert answer.status_code == 201, answer.content
        self.work()
        return self.look(answer.json()["number"])

    def work(self) -> None:
        for d in NetworkImport.objects.filter(state__in=["received", "building", "approving"]):
            if d.state == "received":
                tasks.look_into.func(d.pk)
            elif d.state == "building":
                tasks.build_draft.func(d.pk, d.edition)
            else:
                tasks.put_in_force.func(d.pk)

    def look(self, number: str) -> dict[str, Any]:
        return self.client.get(f"/api/network/imports/{number}").json()

    def do(self, number: str, verb: str, method: str = "post", **said: Any) -> Any:
        answer = getattr(self.client, method)(
            f"/api/network/imports/{number}/{verb}", json.dumps(said), "application/json"
        )
        self.work()
        return answer

    def check(self, number: str) -> dict[str, Any]:
        assert self.do(number, "build").status_code == 202
        return self.look(number)


def by_action(screen: Screen, number: str) -> set[tuple[str, str, str]]:
    found = screen.client.get(f"/api/network/imports/{number}/changes").json()["features"]
    return {(f["properties"]["kind"], f["properties"]["asset"], f["properties"]["action"])
            for f in found}  # fmt: skip


def test_the_surveyors_file_arrives_and_becomes_the_network(desk, cast):
    draft = desk.bring(pile(surveyed()))
    assert draft["state"] == "read"
    assert {name: m["role"] for name, m in draft["schema_map"]["layers"].items()} == {
        "管线": "pipe", "阀门": "valve", "消火栓": "hydrant", "水源": "source"}  # fmt: skip
    assert draft["layers"][0]["sample"][0]["编号"] == "P1"
    assert set(draft["suggested"].values()) == {"suggested"}
    assert [f["sha256"] != "" for f in draft["files"]] == [True] * 4

    draft = desk.check(draft["number"])
    assert draft["state"] == "ready", draft["problems"]
    # Made-up nodes are the ones we have; what the file says nothing of is left alone; the gym,
    # whose main goes, hangs on the new main in its street.
    assert by_action(desk, draft["number"]) == {
        ("pipe", "P8", "changed"), ("pipe", "P12", "removed"), ("pipe", "P13", "added"),
        ("valve", "V13", "added"), ("service", "S-gym", "changed"),
    }  # fmt: skip
    assert draft["readiness"]["verdicts"]["tracing"]["ok"] != "no"
    # Nothing has changed yet: the old version is served.
    assert graph.segment_of("P12") is not None

    start = draft["based_on"]
    before = graph.isolate("P10").segment_pipes
    assert desk.do(draft["number"], "approve").status_code == 202
    draft = desk.look(draft["number"])
    assert (draft["state"], draft["version"]) == ("approved", start + 1)
    # A call about the renewed main finds another segment: P13 closes the loop that P12 was.
    assert set(graph.isolate("P10").segment_pipes) != set(before)
    assert graph.network().pipes["P8"].diameter_mm == 200.0
    assert graph.network().valves["V7"].operable == "yes"

    back = desk.client.post(f"/api/network/versions/{start}/rollback",
                            {"reason": "wrong levels"}, "application/json")  # fmt: skip
    assert back.status_code == 202
    desk.work()
    assert graph.network() == drawn.network()
    shown = desk.client.get("/api/network/imports").json()
    assert [v["kind"] for v in shown["versions"]] == ["rollback", "import", "load"]
    assert (shown["versions"][0]["in_force"], shown["versions"][0]["back_to"]) == (True, start)


def test_the_map_is_remembered_for_whoever_sent_the_file(desk):
    def renamed(layers: Any) -> None:
        layers["消火栓"] = [(g, {"甲": said["编号"]}) for g, said in layers["消火栓"]]

    draft = desk.bring(pile(surveyed(), spoil=renamed))
    schema_map = draft["schema_map"]
    assert "id" not in schema_map["layers"]["消火栓"]["columns"]
    schema_map["layers"]["消火栓"]["columns"]["id"] = "甲"
    assert desk.do(draft["number"], "map", "put", schema_map=schema_map).status_code == 200
    draft = desk.check(draft["number"])
    assert desk.do(draft["number"], "approve").status_code == 202
    again = desk.bring(pile(drawn.network(), spoil=renamed))
    assert again["schema_map"]["layers"]["消火栓"]["columns"]["id"] == "甲"
    assert set(again["suggested"].values()) == {"remembered"}
    stranger = desk.bring(pile(drawn.network(), spoil=renamed), source="somebody else")
    assert "id" not in stranger["schema_map"]["layers"]["消火栓"]["columns"]


def test_a_file_in_the_wrong_system_is_refused_with_those_that_fit(desk, cast):
    draft = desk.bring(pile(surveyed(), epsg=4545))
    draft = desk.check(draft["number"])
    assert draft["state"] == "refused"
    problem = draft["problems"][0]
    assert problem["field"] == "crs"
    assert "EPSG:4545" in problem["text"]
    assert 3879 in [c["epsg"] for c in problem["candidates"]]
    # One click on the system that fits.
    desk.do(draft["number"], "map", "put", schema_map=draft["schema_map"], crs="EPSG:3879")
    assert desk.check(draft["number"])["state"] == "ready"
    cast.juho.language = "zh-hans"
    cast.juho.save()
    desk.client.cookies["standpipe_language"] = "zh-hans"
    again = desk.bring(pile(surveyed(), epsg=4545))
    assert "城市" in desk.check(again["number"])["problems"][0]["text"]


def test_dirty_records_are_set_aside_by_line_while_the_old_network_serves(desk):
    """P12's record has lost its bore, P3 is called like P2; both stay as they are in force."""
    def spoil(layers: Any) -> None:
        for _g, said in layers["管线"]:
            if said["编号"] == "P12":
                said["管径"] = "about this wide"
            if said["编号"] == "P3":
                said["编号"] = "P2"

    draft = desk.bring(pile(drawn.network(), spoil=spoil))
    draft = desk.check(draft["number"])
    assert draft["state"] == "ready", draft["problems"]
    rows = desk.client.get(f"/api/network/imports/{draft['number']}/quarantine").json()["results"]
    found = {(q["layer"], q["line"], q["asset"], q["code"]) for q in rows}
    assert ("管线", 12, "P12", "not_a_number") in found
    assert any(code == "duplicate_id" and line == 3 for _l, line, _a, code in found)
    table = desk.client.get(f"/api/network/imports/{draft['number']}/quarantine.csv")
    text = b"".join(table.streaming_content).decode("utf-8-sig")
    read = list(csv.DictReader(io.StringIO(text)))
    assert {(r["layer"], r["line"]) for r in read} == {(q["layer"], str(q["line"])) for q in rows}
    assert ("pipe", "P12", "kept") in by_action(desk, draft["number"])
    assert graph.isolate("P12").segment_pipes


def test_a_torn_network_is_refused_and_its_records_can_be_looked_at(desk):
    def spoil(layers: Any) -> None:
        for _g, said in layers["管线"][:8]:
            said["管径"] = None

    draft = desk.check(desk.bring(pile(drawn.network(), spoil=spoil))["number"])
    assert draft["state"] == "refused"
    assert draft["problems"][0]["code"] == "too_dirty"
    assert draft["quarantined"] >= 8
    assert desk.do(draft["number"], "approve").status_code == 409


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("a.gpkg", b"SQLite format 3\0" + b"x" * 500, "damaged"), ("a.zip", b"PK\x03\x04junk", ""),
     ("a.geojson", b"{", "damaged"), ("a.txt", b"\xff\xfe\x00", ""), ("a.inp", b"[NOTHING]\n", ""),
     ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, ""), ("empty.csv", b"", "empty")],
)  # fmt: skip
def test_what_is_no_network_is_refused_in_a_sentence(desk, name, content, code):
    draft = desk.bring([(name, io.BytesIO(content))])
    assert draft["state"] == "refused"
    assert draft["problems"][0]["text"]
    assert draft["problems"][0]["code"] == code or not code
    assert draft["problems"][0]["code"] != "failed"


def test_the_door_for_files_says_what_is_missing_or_too_much(desk, uploads):
    assert desk.client.post("/api/network/imports", {}).json()["errors"][0]["field"] == "files"
    large = desk.send([("big.csv", io.BytesIO(b"x" * (3 * 1024 * 1024 + 1)))])
    assert (large.status_code, large.json()["errors"][0]["code"]) == (413, "too_large")
    bad = desk.send(pile(surveyed()), crs="Helsinki")
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "crs")
    assert not NetworkImport.objects.exists()
    assert not list(uploads.glob("*/*"))


def test_names_of_files_cannot_leave_their_folder(desk, uploads):
    draft = desk.bring([("../../../etc/管线.geojson", f) for _n, f in pile(surveyed())[:1]])
    assert [f["name"] for f in draft["files"]] == ["管线.geojson"]
    assert [p.parent.parent for p in uploads.glob("*/*")] == [uploads]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"columns": {"id": "no such"}}, "layers.管线.columns.id"),
     ({"columns": {"colour": "编号"}}, "layers.管线.columns.colour"),
     ({"role": "unicorn"}, "layers.管线.role"), ({"columns": 7}, "layers.管线.columns")],
)  # fmt: skip
def test_a_map_that_makes_no_sense_names_the_field(desk, change, field):
    draft = desk.bring(pile(surveyed()))
    schema_map = draft["schema_map"]
    schema_map["layers"]["管线"] |= change
    answer = desk.do(draft["number"], "map", "put", schema_map=schema_map)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert desk.look(draft["number"])["edition"] == 0 if "edition" in draft else True


def test_who_may_only_look_sees_everything_and_changes_nothing(desk, cast, client_of):
    number = desk.check(desk.bring(pile(surveyed()))["number"])["number"]
    sari = Screen(client_of(cast.sari))
    assert sari.look(number)["state"] == "ready"
    assert by_action(sari, number)
    for verb in ("build", "approve", "discard"):
        assert sari.do(number, verb).status_code == 403
    assert sari.send(pile(surveyed())).status_code == 403
    assert client_of(cast.mika).get(f"/api/network/imports/{number}").status_code == 403


def test_two_approvals_of_two_drafts_end_in_one_version(desk):
    first = desk.check(desk.bring(pile(surveyed()))["number"])["number"]
    second = desk.check(desk.bring(pile(surveyed()))["number"])["number"]
    before = graph.version()
    assert desk.do(first, "approve").status_code == 202
    answer = desk.do(second, "approve")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "moved_on")
    assert graph.version() == before + 1
    # Compared again, there is nothing left to do.
    assert desk.check(second)["summary"] == {}


def test_an_approval_the_street_forbids_says_which_shut_off_and_stays_a_draft(desk, burst):
    network = drawn.network()
    rest = {k: v for k, v in network.valves.items() if k != "V8"}
    draft = desk.check(desk.bring(pile(replace(network, valves=rest)))["number"])
    answer = desk.do(draft["number"], "approve")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "in_use")
    assert answer.json()["shut_off"] == burst.shut_offs.get().number
    assert desk.look(draft["number"])["state"] == "ready"


def test_what_breaks_in_the_worker_is_written_beside_the_draft(desk, monkeypatch):
    from server.versions import services

    draft = desk.check(desk.bring(pile(surveyed()))["number"])

    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(services, "publish", full)
    assert desk.do(draft["number"], "approve").status_code == 202
    draft = desk.look(draft["number"])
    assert draft["state"] == "ready"
    assert "No space left" in draft["problems"][0]["text"]
    assert NetworkVersion.objects.count() == 1


def test_a_draft_that_is_discarded_is_gone_for_good(desk):
    draft = desk.check(desk.bring(pile(surveyed()))["number"])
    assert desk.do(draft["number"], "discard").status_code == 200
    assert desk.do(draft["number"], "approve").status_code == 409
    assert by_action(desk, draft["number"]) == set()
    assert AuditRow.objects.filter(action="network.discard").exists()


def test_customers_are_added_and_changed_but_never_taken_away(desk):
    """A file of customers: Anna moved up the street, a new one at P3, everybody else is missing."""
    from shapely.geometry import Point

    lon, lat = drawn.along("P3", 0.25)
    ax, ay = drawn.along("P8", 0.4)

    def spoil(layers: Any) -> None:
        layers["用户"] = [
            (Point(ax, ay + 0.0001), {"户号": "anna", "地址": "Church Street 23"}),
            (Point(lon, lat + 0.0001), {"户号": "newcomer", "地址": "Mill Street 13"}),
        ]

    draft = desk.bring(pile(drawn.network(), spoil=spoil))
    schema_map = draft["schema_map"]
    schema_map["layers"]["用户"] |= {
        "role": "premise", "columns": {"id": "户号", "address": "地址"}}  # fmt: skip
    desk.do(draft["number"], "map", "put", schema_map=schema_map)
    draft = desk.check(draft["number"])
    assert draft["summary"]["premise"] == {"added": 1, "changed": 1, "kept": 11}
    assert draft["summary"]["service"] == {"added": 1}
    desk.do(draft["number"], "approve")
    assert "newcomer" in graph.isolate("P3").premises
    assert "clinic" in graph.isolate("P8").premises


def test_a_new_street_of_pipes_cuts_the_main_it_starts_from(desk):
    """A branch is laid from the middle of P3: P3 comes back in two parts, Bo keeps his water."""
    x, y = drawn.along("P3", 0.3)

    def spoil(layers: Any) -> None:
        branch = LineString([(x, y), (x, y + 0.001)])
        layers["管线"].append((branch, {"编号": "P20", "管径": 100.0, "管材": "PE",
                                        "建设年代": 2026, "道路名称": "New Lane"}))  # fmt: skip

    draft = desk.check(desk.bring(pile(drawn.network(), spoil=spoil))["number"])
    assert draft["state"] == "ready", draft["problems"]
    desk.do(draft["number"], "approve")
    assert desk.look(draft["number"])["state"] == "approved"
    line = graph.network().services["S-bo"]
    assert line.pipe in graph.network().pipes
    assert "bo" in graph.isolate("P20").premises or Pipe.objects.filter(origin="P3").count() == 2
    assert Valve.objects.get(asset="V3").pipe in graph.network().pipes


@pytest.mark.parametrize("wanted", ["gpkg", "geojson", "csv", "inp"])
def test_what_goes_out_comes_in_again_and_changes_nothing(desk, wanted):
    answer = desk.client.get(f"/api/network/export?format={wanted}")
    assert answer.status_code == 200, answer.content
    name = answer["Content-Disposition"].split('"')[1]
    draft = desk.bring(
        [(name, io.BytesIO(b"".join(answer.streaming_content)))],
        crs="EPSG:3879" if wanted == "inp" else "",
    )
    draft = desk.check(draft["number"])
    assert (draft["state"], draft["summary"]) == ("ready", {}), draft["problems"]


def test_an_export_in_no_known_form_is_refused(desk):
    answer = desk.client.get("/api/network/export?format=dwg")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "format")


def test_the_network_in_force_says_what_it_is_fit_for(desk):
    report = desk.client.get("/api/network/readiness").json()
    assert report["version"] == graph.version()
    assert set(report["verdicts"]) == {"locating", "tracing", "hydraulics"}
