"""Where the mains run: nodes and pipes along the corridors, the source, the pump, the tank."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from shapely import ops
from shapely.geometry import LineString

from gis_data.growing.corridors import Corridor, Corridors, Line
from gis_data.growing.terrain import HIGH, LOW, Ground

_PIECE_M = 135.0
XY = tuple[float, float]


@dataclass(slots=True)
class Spot:
    """A node in the making, in metres; `fixed` marks works that carry no demand."""

    id: str
    xy: XY
    z: float
    zone: str
    kind: str = "junction"
    dma: str = ""
    demand: float = 0.0
    fixed: bool = False


@dataclass(slots=True)
class Main:
    """A pipe in the making. `shut_at`: the node whose end carries a closed boundary valve."""

    id: str
    a: str
    b: str
    line: Line
    name: str
    rank: int
    zone: str
    dn: int = 100
    material: str = "DI"
    year: int = 1980
    shut_at: str = ""
    trunk: bool = False

    @property
    def length(self) -> float:
        return float(LineString(self.line).length)


@dataclass(slots=True)
class Station:
    """A pump or pressure-reducing valve between two zones."""

    id: str
    a: str
    b: str
    kind: str
    line: Line


@dataclass(slots=True)
class Layout:
    """The network in the making; `pieces` maps each main back to its street corridor."""

    spots: dict[str, Spot] = field(default_factory=dict)
    mains: dict[str, Main] = field(default_factory=dict)
    stations: dict[str, Station] = field(default_factory=dict)

    def spot(self, xy: XY, z: float, zone: str, *, fixed: bool = False) -> str:
        name = f"J-{len(self.spots) + 1:05d}"
        self.spots[name] = Spot(name, xy, z, zone, fixed=fixed)
        return name

    def main(self, a: str, b: str, line: Line, name: str, rank: int, zone: str) -> Main:
        main = Main(f"P-{len(self.mains) + 1:05d}", a, b, line, name, rank, zone)
        self.mains[main.id] = main
        return main

    def at(self) -> dict[str, list[Main]]:
        """Node -> the mains that end there, in order of id."""
        found: dict[str, list[Main]] = {s: [] for s in self.spots}
        for main in self.mains.values():
            found[main.a].append(main)
            found[main.b].append(main)
        return found


def lay(graph: Corridors, ground: Ground, zones: dict[int, str]) -> Layout:
    """Mains along every corridor, stations where the zones meet, the works outside."""
    layout = Layout()
    ids = sorted(graph.places)
    heights = ground.elevation([graph.places[i] for i in ids])
    name = {
        i: layout.spot(graph.places[i], float(z), zones[i])
        for i, z in zip(ids, heights, strict=True)
    }
    crossing = [i for i, e in enumerate(graph.edges) if zones[e.a] != zones[e.b]]
    inlet = _inlet(graph, zones)
    pump, relief = _station_edges(graph, crossing, inlet)
    for index, edge in enumerate(graph.edges):
        a, b, line = name[edge.a], name[edge.b], edge.line
        if index not in (pump, relief):
            zone = LOW if index in crossing else zones[edge.a]
            mains = _in_pieces(layout, ground, a, b, line, edge, zone)
            if index in crossing:
                mains[-1 if zones[edge.b] == HIGH else 0].shut_at = (
                    b if zones[edge.b] == HIGH else a
                )
            continue
        if zones[edge.a] == HIGH:
            a, b, line = b, a, line[::-1]
        _station(layout, ground, a, b, line, edge, "pump" if index == pump else "prv")
    _works(layout, graph, ground, name, inlet)
    if crossing:
        _tank(layout, graph, zones, name)
    return layout


def _cut(line: Line, parts: int) -> list[Line]:
    shape = LineString(line)
    step = shape.length / parts
    return [
        [(float(x), float(y)) for x, y in ops.substring(shape, k * step, (k + 1) * step).coords]
        for k in range(parts)
    ]


def _in_pieces(
    layout: Layout, ground: Ground, a: str, b: str, line: Line, edge: Corridor, zone: str
) -> list[Main]:
    length = LineString(line).length
    parts = 1 if length < 1.4 * _PIECE_M else int(np.ceil(length / _PIECE_M))
    lines = _cut(line, parts) if parts > 1 else [line]
    made, here = [], a
    for k, piece in enumerate(lines):
        end = piece[-1]
        there = b if k == parts - 1 else layout.spot(end, float(ground.elevation([end])[0]), zone)
        made.append(layout.main(here, there, piece, edge.name, edge.rank, zone))
        here = there
    return made


def _station(
    layout: Layout, ground: Ground, low: str, high: str, line: Line, edge: Corridor, kind: str
) -> None:
    """Low main, station of three metres, high main. A pump lifts, a reducing valve lets down."""
    shape = LineString(line)
    half = shape.length / 2
    gap = min(1.5, shape.length / 10)
    below = [(float(x), float(y)) for x, y in ops.substring(shape, 0, half - gap).coords]
    above = [(float(x), float(y)) for x, y in ops.substring(shape, half + gap, shape.length).coords]
    z = float(ground.elevation([below[-1]])[0])
    inner = layout.spot(below[-1], z, LOW, fixed=True)
    outer = layout.spot(above[0], z, HIGH, fixed=True)
    _in_pieces(layout, ground, low, inner, below, edge, LOW)
    _in_pieces(layout, ground, outer, high, above, edge, HIGH)
    if kind == "pump":
        layout.stations["PU-01"] = Station("PU-01", inner, outer, "pump", [below[-1], above[0]])
    else:
        layout.stations["PRV-01"] = Station("PRV-01", outer, inner, "prv", [above[0], below[-1]])


def _inlet(graph: Corridors, zones: dict[int, str]) -> list[int]:
    """The two low places where water comes in: on main roads, away from the high zone."""
    at = graph.at()
    high = [graph.places[i] for i, z in zones.items() if z == HIGH]
    centre = np.mean(high or list(graph.places.values()), axis=0)
    low = [i for i, z in zones.items() if z == LOW and len(at[i]) >= 2] or sorted(graph.places)

    def worth(i: int) -> tuple[float, int]:
        rank = min(graph.edges[k].rank for k in at[i])
        away = float(np.hypot(*(np.array(graph.places[i]) - centre)))
        return away * (1.0 if rank <= 2 else 0.8), -i

    first = max(low, key=worth)
    near = sorted(
        (i for i in low if i != first),
        key=lambda i: (float(np.hypot(*(np.array(graph.places[i]) - graph.places[first]))), i),
    )
    other = next(
        (i for i in near if np.hypot(*(np.array(graph.places[i]) - graph.places[first])) > 90.0),
        None,
    )
    return [first] if other is None else [first, other]


def _station_edges(
    graph: Corridors, crossing: list[int], inlet: list[int]
) -> tuple[int | None, int | None]:
    """The pump on the boundary street nearest the source, the relief valve far from the pump."""
    if not crossing:
        return None, None
    middle = {i: np.mean(graph.edges[i].line, axis=0) for i in crossing}
    source = np.array(graph.places[inlet[0]])
    long_enough = [i for i in crossing if graph.edges[i].length > 24.0] or crossing
    pump = min(
        long_enough,
        key=lambda i: (
            float(np.hypot(*(middle[i] - source))) * (0.7 if graph.edges[i].rank <= 3 else 1.0),
            i,
        ),
    )
    rest = [i for i in long_enough if i != pump]
    relief = max(
        rest, key=lambda i: (float(np.hypot(*(middle[i] - middle[pump]))), -i), default=None
    )
    return pump, relief


def _works(
    layout: Layout, graph: Corridors, ground: Ground, name: dict[int, str], inlet: list[int]
) -> None:
    """The reservoir stands outside, up to two trunk mains lead in."""
    middle = np.mean(list(graph.places.values()), axis=0)
    first = np.array(graph.places[inlet[0]])
    outward = (first - middle) / max(float(np.hypot(*(first - middle))), 1.0)
    where = first + outward * 140.0
    low = [s.z for s in layout.spots.values() if s.zone == LOW]
    xy = (float(where[0]), float(where[1]))
    layout.spots["R-01"] = Spot("R-01", xy, round(max(low) + 42.0, 1), LOW, "reservoir", fixed=True)
    for place in inlet:
        main = layout.main("R-01", name[place], [xy, graph.places[place]], "", 1, LOW)
        main.trunk = True


def _tank(layout: Layout, graph: Corridors, zones: dict[int, str], name: dict[int, str]) -> None:
    high = [i for i, z in zones.items() if z == HIGH]
    top = max(high, key=lambda i: (layout.spots[name[i]].z, -i))
    middle = np.mean(list(graph.places.values()), axis=0)
    here = np.array(graph.places[top])
    outward = (here - middle) / max(float(np.hypot(*(here - middle))), 1.0)
    where = here + outward * 45.0
    xy = (float(where[0]), float(where[1]))
    bottom = round(max(layout.spots[name[i]].z for i in high) + 30.0, 1)
    layout.spots["T-01"] = Spot("T-01", xy, bottom, HIGH, "tank", fixed=True)
    main = layout.main("T-01", name[top], [xy, graph.places[top]], "", 1, HIGH)
    main.trunk = True
