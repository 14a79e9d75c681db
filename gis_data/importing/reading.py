"""Files into layers: EPANET, GeoPackage, Shapefile, GeoJSON, CSV, alone, in a zip or gzipped.

What a file says it is does not count; its first bytes do. Nothing is fetched from anywhere: only
files of these kinds are handed to GDAL, and never a path that it could take for an address.
"""

from __future__ import annotations

import gzip
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from gis_data.importing.csv_tables import read_csv
from gis_data.importing.geojson import read_geojson
from gis_data.importing.inp_rows import inp_layers
from gis_data.importing.ogr import read_geopackage, read_shapefile
from gis_data.importing.systems import declared
from gis_data.importing.texts import decode
from gis_data.importing.values import Format, ImportRefused, Layer, Layers, Limits, Note

_KINDS: dict[str, Format] = {
    ".inp": "inp", ".gpkg": "gpkg", ".shp": "shapefile", ".geojson": "geojson", ".json": "geojson",
    ".csv": "csv", ".tsv": "csv", ".txt": "csv",
}  # fmt: skip
#: Parts of a shapefile, and what else a zip may hold for us to look at.
_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
#: What Python's own reader raises for a zip that is torn or forged.
_TORN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, UnicodeError,
         NotImplementedError, RuntimeError)  # fmt: skip
_FREE_GROWTH = 10 * 1024 * 1024
_MOST_MEMBERS = 2000


def read_layers(
    path: Path | str, *, crs: int | str | None = None, limits: Limits | None = None
) -> Layers:
    """All layers of a file.

    `crs`: an EPSG number, "EPSG:n", proj4 or WKT that overrides what the file says of itself.
    Errors: ImportRefused on "file" (missing, empty, too large, of no known kind, damaged) or "crs"
    (no such system); for EPANET files on the section.
    """
    path, limits = Path(path), limits or Limits()
    given = declared(crs, "given")
    if not path.is_file():
        raise ImportRefused("file", "missing", f"there is no file {path.name}", {"file": path.name})
    size = path.stat().st_size
    if size == 0:
        raise ImportRefused("file", "empty", f"{path.name} is empty", {"file": path.name})
    if size > limits.bytes:
        raise too_large(path.name, limits)
    with tempfile.TemporaryDirectory(prefix="standpipe-import-") as place:
        files = list(_unpacked(path, Path(place), limits))
        if not files:
            raise ImportRefused(
                "file", "unknown_format",
                f"{path.name} holds no EPANET, GeoPackage, Shapefile, GeoJSON or CSV file",
                {"file": path.name},
            )  # fmt: skip
        read = [_read(file, name, limits) for file, name in files]
    inps = [part for part in read if part.format == "inp"]
    if inps and len(read) > 1:
        raise ImportRefused(
            "file", "inp_among_others", "import the EPANET file by itself", {"file": path.name}
        )
    layers = _renamed([layer for part in read for layer in part.layers])
    if len(layers) > limits.layers:
        raise ImportRefused(
            "file", "too_many_layers", f"more than {limits.layers} layers",
            {"most": limits.layers},
        )  # fmt: skip
    total = sum(layer.count for layer in layers)
    if total > limits.features:
        raise ImportRefused(
            "file", "too_many_features",
            f"{total:,} records where {limits.features:,} are the most",
            {"count": total, "most": limits.features},
        )  # fmt: skip
    if given is not None:
        layers = [_given(layer, given) for layer in layers]
    formats = {part.format for part in read}
    kind: Format = formats.pop() if len(formats) == 1 else "mixed"
    notes: list[Note] = [note for part in read for note in part.notes]
    return Layers(path.name, kind, tuple(layers), inps[0].inp if inps else "", tuple(notes))


def together(*parts: Layers) -> Layers:
    """The layers of several files as one; an EPANET file cannot be among them."""
    if any(part.format == "inp" for part in parts):
        raise ImportRefused("file", "inp_among_others", "import the EPANET file by itself")
    formats = {part.format for part in parts}
    return Layers(
        " + ".join(part.file for part in parts),
        formats.pop() if len(formats) == 1 else "mixed",
        tuple(_renamed([layer for part in parts for layer in part.layers])),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _given(layer: Layer, given: Any) -> Layer:
    hints = layer.crs.hints if layer.crs else ()
    return replace(layer, crs=replace(given, hints=() if given.epsg in hints else hints))


def too_large(name: str, limits: Limits) -> ImportRefused:
    most = limits.bytes // 1024**2
    return ImportRefused(
        "file", "too_large", f"{name} is larger than {most} MB", {"file": name, "most_mb": most}
    )


def _read(path: Path, name: str, limits: Limits) -> Layers:
    kind = _sniff(path, name)
    if kind == "gpkg":
        return read_geopackage(path, name, limits)
    if kind == "shapefile":
        return read_shapefile(path, name, limits)
    text, encoding = decode(path.read_bytes(), name)
    if not text.strip():
        raise ImportRefused("file", "empty", f"{name} is empty", {"file": name})
    if kind == "geojson":
        return read_geojson(text, name, limits, encoding)
    if kind == "csv":
        return read_csv(text, name, limits, encoding)
    return inp_layers(text, name, encoding)


def _sniff(path: Path, name: str) -> Format:
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"SQLite format 3\0"):
        return "gpkg"
    if head[:4] == b"\x00\x00\x27\x0a":
        return "shapefile"
    kind = _KINDS.get(Path(name).suffix.lower())
    if kind in ("gpkg", "shapefile"):
        raise ImportRefused(
            "file", "damaged", f"{name} is not what its name says", {"file": name}
        )
    if kind is None or kind == "csv":
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith(b"{"):
            return "geojson"
        if start.startswith(b"[") and b"]" in start[:40]:
            return "inp"
    if kind is None:
        raise ImportRefused(
            "file", "unknown_format", f"{name} is of no kind that can be read", {"file": name}
        )
    return kind


def _unpacked(path: Path, place: Path, limits: Limits) -> Iterator[tuple[Path, str]]:
    """(file, name) of everything to read: the file itself, or what it packs."""
    with path.open("rb") as file:
        head = file.read(4)
    if head[:2] == b"\x1f\x8b":
        name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
        target = place / f"unpacked{Path(name).suffix.lower()}"
        try:
            with gzip.open(path) as packed:
                stream = cast("IO[bytes]", packed)
                _copy(stream, target, name, path.stat().st_size, limits, limits.bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise damaged(path.name) from error
        yield target, name
    elif head == b"PK\x03\x04" or head == b"PK\x05\x06":
        yield from _zip(path, place, limits)
    else:
        yield path, path.name


def _zip(path: Path, place: Path, limits: Limits) -> Iterator[tuple[Path, str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) > _MOST_MEMBERS:
                raise ImportRefused(
                    "file", "too_many_members", f"more than {_MOST_MEMBERS} files in {path.name}",
                    {"file": path.name, "most": _MOST_MEMBERS},
                )  # fmt: skip
            left = limits.bytes
            groups: dict[tuple[str, str], dict[str, Path]] = {}
            for member in members:
                name = PurePosixPath(_member_name(member).replace("\\", "/"))
                suffix = name.suffix.lower()
                if name.name.startswith((".", "._")) or "__MACOSX" in name.parts:
                    continue
                if suffix not in _KINDS and suffix not in _PARTS:
                    continue
                if member.flag_bits & 1:
                    raise ImportRefused(
                        "file", "encrypted", f"{name.name} is protected by a password",
                        {"file": name.name},
                    )  # fmt: skip
                alike = (str(name.parent), name.stem.lower() if suffix in _PARTS else name.name)
                parts = groups.setdefault(alike, {})
                folder = place / f"g{list(groups).index(alike)}"
                folder.mkdir(exist_ok=True)
                target = folder / f"data{suffix}"
                with archive.open(member) as packed:
                    left -= _copy(packed, target, name.name, member.compress_size, limits, left)
                parts[suffix] = target
                parts.setdefault("name", Path(name.name))
                if suffix == ".shp":
                    parts["name"] = Path(name.name)
    except _TORN as error:
        raise damaged(path.name) from error
    for parts in groups.values():
        for suffix in _KINDS:
            if suffix in parts:
                yield parts[suffix], parts["name"].name


def _member_name(member: zipfile.ZipInfo) -> str:
    """Names that Windows wrote in Chinese without saying so."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def _copy(
    packed: IO[bytes], target: Path, name: str, size: int, limits: Limits, left: int
) -> int:
    """Unpack with a bound, whatever the archive claims; returns the bytes written."""
    most = min(left, _FREE_GROWTH + size * limits.packing)
    done = 0
    with target.open("wb") as out:
        while block := packed.read(1024 * 1024):
            done += len(block)
            if done > most:
                if done > left:
                    raise too_large(name, limits)
                raise ImportRefused(
                    "file", "bomb", f"{name} grows {limits.packing}-fold when unpacked; refused",
                    {"file": name},
                )  # fmt: skip
            out.write(block)
    return done


def damaged(name: str) -> ImportRefused:
    return ImportRefused("file", "damaged", f"{name} is damaged", {"file": name})


def _renamed(layers: list[Layer]) -> list[Layer]:
    """Layers of the same name in several files get their file's name, then numbers."""
    taken: set[str] = set()
    out = []
    for layer in layers:
        name = layer.name
        if name in taken:
            name = f"{Path(layer.file).stem}.{layer.name}"
        number = 2
        while name in taken:
            name, number = f"{layer.name}.{number}", number + 1
        taken.add(name)
        out.append(replace(layer, name=name))
    return out

