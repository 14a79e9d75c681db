"""Tables in text: comma, semicolon, tab or bar; places as x and y, lon and lat, ends, or WKT."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gis_data.importing.layering import make_layer
from gis_data.importing.systems import WGS84, declared
from gis_data.importing.values import Declared, ImportRefused, Layers, Limits, Note

_DELIMITERS = ",;\t|"
_WKT = re.compile(r"^\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON)\b", re.IGNORECASE)
_LONGEST_FIELD = 4 * 1024 * 1024
_DEGREES = (
    ("lon", ("lon", "lng", "long", "longitude", "经度", "gps_lon", "wgs84_lon")),
    ("lat", ("lat", "latitude", "纬度", "gps_lat", "wgs84_lat")),
)
_METRES = (
    ("x", ("x", "xcoord", "x_coord", "coordx", "coord_x", "easting", "east", "point_x", "x坐标",
           "横坐标", "东坐标", "x_coordinate")),
    ("y", ("y", "ycoord", "y_coord", "coordy", "coord_y", "northing", "north", "point_y", "y坐标",
           "纵坐标", "北坐标", "y_coordinate")),
)  # fmt: skip
_TWO_ENDS = (
    ("x", ("startx", "start_x", "x1", "fromx", "from_x", "起点x", "起点x坐标", "起点横坐标")),
    ("y", ("starty", "start_y", "y1", "fromy", "from_y", "起点y", "起点y坐标", "起点纵坐标")),
    ("x2", ("endx", "end_x", "x2", "tox", "to_x", "终点x", "终点x坐标", "终点横坐标")),
    ("y2", ("endy", "end_y", "y2", "toy", "to_y", "终点y", "终点y坐标", "终点纵坐标")),
)


def read_csv(text: str, name: str, limits: Limits, encoding: str) -> Layers:
    """One layer. Errors: ImportRefused on "file"."""
    delimiter = _delimiter(text[:20000])
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        header, rows, numbers, wide = _rows(text, delimiter, name, limits)
    except csv.Error as error:
        raise ImportRefused(
            "file", "damaged", f"{name} cannot be read as a table: {error}", {"file": name}
        ) from error
    finally:
        csv.field_size_limit(before)
    columns = {
        key: np.array([None, *(row[i] for row in rows)], dtype=object)[1:]
        for i, key in enumerate(header)
    }
    places = place_columns(columns)
    crs: Declared | None = None
    geometry = None
    if places:
        geometry = make_geometry(columns, places)
        if set(places) == {"x", "y"} and _plain(places["x"]) in _DEGREES[0][1]:
            crs = WGS84
        crs = _said(columns) or crs
    layer = make_layer(
        Path(name).name.split(".")[0], columns, geometry, numbers, crs,
        counted="line", file=name, encoding=encoding,
    )  # fmt: skip
    notes = (
        (
            Note(
                "wide_rows",
                f"{wide} lines have more fields than the first; the rest was left out",
                {"count": wide, "file": name},
            ),
        )
        if wide
        else ()
    )
    return Layers(name, "csv", (layer,), notes=notes)


def _said(columns: Any) -> Declared | None:
    """A column that says the same EPSG number in every line, as our own files have."""
    for name, values in columns.items():
        if _plain(name) in ("epsg", "srid"):
            found = set(values) - {None, ""}
            if len(found) == 1 and str(value := found.pop()).isdigit():
                return declared(value, "file")
    return None


def _delimiter(head: str) -> str:
    """The sign that divides most of the first lines into the same number of fields."""
    best, most = ",", 0.0
    lines = [line for line in head.splitlines() if line.strip()][:20]
    for sign in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        score = widths[0] * sum(w == widths[0] for w in widths) / len(widths)
        if score > most:
            best, most = sign, score
    return best


def _rows(
    text: str, delimiter: str, name: str, limits: Limits
) -> tuple[list[str], list[list[Any]], list[int], int]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] = []
    rows: list[list[Any]] = []
    numbers: list[int] = []
    wide = 0
    last = 0
    for fields in reader:
        line, last = last + 1, reader.line_num
        if not any(f.strip() for f in fields):
            continue
        if not header:
            header = _unique([f.strip() for f in fields])
            if len(header) > limits.columns:
                raise ImportRefused(
                    "file", "too_many_columns", f"more than {limits.columns} columns",
                    {"most": limits.columns},
                )  # fmt: skip
            continue
        wide += any(f.strip() for f in fields[len(header) :])
        rows.append([*fields[: len(header)], *[None] * (len(header) - len(fields))])
        numbers.append(line)
        if len(rows) > limits.features:
            raise ImportRefused(
                "file", "too_many_features", f"more than {limits.features:,} records",
                {"count": len(rows), "most": limits.features},
            )  # fmt: skip
    if not rows:
        raise ImportRefused("file", "no_features", f"{name} holds no records", {"file": name})
    return header, rows, numbers, wide


def _unique(names: list[str]) -> list[str]:
    out: list[str] = []
    for i, name in enumerate(names, 1):
        name = name or f"column {i}"
        out.append(name if name not in out else f"{name} {i}")
    return out


def _plain(name: str) -> str:
    return re.sub(r"\(.*?\)|（.*?）|\s", "", name).lower()


def place_columns(columns: Any) -> dict[str, str]:
    """Which columns hold the place: {"wkt"} or {"x", "y"} or {"x", "y", "x2", "y2"}; or none."""
    for name, values in columns.items():
        first = next((v for v in values[:50] if v), None)
        if isinstance(first, str) and _WKT.match(first):
            return {"wkt": name}
    names = {_plain(n): n for n in columns}
    for wanted in (_TWO_ENDS, _DEGREES, _METRES):
        found = {
            attribute.replace("lon", "x").replace("lat", "y"): next(
                (names[n] for n in choices if n in names), ""
            )
            for attribute, choices in wanted
        }
        if all(found.values()):
            return found
    return {}


def make_geometry(columns: Any, places: Any) -> Any:
    """Object array of points, lines or whatever the WKT says; None where it cannot be read."""
    if "wkt" in places:
        texts = [re.sub(r"^\s*SRID=\d+;", "", v) if isinstance(v, str) else None
                 for v in columns[places["wkt"]]]  # fmt: skip
        return shapely.from_wkt(np.array([None, *texts], dtype=object)[1:], on_invalid="ignore")
    names = [places[k] for k in ("x", "y", "x2", "y2") if k in places]
    xy = np.column_stack([[number(v) for v in columns[n]] for n in names])
    out = np.full(len(xy), None, dtype=object)
    good = np.isfinite(xy).all(axis=1)
    if xy.shape[1] == 4:
        out[good] = shapely.linestrings(xy[good].reshape(-1, 2, 2))
    else:
        out[good] = shapely.points(xy[good])
    return out


def number(value: Any) -> float:
    """A coordinate; NaN where it is none. A decimal comma is understood."""
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        text = str(value).strip()
    if re.fullmatch(r"-?\d+,\d+", text):
        return float(text.replace(",", "."))
    return math.nan
