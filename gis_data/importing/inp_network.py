"""EPANET files as they come: what cannot be used is set aside with its line, the rest is read."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from gis_data.importing.batches import GivenCrs
from gis_data.importing.systems import Bounds, declared
from gis_data.importing.values import Built, ImportRefused, Layers
from gis_data.inp import NetworkFileError, read_inp


def build_inp(
    layers: Layers,
    crs: GivenCrs,
    city: Bounds | None,
    crs_measure: int | None,
    name: str,
    dirty_share: float,
) -> Built:
    """The network of an EPANET file. Errors: ImportRefused with section and line."""
    given = declared(crs, "given")
    if given is None or given.epsg is None:
        raise ImportRefused(
            "crs", "crs_missing", "an EPANET file never says which coordinate system it is in: "
            "declare it, for instance EPSG:4545",
        )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="standpipe-inp-") as place:
        path = Path(place) / "network.inp"
        path.write_text(layers.inp, encoding="utf-8")
        try:
            network = read_inp(path, given.epsg)
        except NetworkFileError as error:
            raise ImportRefused(
                error.field, "bad_inp", error.message, line=error.line
            ) from error
    records = sum(layer.count for layer in layers)
    return Built(replace(network, name=name), None, [], [], [], [], records, given.epsg)
