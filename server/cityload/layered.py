"""A network from layers of a GIS (GeoPackage, Shapefile, GeoJSON, CSV), one file or several."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import CommandError

from gis_data import readiness
from gis_data.growing.premises import PremiseSeed, UseClass
from gis_data.helsinki import Area
from gis_data.importing import (
    Built,
    ImportRefused,
    Layers,
    PremiseRow,
    SchemaMap,
    build,
    read_layers,
    suggest_map,
)

_SHOWN = 20
_USES: tuple[UseClass, ...] = get_args(UseClass)


class LayersError(CommandError):
    """Files that cannot be a network; `field` names what to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Layered:
    """What came of the files: the network and all beside it, and what a person should be told."""

    built: Built
    premises: list[PremiseSeed]
    zones: list[Area]
    dmas: list[Area]
    verdicts: dict[str, str]
    said: tuple[str, ...]


def read_layered(
    paths: Sequence[Path], *, crs: int | None, schema_map: Path | None, name: str
) -> Layered:
    """Build the network of `paths`, read as `schema_map` (JSON) says or as it looks.

    Errors: LayersError naming the file, the field of the map or the system, with what would fit.
    """
    layers = read_together(paths, crs)
    try:
        meant = suggest_map(layers)
        if schema_map is not None:
            meant = SchemaMap.from_json(schema_map.read_text(encoding="utf-8"))
        built = build(layers, meant, crs=crs, name=name)
    except (OSError, UnicodeDecodeError) as error:
        raise LayersError("map", f"The map {schema_map} cannot be read: {error}.") from error
    except ImportRefused as error:
        raise _refused(error) from error
    if not built.usable:
        raise LayersError(
            "network",
            f"{len(built.quarantine)} of {built.records} records cannot be used; what is left "
            f"would be a torn network.\n" + "\n".join(_quarantine(built)),
        )
    report = readiness.report(
        built.network, built.drainage, built.premises, quarantine=built.quarantine,
        records=built.records,
    )
    return Layered(
        built, [_seed(p) for p in built.premises], _areas(built, "pressure"),
        _areas(built, "dma"), {k: v.ok for k, v in report.verdicts.items()},
        (*_quarantine(built), *_verdicts(report)),
    )  # fmt: skip


def read_together(paths: Sequence[Path], crs: int | None) -> Layers:
    """The layers of one file, or of several as one matter. Errors: LayersError."""
    for path in paths:
        if not path.is_file():
            raise LayersError("network", f"There is no file {path}.")
    try:
        if len(paths) == 1:
            return read_layers(paths[0], crs=crs)
        with tempfile.TemporaryDirectory(prefix="standpipe-city-") as place:
            together = Path(place) / f"{paths[0].stem}.zip"
            with zipfile.ZipFile(together, "w", zipfile.ZIP_STORED) as archive:
                for path in paths:
                    archive.write(path, path.name)
            return read_layers(together, crs=crs)
    except ImportRefused as error:
        raise _refused(error) from error


def _refused(error: ImportRefused) -> LayersError:
    where = f" (line {error.line})" if error.line else ""
    text = f"{error.field}: {error.message}{where}"
    return LayersError(error.field, text if text.endswith(".") else f"{text}.")


def _quarantine(built: Built) -> list[str]:
    if not built.quarantine:
        return []
    lines = [f"{len(built.quarantine)} of {built.records} records were set aside:"]
    for q in built.quarantine[:_SHOWN]:
        lines.append(f"  {q.layer} line {q.line}: {q.element or 'no id'} {q.reason}")
    if len(built.quarantine) > _SHOWN:
        lines.append(f"  and {len(built.quarantine) - _SHOWN} more")
    return lines


def _verdicts(report: readiness.Readiness) -> list[str]:
    fit = {"yes": "yes", "with_care": "with care", "no": "no"}
    return [
        f"Fit for {purpose}: {fit[v.ok]}" + "".join(f"; {w.message}" for w in v.why)
        for purpose, v in report.verdicts.items()
    ]


def _seed(row: PremiseRow) -> PremiseSeed:
    use: Any = row.use if row.use in _USES else "home"
    return PremiseSeed(
        row.id, row.address or row.id, row.building, row.lon, row.lat, use, row.persons or 2,
        row.floors or 1, row.street, row.number, name=row.name,
    )  # fmt: skip


def _areas(built: Built, kind: str) -> list[Area]:
    return [Area(z.id, z.name, z.name, z.geometry) for z in built.zones if z.kind == kind]
