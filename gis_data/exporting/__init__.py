"""Taking a network out again: GeoPackage, GeoJSON, CSV or EPANET, so that nobody is locked in.

    export(network, "town.gpkg", "gpkg")                 # one file, a layer for each kind of asset
    export(network, "town", "geojson")                   # a folder, a collection for each kind
    export(network, "town.zip", "csv")                   # the same, packed
    export(network, "town.inp", "inp")                   # what EPANET can hold
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyogrio
import shapely

from gis_data.crs import measuring_system, project_array
from gis_data.drainage import Drainage
from gis_data.exporting.tables import Table, header_table, tables
from gis_data.importing.values import PremiseRow, ZoneRow
from gis_data.inp import write_inp
from gis_data.model import Network

__all__ = ["FORMATS", "ExportFormat", "ExportRefused", "export"]

ExportFormat = Literal["gpkg", "geojson", "csv", "inp"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
_TYPES: Mapping[str, Any] = {"text": object, "number": np.float64, "integer": np.float64}


class ExportRefused(ValueError):
    """What cannot be written; `field` names the argument, `code` is stable."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.code = code
        self.message = message


def export(
    network: Network,
    path: Path | str,
    format: ExportFormat,
    drainage: Drainage | None = None,
    *,
    premises: Iterable[PremiseRow] = (),
    zones: Iterable[ZoneRow] = (),
    crs: int | None = None,
) -> list[Path]:
    """Write the network and return the files written.

    `path`: a file for "gpkg" and "inp"; for "geojson" and "csv" a folder, or a .zip. `crs`: EPSG
    number for "gpkg" and "csv" (WGS 84 unless given); GeoJSON is always WGS 84 (RFC 7946), an
    EPANET file always in the network's measuring system.
    Errors: ExportRefused for an unknown format or a system that fits the format not; NetworkError
    for ids that EPANET cannot hold.
    """
    target = Path(path)
    if format not in FORMATS:
        raise ExportRefused("format", "unknown_format", f"is none of {', '.join(FORMATS)}")
    if format == "inp":
        if crs is not None and crs != network.crs_measure:
            raise ExportRefused(
                "crs", "fixed_crs", f"an EPANET file is written in EPSG:{network.crs_measure}"
            )
        write_inp(network, target)
        return [target]
    if format == "geojson" and crs not in (None, 4326):
        raise ExportRefused("crs", "fixed_crs", "GeoJSON is always in WGS 84 (RFC 7946)")
    found = tables(network, drainage, premises, zones)
    found.append(header_table(network))
    epsg = 4326 if crs is None else crs
    if epsg != 4326:
        measuring_system(epsg)
    if format == "gpkg":
        _geopackage(found, target, epsg)
        return [target]
    texts = {
        f"{table.name}.{format}": _geojson(table) if format == "geojson" else _csv(table, epsg)
        for table in found
    }
    return _write(texts, target)


def _write(texts: Mapping[str, str], target: Path) -> list[Path]:
    if target.suffix.lower() == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
        return [target]
    target.mkdir(parents=True, exist_ok=True)
    out = []
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8", newline="")
        out.append(target / name)
    return out


def _shapes(table: Table, epsg: int) -> Any:
    shapes = np.empty(len(table.geometry), dtype=object)
    shapes[:] = table.geometry
    if epsg == 4326:
        return shapes
    unit = float(measuring_system(epsg).axis_info[0].unit_conversion_factor)
    return shapely.transform(shapes, lambda c: project_array(c, epsg) / unit)


def _geopackage(found: list[Table], target: Path, epsg: int) -> None:
    """Written beside and put in place whole, so that a reader never sees half a file."""
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as place:
        draft = Path(place) / "draft.gpkg"
        for table in found:
            spatial = table.shape != "None"
            pyogrio.raw.write(
                draft, shapely.to_wkb(_shapes(table, epsg)) if spatial else None,
                [_array(table, k, kind) for k, (_, kind) in enumerate(table.columns)],
                [name for name, _ in table.columns], layer=table.name, driver="GPKG",
                geometry_type=table.shape if spatial else None,
                crs=f"EPSG:{epsg}" if spatial else None, append=draft.exists(),
            )  # fmt: skip
        draft.replace(target)


def _array(table: Table, k: int, kind: str) -> Any:
    values = [row[k] for row in table.rows]
    if kind == "text":
        return np.array([None, *values], dtype=object)[1:]
    return np.array([np.nan if v is None else v for v in values], dtype=_TYPES[kind])


def _geojson(table: Table) -> str:
    """A collection as RFC 7946 wants it: WGS 84, seven decimals (a centimetre), outlines turned."""
    shapes = _shapes(table, 4326)
    if table.shape == "MultiPolygon":
        shapes = shapely.orient_polygons(shapes)
    geometries = shapely.to_geojson(shapes)
    names = [name for name, _ in table.columns]
    features = []
    for row, text in zip(table.rows, geometries, strict=True):
        geometry = json.loads(text) if text is not None else None
        if geometry is not None:
            geometry["coordinates"] = _rounded(geometry["coordinates"])
        features.append(
            {"type": "Feature", "id": row[0], "properties": dict(zip(names, row, strict=True)),
             "geometry": geometry}
        )  # fmt: skip
    collection = {"type": "FeatureCollection", "name": table.name, "features": features}
    return json.dumps(collection, ensure_ascii=False, allow_nan=False)


def _rounded(value: Any) -> Any:
    return [_rounded(v) for v in value] if isinstance(value, list) else round(value, 8)


def _csv(table: Table, epsg: int) -> str:
    """With the geometry as WKT; the mark at the start tells spreadsheets that it is UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    spatial = table.shape != "None"
    writer.writerow([*(name for name, _ in table.columns), *(["epsg", "wkt"] if spatial else [])])
    digits = 8 if epsg == 4326 else 3
    wkt = shapely.to_wkt(_shapes(table, epsg), rounding_precision=digits)
    for row, text in zip(table.rows, wkt, strict=True):
        place = [epsg, text] if spatial else []
        writer.writerow([*("" if v is None else _safe(v) for v in row), *place])
    return "\ufeff" + out.getvalue()


def _safe(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is written with a space before it."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return " " + value
    return value
