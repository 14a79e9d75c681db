"""The water network of an import: nodes, pipes, valves, hydrants, pumps, joined and cut."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import LineString

from gis_data.crs import unproject_array
from gis_data.importing.attaching import (
    Standing,
    place_controls,
    place_hydrants,
    place_valves,
)
from gis_data.importing.batches import Batch, Batches
from gis_data.importing.joining import Lines, Namer, Part, cut_at_nodes, cut_rings, join_ends
from gis_data.importing.values import Role, Tolerances, ZoneRow
from gis_data.importing.water_rows import (
    ControlRow,
    PipeRow,
    ValveRow,
    control_rows,
    hydrant_rows,
    node_rows,
    pipe_rows,
    valve_rows,
)
from gis_data.model import Control, Headloss, Network, Node, Pipe, Valve
from gis_data.series_valves import absorb_valves

_CONTROLS: tuple[Role, ...] = ("control", "pump", "prv", "check")
_ROUGHNESS: dict[str, float] = {"H-W": 130.0, "D-W": 0.1, "C-M": 0.012}
#: A works drawn beside the end of its main still feeds it.
_WORKS_M = 5.0


@dataclass(slots=True)
class _Link:
    """A record drawn as a line: pipe, valve or control, with its two named or loose ends."""

    batch: Batch
    i: int
    row: PipeRow | ValveRow | ControlRow
    ends: tuple[str, str]


class Water:
    """Builds step by step; `lines`, `parts_of` and `part_id` serve those who tap the pipes."""

    def __init__(self, batches: Batches, zones: list[ZoneRow], tolerances: Tolerances) -> None:
        self._batches, self._zones, self._tolerances = batches, zones, tolerances
        self.nodes: dict[str, Node] = {}
        self._points: dict[str, tuple[float, float]] = {}
        for node, x, y in node_rows(batches):
            self.nodes[node.id] = node
            self._points[node.id] = (x, y)
        self._has_nodes = bool(batches.by_role.get("node"))
        self._hydrants = list(hydrant_rows(batches))
        pipes = list(pipe_rows(batches))
        # After the pipes, whose ids valves name.
        valves = list(valve_rows(batches))
        controls = list(control_rows(batches))
        self._valves = [v for v in valves if not v.is_line]
        self._controls = [c for c in controls if not c.is_line]
        standing: dict[str, list[Any]] = {
            "hydrant": self._hydrants, "valve": self._valves, "control": self._controls,
        }  # fmt: skip
        self._standing = {
            kind: {row.id: (row.x, row.y) for row in rows} for kind, rows in standing.items()
        }
        self._namer = Namer(self._points)
        rows: list[PipeRow | ValveRow | ControlRow] = [
            *pipes, *(v for v in valves if v.is_line), *(c for c in controls if c.is_line),
        ]  # fmt: skip
        self._join([link for row in rows if (link := self._link(row)) is not None])

    # --- ends -----------------------------------------------------------------------------------

    def _link(self, row: PipeRow | ValveRow | ControlRow) -> _Link | None:
        batch, i = row.batch, row.i
        sheet = batch.sheet
        line = batch.metres[i]
        ends = []
        for side, attribute in ((0, "start"), (1, "end")):
            said = row.ends[side]
            place = None if line is None else line.coords[-side]
            name = self._end(said, place) if said else ""
            if name is None:
                sheet.bad(i, sheet.column(attribute), "unknown_reference",
                          f"{sheet.column(attribute)} is {said!r}, which is no node",
                          value=said, attribute=attribute, what="node")  # fmt: skip
                return None
            ends.append(name)
        if ends[0] and ends[0] == ends[1]:
            sheet.bad(i, sheet.column("end"), "same_ends",
                      f"starts and ends at {ends[0]}", node=ends[0])  # fmt: skip
            return None
        if line is None:
            if not all(ends):
                sheet.bad(i, "geometry", "no_geometry", "has neither a geometry nor two ends")
                return None
            batch.metres[i] = LineString([self._namer.at[e] for e in ends])
            batch.lonlat[i] = LineString(
                unproject_array([self._namer.at[e] for e in ends], self._batches.epsg)
            )
        return _Link(batch, i, row, (ends[0], ends[1]))

    def _end(self, said: str, place: Any) -> str | None:
        """The node a line names as its end: a node, a hydrant or valve standing there, or just

        a name where no layer lists nodes. None if it names nothing."""
        node = self._batches.name("node").find(said)
        if node is not None:
            return node
        if said in self._namer.at and said not in self.nodes:
            return said
        for kind, places in self._standing.items():
            found = self._batches.name(kind).find(said)
            if found is not None and found in places:
                self._namer.at.setdefault(said, places[found])
                return said
        if self._has_nodes or place is None:
            return None
        self._namer.at.setdefault(said, (float(place[0]), float(place[1])))
        return said

    def _join(self, links: list[_Link]) -> None:
        batches, snap = self._batches, self._tolerances.snap
        geometries = np.empty(len(links), dtype=object)
        geometries[:] = [link.batch.metres[link.i] for link in links]
        named = [link.ends for link in links]
        before = len(self._namer.at)
        ends = join_ends(geometries, named, self._namer, snap)
        batches.note("nodes_made", len(self._namer.at) - before,
                     "{count} nodes were made where ends of lines lie")  # fmt: skip
        pipes = [k for k, link in enumerate(links) if isinstance(link.row, PipeRow)]
        self._rows = [link.row for link in links if isinstance(link.row, PipeRow)]
        self.lines = Lines(geometries[pipes], [ends[k] for k in pipes])
        batches.note("rings_cut", cut_rings(self.lines, self._namer),
                     "{count} pipes that end where they start were cut in two")  # fmt: skip
        self._series: list[tuple[_Link, str, str]] = []
        for k, link in enumerate(links):
            if isinstance(link.row, PipeRow):
                continue
            if ends[k][0] == ends[k][1]:
                node = ends[k][0]
                link.batch.sheet.bad(link.i, "geometry", "same_ends",
                                     f"starts and ends at {node}", node=node)  # fmt: skip
                continue
            self._series.append((link, ends[k][0], ends[k][1]))
        used = {n for pair in ends for n in pair}
        touching = {n for pair, said in zip(ends, named, strict=True)
                    for n, s in zip(pair, said, strict=True) if not s}  # fmt: skip
        touching |= {n for n in self.nodes if n not in used}
        cut = cut_at_nodes(self.lines, sorted(touching), self._namer, snap)
        batches.note("pipes_cut_at_tees", cut,
                     "{count} times a pipe was cut where another ends on it")  # fmt: skip
        self._move_works()
        self._put_controls()
        self._put_hydrants()
        self._put_valves()

    def _move_works(self) -> None:
        """A tank or source that no pipe meets takes the place of a dead end beside it."""
        degree: dict[str, int] = defaultdict(int)
        for part in self.lines.parts:
            degree[part.start] += 1
            degree[part.end] += 1
        for _, start, end in self._series:
            degree[start] += 1
            degree[end] += 1
        dead = [n for n, d in degree.items() if d == 1 and n not in self.nodes]
        works = [n for n in self.nodes.values() if n.kind != "junction" and not degree.get(n.id)]
        if not dead or not works:
            return
        tree = cKDTree(np.array([self._namer.at[n] for n in dead]))
        renamed: dict[str, str] = {}
        for node in works:
            away, k = tree.query(self._namer.at[node.id])
            if away <= _WORKS_M and dead[int(k)] not in renamed:
                renamed[dead[int(k)]] = node.id
        for part in self.lines.parts:
            part.start = renamed.get(part.start, part.start)
            part.end = renamed.get(part.end, part.end)
        self._series = [
            (link, renamed.get(a, a), renamed.get(b, b)) for link, a, b in self._series
        ]
        for gone in renamed:
            del self._namer.at[gone]
        self._batches.note(
            "works_joined", len(renamed),
            "{count} sources or tanks were joined to the main beside them",
        )  # fmt: skip

    # --- what stands on pipes -------------------------------------------------------------------

    def _numbers(self, pipe: str) -> frozenset[int] | None:
        """Line numbers of the pipe a record names."""
        if not pipe:
            return None
        if not hasattr(self, "_line_of"):
            self._line_of = {row.id: k for k, row in enumerate(self._rows)}
        return frozenset({self._line_of[pipe]}) if pipe in self._line_of else frozenset()

    def _standings(self, rows: list[Any]) -> list[Standing]:
        out = []
        for key, row in enumerate(rows):
            if not row.batch.sheet.ok[row.i]:
                continue
            out.append(
                Standing(key, row.x, row.y, self._numbers(getattr(row, "pipe", "")),
                         getattr(row, "node", ""), getattr(row, "diameter", 0.0))
            )  # fmt: skip
        return out

    def _put_controls(self) -> None:
        things = self._standings(self._controls)
        self._control_parts = place_controls(
            self.lines, things, self._namer, self._tolerances.valve
        )
        for thing in things:
            row = self._controls[thing.key]
            if thing.key not in self._control_parts:
                row.batch.sheet.bad(row.i, "geometry", "off_pipe",
                                    f"stands more than {self._tolerances.valve:g} m from every "
                                    "pipe", reach_m=self._tolerances.valve)  # fmt: skip
        # A metre of pipe has become the control: it is no pipe any more.
        gone = {part for _, part in self._control_parts.values()}
        self._taken = {key: self.lines.parts[part]
                       for key, (_, part) in self._control_parts.items()}  # fmt: skip
        self.lines.parts = [p for k, p in enumerate(self.lines.parts) if k not in gone]

    def _put_hydrants(self) -> None:
        free = []
        for thing in self._standings(self._hydrants):
            row = self._hydrants[thing.key]
            if row.node:
                continue
            if row.id in self._namer.at and row.id not in self.nodes:
                row.node = row.id
            else:
                free.append(thing)
        before = len(self.lines.parts)
        found = place_hydrants(self.lines, free, self._namer, self._tolerances)
        self._batches.note("pipes_cut_at_hydrants", len(self.lines.parts) - before,
                           "{count} times a pipe was cut at a hydrant")  # fmt: skip
        for thing in free:
            row = self._hydrants[thing.key]
            if thing.key in found:
                row.node = found[thing.key]
            else:
                row.batch.sheet.bad(row.i, "geometry", "off_pipe",
                                    f"stands more than {self._tolerances.hydrant:g} m from every "
                                    "pipe", reach_m=self._tolerances.hydrant)  # fmt: skip

    def _put_valves(self) -> None:
        things = self._standings(self._valves)
        sizes = [row.diameter for row in self._rows]
        before = len(self.lines.parts)
        self._valve_at, twice = place_valves(
            self.lines, things, self._namer, self._tolerances, sizes
        )
        self._batches.note("pipes_cut_at_valves", len(self.lines.parts) - before,
                           "{count} times a pipe was cut at a valve in its middle")  # fmt: skip
        for thing in things:
            row = self._valves[thing.key]
            if thing.key in twice:
                other = self._valves[twice[thing.key]].id
                row.batch.sheet.bad(row.i, "geometry", "valve_twice",
                                    f"stands in the same place as {other}",
                                    other=other)  # fmt: skip
            elif thing.lines == frozenset():
                row.batch.sheet.bad(row.i, row.batch.sheet.column("pipe"), "unknown_reference",
                                    f"stands on {row.pipe!r}, which was left out",
                                    value=row.pipe, attribute="pipe", what="pipe")  # fmt: skip
            elif thing.key not in self._valve_at:
                row.batch.sheet.bad(row.i, "geometry", "off_pipe",
                                    f"stands more than {self._tolerances.valve:g} m from every "
                                    "pipe", reach_m=self._tolerances.valve)  # fmt: skip

    # --- values ---------------------------------------------------------------------------------

    def network(self, name: str, headloss: Headloss) -> Network:
        """The network without service lines; `part_id` is known from here on."""
        self._finish_nodes()
        self.part_id = self._part_ids()
        pipes = self._pipes(_ROUGHNESS[headloss])
        valves: dict[str, Valve] = {}
        for key, (part, end) in sorted(self._valve_at.items()):
            row = self._valves[key]
            pipe = pipes[self.part_id[part]]
            valves[row.id] = row.value(pipe.id, (pipe.start, pipe.end)[end], pipe.diameter_mm)
        controls, in_series = self._control_values(pipes)
        if in_series:
            taken = absorb_valves(
                self.nodes, pipes, controls, list(in_series), _ROUGHNESS[headloss],
                needed={row.node for row in self._hydrants if row.batch.sheet.ok[row.i]},
                lengths={n: row.batch.metres[row.i].length for n, row in in_series.items()},
            )  # fmt: skip
            for valve in taken.values():
                valves[valve.id] = in_series[valve.id].placed(valve)
        hydrants = {
            row.id: row.value()
            for row in self._hydrants
            if row.batch.sheet.ok[row.i]
        }  # fmt: skip
        network = Network(
            name, self._batches.epsg, self.nodes, pipes, valves, controls, hydrants,
            headloss=headloss,
        )  # fmt: skip
        return self._with_zones(network)

    def _finish_nodes(self) -> None:
        """Values for the nodes that were made, with the height of the nearest known one."""
        used: dict[str, None] = {}
        for part in [*self.lines.parts, *self._taken.values()]:
            used.update({part.start: None, part.end: None})
        for _, start, end in self._series:
            used.update({start: None, end: None})
        fresh = [n for n in used if n not in self.nodes]
        if not fresh:
            return
        xy = np.array([self._namer.at[n] for n in fresh])
        lonlat = unproject_array(xy, self._batches.epsg)
        high = [n for n in self.nodes.values() if n.elevation_m]
        heights = np.zeros(len(fresh))
        if high:
            tree = cKDTree(np.array([self._namer.at[n.id] for n in high]))
            heights = np.array([high[k].elevation_m for k in tree.query(xy)[1]])
        for node, (lon, lat), height in zip(fresh, lonlat, heights, strict=True):
            self.nodes[node] = Node(node, "junction", float(lon), float(lat), float(height))
        if not high:
            self._batches.note("no_heights", len(self.nodes),
                               "no heights are known: pressures cannot be computed")  # fmt: skip

    def _part_ids(self) -> list[str]:
        count: dict[int, int] = defaultdict(int)
        for part in self.lines.parts:
            count[part.line] += 1
        seen: dict[int, int] = defaultdict(int)
        out = []
        for part in self.lines.parts:
            name = self._rows[part.line].id
            seen[part.line] += 1
            out.append(f"{name}~{seen[part.line]}" if count[part.line] > 1 else name)
        return out

    def _pipes(self, roughness: float) -> dict[str, Pipe]:
        shapes = self._drawn(self.lines.parts)
        out: dict[str, Pipe] = {}
        for part, name, shape in zip(self.lines.parts, self.part_id, shapes, strict=True):
            row = self._rows[part.line]
            out[name] = row.value(name, part, shape, roughness)
        return out

    def _drawn(self, parts: list[Part]) -> Any:
        """Lines in lon/lat, their ends on their nodes where these are within the tolerance."""
        shapes = np.empty(len(parts), dtype=object)
        if not len(parts):
            return shapes
        cut = np.ones(len(parts), dtype=bool)
        for k, part in enumerate(parts):
            row = self._rows[part.line]
            cut[k] = part.geometry is not row.batch.metres[row.i]
            shapes[k] = part.geometry if cut[k] else row.batch.lonlat[row.i]
        metres = np.array([p.geometry for p in parts], dtype=object)
        ends = np.stack(
            [shapely.get_coordinates(shapely.get_point(metres, side)) for side in (0, -1)], axis=1
        )
        if cut.any():
            some = shapes[cut]
            drawn = shapely.get_coordinates(some)
            shapes[cut] = shapely.set_coordinates(some, unproject_array(drawn, self._batches.epsg))
        names = [(p.start, p.end) for p in parts]
        nodes = np.array([[self._namer.at[n] for n in pair] for pair in names])
        places = np.array([[(self.nodes[n].lon, self.nodes[n].lat) for n in p] for p in names])
        moved = np.hypot(*np.moveaxis(ends - nodes, -1, 0)) <= self._tolerances.snap
        coordinates, of = shapely.get_coordinates(shapes, return_index=True)
        first = np.searchsorted(of, np.arange(len(parts)), side="left")
        last = np.searchsorted(of, np.arange(len(parts)), side="right") - 1
        coordinates[first[moved[:, 0]]] = places[moved[:, 0], 0]
        coordinates[last[moved[:, 1]]] = places[moved[:, 1], 1]
        return shapely.set_coordinates(shapes.copy(), coordinates)

    def _control_values(
        self, pipes: dict[str, Pipe]
    ) -> tuple[dict[str, Control], dict[str, ValveRow]]:
        controls: dict[str, Control] = {}
        in_series: dict[str, ValveRow] = {}
        shapes = self._drawn(list(self._taken.values()))
        for (key, part), shape in zip(self._taken.items(), shapes, strict=True):
            row = self._controls[key]
            size = self._rows[part.line].diameter
            controls[row.id] = row.value(part.start, part.end, shape, size)
        self._batches.note(
            "direction_assumed",
            sum(self._controls[k].kind != "tcv" for k in self._taken),
            "{count} pumps and control valves drawn as points let water pass in the direction "
            "their pipe is drawn",
        )
        for link, start, end in self._series:
            if not link.batch.sheet.ok[link.i]:
                continue
            shape = link.batch.lonlat[link.i]
            if isinstance(link.row, ValveRow):
                controls[link.row.id] = link.row.control(start, end, shape)
                if link.row.mode in ("gate", "thv"):
                    in_series[link.row.id] = link.row
            elif isinstance(link.row, ControlRow):
                controls[link.row.id] = link.row.value(start, end, shape, 0.0)
        return controls, in_series

    def _with_zones(self, network: Network) -> Network:
        """Nodes and pipes without a zone of their own get the one whose area they lie in."""
        from dataclasses import replace

        if not self._zones:
            return network
        nodes, pipes = dict(network.nodes), dict(network.pipes)
        for kind, attribute in (("pressure", "zone"), ("dma", "dma")):
            areas = [z for z in self._zones if z.kind == kind]
            if not areas:
                continue
            tree = shapely.STRtree([z.geometry for z in areas])
            groups: tuple[dict[str, Any], ...] = (nodes, pipes)
            for group in groups:
                free = [e for e in group.values() if not getattr(e, attribute)]
                points = [
                    shapely.Point(e.lon, e.lat) if isinstance(e, Node)
                    else e.geometry.interpolate(0.5, normalized=True)
                    for e in free
                ]  # fmt: skip
                if not points:
                    continue
                which, on = tree.query(points, predicate="intersects")
                for k, area in sorted(zip(which.tolist(), on.tolist(), strict=True), reverse=True):
                    element = free[k]
                    group[element.id] = replace(element, **{attribute: areas[area].id})
        return replace(network, nodes=nodes, pipes=pipes)


