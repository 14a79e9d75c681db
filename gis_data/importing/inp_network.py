"""EPANET files as they come: what cannot be used is set aside with its line, the rest is read."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gis_data.crs import measuring_system, project_array
from gis_data.importing.batches import GivenCrs, check_bounds
from gis_data.importing.inp_clean import Cleaned, moved
from gis_data.importing.inp_rows import sections
from gis_data.importing.systems import (
    Bounds,
    check_system,
    declared,
    measuring_epsg,
    widened,
)
from gis_data.importing.values import ImportRefused, Layers, Note, Quarantined
from gis_data.inp import NetworkFileError, read_inp
from gis_data.model import Network


def build_inp(
    layers: Layers,
    crs: GivenCrs,
    city: Bounds | None,
    crs_measure: int | None,
    name: str,
) -> tuple[Network, list[Quarantined], list[Note], int]:
    """(network, quarantine, notes, records) of an EPANET file.

    Errors: ImportRefused on "crs", or on a section with its line where the file as a whole makes
    no network.
    """
    check_bounds(city)
    given = declared(None if isinstance(crs, Mapping) else crs, "given")
    given = given or next((layer.crs for layer in layers if layer.crs is not None), None)
    if given is None:
        raise ImportRefused(
            "crs", "crs_missing", "an EPANET file never says which coordinate system it is in: "
            "declare it, for instance EPSG:4545",
        )  # fmt: skip
    points = _coordinates(layers.inp)
    system = check_system(given, points, city)
    epsg = measuring_epsg(system, system.lonlat(points), crs_measure)
    cleaned = Cleaned(layers.inp, system, widened(city) if city is not None else system.area())
    if not cleaned.links:
        first = cleaned.quarantine[0]
        raise ImportRefused(
            first.layer, "nothing_left",
            f"no link could be built; the first problem: {first.element}: {first.reason}",
            {"quarantined": len(cleaned.quarantine)}, line=first.line,
        )  # fmt: skip
    if epsg == system.crs.to_epsg():
        text = "\n".join(cleaned.lines) + "\n"
    else:
        text = moved(cleaned, lambda xy: _projected(system.lonlat(xy), epsg))
    with tempfile.TemporaryDirectory(prefix="standpipe-inp-") as place:
        path = Path(place) / "network.inp"
        path.write_text(text, encoding="utf-8")
        try:
            network = read_inp(path, epsg)
        except NetworkFileError as error:
            raise ImportRefused(
                error.field, "bad_inp", error.message.replace(path.name, layers.file),
                line=error.line,
            ) from error  # fmt: skip
    notes = list(layers.notes)
    if network.valves:
        notes.append(
            Note("throttle_valves_taken", f"{len(network.valves)} throttle valves were taken for "
                 "isolation valves", {"count": len(network.valves)})
        )  # fmt: skip
    return replace(network, name=name), cleaned.quarantine, notes, cleaned.records


def _projected(lonlat: Any, epsg: int) -> Any:
    unit = float(measuring_system(epsg).axis_info[0].unit_conversion_factor)
    return project_array(lonlat, epsg) / unit


def _coordinates(text: str) -> Any:
    points = []
    for _, section, said in sections(text):
        if section == "COORDINATES":
            fields = said.split()
            try:
                points.append((float(fields[1]), float(fields[2])))
            except (ValueError, IndexError):
                points.append((math.nan, math.nan))
    array = np.array(points, dtype=float).reshape(-1, 2)
    if not np.isfinite(array).all(axis=1).any():
        raise ImportRefused(
            "COORDINATES", "no_geometry", "the file holds no coordinates: it cannot be put on a map"
        )
    return array

