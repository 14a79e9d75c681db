"""Whatever a utility sends of one little town, the same network comes of it."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gis_data.importing import (
    Built,
    ImportRefused,
    Limits,
    build,
    problems,
    read_layers,
    suggest_map,
    together,
)
from tests.gis_data.importing import files


def built(path: Path, **how: Any) -> Built:
    layers = read_layers(path)
    schema_map = suggest_map(layers)
    assert [p for p in problems(schema_map, layers) if p.severity == "error"] == []
    return build(layers, schema_map, city_bounds=files.XIAN, **how)


def is_the_town(found: Built) -> None:
    """What the drawing in `files` says, counted by hand."""
    assert found.quarantine == []
    network = found.network
    assert network.crs_measure == files.EPSG
    # GX2 is cut at the tee of GX3 and at the valve in its middle.
    assert set(network.pipes) == {"GX1", "GX2~1", "GX2~2", "GX2~3", "GX3"}
    assert {p.origin for p in network.pipes.values()} == {"", "GX2"}
    assert [p.material for p in network.pipes.values()] == ["DI", "PE", "PE", "PE", "CI"]
    assert [p.year for p in network.pipes.values()] == [1998, 2005, 2005, 2005, 1975]
    lengths = [round(p.length_m) for p in network.pipes.values()]
    assert lengths == [100, 60, 60, 80, 80]
    big, small = network.valves["FM1"], network.valves["FM2"]
    assert (big.pipe, big.kind, big.normally_open, big.operable) == (
        "GX2~2", "butterfly", True, "no",
    )  # fmt: skip
    assert big.node == network.pipes["GX2~2"].end == network.pipes["GX2~3"].start
    assert (small.pipe, small.kind, small.normally_open, small.operable) == (
        "GX3", "gate", False, "yes",
    )  # fmt: skip
    assert small.node == network.pipes["GX3"].start == network.pipes["GX2~1"].end
    hydrant = network.hydrants["XHS1"]
    assert (hydrant.node, hydrant.outlet_mm) == (network.pipes["GX3"].end, 65)
    assert network.pipes["GX1"].start == "SC1"
    assert network.nodes["SC1"].head_m == 450
    assert not [f for f in network.validate() if f.severity == "error"]


def test_a_geopackage_with_a_layer_for_each_kind(tmp_path: Path) -> None:
    is_the_town(built(files.geopackage(tmp_path / "town.gpkg")))


@pytest.mark.parametrize(
    ("encoding", "cpg", "mark"),
    [("GBK", False, 0), ("GBK", False, 0x4D), ("UTF-8", True, 0), ("UTF-8", False, 0)],
)
def test_a_zip_of_shapefiles_in_whatever_encoding(
    tmp_path: Path, encoding: str, cpg: bool, mark: int
) -> None:
    path = files.shapefiles(tmp_path / "town.zip", encoding=encoding, cpg=cpg, mark=mark)
    is_the_town(built(path))


def test_shapefiles_without_a_system_are_refused_until_it_is_declared(tmp_path: Path) -> None:
    path = files.shapefiles(tmp_path / "town.zip", prj=False)
    with pytest.raises(ImportRefused) as caught:
        built(path)
    assert caught.value.code == "crs_missing"
    assert caught.value.field.startswith("layers.")
    is_the_town(built(path, crs=files.EPSG))


def test_geojson_with_a_system_of_its_own(tmp_path: Path) -> None:
    parts = [
        read_layers(
            files.geojson(tmp_path / f"{name}.json", rows, f"urn:ogc:def:crs:EPSG::{files.EPSG}")
        )
        for name, rows in files.TOWN.items()
    ]
    layers = together(*parts)
    is_the_town(build(layers, suggest_map(layers), city_bounds=files.XIAN))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_coordinates(tmp_path: Path, encoding: str, delimiter: str) -> None:
    texts = {}
    for name, rows in files.TOWN.items():
        heads = [k for k in rows[0] if k != "geometry"]
        is_line = rows[0]["geometry"].geom_type == "LineString"
        places = ["起点X", "起点Y", "终点X", "终点Y"] if is_line else ["X坐标", "Y坐标"]
        table = [delimiter.join([*heads, *places])]
        for row in rows:
            coordinates = [f"{v:.3f}" for c in row["geometry"].coords for v in c]
            table.append(delimiter.join([*(str(row[h]) for h in heads), *coordinates]))
        texts[name] = "\r\n".join(table)
    path = tmp_path / "town.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(f"{name}.csv", text.encode(encoding))
    is_the_town(built(path, crs=files.EPSG))


def test_a_gzipped_table_with_wkt_and_a_line_break_in_a_field(tmp_path: Path) -> None:
    text = (
        "id,diameter (inch),street,geom\r\n"
        f'P1,6,"First\nStreet","LINESTRING ({files.X} {files.Y}, {files.X + 50} {files.Y})"\r\n'
        f'P2,wide,Second,"LINESTRING ({files.X + 50} {files.Y}, {files.X + 90} {files.Y})"\r\n'
    )
    path = tmp_path / "pipes.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    layers = read_layers(path)
    made = build(layers, suggest_map(layers), crs=files.EPSG)
    assert made.network.pipes["P1"].diameter_mm == pytest.approx(152.4)
    # The broken record stands in line 4, for the first record takes two.
    (bad,) = made.quarantine
    assert (bad.line, bad.element, bad.field, bad.reason_code) == (
        4, "P2", "diameter (inch)", "not_a_number",
    )  # fmt: skip


def test_longitude_and_latitude_need_no_declaration(tmp_path: Path) -> None:
    path = tmp_path / "valves.csv"
    path.write_text("编号,经度,纬度\nF1,108.01,34.25\n", encoding="utf-8")
    layer = read_layers(path).layers[0]
    assert layer.crs is not None
    assert layer.crs.epsg == 4326
    assert suggest_map(read_layers(path)).layers["valves"].role == "valve"


# --- files that are none, or mean harm ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.gpkg", b"", "empty"),
        ("a.gpkg", b"not a database at all", "damaged"),
        ("a.gpkg", b"SQLite format 3\0" + b"\0" * 200, "damaged"),
        ("a.shp", b"\x00\x00\x27\x0a" + b"\0" * 40, "damaged"),
        ("a.zip", b"PK\x03\x04 but then nothing", "damaged"),
        ("a.csv.gz", b"\x1f\x8b\x08 torn", "damaged"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [', "damaged"),
        ("a.geojson", b'{"type": "Topology"}', "no_features"),
        ("a.geojson", b"[" * 100_000, "damaged"),
        ("a.csv", b"id,diameter\n", "no_features"),
        ("a.csv", bytes(range(256)) * 20, "not_text"),
        ("a.exe", b"MZ\x90", "unknown_format"),
        ("a.vrt", b"<OGRVRTDataSource><SrcDataSource>/vsicurl/http://x</SrcDataSource>",
         "unknown_format"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportRefused) as caught:
        read_layers(path)
    assert (caught.value.field, caught.value.code) == ("file", code)
    assert str(tmp_path) not in caught.value.message


def test_a_virtual_file_in_a_known_name_reaches_no_network(tmp_path: Path) -> None:
    path = tmp_path / "pipes.gpkg"
    path.write_text("<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/vsicurl/http://"
                    "127.0.0.1:9/x</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>")  # fmt: skip
    with pytest.raises(ImportRefused, match="not what its name says"):
        read_layers(path)


def test_what_unpacks_to_a_thousandfold_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "bomb.csv.gz"
    packed.write_bytes(gzip.compress(b"id,x,y\n" + b"0" * 40_000_000))
    with pytest.raises(ImportRefused) as caught:
        read_layers(packed)
    assert caught.value.code == "bomb"
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("../../pipes.csv", b"id,x,y\n" + b"0" * 40_000_000)
    with pytest.raises(ImportRefused) as caught:
        read_layers(archive)
    assert caught.value.code == "bomb"
    assert {p.name for p in tmp_path.iterdir()} == {packed.name, archive.name}
    assert not (tmp_path.parent.parent / "pipes.csv").exists()


@pytest.mark.parametrize("form", ["gpkg", "zip", "json", "csv"])
def test_a_file_torn_at_random_is_read_or_refused_and_nothing_else(
    tmp_path: Path, form: str
) -> None:
    whole = tmp_path / f"whole.{form}"
    if form == "gpkg":
        files.geopackage(whole)
    elif form == "zip":
        files.shapefiles(whole)
    elif form == "json":
        files.geojson(whole, files.PIPES, f"urn:ogc:def:crs:EPSG::{files.EPSG}")
    else:
        rows = "\n".join(f"P{i},100,{files.X + i},{files.Y},{files.X + 9},1" for i in range(30))
        whole.write_text(f"编号,管径,起点X,起点Y,终点X,终点Y\n{rows}", encoding="gbk")
    dice = Random(965113)
    for _ in range(12):
        raw = bytearray(whole.read_bytes())
        for _ in range(dice.choice((1, 5, 40))):
            place = dice.randrange(len(raw))
            if dice.random() < 0.7:
                raw[place] = dice.randrange(256)
            else:
                del raw[place : place + dice.randrange(1, 40)]
        torn = tmp_path / f"torn.{form}"
        torn.write_bytes(bytes(raw))
        try:
            layers = read_layers(torn)
            build(layers, suggest_map(layers), crs=files.EPSG, city_bounds=files.XIAN)
        except ImportRefused as refused:
            assert refused.field
            assert refused.message


def test_more_than_the_limits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "valves.csv"
    path.write_text("id,x,y\n" + "\n".join(f"{i},1,1" for i in range(11)))
    with pytest.raises(ImportRefused) as caught:
        read_layers(path, limits=Limits(features=10))
    assert caught.value.code == "too_many_features"
    with pytest.raises(ImportRefused) as caught:
        read_layers(path, limits=Limits(bytes=20))
    assert caught.value.code == "too_large"
    with pytest.raises(ImportRefused) as caught:
        read_layers(path, limits=Limits(columns=2))
    assert caught.value.code == "too_many_columns"


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("pipes.csv", "id,x,y\n1,1,1\n")
    raw = bytearray(path.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        place = raw.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        raw[place] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(ImportRefused) as caught:
        read_layers(path)
    assert caught.value.code == "encrypted"
