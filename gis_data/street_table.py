"""Streets from a table: one row for each piece between two crossings, as registers keep them.

A CSV file (also .csv.gz) with the two ends of each piece as coordinates of a known system, the
street's name, and where it is known class, speed, direction and the house numbers of both sides.
"""

from __future__ import annotations

import csv
import gzip
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shapely.geometry import LineString

from gis_data.crs import CoordinateError, check_projected, project_array, unproject_array
from gis_data.growing.corridors import RANK
from gis_data.places import Address, Extract, NumberRange, PlaceFileError, Places, Street

_WORDS = {
    "name": ("street", "street_name", "road_name", "name", "路名", "道路名称", "街道"),
    "x1": ("startx", "x1", "from_x", "start_x", "起点x"),
    "y1": ("starty", "y1", "from_y", "start_y", "起点y"),
    "x2": ("endx", "x2", "to_x", "end_x", "终点x"),
    "y2": ("endy", "y2", "to_y", "end_y", "终点y"),
    "klass": ("carto_class", "road_class", "class", "highway", "道路等级"),
    "speed": ("speed limit km", "speed_limit", "maxspeed", "speed", "限速"),
    "direction": ("flow_direction", "oneway", "one_way", "direction", "单行"),
    "left_from": ("from_left_address", "left_from"), "left_to": ("to_left_address", "left_to"),
    "right_from": ("from_right_address", "right_from"),
    "right_to": ("to_right_address", "right_to"),
}  # fmt: skip
_NEEDED = ("name", "x1", "y1", "x2", "y2")
#: Words of street registers -> OSM's classes.
_CLASSES = (
    ("freeway", "motorway"), ("expressway", "trunk"), ("arterial", "secondary"),
    ("collector", "tertiary"), ("local", "residential"), ("ramp", "secondary_link"),
    ("laneway", "service"), ("alley", "service"), ("private", "service"),
    ("快速路", "trunk"), ("主干", "primary"), ("次干", "secondary"), ("支路", "residential"),
)  # fmt: skip
_ONE_WAY = frozenset({"oneway", "one way", "fromto", "yes", "true", "1", "单向", "是"})
_AGAINST = frozenset({"tofrom", "-1", "reverse"})
_LARGEST = 200 * 1024 * 1024
_BESIDE_M = 9.0


@dataclass(frozen=True, slots=True)
class StreetRow:
    """A piece of street from the first end to the second; `oneway` 1 along it, -1 against, 0 both.

    `line` in lon/lat; `speed_kph` None where nobody says.
    """

    name: str
    line: LineString
    klass: str
    speed_kph: float | None
    oneway: int


@dataclass(frozen=True, slots=True)
class StreetTable:
    """The rows, what of them is places, and the lines of the file that could not be used."""

    rows: list[StreetRow]
    extract: Extract
    left_out: list[tuple[int, str]]


def is_table(path: Path | str) -> bool:
    """Whether a street file is a table by its name."""
    return Path(path).name.lower().endswith((".csv", ".csv.gz"))


def read_street_table(path: Path | str, crs: int) -> StreetTable:
    """Read the table whose coordinates are in EPSG:`crs`.

    Errors: PlaceFileError for a file that is none or lacks a column; CoordinateError for
    coordinates that cannot be in that system. A line without usable ends is left out by number.
    """
    path = Path(path)
    lines = _lines(path)
    columns = _columns(path, lines[0] if lines else [])
    good: list[tuple[dict[str, str], tuple[float, float, float, float]]] = []
    left_out: list[tuple[int, str]] = []
    for number, cells in enumerate(lines[1:], start=2):
        row = {k: cells[i].strip() if i < len(cells) else "" for k, i in columns.items()}
        ends = [_number(row[k]) for k in ("x1", "y1", "x2", "y2")]
        if any(v is None for v in ends):
            left_out.append((number, "no coordinates"))
        elif ends[:2] == ends[2:]:
            left_out.append((number, "begins where it ends"))
        else:
            good.append((row, tuple(ends)))  # type: ignore[arg-type]
    if not good:
        raise PlaceFileError(path, "no line holds a piece of street")
    xy = np.array([e for _row, e in good]).reshape(-1, 2)
    lonlat = check_projected(xy, crs).reshape(-1, 2, 2)
    rows = [
        StreetRow(
            r["name"], LineString([tuple(a), tuple(b)]), _klass(r.get("klass", "")),
            _number(r.get("speed", "")), _direction(r.get("direction", "")),
        )
        for (r, _ends), (a, b) in zip(good, lonlat.tolist(), strict=True)
    ]  # fmt: skip
    streets = [Street(r.name, r.line, r.klass, r.oneway != 0) for r in rows]
    ranges = [
        NumberRange(r.name, r.line, _side(cells, "left"), _side(cells, "right"))
        for (cells, _e), r in zip(good, rows, strict=True) if r.name
    ]  # fmt: skip
    ranges = [r for r in ranges if r.left[0] is not None or r.right[0] is not None]
    return StreetTable(rows, Extract(Places([], [], [], ranges), streets), left_out)


def _lines(path: Path) -> list[list[str]]:
    if not path.is_file():
        raise PlaceFileError(path, "there is no such file")
    try:
        opened = gzip.open if path.name.lower().endswith(".gz") else open
        with opened(path, "rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except OSError as error:
        raise PlaceFileError(path, str(error)) from error
    if len(raw) > _LARGEST:
        raise PlaceFileError(path, "the file is larger than 200 MB")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise PlaceFileError(path, "the file is no text in UTF-8 or GB 18030")
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    try:
        return [r for r in csv.reader(text.splitlines(), delimiter=mark) if r]
    except csv.Error as error:
        raise PlaceFileError(path, str(error)) from error


def _columns(path: Path, header: list[str]) -> dict[str, int]:
    found = {}
    names = [h.strip().lower() for h in header]
    for key, known in _WORDS.items():
        at = next((names.index(w) for w in known if w in names), None)
        if at is not None:
            found[key] = at
    missing = [k for k in _NEEDED if k not in found]
    if missing:
        words = ", ".join(_WORDS[k][0] for k in missing)
        raise PlaceFileError(path, f"a table of streets needs the columns {words}")
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _klass(word: str) -> str:
    word = word.strip().lower()
    known = next((osm for part, osm in _CLASSES if part in word), "")
    return known or (word if word in RANK else "residential")


def _direction(word: str) -> int:
    word = word.strip().lower().replace("_", "")
    return 1 if word in _ONE_WAY else -1 if word in _AGAINST else 0


def _side(cells: dict[str, str], side: str) -> tuple[int | None, int | None]:
    """The numbers at both ends of a side; one alone is both, none or nonsense is (None, None)."""
    ends = [_number(cells.get(f"{side}_{end}", "")) for end in ("from", "to")]
    known = [int(v) if v is not None and 0 < v < 1e6 else None for v in ends]
    first, last = known[0] or known[1], known[1] or known[0]
    return first, last


def end_houses(ranges: list[NumberRange], crs: int) -> list[Address]:
    """The first and last house of each side as addresses, where they stand beside the street.

    For what needs houses rather than ranges, as naming premises by the nearest one.
    """
    wanted: list[tuple[str, str, float, float]] = []
    for number, row in enumerate(ranges):
        (x1, y1), (x2, y2) = project_array(row.line.coords, crs)
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        for side, numbers, turn in (("left", row.left, 1.0), ("right", row.right, -1.0)):
            for house, share in zip(numbers, (0.08, 0.92), strict=True):
                if house is None:
                    continue
                along = share * length
                wanted.append((
                    f"r{number}-{side}-{share}", f"{row.street}\t{house}",
                    x1 + ux * along - turn * uy * _BESIDE_M,
                    y1 + uy * along + turn * ux * _BESIDE_M,
                ))  # fmt: skip
    if not wanted:
        return []
    lonlat = unproject_array([(x, y) for *_s, x, y in wanted], crs)
    found: dict[str, Address] = {}
    for (key, what, _x, _y), (lon, lat) in zip(wanted, lonlat.tolist(), strict=True):
        street, _tab, digits = what.partition("\t")
        # Where two pieces meet a number may be said twice: the first word counts.
        found.setdefault(what, Address(key, street, digits, lon, lat))
    return list(found.values())


__all__ = ["CoordinateError", "StreetRow", "StreetTable", "end_houses", "is_table",
           "read_street_table"]
