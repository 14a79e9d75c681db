"""What goes out comes back in, in every format as far as it can hold it, without a person."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon

from gis_data.drainage import Drainage, Manhole, Sewer
from gis_data.exporting import ExportFormat, ExportRefused, export
from gis_data.exporting.tables import COLUMNS, ELEMENTS
from gis_data.helsinki import City
from gis_data.importing import Built, PremiseRow, ZoneRow, build, problems, read_layers, suggest_map

KINDS = ("nodes", "pipes", "valves", "controls", "hydrants", "services", "stations")
DRAINAGE = Drainage(
    3067,
    {
        "M1": Manhole("M1", 24.94, 60.17, 10.0, 8.0),
        "M2": Manhole("M2", 24.941, 60.17, 9.5, 7.5, "outfall"),
    },
    {
        "W1": Sewer("W1", "M1", "M2", LineString([(24.94, 60.17), (24.941, 60.17)]), 55.4, 300.0,
                    "PVC", 1990, "storm", 8.0, 7.5, "Kaivokatu"),
    },
)  # fmt: skip
SQUARE = MultiPolygon([Polygon([(24.9, 60.1), (25.0, 60.1), (25.0, 60.2), (24.9, 60.2)])])
ZONES = [ZoneRow("low", "Low zone", "pressure", SQUARE)]


def premises(city: City) -> list[PremiseRow]:
    fed = {s.premise: s.id for s in city.network.services.values()}
    return [
        PremiseRow(p.id, p.lon, p.lat, fed[p.id], p.address, p.street, p.number, p.name,
                   p.use, p.persons, p.floors)
        for p in city.premises[:50]
    ]  # fmt: skip


def there_and_back(city: City, path: Path, kind: ExportFormat) -> Built:
    export(city.network, path, kind, DRAINAGE, premises=premises(city), zones=ZONES)
    layers = read_layers(path)
    schema_map = suggest_map(layers)
    assert [p for p in problems(schema_map, layers) if p.severity == "error"] == []
    built = build(layers, schema_map, crs=3067 if kind == "inp" else None)
    assert built.quarantine == []
    return built


def alike(one: Any, two: Any) -> bool:
    """Equal, with places within a millimetre."""
    for f in fields(one):
        a, b = getattr(one, f.name), getattr(two, f.name)
        if isinstance(a, LineString):
            if not shapely.equals_exact(a, b, tolerance=2e-8):
                return False
        elif f.name in ("lon", "lat"):
            if abs(a - b) > 2e-8:
                return False
        elif a != b:
            return False
    return True


@pytest.mark.parametrize(
    ("name", "kind"), [("city.gpkg", "gpkg"), ("city.zip", "geojson"), ("city.zip", "csv")]
)
def test_everything_comes_back(
    helsinki: City, tmp_path: Path, name: str, kind: ExportFormat
) -> None:
    network = helsinki.network
    built = there_and_back(helsinki, tmp_path / name, kind)
    for group in KINDS:
        before, after = getattr(network, group), getattr(built.network, group)
        assert list(before) == list(after)
        assert [n for n in before if not alike(before[n], after[n])] == []
    for rest in ("crs_measure", "patterns", "pattern_step_s", "default_pattern", "rules",
                 "rule_blocks", "headloss"):  # fmt: skip
        assert getattr(built.network, rest) == getattr(network, rest)
    assert built.drainage is not None
    for group in ("manholes", "sewers"):
        before, after = getattr(DRAINAGE, group), getattr(built.drainage, group)
        assert all(alike(before[n], after[n]) for n in before)
    kept = {p.id: p for p in built.premises}
    for row in premises(helsinki):
        assert (kept[row.id].address, kept[row.id].persons, kept[row.id].service) == (
            row.address, row.persons, row.service,
        )  # fmt: skip
    (zone,) = built.zones
    assert (zone.id, zone.name, zone.kind) == ("low", "Low zone", "pressure")


def test_an_epanet_file_keeps_what_epanet_knows(helsinki: City, tmp_path: Path) -> None:
    network = helsinki.network
    built = there_and_back(helsinki, tmp_path / "city.inp", "inp")
    assert {p.id: (p.start, p.end, p.diameter_mm, p.length_m) for p in network.pipes.values()} == {
        p.id: (p.start, p.end, p.diameter_mm, p.length_m) for p in built.network.pipes.values()
    }
    assert {v.id: (v.pipe, v.node, v.normally_open) for v in network.valves.values()} == {
        v.id: (v.pipe, v.node, v.normally_open) for v in built.network.valves.values()
    }
    assert set(built.network.patterns) == set(network.patterns)
    for name, steps in network.patterns.items():
        assert built.network.patterns[name] == pytest.approx(steps)


def test_geojson_is_as_rfc_7946_wants_it(helsinki: City, tmp_path: Path) -> None:
    paths = export(helsinki.network, tmp_path / "out", "geojson", zones=ZONES)
    assert {p.name for p in paths} >= {"pipes.geojson", "valves.geojson", "zones.geojson"}
    for path in paths:
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["type"] == "FeatureCollection"
        assert "crs" not in data
        for feature in data["features"]:
            assert feature["type"] == "Feature"
            assert set(feature) == {"type", "id", "properties", "geometry"}
    zone = json.loads((tmp_path / "out" / "zones.geojson").read_text())["features"][0]
    ring = zone["geometry"]["coordinates"][0][0]
    assert Polygon(ring).exterior.is_ccw


def test_a_geopackage_in_the_measuring_system_has_metres(helsinki: City, tmp_path: Path) -> None:
    path = tmp_path / "city.gpkg"
    export(helsinki.network, path, "gpkg", crs=3067)
    layer = read_layers(path)["pipes"]
    assert layer.crs is not None
    assert layer.crs.epsg == 3067
    first = helsinki.network.pipes[layer.columns["id"][0]]
    assert layer.geometry[0].length == pytest.approx(first.length_m, rel=0.02)


def test_what_cannot_be_written_is_refused(helsinki: City, tmp_path: Path) -> None:
    for arguments, field in (
        ({"format": "dwg"}, "format"),
        ({"format": "geojson", "crs": 3067}, "crs"),
        ({"format": "inp", "crs": 4326}, "crs"),
    ):
        with pytest.raises(ExportRefused) as caught:
            export(helsinki.network, tmp_path / "x", **arguments)  # type: ignore[arg-type]
        assert caught.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_a_spreadsheet_would_run_is_only_a_name(tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.gis_data.town import town

    network = town("R-o-A")
    pipe = replace(network.pipes["RA"], street="=HYPERLINK(1)")
    export(replace(network, pipes={"RA": pipe}), tmp_path, "csv")
    text = (tmp_path / "pipes.csv").read_text(encoding="utf-8-sig")
    assert " =HYPERLINK(1)" in text
    assert ",=HYPERLINK" not in text
    layers = read_layers(tmp_path / "pipes.csv")
    assert build(layers, suggest_map(layers)).network.pipes["RA"].street == "=HYPERLINK(1)"


def test_no_attribute_is_forgotten() -> None:
    """Every field of every asset has a column, or is its place."""
    places = {"lon", "lat", "geometry", "layer", "line", "tank"}
    spelled = {"normally_open": "normal_position"}
    for name, element in ELEMENTS.items():
        wanted = {spelled.get(f.name, f.name) for f in fields(element)} - places
        assert wanted <= {column for column, _, _ in COLUMNS[name]}, name
