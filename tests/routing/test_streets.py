"""Reading street files: what becomes a street, what is left out, what is refused."""

from __future__ import annotations

import bz2
import gzip
import pickle
import socket
from pathlib import Path

import networkx as nx
import pytest

from routing import (
    RoutingError,
    SnapshotError,
    StreetFileError,
    StreetIndex,
    build_streets,
    load_graph,
    save_graph,
    stamp,
)
from routing.osmfile import drivable
from tests.data import shared
from tests.routing.conftest import helsinki_file

# 1---2---3---4   Main Street; node 9 of way 10 is outside the clipped file
# |     / |
# 5---6---7       3-6 one-way against the drawing; 8-11 lie apart
OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
  <node id="1" lon="25.000" lat="60.001"/><node id="2" lon="25.001" lat="60.001"/>
  <node id="3" lon="25.002" lat="60.001"/><node id="4" lon="25.003" lat="60.001"/>
  <node id="5" lon="25.000" lat="60.000"/><node id="6" lon="25.001" lat="60.000"/>
  <node id="7" lon="25.002" lat="60.000"/>
  <node id="8" lon="25.010" lat="60.000"/><node id="11" lon="25.011" lat="60.000"/>
  <way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="9"/><nd ref="99"/>
    <tag k="highway" v="residential"/><tag k="name" v="Main Street"/></way>
  <way id="11"><nd ref="1"/><nd ref="5"/><tag k="highway" v="service"/>
    <tag k="access" v="private"/></way>
  <way id="12"><nd ref="5"/><nd ref="6"/><nd ref="7"/><nd ref="3"/>
    <tag k="highway" v="secondary"/><tag k="maxspeed" v="30 mph"/></way>
  <way id="13"><nd ref="3"/><nd ref="6"/><tag k="highway" v="tertiary"/>
    <tag k="oneway" v="-1"/><tag k="maxspeed" v="0"/></way>
  <way id="14"><nd ref="2"/><nd ref="6"/><tag k="highway" v="footway"/></way>
  <way id="15"><nd ref="8"/><nd ref="11"/><tag k="highway" v="residential"/></way>
</osm>
"""


@pytest.fixture
def small(tmp_path: Path) -> nx.MultiDiGraph:
    path = tmp_path / "small.osm"
    path.write_text(OSM, encoding="utf-8")
    return build_streets(path)


def test_a_small_file_becomes_its_drivable_streets(small: nx.MultiDiGraph) -> None:
    oneway = [(u, v) for u, v, data in small.edges(data=True) if data["oneway"]]
    assert oneway == [(6, 3)], "drawn from 3 to 6, driven against the drawing"
    assert not small.has_edge(2, 6), "a footway is no street"
    names = {data.get("name") for _, _, data in small.edges(data=True)}
    assert names == {"Main Street", None}
    by_class = {data["highway"]: data["speed_kph"] for _, _, data in small.edges(data=True)}
    assert by_class["service"] == 15
    assert by_class["secondary"] == pytest.approx(48.28, abs=0.01)
    assert by_class["tertiary"] == 40, "a limit of 0 is a mistake of the map"
    for u, v, data in small.edges(data=True):
        line = list(data["geometry"].coords)
        assert line[0] == (small.nodes[u]["x"], small.nodes[u]["y"])
        assert line[-1] == (small.nodes[v]["x"], small.nodes[v]["y"])
        assert data["travel_time"] == pytest.approx(
            data["length"] / data["speed_kph"] * 3.6, abs=0.001
        )


def test_what_is_cut_off_is_left_out_and_told(small: nx.MultiDiGraph) -> None:
    report = small.graph["report"]
    assert report["clipped_ways"] == 1
    assert (report["islands"], report["island_nodes"]) == (1, 2)
    (island,) = small.graph["islands"]
    assert island["edges"] == 2 and island["lon"] == 25.010
    assert nx.is_strongly_connected(small)


def test_packed_files_give_the_same_streets(small: nx.MultiDiGraph, tmp_path: Path) -> None:
    (tmp_path / "s.osm.gz").write_bytes(gzip.compress(OSM.encode()))
    (tmp_path / "s.osm.bz2").write_bytes(bz2.compress(OSM.encode()))
    for name in ("s.osm.gz", "s.osm.bz2"):
        assert build_streets(tmp_path / name).graph["version"] == small.graph["version"]


def test_the_version_names_the_content(small: nx.MultiDiGraph) -> None:
    before = small.graph["version"]
    assert stamp(small) == before
    edge = next(iter(small.edges(keys=True)))
    small.edges[edge]["travel_time"] += 1
    assert stamp(small) != before
    assert small.graph["version"] == StreetIndex.compile(small).version


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.osm", None, "no street file"),
        ("empty.osm.pbf", b"", "empty"),
        ("noise.osm.pbf", b"\x00\x00\x00\x0dhello, this is no map" * 40, "cannot be read"),
        ("noise.osm", b"\x89PNG\r\n", "broken"),
        ("cut.osm", OSM.encode()[:700], "broken"),
        ("foreign.osm", b"<html><body/></html>", "not an OSM file"),
        ("noise.osm.gz", b"not packed", "cannot be read"),
        ("cut.osm.gz", gzip.compress(OSM.encode())[:200], "cannot be read"),
        ("noise.osm.bz2", b"not packed", "cannot be read"),
        ("cut.osm.bz2", bz2.compress(OSM.encode())[:200], "cannot be read"),
        ("streets.shp", b"anything", "unknown kind"),
        ("no-streets.osm", b"<osm><node id='1' lon='1' lat='2'/></osm>", "holds no street"),
        ("bad-node.osm", b"<osm><node id='1' lon='x' lat='2'/></osm>", "proper number"),
        ("far.osm", b"<osm><node id='1' lon='500' lat='2'/></osm>", "outside the world"),
        ("nan.osm", b"<osm><node id='1' lon='nan' lat='2'/></osm>", "outside the world"),
        (
            "lonely.osm",
            b"<osm><node id='1' lon='1' lat='2'/><node id='2' lon='1' lat='2.1'/><way id='1'>"
            b"<nd ref='1'/><nd ref='2'/><tag k='highway' v='service'/>"
            b"<tag k='oneway' v='yes'/></way></osm>",
            "leads anywhere",
        ),
    ],
)
def test_a_file_that_is_no_street_map_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StreetFileError, match=says) as refused:
        build_streets(path)
    assert name in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_a_pbf_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.osm.pbf"
    path.write_bytes(helsinki_file().read_bytes()[:300_000])
    with pytest.raises(StreetFileError, match=r"cut\.osm\.pbf"):
        build_streets(path)


def test_central_helsinki_is_one_connected_part_and_needs_no_internet(
    helsinki: nx.MultiDiGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the street builder called out")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    again = build_streets(helsinki_file())
    assert again.graph["version"] == helsinki.graph["version"]
    assert nx.is_strongly_connected(helsinki)
    report = helsinki.graph["report"]
    assert report["nodes"] == len(helsinki) > 300
    assert report["islands"] == len(helsinki.graph["islands"]) > 0
    names = {data.get("name") for _, _, data in helsinki.edges(data=True)}
    assert {"Mannerheimintie", "Aleksanterinkatu"} <= names
    assert all(
        data["travel_time"] * 1000 == pytest.approx(round(data["travel_time"] * 1000), abs=1e-6)
        for _, _, data in helsinki.edges(data=True)
    )


def test_krems_from_packed_xml() -> None:
    graph = build_streets(shared("streets/krems.osm.gz"))
    assert nx.is_strongly_connected(graph)
    assert graph.graph["report"]["nodes"] == 610


@pytest.mark.parametrize(
    ("tags", "allowed"),
    [
        ({"highway": "residential"}, True),
        ({"highway": "service", "access": "private"}, True),
        ({"highway": "residential", "access": "private"}, False),
        ({"highway": "residential", "access": "no", "motor_vehicle": "yes"}, True),
        ({"highway": "residential", "access": "yes", "motorcar": "no"}, False),
        ({"highway": "service", "area": "yes"}, False),
        ({"highway": "service", "service": "emergency_access"}, False),
        ({"highway": "cycleway"}, False),
        ({"building": "yes"}, False),
    ],
)
def test_where_a_crew_may_drive(tags: dict[str, str], allowed: bool) -> None:
    assert drivable(tags) is allowed


def test_a_saved_graph_comes_back_whole(helsinki: nx.MultiDiGraph, tmp_path: Path) -> None:
    path = tmp_path / "streets.npz"
    version = save_graph(helsinki, path)
    back = load_graph(path)
    assert back.graph["version"] == version == helsinki.graph["version"]
    assert back.graph["report"] == helsinki.graph["report"]
    assert dict(back.nodes(data="x")) == dict(helsinki.nodes(data="x"))
    assert set(back.edges(keys=True)) == set(helsinki.edges(keys=True))
    for edge in helsinki.edges(keys=True):
        for field in ("length", "travel_time", "speed_kph", "osmid", "highway", "oneway"):
            assert back.edges[edge][field] == helsinki.edges[edge][field]
        assert back.edges[edge].get("name") == helsinki.edges[edge].get("name")
        assert back.edges[edge]["geometry"].equals(helsinki.edges[edge]["geometry"])


@pytest.mark.parametrize("damage", ["missing", "pickle", "noise", "cut", "flipped"])
def test_a_damaged_saved_graph_is_refused(
    small: nx.MultiDiGraph, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "streets.npz"
    save_graph(small, path)
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "pickle":
        path.write_bytes(pickle.dumps(small))
    elif damage == "noise":
        path.write_bytes(b"noise")
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[content.index(b"lat.npy") + 180] ^= 0xFF
        path.write_bytes(content)
    with pytest.raises(SnapshotError):
        load_graph(path)


def test_an_unsound_graph_is_refused_by_the_name_of_its_part(small: nx.MultiDiGraph) -> None:
    edge = next(iter(small.edges(keys=True)))
    small.edges[edge]["travel_time"] = float("nan")
    with pytest.raises(RoutingError, match=f"travel_time of edge {edge[0]}-{edge[1]}"):
        StreetIndex.compile(small)
    with pytest.raises(RoutingError, match="without edges"):
        StreetIndex.compile(nx.MultiDiGraph())
