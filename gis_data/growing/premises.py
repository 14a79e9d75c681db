"""Who lives and works along the streets: premises from addresses, buildings and places of use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely

from gis_data.crs import project_array, project_geometries, unproject_array
from gis_data.places import Places

UseClass = Literal["home", "hospital", "school", "dialysis", "care", "shop", "office"]

#: Litres a day for each person there.
LITRES = {
    "home": 155.0,
    "dialysis": 310.0,
    "hospital": 420.0,
    "care": 210.0,
    "school": 25.0,
    "shop": 60.0,
    "office": 45.0,
}
_HOSPITAL = {"hospital", "clinic"}
_SCHOOL = {"school", "kindergarten", "university", "college"}
_CARE = {"nursing_home", "social_facility", "assisted_living"}
_OFFICE = {
    "company",
    "office",
    "government",
    "lawyer",
    "embassy",
    "ngo",
    "bank",
    "association",
    "architect",
    "townhall",
    "courthouse",
    "police",
    "fire_station",
    "library",
    "museum",
    "place_of_worship",
    "theatre",
    "cinema",
    "doctors",
    "dentist",
    "insurance",
    "accountant",
    "financial",
    "travel_agent",
    "estate_agent",
    "research",
    "consulting",
}
_SMALL = {"roof", "garage", "garages", "shed", "hut", "carport", "kiosk", "toilets", "greenhouse"}
_REACH_M = 90.0
_DIALYSIS_HOMES = 4


@dataclass(frozen=True, slots=True)
class PremiseSeed:
    """A premise to be given an account: where it is, what it is used for, how many are there.

    `id` is the id of the address (or building) it stands for, with "-2", "-3" ... for the further
    premises at one address. `building` is "" where the map draws none.
    """

    id: str
    address: str
    building: str
    lon: float
    lat: float
    use: UseClass
    persons: int
    floors: int
    street: str = ""
    number: str = ""
    unit: str = ""
    postcode: str = ""
    city: str = ""
    name: str = ""

    @property
    def demand_m3s(self) -> float:
        """Mean demand in cubic metres per second."""
        return self.persons * LITRES[self.use] / 1000.0 / 86400.0


@dataclass(slots=True)
class Door:
    """One address on the ground; premises are the units behind it."""

    id: str
    street: str
    number: str
    xy: tuple[float, float]
    building: int | None
    postcode: str
    city: str
    poi_kinds: list[str]
    poi_names: dict[str, str]
    floors: int = 1
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Settled:
    """Premises, each with the index of its door; doors carry the place on the ground."""

    premises: list[PremiseSeed]
    door_of: list[int]
    doors: list[Door]


def settle(
    places: Places,
    mains: Sequence[Any],
    names: Sequence[str],
    epsg: int,
    *,
    count: int,
    rng: np.random.Generator,
) -> Settled:
    """`count` premises near the mains (lines in metres with street names)."""
    buildings = list(project_geometries([b.polygon for b in places.buildings], epsg))
    doors = _doors(places, buildings, mains, names, epsg)
    if not doors:
        return Settled([], [], [])
    _weigh(doors, places, buildings, rng)
    units = _shares([d.weight for d in doors], count)
    lonlat = unproject_array([d.xy for d in doors], epsg)
    premises: list[PremiseSeed] = []
    door_of: list[int] = []
    for index, door in enumerate(doors):
        polygon = places.buildings[door.building].id if door.building is not None else ""
        for k in range(int(units[index])):
            use, name = _use_of(door, k, places)
            unit = "" if units[index] == 1 else f"{chr(65 + min(k // 16, 25))} {k + 1}"
            text = " ".join(part for part in (door.street, door.number, unit) if part)
            premises.append(
                PremiseSeed(
                    door.id if k == 0 else f"{door.id}-{k + 1}",
                    text,
                    polygon,
                    float(lonlat[index][0]),
                    float(lonlat[index][1]),
                    use,
                    _persons(use, door, rng),
                    door.floors,
                    door.street,
                    door.number,
                    unit,
                    door.postcode,
                    door.city,
                    name,
                )
            )
            door_of.append(index)
    return Settled(_with_needs(premises, rng), door_of, doors)


def _doors(
    places: Places, buildings: list[Any], mains: Sequence[Any], names: Sequence[str], epsg: int
) -> list[Door]:
    tree = shapely.STRtree(list(mains))
    walls = shapely.STRtree(buildings)
    doors: list[Door] = []
    taken: set[int] = set()
    city = Counter(a.city for a in places.addresses if a.city).most_common(1)
    town = city[0][0] if city else ""
    xy = project_array([(a.lon, a.lat) for a in places.addresses], epsg)
    points = shapely.points(xy)
    for address, point, (x, y) in zip(places.addresses, points, xy, strict=True):
        if not len(tree.query(point, predicate="dwithin", distance=_REACH_M)):
            continue
        near = walls.query(point, predicate="dwithin", distance=15.0)
        inside = min(
            (int(i) for i in near),
            key=lambda i: (round(float(buildings[i].distance(point)), 2), i),
            default=None,
        )
        if inside is not None:
            taken.add(inside)
        doors.append(
            Door(
                address.id,
                address.street,
                address.number,
                (float(x), float(y)),
                inside,
                address.postcode,
                address.city or town,
                [],
                {},
            )
        )
    doors += _unnumbered(places, buildings, taken, mains, names, tree, doors, town)
    doors.sort(key=lambda d: (d.id[0], int(d.id[1:])))
    _place_pois(places, doors, epsg)
    return doors


def _unnumbered(
    places: Places,
    buildings: list[Any],
    taken: set[int],
    mains: Sequence[Any],
    names: Sequence[str],
    tree: shapely.STRtree,
    doors: list[Door],
    town: str,
) -> list[Door]:
    """Buildings without an address get a number by their distance along the nearest street."""
    used = {(d.street, d.number) for d in doors}
    found = []
    for index, shape in enumerate(buildings):
        kind = places.buildings[index].kind
        if index in taken or kind in _SMALL or shape.area < 45.0:
            continue
        near, far = tree.query_nearest(shape, return_distance=True, all_matches=False)
        if not len(near) or far[0] > _REACH_M:
            continue
        main = mains[int(near[0])]
        foot = shapely.shortest_line(shape, main).coords[0]
        street = names[int(near[0])]
        plain = 1 + 2 * int(main.project(shapely.Point(foot)) / 18.0)
        number = next(n for k in range(2000) if (street, n := str(plain + k)) not in used)
        used.add((street, number))
        door = shapely.Point(foot)
        inner = shape.buffer(-2.0)
        if not inner.is_empty:
            door = shapely.Point(shapely.shortest_line(door, inner).coords[-1])
        found.append(
            Door(
                places.buildings[index].id,
                street,
                number,
                (door.x, door.y),
                index,
                "",
                town,
                [],
                {},
            )
        )
    return found


def _place_pois(places: Places, doors: list[Door], epsg: int) -> None:
    if not places.pois:
        return
    tree = shapely.STRtree([shapely.Point(d.xy) for d in doors])
    points = shapely.points(project_array([(p.lon, p.lat) for p in places.pois], epsg))
    for poi, point in zip(places.pois, points, strict=True):
        near, far = tree.query_nearest(point, return_distance=True, all_matches=False)
        if len(near) and far[0] < 60.0:
            door = doors[int(near[0])]
            use = _class_of(poi.kind)
            if use in ("hospital", "school", "care") and not poi.name:
                continue
            door.poi_kinds.append(use)
            door.poi_names.setdefault(use, poi.name)


def _class_of(kind: str) -> UseClass:
    if kind in _HOSPITAL:
        return "hospital"
    if kind in _SCHOOL:
        return "school"
    if kind in _CARE:
        return "care"
    return "office" if kind in _OFFICE else "shop"


def _weigh(
    doors: list[Door], places: Places, buildings: list[Any], rng: np.random.Generator
) -> None:
    sharing = Counter(d.building for d in doors if d.building is not None)
    for door in doors:
        area = 200.0
        if door.building is not None:
            area = float(buildings[door.building].area) / sharing[door.building]
        levels = places.buildings[door.building].levels if door.building is not None else None
        guess = int(rng.integers(4, 8)) if area > 180 else int(rng.integers(1, 4))
        door.floors = levels or guess
        door.weight = min(area, 2500.0) ** 0.6 * door.floors**0.7


def _shares(weights: list[float], count: int) -> Any:
    """Whole numbers adding up to `count`, at least one each while they last, by largest rest."""
    weight = np.asarray(weights, dtype=float)
    if count <= len(weight):
        units = np.zeros(len(weight), dtype=int)
        units[np.argsort(-weight, kind="stable")[: max(count, 0)]] = 1
        return units
    exact = weight / weight.sum() * (count - len(weight))
    units = np.floor(exact).astype(int) + 1
    rest = count - int(units.sum())
    units[np.argsort(-(exact - np.floor(exact)), kind="stable")[:rest]] += 1
    return units


def _use_of(door: Door, unit: int, places: Places) -> tuple[UseClass, str]:
    kind = places.buildings[door.building].kind if door.building is not None else ""
    for special in ("hospital", "school", "care"):
        if special in door.poi_kinds:
            if unit == 0:
                return special, door.poi_names[special]
            unit -= 1
    trade: list[UseClass] = [u for u in ("shop", "office") if u in door.poi_kinds]
    if kind in ("office", "commercial", "public", "government", "university"):
        trade.append("office")
    elif kind in ("retail", "supermarket"):
        trade.append("shop")
    if unit < len(trade):
        first = trade.index(trade[unit]) == unit
        return trade[unit], door.poi_names.get(trade[unit], "") if first else ""
    return "home", ""


def _persons(use: str, door: Door, rng: np.random.Generator) -> int:
    low, high = {
        "home": (1, 5),
        "hospital": (60, 220),
        "school": (120, 520),
        "care": (30, 90),
        "shop": (2, 14),
        "office": (6, 60),
        "dialysis": (1, 4),
    }[use]
    return int(rng.integers(low, high))


def _with_needs(premises: list[PremiseSeed], rng: np.random.Generator) -> list[PremiseSeed]:
    """A few homes have somebody on home dialysis; a town without a care home gets one."""
    homes = [i for i, p in enumerate(premises) if p.use == "home"]
    size = min(_DIALYSIS_HOMES + 1, len(homes))
    chosen = [int(i) for i in rng.choice(homes, size=size, replace=False)] if homes else []
    needs: dict[int, UseClass] = dict.fromkeys(chosen[:_DIALYSIS_HOMES], "dialysis")
    if len(chosen) > _DIALYSIS_HOMES and not any(p.use == "care" for p in premises):
        needs[chosen[_DIALYSIS_HOMES]] = "care"
    changed = []
    for index, p in enumerate(premises):
        use = needs.get(index, p.use)
        persons = 48 if use == "care" and p.use == "home" else p.persons
        changed.append(
            PremiseSeed(
                p.id,
                p.address,
                p.building,
                p.lon,
                p.lat,
                use,
                persons,
                p.floors,
                p.street,
                p.number,
                p.unit,
                p.postcode,
                p.city,
                p.name,
            )
        )
    return changed
