"""Little files of a town, in the forms utilities send them.

        V            R reservoir, A..D ends of mains; PAB is two mains long with a tee at T, where
R--A--T-x--B         PTC ends on it without a node. V stands on PAB, H is a hydrant, at C.
      |
      C
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
from shapely.geometry import LineString, Point

from gis_data.importing import Built, Layer, Layers, build, problems, suggest_map
from gis_data.importing.layering import make_layer
from gis_data.importing.systems import declared

#: A corner of Xi'an in EPSG:4545 (CGCS2000, 3-degree zone, 108 E).
X, Y = 500_000.0, 3_790_000.0
EPSG = 4545
XIAN = (107.9, 34.1, 108.2, 34.4)


def at(x: float, y: float) -> tuple[float, float]:
    return X + x, Y + y


def line(*points: tuple[float, float]) -> LineString:
    return LineString([at(*p) for p in points])


#: Chinese columns, as surveyors name them.
PIPES: list[dict[str, Any]] = [
    {"编号": "GX1", "管径": 300, "管材": "球墨铸铁", "埋设年代": "1998-05-01",
     "geometry": line((0, 0), (100, 0))},
    {"编号": "GX2", "管径": 200, "管材": "PE管", "埋设年代": "2005",
     "geometry": line((100, 0), (300, 0))},
    {"编号": "GX3", "管径": 100, "管材": "灰口铸铁", "埋设年代": "1975",
     "geometry": line((160, 0), (160, -80))},
]  # fmt: skip
VALVES: list[dict[str, Any]] = [
    {"编号": "FM1", "口径": 200, "阀门类型": "蝶阀", "开关状态": "开", "完好情况": "锈死",
     "geometry": Point(at(220, 0.3))},
    {"编号": "FM2", "口径": 100, "阀门类型": "闸阀", "开关状态": "关", "完好情况": "完好",
     "geometry": Point(at(160.2, -1.5))},
]  # fmt: skip
HYDRANTS: list[dict[str, Any]] = [
    {"编号": "XHS1", "出水口直径": 65, "geometry": Point(at(160, -80.1))},
]  # fmt: skip
SOURCES: list[dict[str, Any]] = [{"编号": "SC1", "水头": 450.0, "geometry": Point(at(0, 0.2))}]

TOWN: dict[str, list[dict[str, Any]]] = {
    "供水管线": PIPES, "阀门": VALVES, "消火栓": HYDRANTS, "水源": SOURCES,
}  # fmt: skip


def frame(rows: Sequence[Mapping[str, Any]], epsg: int | None = EPSG) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(list(map(dict, rows)), geometry="geometry", crs=epsg)


def geopackage(path: Path, town: Mapping[str, Sequence[Mapping[str, Any]]] = TOWN) -> Path:
    for name, rows in town.items():
        pyogrio.write_dataframe(frame(rows), path, layer=name, driver="GPKG")
    return path


def shapefiles(
    path: Path, *, encoding: str = "GBK", prj: bool = True, cpg: bool = False, mark: int = 0
) -> Path:
    """A zip of shapefiles, its tables in `encoding`; `mark` is the language byte of the tables."""
    folder = path.parent / f"{path.stem}-shp"
    folder.mkdir()
    for name, rows in TOWN.items():
        heads = [k for k in rows[0] if k != "geometry"]
        plain = frame(rows).rename(columns={head: f"F{k}" for k, head in enumerate(heads)})
        pyogrio.write_dataframe(
            plain, folder / f"{name}.shp", driver="ESRI Shapefile", encoding="UTF-8"
        )
        table = folder / f"{name}.dbf"
        table.write_bytes(_recoded(table.read_bytes(), heads, encoding, mark))
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            if (file.suffix == ".prj" and not prj) or (file.suffix == ".cpg" and not cpg):
                continue
            archive.write(file, file.name)
    return path


def _recoded(raw: bytes, heads: Sequence[str], encoding: str, mark: int) -> bytes:
    """A dBase table with its letters in another encoding, field by field; names end at 10 bytes."""
    header, width = struct.unpack("<HH", raw[8:12])
    out = bytearray(raw)
    out[29] = mark
    fields: list[int] = []
    place = 32
    while raw[place] != 0x0D:
        name = heads[len(fields)].encode(encoding)[:10]
        out[place : place + 11] = name.ljust(11, b"\0")
        fields.append(raw[place + 16])
        place += 32
    start = header
    while start + width <= len(raw):
        column = start + 1
        for size in fields:
            said = raw[column : column + size].decode("utf-8", errors="ignore").rstrip()
            out[column : column + size] = said.encode(encoding)[:size].ljust(size)
            column += size
        start += width
    return bytes(out)


def geojson(path: Path, rows: Sequence[Mapping[str, Any]], crs: str | None = None) -> Path:
    features = [
        {"type": "Feature",
         "properties": {k: v for k, v in row.items() if k != "geometry"},
         "geometry": row["geometry"] if isinstance(row["geometry"], (dict, type(None)))
         else row["geometry"].__geo_interface__}
        for row in rows
    ]  # fmt: skip
    data: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs:
        data["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def layer(name: str, rows: Sequence[Mapping[str, Any]], epsg: int | None = EPSG) -> Layer:
    """A layer without the trouble of a file; rows have a "geometry", or none if a table."""
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for key in row:
            columns.setdefault(key, [])
    del columns["geometry"]
    for key, values in columns.items():
        values.extend(row.get(key) for row in rows)
    geometry = np.array([None, *(row["geometry"] for row in rows)], dtype=object)[1:]
    return make_layer(
        name, columns, geometry, np.arange(1, len(rows) + 1), declared(epsg, "file")
    )


def built_of(layers: Mapping[str, Layer], **how: Any) -> Built:
    """Layers named after what they hold ("pipes", "valves", ...), understood and built."""
    found = Layers("town.gpkg", "gpkg", tuple(layers.values()))
    schema_map = suggest_map(found)
    assert [p for p in problems(schema_map, found) if p.severity == "error"] == []
    return build(found, schema_map, **how)


def import_of(town: Mapping[str, Sequence[Mapping[str, Any]]], **how: Any) -> Built:
    return built_of({name: layer(name, rows) for name, rows in town.items() if rows}, **how)
