"""Layers made ready to be built: placed on earth, checked against the city, grouped by role."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from gis_data.importing.placing import Placed, raw_geometry
from gis_data.importing.sheet import Sheet
from gis_data.importing.systems import (
    WGS84,
    Bounds,
    System,
    check_system,
    declared,
    measuring_epsg,
    widened,
)
from gis_data.importing.values import (
    Declared,
    ImportRefused,
    Layer,
    LayerMap,
    Layers,
    Note,
    Quarantined,
    Role,
    SchemaMap,
)

GivenCrs = int | str | Mapping[str, int | str] | None


@dataclass(slots=True)
class Batch:
    """One layer of a role; `lonlat` and `metres` hold None for records without a geometry."""

    sheet: Sheet
    lonlat: Any
    metres: Any
    z: Any

    def rows(self) -> Iterator[int]:
        """Numbers of the records still in use."""
        return iter(np.flatnonzero(self.sheet.ok).tolist())

    def point(self, i: int) -> tuple[float, float, float, float]:
        """lon, lat and x, y of a point."""
        here, there = self.lonlat[i], self.metres[i]
        return here.x, here.y, there.x, there.y


@dataclass(slots=True)
class Batches:
    """All layers in use, by role, and what they share."""

    epsg: int
    by_role: dict[Role, list[Batch]]
    quarantine: list[Quarantined]
    notes: list[Note]
    names: dict[str, Names] = field(default_factory=dict)

    def of(self, *roles: Role) -> Iterator[Batch]:
        for role in roles:
            yield from self.by_role.get(role, ())

    def name(self, kind: str) -> Names:
        return self.names.setdefault(kind, Names())

    def note(self, code: str, count: int, message: str, **params: Any) -> None:
        if count:
            self.notes.append(Note(code, message.format(count=count), {"count": count, **params}))


class Names:
    """The ids of one kind of thing, findable with or without their layer's prefix."""

    def __init__(self) -> None:
        self._owner: dict[str, tuple[str, int]] = {}
        self._prefixes: dict[str, None] = {}

    def take(self, batch: Batch, i: int) -> bool:
        """Claim record `i`'s id; False, and the record quarantined, where it is taken."""
        sheet = batch.sheet
        name = sheet.ids[i]
        if name in self._owner:
            layer, line = self._owner[name]
            sheet.bad(i, sheet.column("id"), "duplicate_id",
                      f"its id stands already in {layer}, {sheet.layer.counted} {line}",
                      layer=layer, line=line)  # fmt: skip
            return False
        self._owner[name] = (sheet.layer.name, int(sheet.layer.numbers[i]))
        self._prefixes[sheet.means.prefix] = None
        return True

    def find(self, said: str) -> str | None:
        for prefix in self._prefixes:
            if prefix + said in self._owner:
                return prefix + said
        return None

    def __contains__(self, name: str) -> bool:
        return name in self._owner

    def __len__(self) -> int:
        return len(self._owner)


def prepare(
    layers: Layers,
    schema_map: SchemaMap,
    crs: GivenCrs,
    city: Bounds | None,
    crs_measure: int | None,
) -> Batches:
    """Errors: ImportRefused on "crs", "layers.<name>.crs" or "crs_measure"."""
    check_bounds(city)
    used = [
        (layer, schema_map.layers[layer.name])
        for layer in layers
        if layer.name in schema_map.layers and schema_map.layers[layer.name].role != "ignore"
    ]
    geometries = {layer.name: raw_geometry(layer, means) for layer, means in used}
    systems = _systems(used, geometries, crs, city)
    everything = [
        systems[layer.name].lonlat(shapely.get_coordinates(geometries[layer.name]))
        for layer, _ in used
        if geometries[layer.name] is not None
    ]
    if not everything:
        raise ImportRefused("file", "no_geometry", "no layer in use has a geometry")
    lonlat = np.vstack(everything)
    main = next(
        (systems[layer.name] for layer, m in used if m.role in ("pipe", "sewer")
         and layer.name in systems), next(iter(systems.values())),
    )  # fmt: skip
    epsg = measuring_epsg(main, lonlat, crs_measure)
    found = Batches(epsg, defaultdict(list), [], list(layers.notes))
    for layer, means in used:
        sheet = Sheet(layer, means, found.quarantine)
        geometry = geometries[layer.name]
        if geometry is None:
            empty = np.full(layer.count, None, dtype=object)
            batch = Batch(sheet, empty, empty.copy(), np.full(layer.count, np.nan))
        else:
            system = systems[layer.name]
            expected = widened(city) if city is not None else system.area()
            placed = Placed(sheet, geometry, system, expected, epsg, found.notes)
            batch = Batch(sheet, placed.lonlat, placed.metres, placed.z)
        found.by_role[means.role].append(batch)
    return found


def check_bounds(city: Bounds | None) -> None:
    if city is None:
        return
    west, south, east, north = city
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise ImportRefused(
            "city_bounds", "bad_bounds", "must be west, south, east, north in degrees"
        )


def _systems(
    used: list[tuple[Layer, LayerMap]],
    geometries: dict[str, Any],
    crs: GivenCrs,
    city: Bounds | None,
) -> dict[str, System]:
    """Layers that declare the same system are judged together: a small one proves little."""
    groups: dict[Declared, list[str]] = defaultdict(list)
    for layer, _ in used:
        if geometries[layer.name] is None:
            continue
        groups[_declared(layer, crs)].append(layer.name)
    out: dict[str, System] = {}
    for declaration, names in groups.items():
        points = np.vstack([_first_points(geometries[n]) for n in names])
        system = check_system(declaration, points, city, layer=names[0])
        out.update(dict.fromkeys(names, system))
    return out


def _first_points(geometry: Any) -> Any:
    """The first coordinate of each geometry: enough to judge a system by."""
    coordinates, of = shapely.get_coordinates(geometry, return_index=True)
    return coordinates[np.unique(of, return_index=True)[1]]


def _declared(layer: Layer, crs: GivenCrs) -> Declared:
    given = crs.get(layer.name) if isinstance(crs, Mapping) else crs
    found = declared(given, "given") or layer.crs
    if given is not None and layer.crs is WGS84 and layer.counted == "line":
        # Longitude and latitude columns say what they are, whatever the other layers are in.
        return layer.crs
    if found is None:
        raise ImportRefused(
            f"layers.{layer.name}.crs", "crs_missing",
            f"{layer.name} does not say which coordinate system it is in: declare it, for "
            "instance EPSG:4545", {"layer": layer.name},
        )  # fmt: skip
    return found


Resolver = Callable[[str], str | None]
