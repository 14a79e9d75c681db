"""Sewers and manholes: a network of their own, never joined to drinking water."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from gis_data.drainage import Drainage, Manhole, Sewer
from gis_data.importing.batches import Batch, Batches
from gis_data.importing.joining import Namer
from gis_data.importing.values import Tolerances


def build_drainage(batches: Batches, tolerances: Tolerances) -> Drainage | None:
    """The drainage of the sewer and manhole layers; None where there are none.

    A sewer that ends at no manhole keeps a made-up name for that end, and no manhole is invented:
    the readiness report says so.
    """
    if not batches.by_role.get("sewer") and not batches.by_role.get("manhole"):
        return None
    manholes: dict[str, Manhole] = {}
    places: dict[str, tuple[float, float]] = {}
    for batch in batches.of("manhole"):
        sheet = batch.sheet
        kinds = sheet.word("kind", "manhole")
        ground, invert = sheet.number("ground"), sheet.number("invert")
        for i in batch.rows():
            if not batches.name("manhole").take(batch, i):
                continue
            lon, lat, x, y = batch.point(i)
            z = float(batch.z[i]) if np.isfinite(batch.z[i]) else 0.0
            top = _first(ground[i], z)
            manholes[sheet.ids[i]] = Manhole(
                sheet.ids[i], lon, lat, top, _first(invert[i], top), kinds[i],  # type: ignore[arg-type]
            )  # fmt: skip
            places[sheet.ids[i]] = (x, y)
    sewers: dict[str, Sewer] = {}
    namer = Namer(places)
    for batch in batches.of("sewer"):
        sewers.update(_sewers(batch, batches, manholes, places, namer, tolerances))
    return Drainage(batches.epsg, manholes, sewers)


def _first(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _sewers(
    batch: Batch,
    batches: Batches,
    manholes: Mapping[str, Manhole],
    places: Mapping[str, tuple[float, float]],
    namer: Namer,
    tolerances: Tolerances,
) -> dict[str, Sewer]:
    sheet = batch.sheet
    names = batches.name("manhole")
    diameters, lengths = sheet.number("diameter", above=0), sheet.number("length", least=0)
    materials, years, streets = sheet.text("material"), sheet.year("year"), sheet.text("street")
    carries = sheet.word("carries", _carries(sheet.layer.name))
    inverts = (sheet.number("invert_start"), sheet.number("invert_end"))
    # Without a manhole layer the ids at the ends are names of manholes nobody has drawn.
    find = names.find if len(names) else lambda said: said
    starts = sheet.reference("start", find, "manhole")
    ends = sheet.reference("end", find, "manhole")
    known = list(places)
    tree = cKDTree([places[k] for k in known]) if known else None
    out: dict[str, Sewer] = {}
    for i in batch.rows():
        if not batches.name("sewer").take(batch, i):
            continue
        line, drawn = batch.metres[i], batch.lonlat[i]
        at = []
        for named, (x, y) in ((starts[i], line.coords[0]), (ends[i], line.coords[-1])):
            if not named and tree is not None:
                away, k = tree.query((x, y))
                named = known[int(k)] if away <= tolerances.manhole else ""
            at.append(named or _nothing(namer, x, y))
        length = lengths[i] or float(line.length)
        out[sheet.ids[i]] = Sewer(
            sheet.ids[i], at[0], at[1], drawn, length, float(diameters[i] or 0.0), materials[i],
            years[i], carries[i], inverts[0][i], inverts[1][i], streets[i],  # type: ignore[arg-type]
        )  # fmt: skip
    return out


def _nothing(namer: Namer, x: float, y: float) -> str:
    """The same name for ends that meet where no manhole is recorded."""
    name = f"n{round(x * 2)}_{round(y * 2)}"
    namer.at.setdefault(name, (x, y))
    return name


def _carries(layer: str) -> str:
    low = layer.lower()
    if "storm" in low or ("雨" in layer and "污" not in layer):
        return "storm"
    return "combined" if "combined" in low or "合流" in layer or "雨污" in layer else "foul"
