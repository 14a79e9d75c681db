"""Reads the drivable ways out of an OSM file: .osm.pbf, .osm, .osm.gz, .osm.bz2.

XML is read here and not by `osmnx.graph_from_xml`, which stops at a way with a node that the
file lacks (every clipped extract has some), takes its tags from global settings and keeps
footpaths and buildings as edges.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import warnings
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast
from xml.etree import ElementTree

from routing.errors import StreetFileError

#: Classes a crew's van may use. Service roads are in: premises lie on them.
DRIVABLE = (
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "road",
    "service",
)
TAGS = (
    "highway",
    "name",
    "ref",
    "oneway",
    "junction",
    "maxspeed",
    "access",
    "vehicle",
    "motor_vehicle",
    "motorcar",
    "service",
    "area",
)
_CLOSED = {"no", "agricultural", "forestry", "agricultural;forestry", "military", "emergency"}


@dataclass(slots=True)
class RawWay:
    """One drivable way: its tags and its pieces (pairs of nodes), in the order drawn."""

    id: int
    tags: dict[str, str]
    pieces: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class RawStreets:
    """Drivable ways and the (lon, lat) of their nodes.

    `clipped_ways` counts ways that name nodes the file lacks; None where the reader cannot tell.
    """

    nodes: dict[int, tuple[float, float]]
    ways: list[RawWay]
    clipped_ways: int | None


def drivable(tags: Mapping[str, str]) -> bool:
    """Whether a crew's van may drive on a way with these tags.

    The most particular access tag decides. Private is allowed on service roads only: a crew is
    let into the yard of the customer it serves, but not through private estates.
    """
    highway = tags.get("highway", "")
    if highway not in DRIVABLE or tags.get("area") == "yes":
        return False
    if tags.get("service") == "emergency_access":
        return False
    for key in ("motorcar", "motor_vehicle", "vehicle", "access"):
        value = tags.get(key)
        if value is not None:
            if value == "private":
                return highway == "service"
            return value not in _CLOSED
    return True


def read_osm(path: Path) -> RawStreets:
    """Drivable ways of the file at `path`. Raises StreetFileError."""
    if not path.is_file():
        raise StreetFileError(f"There is no street file {path.name}.")
    if path.stat().st_size == 0:
        raise StreetFileError(f"The street file {path.name} is empty.")
    name = path.name.lower()
    if name.endswith(".pbf"):
        raw = _read_pbf(path)
    elif name.endswith((".osm", ".osm.gz", ".osm.bz2", ".xml")):
        raw = _read_xml(path)
    else:
        raise StreetFileError(
            f"{path.name} is of an unknown kind: expected .osm.pbf, .osm, .osm.gz or .osm.bz2."
        )
    if not any(way.pieces for way in raw.ways):
        raise StreetFileError(f"The file {path.name} holds no street a vehicle may use.")
    return raw


def _read_pbf(path: Path) -> RawStreets:
    # Imported late: pyrosm takes seconds to import and is needed only to read a file.
    import pyrosm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader = pyrosm.OSM(str(path), keep_metadata=False, engine="in_memory", progress=False)
            nodes, edges = reader.get_network(
                "driving+service",
                nodes=True,
                custom_filter={"highway": list(DRIVABLE)},
                filter_type="keep",
                tags_to_keep=list(TAGS),
            )
        except Exception as error:
            # pyrosm lets errors of protobuf, zlib, struct and NumPy through as they are.
            raise StreetFileError(
                f"{path.name} cannot be read as an OSM PBF file: it is broken, cut short, or of "
                "another kind."
            ) from error
    if edges is None or nodes is None or len(edges) == 0:
        return RawStreets({}, [], None)
    columns = {tag: edges[tag].tolist() for tag in TAGS if tag in edges.columns}
    ways: dict[int, RawWay] = {}
    refused: set[int] = set()
    rows = zip(edges["id"].tolist(), edges["u"].tolist(), edges["v"].tolist(), strict=True)
    for row, (way_id, u, v) in enumerate(rows):
        if way_id in refused:
            continue
        way = ways.get(way_id)
        if way is None:
            values = {tag: column[row] for tag, column in columns.items()}
            tags = {tag: value for tag, value in values.items() if isinstance(value, str)}
            if not drivable(tags):
                refused.add(way_id)
                continue
            way = ways[way_id] = RawWay(way_id, tags)
        if u != v:
            way.pieces.append((u, v))
    places = {
        node: (lon, lat)
        for node, lon, lat in zip(
            nodes["id"].tolist(), nodes["lon"].tolist(), nodes["lat"].tolist(), strict=True
        )
    }
    return RawStreets(places, list(ways.values()), None)


def _open(path: Path) -> IO[bytes]:
    name = path.name.lower()
    if name.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if name.endswith(".bz2"):
        return cast("IO[bytes]", bz2.open(path, "rb"))
    return path.open("rb")


def _read_xml(path: Path) -> RawStreets:
    nodes: dict[int, tuple[float, float]] = {}
    drawn: list[tuple[RawWay, list[int]]] = []
    try:
        with _open(path) as stream:
            events = ElementTree.iterparse(stream, events=("start", "end"))
            _, root = next(events)
            if root.tag != "osm":
                raise StreetFileError(
                    f"{path.name} is not an OSM file: its outermost element is <{root.tag[:40]}>, "
                    "not <osm>."
                )
            for event, element in events:
                if event != "end" or element.tag not in ("node", "way", "relation"):
                    continue
                if element.tag == "node":
                    lon, lat = float(element.attrib["lon"]), float(element.attrib["lat"])
                    if not (abs(lon) <= 180 and abs(lat) <= 90):
                        raise StreetFileError(
                            f"{path.name}: node {element.attrib['id']} lies outside the world."
                        )
                    nodes[int(element.attrib["id"])] = (lon, lat)
                elif element.tag == "way":
                    way, refs = _way(element)
                    if drivable(way.tags):
                        drawn.append((way, refs))
                root.clear()
    except (ElementTree.ParseError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise StreetFileError(
            f"{path.name} cannot be read as OSM XML: it is broken, cut short, or of another kind "
            f"({error})."
        ) from error
    except StopIteration as error:
        raise StreetFileError(f"{path.name} is not an OSM file: it holds no element.") from error
    except (KeyError, ValueError) as error:
        raise StreetFileError(
            f"{path.name} has a node or way without a proper number or position ({error})."
        ) from error
    clipped = _cut(drawn, nodes)
    used = {node for way, _ in drawn for piece in way.pieces for node in piece}
    places = {node: place for node, place in nodes.items() if node in used}
    return RawStreets(places, [way for way, _ in drawn], clipped)


def _way(element: ElementTree.Element) -> tuple[RawWay, list[int]]:
    tags = {
        tag.attrib["k"]: tag.attrib["v"] for tag in element.iter("tag") if tag.attrib["k"] in TAGS
    }
    refs = [int(nd.attrib["ref"]) for nd in element.iter("nd")]
    return RawWay(int(element.attrib["id"]), tags), refs


def _cut(drawn: Iterable[tuple[RawWay, list[int]]], nodes: Mapping[int, object]) -> int:
    """Fills in the pieces whose two nodes are both known; counts the ways that lack some."""
    clipped = 0
    for way, refs in drawn:
        known = [ref in nodes for ref in refs]
        clipped += not all(known)
        way.pieces = [
            (refs[i], refs[i + 1])
            for i in range(len(refs) - 1)
            if known[i] and known[i + 1] and refs[i] != refs[i + 1]
        ]
    return clipped
