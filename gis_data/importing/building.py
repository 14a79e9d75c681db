"""From layers and their meaning to a network, its drainage, its premises and its quarantine."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry import MultiPolygon

from gis_data.drainage import Drainage
from gis_data.importing.batches import Batches, GivenCrs, prepare
from gis_data.importing.drains import build_drainage
from gis_data.importing.header import read_header, with_header
from gis_data.importing.inp_network import build_inp
from gis_data.importing.mapping import problems
from gis_data.importing.systems import Bounds
from gis_data.importing.taps import build_taps
from gis_data.importing.values import (
    Built,
    ImportRefused,
    Layers,
    Quarantined,
    SchemaMap,
    Tolerances,
    ZoneRow,
)
from gis_data.importing.water import Water
from gis_data.model import Network


def build(
    layers: Layers,
    schema_map: SchemaMap,
    *,
    crs: GivenCrs = None,
    city_bounds: Bounds | None = None,
    crs_measure: int | None = None,
    name: str = "",
    tolerances: Tolerances | None = None,
    dirty_share: float = 0.2,
) -> Built:
    """The network that the layers hold, and every record that could not be used.

    `crs`: what the coordinates are in, where the file does not say or is wrong: an EPSG number or
    text for all layers, or layer name -> one. `city_bounds`: west, south, east, north in lon/lat
    that they must lie in. `crs_measure`: the projected system to measure in (the file's own, or the
    local UTM zone). Above `dirty_share` quarantined records `Built.usable` is False.

    The same layers give the same network, whatever the order of their records.
    Errors: ImportRefused for a schema map with errors, a coordinate system that is missing or
    cannot be right, or when nothing is left to build.
    """
    name = name or layers.file.split(".")[0]
    if layers.format == "inp":
        network, aside, notes, records = build_inp(layers, crs, city_bounds, crs_measure, name)
        return finished(network, None, aside, records, dirty_share, premises=[], zones=[],
                        notes=notes, crs=network.crs_measure)  # fmt: skip
    for problem in problems(schema_map, layers):
        if problem.severity == "error":
            raise ImportRefused(problem.field, problem.code, problem.message, problem.params)
    header = read_header(layers)
    measure = crs_measure or header.get("crs_measure")
    batches = prepare(
        layers, schema_map, crs, city_bounds, measure if isinstance(measure, int) else None
    )
    zones = _zones(batches)
    drainage = build_drainage(batches, tolerances or Tolerances())
    water = Water(batches, zones, tolerances or Tolerances())
    network = water.network(name, schema_map.headloss)
    network, premises = build_taps(batches, water, network, tolerances or Tolerances())
    if header:
        network = with_header(network, header)
    records = sum(b.sheet.count for group in batches.by_role.values() for b in group)
    return finished(
        network, drainage, batches.quarantine, records, dirty_share,
        premises=premises, zones=zones, notes=batches.notes, crs=batches.epsg,
    )  # fmt: skip


def finished(
    network: Network,
    drainage: Drainage | None,
    quarantine: list[Quarantined],
    records: int,
    dirty_share: float,
    **more: Any,
) -> Built:
    """Errors: ImportRefused where there is neither a pipe nor a sewer."""
    quarantine = sorted(quarantine, key=lambda q: (q.layer, q.line))
    if not network.pipes and not (drainage and drainage.sewers):
        bad = quarantine[0] if quarantine else None
        first = f"; the first: line {bad.line} {bad.reason}" if bad else ""
        raise ImportRefused(
            "file", "nothing_left", f"no pipe and no sewer could be built{first}",
            {"quarantined": len(quarantine)},
        )  # fmt: skip
    usable = len(quarantine) <= dirty_share * records
    return Built(
        network=network, drainage=drainage, quarantine=quarantine, records=records, usable=usable,
        **more,
    )  # fmt: skip


def _zones(batches: Batches) -> list[ZoneRow]:
    out = []
    for batch in batches.of("zone"):
        sheet = batch.sheet
        names, kinds = sheet.text("name"), sheet.word("kind", _zone_kind(sheet.layer.name))
        for i in batch.rows():
            if batches.name("zone").take(batch, i):
                shape = batch.lonlat[i]
                if shape.geom_type == "Polygon":
                    shape = MultiPolygon([shape])
                out.append(
                    ZoneRow(
                        sheet.ids[i], names[i] or sheet.ids[i],
                        "dma" if kinds[i] == "dma" else "pressure", shapely.force_2d(shape),
                    )
                )  # fmt: skip
    return out


def _zone_kind(layer: str) -> str:
    return "dma" if "dma" in layer.lower() or "计量" in layer else "pressure"
