"""The pipe network as values: what a water network is made of, and what can be wrong with it.

Coordinates are (lon, lat) in EPSG:4326; lengths, elevations and heads are in metres, diameters in
millimetres, flows in cubic metres per second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shapely.geometry import LineString

NodeKind = Literal["junction", "tank", "reservoir"]
PipeRole = Literal["raw", "transmission", "distribution"]
ValveKind = Literal["gate", "butterfly"]
Operable = Literal["yes", "no", "unknown"]
#: Which way the spindle turns to close.
Turning = Literal["", "clockwise", "anticlockwise"]
ControlKind = Literal["pump", "prv", "psv", "fcv", "check", "tcv"]
Headloss = Literal["H-W", "D-W", "C-M"]
Severity = Literal["error", "warning"]

#: Controls that let water pass from `start` to `end` only.
ONE_WAY_CONTROLS: frozenset[str] = frozenset({"pump", "prv", "psv", "fcv", "check"})


class NetworkError(ValueError):
    """Something asked of a network cannot be answered; `field` names what was wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class UnknownElement(NetworkError):
    """The network holds no element of this id."""

    def __init__(self, element: str) -> None:
        shown = element if len(element) <= 60 else element[:57] + "..."
        super().__init__(
            "element",
            f"the network has no pipe, node, valve, hydrant, control or "
            f"service line called {shown!r}",
        )
        self.element = element


@dataclass(frozen=True, slots=True)
class TankShape:
    """An upright round tank: diameter and water levels above the node's elevation, in metres."""

    diameter_m: float
    initial_level_m: float
    min_level_m: float
    max_level_m: float


@dataclass(frozen=True, slots=True)
class Node:
    """A place where links meet. `head_m` is the fixed head of a reservoir."""

    id: str
    kind: NodeKind
    lon: float
    lat: float
    elevation_m: float
    base_demand_m3s: float = 0.0
    zone: str = ""
    dma: str = ""
    tank: TankShape | None = None
    head_m: float | None = None
    demand_pattern: str = ""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A main from node `start` to node `end`; `one_way` has a check valve, `closed` never conducts.

    `roughness` is the coefficient of the network's head loss formula (millimetres for
    Darcy-Weisbach), `minor_loss` the sum of local loss coefficients. `origin` is the id in the file
    it came from where that differs, as for the two parts of a pipe cut at a valve.
    """

    id: str
    start: str
    end: str
    geometry: LineString
    length_m: float
    diameter_mm: float
    material: str
    year: int | None
    roughness: float
    role: PipeRole = "distribution"
    zone: str = ""
    dma: str = ""
    street: str = ""
    one_way: bool = False
    closed: bool = False
    minor_loss: float = 0.0
    depth_m: float | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Valve:
    """An isolation valve on `pipe` at its `node` end; at most one for each (pipe, node).

    `accessible`: whether the cover can be reached (not paved over); None where nobody knows.
    `gas`: foul air was met in the chamber, enter only after measuring.
    """

    id: str
    pipe: str
    node: str
    lon: float
    lat: float
    kind: ValveKind
    diameter_mm: float
    normally_open: bool = True
    operable: Operable = "yes"
    turns: int | None = None
    accessible: bool | None = None
    closes: Turning = ""
    chamber_depth_m: float | None = None
    gas: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A pump or control valve. Conducts from `start` to `end` only, except `tcv`.

    `setting`: metres of pressure (prv, psv), m3/s (fcv), loss coefficient (tcv), relative speed
    (pump). `curve`: a pump's (flow m3/s, head m) points. `power_w`: a pump of constant power.
    """

    id: str
    start: str
    end: str
    kind: ControlKind
    geometry: LineString
    diameter_mm: float
    setting: float | None = None
    curve: tuple[tuple[float, float], ...] = ()
    closed: bool = False
    power_w: float | None = None


@dataclass(frozen=True, slots=True)
class Hydrant:
    """A hydrant or washout standing on a node.

    `flow_m3s` is what the last test gave at 0.1 MPa. `standpipe`: fit to draw drinking water from.
    `fire_critical`: the fire service counts on it, so it is never lent for anything else.
    """

    id: str
    node: str
    lon: float
    lat: float
    kind: str
    outlet_mm: float = 0.0
    flow_m3s: float | None = None
    standpipe: bool = True
    fire_critical: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A service line: taps `pipe` at `measure` (0..1 of its length), ends at `premise`.

    A premise with two lines has two feeds. `station`: the premise drinks through that station.
    """

    id: str
    pipe: str
    measure: float
    geometry: LineString
    premise: str
    diameter_mm: float
    material: str = ""
    station: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """A secondary-supply station (二次供水): a tank and pumps that feed the upper floors.

    It is itself supplied by `service`. Premises whose service line names it in `station` have
    water until `tank_m3` is used up at `demand_m3h`.
    """

    id: str
    lon: float
    lat: float
    service: str
    tank_m3: float
    demand_m3h: float = 0.0
    floors: str = ""
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong (`error`) or doubtful (`warning`) in a network, with its place if known."""

    severity: Severity
    code: str
    element: str
    message: str
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True)
class Network:
    """A water network; every collection maps id to value.

    `crs_measure` is the EPSG number of the projected system used for measuring. `patterns` are
    multipliers at steps of `pattern_step_s`; the pattern called `default_pattern` is used where a
    node names none. `rules` are EPANET control lines ("LINK x CLOSED IF NODE y ABOVE z"),
    `rule_blocks` the lines of EPANET rules, both in litres per second and metres. `headloss` is the
    formula the pipes' roughness belongs to.
    """

    name: str
    crs_measure: int
    nodes: Mapping[str, Node]
    pipes: Mapping[str, Pipe]
    valves: Mapping[str, Valve] = field(default_factory=dict)
    controls: Mapping[str, Control] = field(default_factory=dict)
    hydrants: Mapping[str, Hydrant] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    patterns: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    pattern_step_s: int = 3600
    default_pattern: str = ""
    rules: tuple[str, ...] = ()
    rule_blocks: tuple[str, ...] = ()
    headloss: Headloss = "H-W"
    stations: Mapping[str, Station] = field(default_factory=dict)

    def validate(self) -> list[Finding]:
        """Everything found wrong or doubtful, errors first; an empty list is a clean network."""
        from gis_data.quality import validate

        return validate(self)

    def links(self) -> list[Pipe | Control]:
        """Pipes, then controls, in the order of the network."""
        return [*self.pipes.values(), *self.controls.values()]

    def sources(self) -> list[Node]:
        """Reservoirs and tanks, in the order of the network."""
        return [node for node in self.nodes.values() if node.kind != "junction"]
