"""Places of an OpenStreetMap extract: addresses, buildings, points of interest and streets.

Reads `.pbf` (through pyrosm) and `.osm`, `.osm.gz`, `.osm.bz2` (own reader). All geometry is
(lon, lat). Ids are the element's kind and number, "n123", "w45" or "r6", so they stay the same from
one reading to the next.
"""

from __future__ import annotations

import bz2
import gzip
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

STREET_CLASSES = frozenset(
    {
        "motorway",
        "trunk",
        "primary",
        "secondary",
        "tertiary",
        "unclassified",
        "residential",
        "living_street",
        "pedestrian",
        "primary_link",
        "secondary_link",
        "tertiary_link",
        "trunk_link",
        "motorway_link",
        "service",
    }
)
_POI_KEYS = ("amenity", "healthcare", "shop", "office", "tourism", "emergency")
_DULL = frozenset(
    {
        "bench",
        "waste_basket",
        "vending_machine",
        "bicycle_parking",
        "parking",
        "post_box",
        "atm",
        "taxi",
        "waste_disposal",
        "clock",
        "grit_bin",
        "motorcycle_parking",
        "parking_entrance",
        "parking_space",
        "recycling",
        "bicycle_rental",
        "telephone",
        "artwork",
        "fountain",
        "life_ring",
        "information",
        "viewpoint",
        "fire_hydrant",
        "shelter",
        "drinking_water",
        "hunting_stand",
        "bicycle_repair_station",
        "charging_station",
        "defibrillator",
        "loading_dock",
        "vacant",
    }
)
_COLUMNS = [
    "highway",
    "area",
    "oneway",
    "name",
    "building",
    "building:levels",
    "addr:street",
    "addr:housenumber",
    "addr:postcode",
    "addr:city",
    "tunnel",
    "bridge",
    "layer",
    *_POI_KEYS,
]


class PlaceFileError(ValueError):
    """The file of streets and places cannot be read; the message says why."""

    def __init__(self, path: Path | str, message: str) -> None:
        super().__init__(f"{Path(path).name}: {message}")
        self.field = "path"
        self.message = message


@dataclass(frozen=True, slots=True)
class Address:
    """A house number on a street."""

    id: str
    street: str
    number: str
    lon: float
    lat: float
    postcode: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Building:
    """A building's outline; `levels` is None where the map does not say."""

    id: str
    polygon: Polygon
    kind: str
    levels: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Poi:
    """A named or public place: hospital, school, shop, office, station."""

    id: str
    name: str
    kind: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Street:
    """A piece of street between two places; `klass` is the OSM highway value."""

    name: str
    geometry: LineString
    klass: str
    oneway: bool = False


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The first and last house number on each side of a piece of street, along its line.

    (None, None) for a side without houses; left and right as one looks from the first point.
    """

    street: str
    line: LineString
    left: tuple[int | None, int | None]
    right: tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Places:
    """What the extract knows, each list in the order of ids."""

    addresses: list[Address]
    buildings: list[Building]
    pois: list[Poi]
    ranges: list[NumberRange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Extract:
    """Places and streets of one file."""

    places: Places
    streets: list[Street]


@dataclass(frozen=True, slots=True)
class _Element:
    id: str
    tags: Mapping[str, str]
    geometry: BaseGeometry


def read_places(osm_path: Path | str) -> Places:
    """Addresses, buildings and points of interest.

    Errors: PlaceFileError for a missing, broken, empty or unsuitable file.
    """
    return read_extract(osm_path).places


def read_streets(osm_path: Path | str) -> list[Street]:
    """Streets as values. Errors as for `read_places`."""
    return read_extract(osm_path).streets


def read_extract(osm_path: Path | str) -> Extract:
    """Places and streets in one reading. Errors as for `read_places`."""
    path = Path(osm_path)
    if not path.is_file():
        raise PlaceFileError(path, "there is no such file")
    if path.stat().st_size == 0:
        raise PlaceFileError(path, "the file is empty")
    name = path.name.lower()
    if name.endswith(".pbf"):
        elements = list(_pbf_elements(path))
    elif name.endswith((".osm", ".osm.gz", ".osm.bz2", ".xml")):
        elements = list(_xml_elements(path))
    else:
        raise PlaceFileError(
            path, "not an OpenStreetMap extract: give .osm.pbf, .osm, .osm.gz or .osm.bz2"
        )
    extract = _sort_out(elements)
    if not extract.streets:
        raise PlaceFileError(path, "the extract holds no streets")
    return extract


def _sort_out(elements: list[_Element]) -> Extract:
    addresses: dict[tuple[str, str], Address] = {}
    buildings: list[Building] = []
    pois: list[Poi] = []
    streets: list[tuple[str, int, Street]] = []
    for element in sorted(elements, key=lambda e: (e.id[0], int(e.id[1:]))):
        tags, shape = element.tags, element.geometry
        if _is_street(tags) and element.id[0] == "w":
            streets += [(element.id, i, street) for i, street in enumerate(_streets(tags, shape))]
        polygon = _largest(shape)
        if tags.get("building", "no") != "no" and polygon is not None:
            buildings.append(
                Building(
                    element.id,
                    polygon,
                    tags["building"],
                    _levels(tags.get("building:levels")),
                    tags.get("name", ""),
                )
            )
        point = shape if isinstance(shape, Point) else shape.representative_point()
        street, number = tags.get("addr:street", ""), tags.get("addr:housenumber", "")
        if street and number:
            addresses.setdefault(
                (street, number),
                Address(
                    element.id,
                    street,
                    number,
                    point.x,
                    point.y,
                    tags.get("addr:postcode", ""),
                    tags.get("addr:city", ""),
                ),
            )
        kind = next((tags[key] for key in _POI_KEYS if tags.get(key, "no") != "no"), "")
        if kind == "yes":
            kind = next(key for key in _POI_KEYS if key in tags)
        if kind and kind not in _DULL:
            pois.append(Poi(element.id, tags.get("name", ""), kind, point.x, point.y))
    return Extract(
        Places(list(addresses.values()), buildings, pois), [street for _, _, street in streets]
    )


def _is_street(tags: Mapping[str, str]) -> bool:
    return tags.get("highway", "") in STREET_CLASSES and tags.get("area", "no") != "yes"


def _streets(tags: Mapping[str, str], shape: BaseGeometry) -> Iterator[Street]:
    oneway = tags.get("oneway", "no") in ("yes", "1", "true", "-1")
    for part in getattr(shape, "geoms", [shape]):
        if isinstance(part, LineString) and part.length > 0:
            yield Street(tags.get("name", ""), part, tags["highway"], oneway)


def _largest(shape: BaseGeometry) -> Polygon | None:
    if isinstance(shape, MultiPolygon):
        shape = max(shape.geoms, key=lambda part: float(part.area))
    return shape if isinstance(shape, Polygon) and not shape.is_empty else None


def _levels(text: str | None) -> int | None:
    match = re.match(r"\s*(\d+)", text or "")
    levels = int(match.group(1)) if match else 0
    return levels if 1 <= levels <= 200 else None


# --- .pbf ---------------------------------------------------------------------------------------


def _pbf_elements(path: Path) -> Iterator[_Element]:
    from pyrosm import OSM

    wanted: dict[str, Any] = dict.fromkeys(_POI_KEYS, True)
    wanted |= {"building": True, "addr:housenumber": True, "highway": sorted(STREET_CLASSES)}
    try:
        frame = OSM(str(path)).get_data_by_custom_criteria(
            custom_filter=wanted,
            filter_type="keep",
            keep_nodes=True,
            keep_ways=True,
            keep_relations=True,
            tags_as_columns=_COLUMNS,
        )
    # pyrosm's compiled parser answers a damaged file with whatever the damage met first.
    except Exception as error:
        raise PlaceFileError(path, f"not a readable .pbf extract ({_first_line(error)})") from error
    if frame is None or not len(frame):
        raise PlaceFileError(path, "the extract holds no streets, buildings or addresses")
    for row in frame.to_dict("records"):
        shape = row.get("geometry")
        if shape is None or shape.is_empty:
            continue
        tags = {key: value for key in _COLUMNS if isinstance(value := row.get(key), str)}
        rest = row.get("tags")
        if isinstance(rest, str):
            tags = {k: str(v) for k, v in json.loads(rest).items()} | tags
        yield _Element(f"{str(row['osm_type'])[0]}{int(row['id'])}", tags, shape)


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:120]


# --- .osm ---------------------------------------------------------------------------------------


def _open(path: Path) -> BinaryIO:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if path.name.lower().endswith(".bz2"):
        return bz2.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def _xml_elements(path: Path) -> Iterator[_Element]:
    points: dict[str, tuple[float, float]] = {}
    ways: dict[str, list[tuple[float, float]]] = {}
    try:
        with _open(path) as stream:
            for _, item in ElementTree.iterparse(stream):
                if item.tag not in ("node", "way", "relation"):
                    continue
                tags = {t.get("k", ""): t.get("v", "") for t in item.iterfind("tag")}
                number = item.get("id", "")
                shape: BaseGeometry | None = None
                if item.tag == "node":
                    points[number] = (float(item.get("lon", "nan")), float(item.get("lat", "nan")))
                    if not all(math.isfinite(v) for v in points[number]):
                        raise PlaceFileError(path, f"node {number} has no position")
                    shape = Point(points[number]) if tags else None
                elif item.tag == "way":
                    # A clipped extract names points it does not hold; the rest of the way stays.
                    line = [
                        points[r] for n in item.iterfind("nd") if (r := n.get("ref", "")) in points
                    ]
                    ways[number] = line
                    shape = _way_shape(line, tags) if tags else None
                elif tags.get("type") == "multipolygon" and "building" in tags:
                    shape = _relation_shape(item, ways)
                if shape is not None and number.lstrip("-").isdigit():
                    yield _Element(f"{item.tag[0]}{abs(int(number))}", tags, shape)
                item.clear()
    except ElementTree.ParseError as error:
        raise PlaceFileError(path, f"not well-formed OpenStreetMap XML ({error})") from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if isinstance(error, PlaceFileError):
            raise
        raise PlaceFileError(path, f"cannot be read ({_first_line(error)})") from error


def _way_shape(line: list[tuple[float, float]], tags: Mapping[str, str]) -> BaseGeometry | None:
    if len(line) >= 4 and line[0] == line[-1] and not _is_street(tags):
        polygon = Polygon(line)
        return polygon if polygon.is_valid else shapely.make_valid(polygon)
    return LineString(line) if len(line) >= 2 else None


def _relation_shape(
    item: ElementTree.Element, ways: Mapping[str, list[tuple[float, float]]]
) -> BaseGeometry | None:
    outer = [
        LineString(ways[ref])
        for m in item.iterfind("member")
        if m.get("type") == "way"
        and m.get("role", "outer") in ("outer", "")
        and len(ways.get(ref := m.get("ref", ""), ())) >= 2
    ]
    polygons = [p for p in shapely.polygonize(outer).geoms if isinstance(p, Polygon)]
    return max(polygons, key=lambda p: float(p.area)) if polygons else None
