"""Reading extracts: what is there is found, what is broken is said."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gis_data.crossings import crossings
from gis_data.helsinki import City, demo_extract
from gis_data.places import PlaceFileError, read_extract, read_places, read_streets
from tests.data import shared

SMALL = """<?xml version="1.0"?><osm version="0.6">
<node id="1" lon="24.940" lat="60.170"/><node id="2" lon="24.941" lat="60.170"/>
<node id="3" lon="24.942" lat="60.170"/><node id="4" lon="24.941" lat="60.171"/>
<node id="5" lon="24.9405" lat="60.1702"><tag k="addr:street" v="Long"/>
<tag k="addr:housenumber" v="3"/><tag k="amenity" v="school"/>
<tag k="name" v="First School"/></node>
<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="99"/>
<tag k="highway" v="residential"/><tag k="name" v="Long"/></way>
<way id="11"><nd ref="2"/><nd ref="4"/><tag k="highway" v="primary"/><tag k="oneway" v="yes"/>
<tag k="name" v="Short"/></way>
<way id="12"><nd ref="1"/><nd ref="2"/><nd ref="4"/><nd ref="1"/><tag k="building" v="yes"/>
<tag k="building:levels" v="4"/></way></osm>"""


def test_a_small_extract_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "small.osm.gz"
    path.write_bytes(gzip.compress(SMALL.encode()))
    extract = read_extract(path)
    assert [(a.street, a.number, a.id) for a in extract.places.addresses] == [("Long", "3", "n5")]
    assert [(b.id, b.levels) for b in extract.places.buildings] == [("w12", 4)]
    assert [(p.name, p.kind) for p in extract.places.pois] == [("First School", "school")]
    # The point cut off by the edge of the extract is dropped, the street stays.
    assert [(s.name, s.klass, s.oneway, len(s.geometry.coords)) for s in extract.streets] == [
        ("Long", "residential", False, 3),
        ("Short", "primary", True, 2),
    ]
    assert [(c.street_a, c.street_b, c.lon, c.lat) for c in crossings(extract.streets)] == [
        ("Long", "Short", 24.941, 60.17)
    ]


def test_the_demo_extract_holds_addresses_buildings_and_streets() -> None:
    extract = read_extract(demo_extract())
    assert len(extract.places.addresses) > 500
    assert len(extract.places.buildings) > 400
    assert any(s.name == "Mannerheimintie" for s in extract.streets)
    assert len({a.id for a in extract.places.addresses}) == len(extract.places.addresses)


def test_two_streets_of_helsinki_meet_where_they_meet(helsinki: City) -> None:
    found = {(c.street_a, c.street_b): c for c in crossings(helsinki.streets)}
    corner = found["Fabianinkatu", "Pohjoisesplanadi"]
    assert (corner.lon, corner.lat) == pytest.approx((24.9493, 60.1680), abs=0.002)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.osm.pbf", None),
        ("empty.osm", b""),
        ("noise.osm.pbf", b"\x00\x01garbage" * 50),
        ("cut.osm", SMALL[:400].encode()),
        ("text.osm", b"hello"),
        ("cut.osm.gz", b"\x1f\x8b\x08broken"),
        ("cut.osm.bz2", b"BZh9broken"),
        ("streets.shp", b"x"),
        ("no_streets.osm", b"<osm></osm>"),
        ("nowhere.osm", b'<osm><node id="1" lon="x" lat="1"/></osm>'),
    ],
)
def test_a_broken_file_is_a_clear_error(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlaceFileError, match=name):
        read_places(path)


def test_a_cut_off_copy_of_the_demo_extract_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "half.osm.pbf"
    path.write_bytes(demo_extract().read_bytes()[:300_000])
    with pytest.raises(PlaceFileError):
        read_streets(path)


def test_an_austrian_town_and_an_american_quarter_are_read() -> None:
    krems = read_extract(shared("streets/krems.osm.gz"))
    assert len(krems.places.addresses) == 260
    assert len(read_streets(shared("streets/west_oakland.osm.bz2"))) == 23
