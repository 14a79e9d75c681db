"""GeoPackage and Shapefile through GDAL, which only ever sees a local file of a kind we know."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FieldError

from gis_data.importing.layering import make_layer
from gis_data.importing.systems import declared
from gis_data.importing.texts import guess_encoding
from gis_data.importing.values import Declared, ImportRefused, Layer, Layers, Limits

_BROKEN = (DataSourceError, DataLayerError, FieldError, RuntimeError, ValueError, UnicodeError)
#: Nothing a file says may make GDAL open another file or an address.
_CLOSED = {
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_HTTP_MAX_RETRY": "0",
    "SHAPE_RESTORE_SHX": "YES",
}
_CODE_PAGES = {0x4D: "gb18030", 0x4E: "cp949", 0x4F: "big5", 0x7A: "gb18030", 0x78: "big5"}
#: Columns that say nothing about an asset.
_HOUSEKEEPING = frozenset({"ogc_fid", "ogr_fid"})


def read_geopackage(path: Path, name: str, limits: Limits) -> Layers:
    """Every table of a GeoPackage. Errors: ImportRefused on "file"."""
    pyogrio.set_gdal_config_options(_CLOSED)
    try:
        with path.open("rb") as file:
            head = file.read(72)
        if head[68:72] not in (b"GPKG", b"GP10", b"GP11"):
            raise ImportRefused(
                "file", "damaged", f"{name} is a database, but no GeoPackage", {"file": name}
            )
        names = [str(row[0]) for row in pyogrio.list_layers(path)]
        if len(names) > limits.layers:
            raise ImportRefused(
                "file", "too_many_layers", f"more than {limits.layers} layers",
                {"most": limits.layers},
            )  # fmt: skip
        layers = [
            _read(path, layer, layer, name, limits, "utf-8", "file")
            for layer in names
        ]
    except _BROKEN as error:
        if isinstance(error, ImportRefused):
            raise
        raise _damaged(name, error) from error
    return Layers(name, "gpkg", tuple(layers))


def read_shapefile(path: Path, name: str, limits: Limits) -> Layers:
    """One shapefile with the parts beside it. Errors: ImportRefused on "file"."""
    pyogrio.set_gdal_config_options(_CLOSED)
    table = _beside(path, ".dbf")
    encoding = _encoding(path, table) if table is not None else "utf-8"
    try:
        layer = _read(path, None, Path(name).stem, name, limits, encoding, "prj")
    except _BROKEN as error:
        if isinstance(error, ImportRefused):
            raise
        raise _damaged(name, error) from error
    return Layers(name, "shapefile", (layer,))


def _damaged(name: str, error: Exception) -> ImportRefused:
    # GDAL names the path it was given, which is nobody's business.
    first = str(error).splitlines()[0].split("/")[-1][:120] if str(error) else ""
    return ImportRefused(
        "file", "damaged", f"{name} cannot be read: {first}", {"file": name, "detail": first}
    )


def _read(
    path: Path, layer: str | None, label: str, name: str, limits: Limits, encoding: str, source: Any
) -> Layer:
    shapefile = source == "prj"
    # Read as single bytes and decoded below: GDAL's own guess is wrong for GBK without a mark.
    read_as = "ISO-8859-1" if shapefile else None
    about = pyogrio.read_info(path, layer=layer, encoding=read_as)
    if int(about["features"]) > limits.features:
        raise ImportRefused(
            "file", "too_many_features",
            f"{int(about['features']):,} records where {limits.features:,} are the most",
            {"count": int(about["features"]), "most": limits.features},
        )  # fmt: skip
    if len(about["fields"]) > limits.columns:
        raise ImportRefused(
            "file", "too_many_columns", f"more than {limits.columns} columns",
            {"most": limits.columns},
        )  # fmt: skip
    meta, fids, wkb, values = pyogrio.raw.read(
        path, layer=layer, return_fids=True, max_features=limits.features,
        encoding=read_as,
    )  # fmt: skip
    names = [str(f) for f in meta["fields"]]
    if shapefile:
        names = [_again(n, encoding) for n in names]
        values = [
            np.array([None, *(_again(v, encoding) for v in column)], dtype=object)[1:]
            if column.dtype == object else column
            for column in values
        ]  # fmt: skip
    geometry = None if wkb is None else shapely.from_wkb(wkb, on_invalid="ignore")
    columns = {
        n: column
        for n, column in zip(names, values, strict=True)
        if n.lower() not in _HOUSEKEEPING
    }
    return make_layer(
        label, columns, geometry, np.asarray(fids) + (1 if shapefile else 0),
        _declared(meta.get("crs"), source), file=name, encoding=encoding,
    )  # fmt: skip


def _declared(value: Any, source: Any) -> Declared | None:
    found = declared(value, source)
    # GeoPackage says "undefined cartesian" and "undefined geographic" for no system at all.
    return None if found is None or "undefined" in found.name.lower() else found


def _again(value: Any, encoding: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return value.encode("latin-1").decode(encoding, errors="replace").strip("\0 \ufffd")
    except UnicodeEncodeError:
        return value


def _beside(path: Path, suffix: str) -> Path | None:
    for candidate in path.parent.glob(f"{path.stem}.*"):
        if candidate.suffix.lower() == suffix:
            return candidate
    return None


def _encoding(path: Path, table: Path) -> str:
    """Of a .dbf: what the .cpg says, else its language mark, else a look at its bytes."""
    code_page = _beside(path, ".cpg")
    if code_page is not None:
        said = code_page.read_text("ascii", errors="ignore").strip().lower()[:20]
        said = {"936": "gb18030", "cp936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030",
                "65001": "utf-8", "utf8": "utf-8", "ansi 936": "gb18030",
                }.get(said, said)  # fmt: skip
        try:
            "".encode(said)
            return said
        except LookupError:
            pass
    raw = table.read_bytes()
    if len(raw) >= 32 and raw[29] in _CODE_PAGES:
        return _CODE_PAGES[raw[29]]
    start = struct.unpack("<H", raw[8:10])[0] if len(raw) >= 32 else 0
    words = raw[32:start] + b" " + raw[start : start + 2_000_000]
    plain = bytes(b for b in words if b >= 9)
    return guess_encoding(plain)
