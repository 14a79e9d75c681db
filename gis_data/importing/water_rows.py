"""Records of the water layers, read: what each asset is, before anybody knows where it hangs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from shapely.geometry import LineString

from gis_data.importing.batches import Batch, Batches
from gis_data.importing.joining import Part
from gis_data.importing.values import Role
from gis_data.model import (
    Control,
    Hydrant,
    Node,
    NodeKind,
    Pipe,
    TankShape,
    Valve,
)

_NODE_KINDS: dict[str, NodeKind] = {
    "node": "junction", "tank": "tank", "source": "reservoir",
}  # fmt: skip


def node_rows(batches: Batches) -> Iterator[tuple[Node, float, float]]:
    """Nodes, tanks and sources with their x and y in metres."""
    for batch in batches.of("source", "tank", "node"):
        sheet, role = batch.sheet, batch.sheet.means.role
        kinds: list[str] = [_NODE_KINDS[role]] * sheet.count
        if role == "node":
            kinds = sheet.word("kind", "junction")
        elevations = sheet.number("elevation")
        zones, dmas = sheet.text("zone"), sheet.text("dma")
        heads = sheet.number("head") if role != "tank" else [None] * sheet.count
        patterns = sheet.text("pattern") if role != "tank" else [""] * sheet.count
        demands = sheet.number("demand") if role == "node" else [None] * sheet.count
        shapes = (
            [sheet.number(a) for a in ("tank_diameter", "level_initial", "level_min", "level_max")]
            if role != "source" else []
        )  # fmt: skip
        for i in batch.rows():
            if not batches.name("node").take(batch, i):
                continue
            lon, lat, x, y = batch.point(i)
            kind: NodeKind = kinds[i]  # type: ignore[assignment]
            z = elevations[i] if elevations[i] is not None else float(batch.z[i])
            z = 0.0 if z is None or not math.isfinite(z) else z
            head = heads[i] if kind == "reservoir" else None
            yield Node(
                sheet.ids[i], kind, lon, lat, z, demands[i] or 0.0, zones[i], dmas[i],
                _tank(*(s[i] for s in shapes)) if kind == "tank" and shapes else None,
                (z if head is None else head) if kind == "reservoir" else None, patterns[i],
            ), x, y  # fmt: skip


def _tank(
    diameter: float | None, level: float | None, least: float | None, most: float | None
) -> TankShape:
    """A tank nobody measured is given a usual size; the readiness report says what that costs."""
    low = least or 0.0
    high = most if most is not None and most > low else low + 4.0
    start = level if level is not None and low <= level <= high else (low + high) / 2
    return TankShape(diameter if diameter and diameter > 0 else 10.0, start, low, high)


@dataclass(slots=True)
class PipeRow:
    batch: Batch
    i: int
    id: str
    ends: tuple[str, str]
    length: float | None
    diameter: float
    fields: dict[str, Any]
    roughness: float | None
    minor_loss: float
    origin: str

    def value(self, name: str, part: Part, shape: LineString, roughness: float) -> Pipe:
        """This pipe, or the part of it called `name`."""
        whole = self.batch.metres[self.i].length
        share = (part.until - part.since) / whole if whole else 1.0
        length = self.length * share if self.length else part.geometry.length
        return Pipe(
            name, part.start, part.end, shape, max(length, 0.01), self.diameter,
            roughness=self.roughness or roughness,
            minor_loss=self.minor_loss if part.since == 0.0 else 0.0,
            origin=self.origin or (self.id if name != self.id else ""), **self.fields,
        )  # fmt: skip


def pipe_rows(batches: Batches) -> Iterator[PipeRow]:
    for batch in batches.of("pipe"):
        sheet = batch.sheet
        starts, ends = sheet.text("start"), sheet.text("end")
        lengths, diameters = sheet.number("length", least=0), sheet.number("diameter", above=0)
        fields: dict[str, list[Any]] = {
            "material": sheet.text("material"), "year": sheet.year("year"),
            "role": sheet.word("role", _role(sheet.layer.name)), "zone": sheet.text("zone"),
            "dma": sheet.text("dma"), "street": sheet.text("street"),
            "one_way": [bool(v) for v in sheet.flag("one_way")],
            "closed": [bool(v) for v in sheet.flag("closed")],
            "depth_m": sheet.number("depth"),
        }  # fmt: skip
        rough = sheet.number("roughness", above=0)
        loss, origins = sheet.number("minor_loss", least=0), sheet.text("origin")
        for i in batch.rows():
            if batches.name("link").take(batch, i):
                yield PipeRow(
                    batch, i, sheet.ids[i], (starts[i], ends[i]), lengths[i],
                    float(diameters[i] or 0.0), {k: v[i] for k, v in fields.items()}, rough[i],
                    loss[i] or 0.0, origins[i],
                )  # fmt: skip


def _role(layer: str) -> str:
    low = layer.lower()
    if "raw" in low or "原水" in layer:
        return "raw"
    if "transmission" in low or "trunk" in low or "输水" in layer:
        return "transmission"
    return "distribution"


@dataclass(slots=True)
class ValveRow:
    batch: Batch
    i: int
    id: str
    is_line: bool
    x: float
    y: float
    ends: tuple[str, str]
    pipe: str
    node: str
    diameter: float
    mode: str
    setting: float | None
    normally_open: bool
    fields: dict[str, Any] = field(default_factory=dict)

    def value(self, pipe: str, node: str, pipe_diameter: float) -> Valve:
        here = self.batch.lonlat[self.i]
        return Valve(
            self.id, pipe, node, here.x, here.y, diameter_mm=self.diameter or pipe_diameter,
            normally_open=self.normally_open, **self.fields,
        )  # fmt: skip

    def placed(self, valve: Valve) -> Valve:
        """A valve drawn as a link, once it is known where on a pipe it stands."""
        return replace(
            valve, normally_open=self.normally_open,
            diameter_mm=self.diameter or valve.diameter_mm, **self.fields,
        )  # fmt: skip

    def control(self, start: str, end: str, shape: LineString) -> Control:
        kind = {"gate": "tcv", "thv": "tcv"}.get(self.mode, self.mode)
        return Control(
            self.id, start, end, kind, shape, self.diameter,  # type: ignore[arg-type]
            self.setting if kind != "tcv" else None, closed=not self.normally_open,
        )  # fmt: skip


def valve_rows(batches: Batches) -> Iterator[ValveRow]:
    for batch in batches.of("valve"):
        sheet = batch.sheet
        starts, ends = sheet.text("start"), sheet.text("end")
        position = sheet.word("normally_open", "open")
        closed = sheet.flag("closed")
        modes, settings = sheet.word("mode", "gate"), sheet.number("setting")
        diameters = sheet.number("diameter", least=0)
        turns = sheet.number("turns", least=0)
        fields: dict[str, list[Any]] = {
            "kind": sheet.word("kind", "gate"), "operable": sheet.word("operable", "unknown"),
            "accessible": sheet.flag("accessible"), "closes": sheet.word("closes", ""),
            "chamber_depth_m": sheet.number("chamber_depth"),
            "gas": [bool(v) for v in sheet.flag("gas")],
        }  # fmt: skip
        pipes = sheet.reference("pipe", batches.name("link").find, "pipe")
        nodes = sheet.text("node")
        for i in batch.rows():
            shape = batch.metres[i]
            is_line = shape is None or shape.geom_type == "LineString"
            if shape is None and not (starts[i] and ends[i]):
                sheet.bad(i, "geometry", "no_geometry", "has neither a geometry nor two ends")
                continue
            if not batches.name("valve").take(batch, i):
                continue
            if is_line and not batches.name("link").take(batch, i):
                continue
            yield ValveRow(
                batch, i, sheet.ids[i], is_line,
                math.nan if is_line else shape.x, math.nan if is_line else shape.y,
                (starts[i], ends[i]) if is_line else ("", ""), pipes[i], nodes[i],
                diameters[i] or 0.0, modes[i], settings[i],
                position[i] != "closed" and not closed[i],
                {"turns": None if turns[i] is None else round(turns[i] or 0),
                 **{k: v[i] for k, v in fields.items()}},
            )  # fmt: skip


@dataclass(slots=True)
class HydrantRow:
    batch: Batch
    i: int
    id: str
    x: float
    y: float
    node: str
    fields: dict[str, Any]

    def value(self) -> Hydrant:
        here = self.batch.lonlat[self.i]
        return Hydrant(self.id, self.node, here.x, here.y, **self.fields)


def hydrant_rows(batches: Batches) -> Iterator[HydrantRow]:
    for batch in batches.of("hydrant"):
        sheet = batch.sheet
        outlets, flows = sheet.number("outlet", least=0), sheet.number("flow", least=0)
        kinds = sheet.text("kind")
        standpipe, critical = sheet.flag("standpipe"), sheet.flag("fire_critical")
        # A node that only this hydrant names is the hydrant's own place, made when pipes end there.
        named = sheet.text("node")
        for i in batch.rows():
            if not batches.name("hydrant").take(batch, i):
                continue
            _, _, x, y = batch.point(i)
            node = batches.name("node").find(named[i]) if named[i] else ""
            if node is None and named[i] != sheet.ids[i].removeprefix(sheet.means.prefix):
                sheet.bad(i, sheet.column("node"), "unknown_reference",
                          f"{sheet.column('node')} is {named[i]!r}, which is no node",
                          value=named[i], attribute="node", what="node")  # fmt: skip
                continue
            yield HydrantRow(
                batch, i, sheet.ids[i], x, y, node or "",
                {"kind": kinds[i], "outlet_mm": outlets[i] or 0.0, "flow_m3s": flows[i],
                 "standpipe": standpipe[i] is not False, "fire_critical": bool(critical[i])},
            )  # fmt: skip


@dataclass(slots=True)
class ControlRow:
    batch: Batch
    i: int
    id: str
    is_line: bool
    x: float
    y: float
    ends: tuple[str, str]
    kind: str
    diameter: float
    setting: float | None
    closed: bool
    power: float | None
    curve: tuple[tuple[float, float], ...]

    def value(self, start: str, end: str, shape: LineString, pipe_diameter: float) -> Control:
        return Control(
            self.id, start, end, self.kind, shape, self.diameter or pipe_diameter, self.setting,  # type: ignore[arg-type]
            self.curve, self.closed, self.power,
        )  # fmt: skip


def control_rows(batches: Batches) -> Iterator[ControlRow]:
    fixed: dict[Role, str] = {"pump": "pump", "prv": "prv", "check": "check"}
    for batch in batches.of("control", "pump", "prv", "check"):
        sheet = batch.sheet
        role = sheet.means.role
        kinds = [fixed[role]] * sheet.count if role in fixed else sheet.word("kind", "tcv")
        starts, ends = sheet.text("start"), sheet.text("end")
        diameters, settings = sheet.number("diameter", least=0), sheet.number("setting")
        closed, powers = sheet.flag("closed"), sheet.number("power", least=0)
        curves = sheet.text("curve")
        for i in batch.rows():
            shape = batch.metres[i]
            curve = _curve(curves[i])
            if curve is None:
                sheet.bad(i, sheet.column("curve"), "not_a_curve",
                          f"{sheet.column('curve')} is no list of flow and head")  # fmt: skip
                continue
            is_line = shape is None or shape.geom_type == "LineString"
            if shape is None and not (starts[i] and ends[i]):
                sheet.bad(i, "geometry", "no_geometry", "has neither a geometry nor two ends")
                continue
            if not batches.name("link").take(batch, i):
                continue
            batches.name("control").take(batch, i)
            yield ControlRow(
                batch, i, sheet.ids[i], is_line,
                math.nan if is_line else shape.x, math.nan if is_line else shape.y,
                (starts[i], ends[i]) if is_line else ("", ""), kinds[i], diameters[i] or 0.0,
                settings[i], bool(closed[i]), powers[i], curve,
            )  # fmt: skip


def _curve(said: str) -> tuple[tuple[float, float], ...] | None:
    if not said:
        return ()
    try:
        return tuple((float(q), float(h)) for q, h in json.loads(said))
    except (ValueError, TypeError):
        return None
