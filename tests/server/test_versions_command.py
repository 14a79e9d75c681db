"""The same by command line: a city from layers, a draft, the report, versions, back, and out."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from server.cityload import loading
from server.customers.models import Premise
from server.network import graph
from server.network.models import Manhole, NetworkVersion, Pipe, Sewer
from tests import town as drawn
from tests.server.survey_files import pile
from tests.server.surveyors import surveyed

pytestmark = pytest.mark.django_db


def city(*words: str) -> Any:
    """What `./standpipe city … --json` prints."""
    out = io.StringIO()
    call_command("city", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def files(folder: Path, network: Any, **more: Any) -> list[str]:
    paths = []
    for name, content in pile(network, **more):
        (folder / name).write_bytes(content.read())
        paths.append(str(folder / name))
    return paths


@pytest.fixture
def uploads(town, settings, tmp_path):
    settings.STANDPIPE = {**settings.STANDPIPE, "UPLOADS": tmp_path / "uploads", "UPLOAD_MB": 3}
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def test_a_survey_is_compared_approved_and_taken_back(uploads, tmp_path):
    from server.versions import services

    start = graph.version()
    draft = city("import", *files(uploads, surveyed()), "--source", "surveyors")
    assert (draft["state"], draft["summary"]["pipe"]) == (
        "ready", {"added": 1, "changed": 1, "removed": 1})  # fmt: skip
    assert set(draft["verdicts"]) == {"locating", "tracing", "hydraulics"}
    assert graph.version() == start
    services.approve(services.get(draft["number"]), by="juho")
    assert city("rollback", str(start), "--reason", "wrong levels") == {
        "version": start + 2, "back_to": start}  # fmt: skip
    assert [v["kind"] for v in city("versions")] == ["rollback", "import", "load"]
    assert city("readiness")["version"] == start + 2
    assert city("export", str(tmp_path / "out.gpkg"))["files"] == [str(tmp_path / "out.gpkg")]
    with pytest.raises(CommandError, match="in force"):
        city("rollback", str(start + 2), "--reason", "again")
    with pytest.raises(CommandError, match="--format"):
        city("export", str(tmp_path / "out.dwg"))


def test_a_draft_in_the_wrong_system_says_what_would_fit(uploads, capsys):
    with pytest.raises(CommandError, match="Nothing came"):
        city("import", *files(uploads, surveyed(), epsg=4545))
    assert graph.network() == drawn.network()


def test_a_city_is_loaded_from_layers_with_what_was_set_aside(uploads, monkeypatch, settings,
                                                             tmp_path):  # fmt: skip
    """Twelve mains of which one is nonsense, a street of sewers, and nobody's premises."""
    from shapely.geometry import LineString, Point

    def spoil(layers: Any) -> None:
        layers["管线"][11][1]["管径"] = "wide"
        a, b = drawn.place("A"), drawn.place("B")
        layers["检查井"] = [(Point(a), {"编号": "M1", "井底高程": 8.0}),
                         (Point(b), {"编号": "M2", "井底高程": 7.0})]  # fmt: skip
        layers["污水管"] = [(LineString([a, b]), {"编号": "D1", "管径": 300})]

    said: list[str] = []
    paths = files(uploads, drawn.network(), spoil=spoil)
    loaded = loading.load_city(network=paths, crs=3879, name="Town", say=said.append)
    assert loaded.counts["pipes"] == Pipe.objects.count() >= 11
    assert (Sewer.objects.count(), Manhole.objects.count()) == (1, 2)
    assert loaded.verdicts["tracing"] in ("yes", "with_care")
    assert any("line 12" in line and "P12" in line for line in said)
    assert any(line.startswith("Fit for tracing") for line in said)
    assert not Premise.objects.exists()


def test_layers_nobody_understands_change_nothing(uploads):
    before = NetworkVersion.objects.count()
    paths = files(uploads, drawn.network(), epsg=4545)
    with pytest.raises(CommandError, match="map"):
        loading.load_city(network=paths, schema_map=uploads / "nowhere.json")
    (uploads / "roads.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CommandError):
        loading.load_city(network=[uploads / "roads.csv"])
    assert NetworkVersion.objects.count() == before
    assert graph.network() == drawn.network()
