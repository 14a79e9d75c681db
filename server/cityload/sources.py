"""A city as one value, whatever files it comes from: what the tables are then filled with."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.core.management.base import CommandError
from shapely.geometry import LineString, Point

from gis_data.crs import (
    CoordinateError,
    measuring_system,
    project_array,
    project_geometries,
    unproject,
    unproject_array,
    utm_epsg,
)
from gis_data.grow import PremiseSeed
from gis_data.helsinki import Area, City, demo_city, demo_extract, grown_city
from gis_data.inp import NetworkFileError, read_inp
from gis_data.model import Network, NetworkError, Service
from gis_data.places import Extract, PlaceFileError, Places, Street, read_extract
from gis_data.street_table import end_houses, is_table, read_street_table
from server.cityload.layered import Layered, LayersError, read_layered

# Water used by one household, cubic metres per second: 2.2 persons of 155 litres a day.
_HOUSEHOLD_M3S = 2.2 * 0.155 / 86400
_MOST_PER_NODE = 40
_MOST_PREMISES = 20_000
_NEAR_M = 90.0


class CityLoadError(CommandError):
    """A city cannot be loaded; nothing was changed. The sentence names file, line or field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Source:
    """A city and the file its streets come from (None: no streets are known)."""

    city: City
    code: str
    name_zh: str
    street_file: Path | None
    described: dict[str, Any]
    #: What a person should be told of the files: lines set aside, what the network is fit for.
    said: tuple[str, ...] = ()
    verdicts: dict[str, str] = field(default_factory=dict)


def demo_source(seed: int, premises: int = 2000) -> Source:
    """Central Helsinki with a grown network. Errors: CityLoadError."""
    try:
        city = demo_city(seed, premises=premises)
        return Source(city, "helsinki", "赫尔辛基", demo_extract(),
                      {"streets": "Helsinki.osm.pbf", "network": "grown", "seed": seed})
    except (PlaceFileError, NetworkError) as error:
        raise CityLoadError(error.field, str(error)) from error


def file_source(
    *, streets: Path | None, network: Sequence[Path], crs: int | None, name: str, seed: int,
    premises: int, schema_map: Path | None = None,
) -> Source:
    """A city from files: streets with a grown network, network files, or both.

    Errors: CityLoadError naming the file and what is wrong with it.
    """
    if len(network) > 1 or (network and network[0].suffix.lower() != ".inp"):
        return _layered_source(streets, network, crs, name, seed, schema_map)
    return _plain_source(streets, network[0] if network else None, crs, name, seed, premises)


def _layered_source(
    streets: Path | None, network: Sequence[Path], crs: int | None, name: str, seed: int,
    schema_map: Path | None,
) -> Source:  # fmt: skip
    name = name or network[0].name.split(".")[0].replace("_", " ").title()
    if streets is not None and not streets.is_file():
        raise CityLoadError("streets", f"There is no file {streets}.")
    try:
        extract = _streets(streets, crs)
        found = read_layered(network, crs=crs, schema_map=schema_map, name=name)
        city = _from_network(found.built.network, extract, name, found)
    except LayersError as error:
        raise CityLoadError(error.field, str(error)) from error
    except PlaceFileError as error:
        raise CityLoadError("streets", _sentence(f"The street file cannot be used: {error}")) \
            from error
    except (NetworkError, CoordinateError) as error:
        raise CityLoadError(error.field, _sentence(f"{network[0].name}: {error.message}")) \
            from error
    described = {"streets": streets.name if streets else None,
                 "network": ", ".join(p.name for p in network), "seed": seed, "crs": crs}
    return Source(city, "", "", streets, described, found.said, found.verdicts)


def _streets(path: Path | None, crs: int | None) -> Extract:
    """Streets and places of an extract, or of a register's table in the system of `crs`."""
    if path is None:
        return Extract(Places([], [], []), [])
    if not is_table(path):
        return read_extract(path)
    if crs is None:
        raise CityLoadError("crs", f"A table does not say in which system it was measured: give "
                                   f"--crs EPSG:n for {path.name}.")
    return read_street_table(path, crs).extract


def _plain_source(
    streets: Path | None, network: Path | None, crs: int | None, name: str, seed: int,
    premises: int,
) -> Source:  # fmt: skip
    if streets is None and network is None:
        raise CityLoadError("streets", "Give a street file (--streets), a network (--network) or "
                                       "both.")
    for given_as, path in (("streets", streets), ("network", network)):
        if path is not None and not path.is_file():
            raise CityLoadError(given_as, f"There is no file {path}.")
    if crs is not None:
        try:
            measuring_system(crs)
        except CoordinateError as error:
            raise CityLoadError("crs", f"{error.message}.") from error
    if network is not None and crs is None:
        raise CityLoadError("crs", f"An EPANET file does not say in which system it was drawn: "
                                   f"give --crs EPSG:n for {network.name}.")
    given = network or streets
    assert given is not None
    name = name or given.name.split(".")[0].replace("_", " ").title()
    try:
        extract = _streets(streets, crs)
        if network is not None:
            city = _from_network(read_inp(network, int(crs or 0)), extract, name)
        else:
            lon, lat = extract.streets[0].geometry.coords[0][:2]
            city = grown_city(extract, name, epsg=crs or utm_epsg(lon, lat), seed=seed,
                              premises=premises)
    except PlaceFileError as error:
        raise CityLoadError("streets", _sentence(f"The street file cannot be used: {error}")) \
            from error
    except NetworkFileError as error:
        shown = network.name if network is not None else ""
        raise CityLoadError("network", _sentence(f"The network file {shown} cannot be used: "
                                                 f"{error}")) from error
    except (NetworkError, CoordinateError) as error:
        raise CityLoadError(error.field, _sentence(f"{given.name}: {error.message}")) from error
    described = {"streets": streets.name if streets else None,
                 "network": network.name if network else "grown", "seed": seed, "crs": crs}
    return Source(city, "", "", streets, described)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


# --- a network file as a city -------------------------------------------------------------------

def _from_network(
    network: Network, extract: Extract, name: str, layered: Layered | None = None
) -> City:
    if not network.pipes:
        raise NetworkError("network", "the file holds no pipes")
    epsg = network.crs_measure
    network = _with_streets(network, extract.streets)
    if layered is not None and (layered.premises or not _draws(network)):
        premises = layered.premises
    else:
        network, premises = _with_premises(network, extract.places)
    lines = list(project_geometries([p.geometry for p in network.pipes.values()], epsg))
    rim = shapely.union_all(lines).envelope.buffer(200.0, join_style="mitre")
    corners = unproject_array(rim.exterior.coords, epsg)
    west, south = corners.min(axis=0)
    east, north = corners.max(axis=0)
    return City(
        name, epsg, network, extract.places, extract.streets, premises,
        (layered.zones if layered else []) or _areas(network, "zone"),
        (layered.dmas if layered else []) or _areas(network, "dma"),
        districts((float(west), float(south), float(east), float(north))),
        unproject(*_middle(lines), epsg),
        (float(west), float(south), float(east), float(north)), None,  # type: ignore[arg-type]
        layered.built.drainage if layered else None)


def _draws(network: Network) -> bool:
    return any(n.base_demand_m3s > 0 for n in network.nodes.values())


def _middle(lines: list[Any]) -> tuple[float, float]:
    """The point on a pipe nearest to the middle of all pipes."""
    points = np.array([(p.x, p.y) for p in (line.interpolate(0.5, normalized=True)
                                            for line in lines)])
    best = points[int(np.argmin(np.hypot(*(points - np.median(points, axis=0)).T)))]
    return float(best[0]), float(best[1])


def _areas(network: Network, label: str) -> list[Area]:
    """Zones or metered areas a file names, as the hulls of their nodes."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for node in network.nodes.values():
        if getattr(node, label):
            points[getattr(node, label)].append((node.lon, node.lat))
    hulls = {k: shapely.multipoints(v).convex_hull for k, v in points.items()}
    return [Area(k, k, k, hull) for k, hull in sorted(hulls.items())
            if hull.geom_type == "Polygon"]


def districts(bounds: tuple[float, float, float, float]) -> list[Area]:
    """Three districts across the city, for a network nobody has divided yet."""
    west, south, east, north = bounds
    names = (("west", "West district", "西区"), ("centre", "Central district", "中区"),
             ("east", "East district", "东区"))
    edges = np.linspace(west, east, 4)
    return [Area(code, en, zh, shapely.box(edges[i], south, edges[i + 1], north))
            for i, (code, en, zh) in enumerate(names)]


def _with_streets(network: Network, streets: list[Street]) -> Network:
    """Give each pipe the name of the street it lies in, where the file names none."""
    named = [s for s in streets if s.name]
    bare = [p for p in network.pipes.values() if not p.street]
    if not named or not bare:
        return network
    epsg = network.crs_measure
    tree = shapely.STRtree(project_geometries([s.geometry for s in named], epsg))
    middles = [line.interpolate(0.5, normalized=True)
               for line in project_geometries([p.geometry for p in bare], epsg)]
    pairs = tree.query_nearest(middles, max_distance=30.0, all_matches=False)
    found = {bare[int(p)].id: named[int(s)].name for p, s in zip(*pairs, strict=True)}
    pipes = {k: replace(p, street=found[k]) if k in found else p for k, p in network.pipes.items()}
    return replace(network, pipes=pipes)


def _with_premises(network: Network, places: Places) -> tuple[Network, list[PremiseSeed]]:
    """Households at the nodes that draw water: a service line each, on a pipe of the node."""
    epsg = network.crs_measure
    at: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for pipe in network.pipes.values():
        if not pipe.closed and pipe.geometry.length > 0:
            at[pipe.start].append((pipe.id, True))
            at[pipe.end].append((pipe.id, False))
    shapes = dict(zip(network.pipes,
                      project_geometries([p.geometry for p in network.pipes.values()], epsg),
                      strict=True))
    spots = _spots(network, at, shapes)
    if not spots:
        raise NetworkError("network", "no node draws water, so there is nobody to supply")
    lonlat = unproject_array([xy for *_, xy in spots], epsg)
    taps = unproject_array(
        [_xy(shapes[pipe].interpolate(measure, normalized=True)) for _, pipe, measure, _ in spots],
        epsg)
    addresses = _addresses(places, [xy for *_, xy in spots], epsg)
    premises, services, seen = [], {}, Counter[str]()
    for k, (node, main, measure, _) in enumerate(spots):
        seen[node] += 1
        code = f"{node}-{seen[node]}"
        along = network.pipes[main].street
        street, number, text = addresses[k] or (along, "", along or f"Node {node}")
        if addresses[k] is None:
            text = f"{text}, connection {code}"
        lon, lat = float(lonlat[k][0]), float(lonlat[k][1])
        premises.append(PremiseSeed(code, text, "", lon, lat, "home", 2 + k % 3, 2, street, number))
        line = LineString([taps[k], (lon, lat)])
        services[f"S-{code}"] = Service(f"S-{code}", main, measure, line, code, 25.0)
    return replace(network, services=services), premises


def _xy(point: Point) -> tuple[float, float]:
    return point.x, point.y


def _spots(
    network: Network, at: dict[str, list[tuple[str, bool]]], shapes: dict[str, Any]
) -> list[tuple[str, str, float, tuple[float, float]]]:
    """(node, pipe, measure, place in metres) of every household, in the order of the file."""
    wanted = [(n, n.base_demand_m3s) for n in network.nodes.values()
              if n.base_demand_m3s > 0 and at.get(n.id)]
    total = sum(min(_MOST_PER_NODE, max(1, round(d / _HOUSEHOLD_M3S))) for _, d in wanted)
    share = min(1.0, _MOST_PREMISES / total) if total else 1.0
    spots = []
    for node, demand in wanted:
        count = min(_MOST_PER_NODE, max(1, round(demand / _HOUSEHOLD_M3S)))
        count = max(1, math.floor(count * share))
        pipes = at[node.id]
        for i in range(count):
            pipe, from_start = pipes[i % len(pipes)]
            # Along the half of the pipe that the node feeds, left and right in turn.
            along = 0.05 + 0.4 * (i // len(pipes) + 1) / (count // len(pipes) + 2)
            measure = round(along if from_start else 1 - along, 6)
            spots.append((node.id, pipe, measure, _beside(shapes[pipe], measure, i)))
    return spots


def _beside(line: Any, measure: float, i: int) -> tuple[float, float]:
    point = line.interpolate(measure, normalized=True)
    ahead = line.interpolate(min(measure + 0.01, 1.0), normalized=True)
    dx, dy = ahead.x - point.x, ahead.y - point.y
    length = math.hypot(dx, dy) or 1.0
    side = 14.0 if i % 2 == 0 else -14.0
    return point.x - dy / length * side, point.y + dx / length * side


def _addresses(
    places: Places, spots: list[tuple[float, float]], epsg: int
) -> list[tuple[str, str, str] | None]:
    """(street, number, text) of the nearest known address of each place, None if none is near."""
    known = places.addresses or end_houses(places.ranges, epsg)
    if not known:
        return [None] * len(spots)
    xy = project_array([(a.lon, a.lat) for a in known], epsg)
    tree = shapely.STRtree(shapely.points(xy))
    pairs = tree.query_nearest(shapely.points(spots), max_distance=_NEAR_M, all_matches=False)
    found: list[tuple[str, str, str] | None] = [None] * len(spots)
    for k, a in zip(*pairs, strict=True):
        address = known[int(a)]
        text = f"{address.street} {address.number}"
        found[int(k)] = (address.street, address.number, text)
    return found


__all__ = ["CityLoadError", "Source", "demo_extract", "demo_source", "file_source"]
