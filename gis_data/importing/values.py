"""What goes into an import and what comes out of it, as values.

Everything the outside gives is a `Layer` of records; a `SchemaMap` says what each layer and column
means; `Built` is the network that came of it, with every record that could not be used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as fresh
from typing import Any, Literal, get_args

import numpy as np

from gis_data.drainage import Drainage
from gis_data.model import Headloss, Network

Shape = Literal["point", "line", "polygon", "mixed", "none"]
Role = Literal[
    "pipe", "valve", "hydrant", "node", "tank", "source", "service", "premise", "control", "pump",
    "prv", "check", "zone", "manhole", "sewer", "station", "ignore",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)
HEADLOSSES: tuple[Headloss, ...] = get_args(Headloss)
#: Layers of an EPANET file are read as a whole; their roles cannot be changed.
Format = Literal["inp", "gpkg", "shapefile", "geojson", "csv", "mixed"]


class ImportRefused(ValueError):
    """A file, a schema map or a coordinate system cannot be used as a whole.

    `field`: what to change, such as "file", "crs", "layers.pipes.columns.diameter"; for an EPANET
    file its section, then `line` is known. `code` and `params` are stable and let the server say it
    in the user's language; `message` says it in English. `candidates`: EPSG numbers that would fit.
    """

    def __init__(
        self,
        field: str,
        code: str,
        message: str,
        params: Mapping[str, Any] | None = None,
        *,
        line: int | None = None,
        candidates: tuple[int, ...] = (),
    ) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.code = code
        self.message = message
        self.params = dict(params or {})
        self.line = line
        self.candidates = candidates


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold before it is refused; bytes are those after unpacking."""

    bytes: int = 1024**3
    features: int = 2_000_000
    layers: int = 200
    columns: int = 400
    #: A packed member may grow by this factor at most (beyond its first 10 MB).
    packing: int = 200


@dataclass(frozen=True, slots=True)
class Declared:
    """The coordinate system a layer says it is in. `epsg` is None where it has no number.

    `source`: "given" (by the person), "file", "prj", or "standard" (GeoJSON without a word).
    `hints`: other systems the file names itself, such as a proj4 text beside the number.
    """

    epsg: int | None
    name: str
    source: Literal["given", "file", "prj", "standard"]
    wkt: str = ""
    hints: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A column: kind of its values, how many records have one, and the first few different ones."""

    name: str
    kind: Literal["text", "number", "integer", "yes_no", "empty"]
    filled: int
    examples: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Layer:
    """Records of one kind. Arrays have one element for each record.

    `geometry`: shapely geometries in the layer's own coordinates (None where there is none or it
    could not be read). `columns`: name to object array, None where empty. `numbers`: feature number
    in the file, or line for CSV and EPANET files (`counted` says which).
    """

    name: str
    shape: Shape
    fields: tuple[Field, ...]
    crs: Declared | None
    geometry: Any
    columns: Mapping[str, Any]
    numbers: Any
    counted: Literal["feature", "line"] = "feature"
    file: str = ""
    encoding: str = ""

    @property
    def count(self) -> int:
        return len(self.numbers)

    def sample(self, rows: int = 5) -> list[dict[str, Any]]:
        """The first records as they stand in the file, for people to look at."""
        return [
            {name: _plain(values[i]) for name, values in self.columns.items()}
            for i in range(min(rows, self.count))
        ]

    def as_json(self) -> dict[str, Any]:
        """What a page shows of it: no geometry, the first five records."""
        return {
            "name": self.name,
            "shape": self.shape,
            "count": self.count,
            "file": self.file,
            "encoding": self.encoding,
            "crs": self.crs and {"epsg": self.crs.epsg, "name": self.crs.name,
                                 "source": self.crs.source, "hints": list(self.crs.hints)},
            "fields": [
                {"name": f.name, "kind": f.kind, "filled": f.filled, "examples": list(f.examples)}
                for f in self.fields
            ],
            "sample": self.sample(),
        }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (int, float, bool)):
        return value
    return str(value)[:200]


@dataclass(frozen=True, eq=False)
class Layers:
    """Everything read from one file. `inp` is the text of an EPANET file, line for line."""

    file: str
    format: Format
    layers: tuple[Layer, ...]
    inp: str = ""
    notes: tuple[Note, ...] = ()

    def __getitem__(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "format": self.format,
            "layers": [layer.as_json() for layer in self.layers],
            "notes": [note.as_json() for note in self.notes],
        }


@dataclass(frozen=True, slots=True)
class LayerMap:
    """What one layer means.

    `columns`: our attribute -> the layer's column. `units`: attribute -> unit of that column where
    the value itself names none ("mm", "cm", "m", "inch", "ft", "l/s", "m3/h", "m3/d", "m3/s").
    `values`: attribute -> {word in the file -> our word}, beside the words known anyway.
    `defaults`: attribute -> value where the record has none. `prefix` is put before each id.
    `swap_axes`: the file writes north before east. `sure`: how sure the suggestion was, 0..1.
    """

    role: Role
    columns: Mapping[str, str] = fresh(default_factory=dict)
    units: Mapping[str, str] = fresh(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = fresh(default_factory=dict)
    defaults: Mapping[str, Any] = fresh(default_factory=dict)
    prefix: str = ""
    swap_axes: bool = False
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class SchemaMap:
    """Layer name -> what it means. `headloss`: the formula that roughness values belong to."""

    layers: Mapping[str, LayerMap]
    headloss: Headloss = "H-W"

    def as_json(self) -> dict[str, Any]:
        return {
            "headloss": self.headloss,
            "layers": {
                name: {
                    "role": m.role,
                    "columns": dict(m.columns),
                    "units": dict(m.units),
                    "values": {k: dict(v) for k, v in m.values.items()},
                    "defaults": dict(m.defaults),
                    "prefix": m.prefix,
                    "swap_axes": m.swap_axes,
                    "sure": m.sure,
                }
                for name, m in self.layers.items()
            },
        }

    @classmethod
    def from_json(cls, data: Any) -> SchemaMap:
        """Back from `as_json` (a mapping or its text). Errors: ImportRefused naming the field."""
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError as error:
                raise ImportRefused("schema_map", "not_json", "not JSON") from error
        layers = _mapping(_mapping(data, "schema_map").get("layers"), "layers")
        headloss = data.get("headloss", "H-W")
        if headloss not in HEADLOSSES:
            raise ImportRefused(
                "headloss", "unknown_value", "is none of H-W, D-W, C-M", {"value": str(headloss)}
            )
        return cls({str(n): _layer_map(m, f"layers.{n}") for n, m in layers.items()}, headloss)


def _mapping(data: Any, name: str) -> Mapping[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise ImportRefused(name, "not_an_object", "must be an object")
    return data


def _texts(data: Any, name: str) -> dict[str, str]:
    found = _mapping(data, name)
    for key, value in found.items():
        if not isinstance(value, str):
            raise ImportRefused(f"{name}.{key}", "not_text", "must be text")
    return {str(k): v for k, v in found.items()}


def _layer_map(data: Any, name: str) -> LayerMap:
    data = _mapping(data, name)
    role = data.get("role", "ignore")
    if role not in ROLES:
        raise ImportRefused(
            f"{name}.role", "unknown_value", f"{role!r} is no role", {"value": str(role)}
        )
    prefix = data.get("prefix", "")
    if not isinstance(prefix, str) or len(prefix) > 12:
        raise ImportRefused(f"{name}.prefix", "too_long", "must be text of at most 12 characters")
    values = _mapping(data.get("values"), f"{name}.values")
    sure = data.get("sure", 1.0)
    return LayerMap(
        role,
        _texts(data.get("columns"), f"{name}.columns"),
        _texts(data.get("units"), f"{name}.units"),
        {str(k): _texts(v, f"{name}.values.{k}") for k, v in values.items()},
        dict(_mapping(data.get("defaults"), f"{name}.defaults")),
        prefix,
        bool(data.get("swap_axes", False)),
        float(sure) if isinstance(sure, (int, float)) else 1.0,
    )


@dataclass(frozen=True, slots=True)
class MapProblem:
    """Why a schema map cannot be used yet (`error`) or what it will cost (`warning`)."""

    field: str
    code: str
    message: str
    params: Mapping[str, Any] = fresh(default_factory=dict)
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that was left out: where it stands, what is wrong, and what it said.

    `line`: feature number or line of the file (`Layer.counted`). `element`: its id if it has one.
    `field`: the layer's column, "geometry", or the attribute where no column is mapped.
    `reason_code` and `params` are stable; `reason` is the English sentence. `lon`, `lat` where the
    record has a usable place.
    """

    layer: str
    line: int
    element: str
    field: str
    reason_code: str
    reason: str
    raw: Mapping[str, Any] = fresh(default_factory=dict)
    params: Mapping[str, Any] = fresh(default_factory=dict)
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something done on the way that a person may want to know, such as ends joined."""

    code: str
    message: str
    params: Mapping[str, Any] = fresh(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "params": dict(self.params)}


@dataclass(frozen=True, slots=True)
class PremiseRow:
    """A premise found in the data. `service` is "" where it hangs on no main."""

    id: str
    lon: float
    lat: float
    service: str = ""
    address: str = ""
    street: str = ""
    number: str = ""
    name: str = ""
    use: str = ""
    persons: int | None = None
    floors: int | None = None
    demand_m3s: float | None = None
    building: str = ""
    layer: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """A pressure zone or district metered area; geometry (Multi)Polygon in lon/lat."""

    id: str
    name: str
    kind: Literal["pressure", "dma"]
    geometry: Any


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Distances in metres. `snap`: ends that meet. The others: how far a thing may stand from its

    pipe (`valve`, `hydrant`), a tap from its main (`service`), a sewer's end from its manhole.
    """

    snap: float = 0.5
    valve: float = 1.0
    hydrant: float = 5.0
    service: float = 60.0
    manhole: float = 1.5
    near_end: float = 3.0
    near_end_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Built:
    """What came of an import.

    `usable` is False where more than the allowed share of the records was quarantined: then the
    rest is a torn network. `records` counts those of all layers that are not ignored.
    """

    network: Network
    drainage: Drainage | None
    premises: list[PremiseRow]
    zones: list[ZoneRow]
    quarantine: list[Quarantined]
    notes: list[Note]
    records: int
    crs: int
    usable: bool = True

    @property
    def dirty_share(self) -> float:
        return len(self.quarantine) / self.records if self.records else 0.0
