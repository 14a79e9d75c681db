"""Reads the drivable ways out of an OSM file: .osm.pbf, .osm, .osm.gz, .osm.bz2.

PBF is read by pyosmium. XML is read here and not by `osmnx.graph_from_xml`, which stops at a way
with a node that the file lacks (every clipped extract has some), takes its tags from global
settings and keeps footpaths and buildings as edges.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
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
#: From the most particular to the least.
_ACCESS = ("motorcar", "motor_vehicle", "vehicle", "access")
_CLOSED = {"no", "agricultural", "forestry", "agricultural;forestry", "military", "emergency"}


@dataclass(slots=True)
class RawWay:
    """One drivable way: its tags and its pieces (pairs of nodes), in the order drawn."""

    id: int
    tags: dict[str, str]
    pieces: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RawRestriction:
    """A relation that forbids a turn: its tags and members, as numbers of ways and nodes."""

    tags: dict[str, str]
    starts: tuple[int, ...]
    via_nodes: tuple[int, ...]
    via_ways: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, tags: dict[str, str], members: Iterable[tuple[str, str, int]]) -> RawRestriction:
        """From members as (role, "node" or "way", number)."""
        rows = list(members)

        def those(role: str, kind: str) -> tuple[int, ...]:
            return tuple(ref for r, k, ref in rows if (r, k) == (role, kind))

        return cls(
            tags, those("from", "way"), those("via", "node"), those("via", "way"),
            those("to", "way"),
        )  # fmt: skip


@dataclass(slots=True)
class RawStreets:
    """Drivable ways and the (lon, lat) of their nodes; relations that restrict turns.

    `clipped_ways` counts ways that name nodes the file lacks.
    """

    nodes: dict[int, tuple[float, float]]
    ways: list[RawWay]
    clipped_ways: int
    restrictions: list[RawRestriction] = field(default_factory=list)


def oneway_of(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether a way with these tags may be driven (as drawn, against)."""
    oneway = tags.get("oneway", "").lower()
    if oneway in ("-1", "reverse"):
        return False, True
    if oneway in ("yes", "true", "1"):
        return True, False
    if oneway == "" and (
        tags.get("junction") in ("roundabout", "circular")
        or tags["highway"] in ("motorway", "motorway_link")
    ):
        return True, False
    return True, True


def access_of(tags: Mapping[str, str]) -> str:
    """Who may use a drivable way, as its most particular tag says; "" for everybody."""
    for key in _ACCESS:
        if key in tags:
            return "" if tags[key] in ("yes", "permissive", "designated", "public") else tags[key]
    return ""


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
    for key in _ACCESS:
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
    # pyosmium and not pyrosm, which hands out no relations, and stops at some sound files.
    import osmium

    nodes: dict[int, tuple[float, float]] = {}
    drawn: list[tuple[RawWay, list[int]]] = []
    restrictions: list[RawRestriction] = []
    kinds = {"n": "node", "w": "way", "r": "relation"}
    kept = osmium.osm.NODE | osmium.osm.WAY | osmium.osm.RELATION
    try:
        entries = osmium.FileProcessor(str(path), kept).with_locations()
        for entry in entries.with_filter(osmium.filter.KeyFilter("highway", "type")):
            if isinstance(entry, osmium.osm.Way):
                tags = {tag.k: tag.v for tag in entry.tags if tag.k in TAGS}
                if not drivable(tags):
                    continue
                for node in entry.nodes:
                    if node.location.valid():
                        nodes[node.ref] = (node.location.lon, node.location.lat)
                drawn.append((RawWay(entry.id, tags), [node.ref for node in entry.nodes]))
            elif isinstance(entry, osmium.osm.Relation) and _is_restriction(
                tags := dict(entry.tags)
            ):
                members = [(m.role, kinds[m.type], m.ref) for m in entry.members]
                restrictions.append(RawRestriction.of(tags, members))
    except (RuntimeError, ValueError) as error:
        raise StreetFileError(
            f"{path.name} cannot be read as an OSM PBF file: it is broken, cut short, or of "
            "another kind."
        ) from error
    return _whole(drawn, nodes, restrictions)


def _whole(
    drawn: list[tuple[RawWay, list[int]]],
    nodes: dict[int, tuple[float, float]],
    restrictions: list[RawRestriction],
) -> RawStreets:
    clipped = _cut(drawn, nodes)
    used = {node for way, _ in drawn for piece in way.pieces for node in piece}
    places = {node: place for node, place in nodes.items() if node in used}
    return RawStreets(places, [way for way, _ in drawn], clipped, restrictions)


def _is_restriction(tags: Mapping[str, str]) -> bool:
    return tags.get("type", "").startswith("restriction")


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
    restrictions: list[RawRestriction] = []
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
                elif _is_restriction(tags := _tags(element)):
                    restrictions.append(RawRestriction.of(tags, _members(element)))
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
    return _whole(drawn, nodes, restrictions)


def _way(element: ElementTree.Element) -> tuple[RawWay, list[int]]:
    tags = {key: value for key, value in _tags(element).items() if key in TAGS}
    refs = [int(nd.attrib["ref"]) for nd in element.iter("nd")]
    return RawWay(int(element.attrib["id"]), tags), refs


def _tags(element: ElementTree.Element) -> dict[str, str]:
    return {tag.attrib["k"]: tag.attrib["v"] for tag in element.iter("tag")}


def _members(element: ElementTree.Element) -> list[tuple[str, str, int]]:
    return [
        (member.attrib.get("role", ""), member.attrib["type"], int(member.attrib["ref"]))
        for member in element.iter("member")
    ]


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
