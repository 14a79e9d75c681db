"""Service lines, premises and stations onto the finished pipes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import LineString

from gis_data.crs import project_geometries, unproject_array
from gis_data.importing.batches import Batch, Batches
from gis_data.importing.values import PremiseRow, Tolerances
from gis_data.importing.water import Water
from gis_data.model import Network, Service, Station

_SERVICE_MM = 32.0
#: A premise this close to the end of a service line is the one it leads to.
_DOORSTEP_M = 10.0


def build_taps(
    batches: Batches, water: Water, network: Network, tolerances: Tolerances
) -> tuple[Network, list[PremiseRow]]:
    """The network with its service lines and stations, and the premises found."""
    taps = _Taps(batches, network, tolerances)
    taps.services()
    taps.join_premises()
    taps.stations()
    return taps.network(), list(taps.premises.values())


_XY = tuple[float, float]
#: Pipe by number, measure 0..1 along it, distance from it in metres.
_Spot = tuple[int, float, float]


class _Taps:
    def __init__(self, batches: Batches, network: Network, tolerances: Tolerances) -> None:
        self._batches, self._network, self._tolerances = batches, network, tolerances
        self._epsg = batches.epsg
        # Raw water reaches nobody's tap.
        self._pipes = [p for p in network.pipes.values() if p.role != "raw"]
        shapes = np.empty(len(self._pipes), dtype=object)
        shapes[:] = [p.geometry for p in self._pipes]
        self._shapes = project_geometries(shapes, self._epsg) if len(shapes) else shapes
        self._tree = shapely.STRtree(self._shapes)
        self._of_pipe: dict[str, list[int]] = defaultdict(list)
        for k, pipe in enumerate(self._pipes):
            self._of_pipe[pipe.id].append(k)
            if pipe.origin and pipe.origin != pipe.id:
                self._of_pipe[pipe.origin].append(k)
        self.premises: dict[str, PremiseRow] = {}
        self._at: dict[str, tuple[float, float]] = {}
        self._mains: dict[str, tuple[Batch, int, str]] = {}
        self._services: dict[str, Service] = {}
        self._stations: dict[str, Station] = {}
        for batch in batches.of("premise"):
            self._read_premises(batch)

    # --- premises -------------------------------------------------------------------------------

    def _read_premises(self, batch: Batch) -> None:
        sheet = batch.sheet
        texts = {a: sheet.text(a) for a in ("address", "street", "number", "name", "use",
                                            "building", "service", "pipe")}  # fmt: skip
        persons, floors = sheet.number("persons", least=0), sheet.number("floors", least=0)
        demands = sheet.number("demand")
        for i in batch.rows():
            if not self._batches.name("premise").take(batch, i):
                continue
            lon, lat, x, y = batch.point(i)
            name = sheet.ids[i]
            self.premises[name] = PremiseRow(
                name, lon, lat, "", texts["address"][i], texts["street"][i], texts["number"][i],
                texts["name"][i], texts["use"][i], _whole(persons[i]), _whole(floors[i]),
                demands[i], texts["building"][i], sheet.layer.name, int(sheet.layer.numbers[i]),
            )  # fmt: skip
            self._at[name] = (x, y)
            self._mains[name] = (batch, i, texts["pipe"][i])

    def join_premises(self) -> None:
        """A premise that no service line reaches taps the nearest main, if there is one."""
        fed: dict[str, str] = {}
        for service in self._services.values():
            fed.setdefault(service.premise, service.id)
        wanted: list[tuple[str, _Spot]] = []
        names = [n for n in self.premises if n not in fed]
        spots = self._nearest([self._at[n] for n in names])
        for name, spot in zip(names, spots, strict=True):
            batch, i, main = self._mains[name]
            if main:
                spot = self._on(main, self._at[name])
                if spot is None:
                    batch.sheet.bad(i, batch.sheet.column("pipe"), "unknown_reference",
                                    f"{batch.sheet.column('pipe')} is {main!r}, which is no pipe",
                                    value=main, attribute="pipe", what="pipe")  # fmt: skip
                    del self.premises[name]
                    continue
            if spot is not None:
                wanted.append((name, spot))
        rows = [self.premises[name] for name, _ in wanted]
        lines = self._lines([(spot, self._at[name], (row.lon, row.lat))
                             for (name, spot), row in zip(wanted, rows, strict=True)])  # fmt: skip
        for (name, (pipe, share, _)), drawn in zip(wanted, lines, strict=True):
            line = self._free(f"S-{name}"[:60])
            self._services[line] = Service(
                line, self._pipes[pipe].id, share, drawn, name, _SERVICE_MM
            )
            fed[name] = line
        self._batches.note(
            "services_assumed", len(wanted),
            "{count} premises have no service line and tap the nearest main",
        )  # fmt: skip
        unfed = sum(n not in fed for n in self.premises)
        self._batches.note("premises_unfed", unfed, "{count} premises lie near no main",
                           reach_m=self._tolerances.service)  # fmt: skip
        for name, row in self.premises.items():
            if name in fed:
                self.premises[name] = replace(row, service=fed[name])

    def _free(self, name: str) -> str:
        number, stem = 2, name
        while name in self._services:
            name, number = f"{stem[:56]}.{number}", number + 1
        return name

    # --- service lines --------------------------------------------------------------------------

    def services(self) -> None:
        names = list(self._at)
        tree = cKDTree(np.array([self._at[n] for n in names])) if names else None
        made = 0
        for batch in self._batches.of("service"):
            sheet = batch.sheet
            diameters = sheet.number("diameter", least=0)
            measures = sheet.number("measure", least=0)
            materials, stations = sheet.text("material"), sheet.text("station")
            mains, premises = sheet.text("pipe"), sheet.text("premise")
            for i in batch.rows():
                if not self._batches.name("service").take(batch, i):
                    continue
                found = self._tap(batch, i, mains[i], measures[i])
                if found is None:
                    continue
                pipe, measure, line, far, far_lonlat = found
                premise = self._batches.name("premise").find(premises[i]) or premises[i]
                if not premise and tree is not None:
                    away, k = tree.query(far)
                    premise = names[int(k)] if away <= _DOORSTEP_M else ""
                if not premise:
                    premise = f"P-{sheet.ids[i]}"[:60]
                    made += 1
                if premise not in self.premises:
                    self.premises[premise] = PremiseRow(
                        premise, far_lonlat[0], far_lonlat[1], layer=sheet.layer.name,
                        line=int(sheet.layer.numbers[i]),
                    )  # fmt: skip
                    self._at[premise] = far
                    self._mains[premise] = (batch, i, "")
                self._services[sheet.ids[i]] = Service(
                    sheet.ids[i], pipe, measure, line, premise,
                    diameters[i] or _SERVICE_MM, materials[i], stations[i],
                )  # fmt: skip
        self._batches.note(
            "premises_made", made,
            "{count} service lines name no premise; one was made at their end",
        )  # fmt: skip

    def _tap(self, batch: Batch, i: int, main: str, measure: float | None) -> Any:
        """(pipe, measure, line, far end in metres, far end in lon/lat) of a service record."""
        sheet = batch.sheet
        shape, drawn = batch.metres[i], batch.lonlat[i]
        if main and main not in self._of_pipe and self._batches.name("link").find(main) not in (
            self._of_pipe
        ):
            sheet.bad(i, sheet.column("pipe"), "unknown_reference",
                      f"{sheet.column('pipe')} is {main!r}, which is no pipe",
                      value=main, attribute="pipe", what="pipe")  # fmt: skip
            return None
        if shape is None:
            sheet.bad(i, *_no_geometry())
            return None
        places = [(shape.x, shape.y)] if shape.geom_type == "Point" else [
            shape.coords[0], shape.coords[-1]
        ]  # fmt: skip
        places = [(float(p[0]), float(p[1])) for p in places]
        spots = [self._on(main, p) for p in places] if main else self._nearest(places)
        best = min(
            (k for k, s in enumerate(spots) if s is not None),
            key=lambda k: (round(spots[k][2], 3), k), default=None,  # type: ignore[index]
        )  # fmt: skip
        if best is None:
            sheet.bad(i, "geometry", "off_pipe",
                      f"lies more than {self._tolerances.service:g} m from every main",
                      reach_m=self._tolerances.service)  # fmt: skip
            return None
        pipe, share, _ = spots[best]  # type: ignore[misc]
        if len(places) == 1:
            (line,) = self._lines([((pipe, share, 0.0), places[0], (drawn.x, drawn.y))])
            return self._pipes[pipe].id, share, line, places[0], (drawn.x, drawn.y)
        if best == 1:
            drawn = LineString(list(drawn.coords)[::-1])
        if measure is not None and measure <= 1 and self._pipes[pipe].id == main:
            share = measure
        return self._pipes[pipe].id, share, drawn, places[1 - best], drawn.coords[-1]

    def _lines(self, taps: list[tuple[_Spot, _XY, _XY]]) -> Any:
        """Straight lines from the foot on the main to (x, y), which is (lon, lat) on earth."""
        if not taps:
            return []
        pipes = self._shapes[[spot[0] for spot, _, _ in taps]]
        feet = shapely.line_interpolate_point(
            pipes, np.array([spot[1] for spot, _, _ in taps]), normalized=True
        )
        feet = shapely.get_coordinates(feet)
        ends = np.array([lonlat for _, _, lonlat in taps])
        # A premise on the main itself: a line still needs two places.
        ends[np.hypot(*(feet - np.array([at for _, at, _ in taps])).T) < 0.01, 1] += 1e-7
        return shapely.linestrings(np.stack([unproject_array(feet, self._epsg), ends], axis=1))

    def _nearest(self, places: list[tuple[float, float]]) -> list[_Spot | None]:
        """(pipe, measure 0..1, distance) of the nearest main within reach, for each place."""
        out: list[_Spot | None] = [None] * len(places)
        if not places or not self._pipes:
            return out
        points = shapely.points(np.array(places))
        (which, on), away = self._tree.query_nearest(
            points, max_distance=self._tolerances.service, return_distance=True
        )
        order = np.lexsort((on, which))
        first = order[np.unique(which[order], return_index=True)[1]]
        shares = shapely.line_locate_point(
            self._shapes[on[first]], points[which[first]], normalized=True
        )
        for thing, pipe, share, gap in zip(
            which[first].tolist(), on[first].tolist(), shares.tolist(), away[first].tolist(),
            strict=True,
        ):  # fmt: skip
            out[thing] = (pipe, min(max(share, 0.0), 1.0), gap)
        return out

    def _spot(self, pipe: int, point: Any, away: float) -> _Spot:
        share = float(self._shapes[pipe].project(point, normalized=True))
        return pipe, min(max(share, 0.0), 1.0), away

    def _on(self, main: str, place: tuple[float, float]) -> _Spot | None:
        """The nearest place on a named pipe or on one of its parts."""
        parts = self._of_pipe.get(main) or self._of_pipe.get(
            self._batches.name("link").find(main) or "", []
        )
        point = shapely.Point(place)
        spots = [(self._shapes[k].distance(point), k) for k in parts]
        if not spots:
            return None
        away, pipe = min(spots)
        return self._spot(pipe, point, float(away))

    # --- stations -------------------------------------------------------------------------------

    def stations(self) -> None:
        for batch in self._batches.of("station"):
            sheet = batch.sheet
            tanks, demands = sheet.number("tank", least=0), sheet.number("demand", least=0)
            floors, operators = sheet.text("floors"), sheet.text("operator")
            services = sheet.reference(
                "service", lambda said: said if said in self._services else None, "service line"
            )
            for i in batch.rows():
                if not self._batches.name("station").take(batch, i):
                    continue
                lon, lat, x, y = batch.point(i)
                service = services[i]
                if not service:
                    spot = self._nearest([(x, y)])[0]
                    if spot is None:
                        sheet.bad(i, "geometry", "off_pipe",
                                  f"lies more than {self._tolerances.service:g} m from every main",
                                  reach_m=self._tolerances.service)  # fmt: skip
                        continue
                    service = self._free(f"S-{sheet.ids[i]}"[:60])
                    (line,) = self._lines([(spot, (x, y), (lon, lat))])
                    self._services[service] = Service(
                        service, self._pipes[spot[0]].id, spot[1], line, sheet.ids[i], 100.0
                    )
                self._stations[sheet.ids[i]] = Station(
                    sheet.ids[i], lon, lat, service, tanks[i] or 0.0, demands[i] or 0.0,
                    floors[i], operators[i],
                )  # fmt: skip

    def network(self) -> Network:
        network = replace(self._network, services=self._services, stations=self._stations)
        drawn = any(n.base_demand_m3s for n in network.nodes.values())
        if drawn or not any(p.demand_m3s for p in self.premises.values()):
            return network
        return replace(network, nodes=self._demands(network))

    def _demands(self, network: Network) -> Mapping[str, Any]:
        """What premises use, drawn at the nearer end of the pipe they tap."""
        nodes = dict(network.nodes)
        for row in self.premises.values():
            service = self._services.get(row.service)
            if service is None or not row.demand_m3s:
                continue
            pipe = network.pipes[service.pipe]
            node = nodes[pipe.start if service.measure < 0.5 else pipe.end]
            if node.kind == "junction":
                nodes[node.id] = replace(
                    node, base_demand_m3s=node.base_demand_m3s + row.demand_m3s
                )
        return nodes


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _no_geometry() -> tuple[str, str, str]:
    return "geometry", "no_geometry", "has no geometry that can be read"
