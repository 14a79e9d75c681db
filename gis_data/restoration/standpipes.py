"""Where people fetch water meanwhile: standpipes on hydrants, tankers where no hydrant will do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from gis_data.crs import project_array
from gis_data.hydraulics.running import NO_WATER_M
from gis_data.isolation import IsolationPlan
from gis_data.model import Hydrant, Network

WALKING_M = 300.0
LITRES_A_DAY = 10.0
#: Streets are longer than the line between two points; what is usual in towns.
_DETOUR = 1.3

Point = tuple[float, float]
#: (places of water, places of need) as lon/lat -> metres to walk, shape (water, need).
Distances = Callable[[Sequence[Point], Sequence[Point]], np.ndarray]


@dataclass(frozen=True, slots=True)
class HandOut:
    """A place where water is handed out, to whom, and how much a day.

    `kind` standpipe: on `hydrant`. tanker: at a street point, `hydrant` is empty. none: premises
    that nothing reaches on foot; their water has to be brought to the door.
    """

    kind: Literal["standpipe", "tanker", "none"]
    hydrant: str
    lon: float
    lat: float
    premises: tuple[str, ...]
    persons: int
    litres_a_day: float
    farthest_m: float


def water_points(
    network: Network,
    plan: IsolationPlan,
    *,
    persons: Mapping[str, int] | None = None,
    pressures_m: Mapping[str, float] | None = None,
    excluded: Collection[str] = (),
    distances: Distances | None = None,
    walking_m: float = WALKING_M,
    litres_a_day: float = LITRES_A_DAY,
) -> tuple[HandOut, ...]:
    """Standpipes so that every premise of the plan is within `walking_m`, tankers for the rest.

    `persons` at each premise (two where nobody knows). `pressures_m`: lowest pressure of each node
    after the closure; a hydrant without any is not used. `excluded`: premises that need none, such
    as those fed another way. Standpipes stand on hydrants outside the plan that are fit for it, on
    distribution mains, and not counted on for fires.
    """
    distances = distances or straight_distances(network.crs_measure)
    ends: dict[str, Point] = {}
    feet: dict[str, Point] = {}
    lost = set(plan.premises) - set(excluded)
    for service in network.services.values():
        if service.premise in lost and service.premise not in ends:
            ends[service.premise] = _point(service.geometry.coords[-1])
            feet[service.premise] = _point(service.geometry.coords[0])
    needing = sorted(ends)
    if not needing:
        return ()
    there = [ends[p] for p in needing]
    people = np.array([(persons or {}).get(p, 2) for p in needing])
    hydrants = _near(
        network, _usable(network, plan, pressures_m), [ends[p] for p in needing], walking_m
    )
    places = [(h.lon, h.lat) for h in hydrants]
    found: list[HandOut] = []
    left = set(range(len(needing)))
    if hydrants:
        far = distances(places, there)
        for k, mine in greedy_cover(far <= walking_m, [h.id for h in hydrants]):
            found.append(_hand_out("standpipe", hydrants[k].id, places[k], mine, needing, people,
                                   far[k], litres_a_day))  # fmt: skip
            left -= set(mine)
    if left:
        rest = sorted(left)
        stops = list(dict.fromkeys(feet[needing[k]] for k in rest))
        far = distances(stops, [there[k] for k in rest])
        for stop, mine in greedy_cover(far <= walking_m, [str(s) for s in stops]):
            whole = [rest[m] for m in mine]
            row = np.full(len(needing), np.inf)
            row[rest] = far[stop]
            found.append(_hand_out("tanker", "", stops[stop], whole, needing, people, row,
                                   litres_a_day))  # fmt: skip
            left -= set(whole)
    if left:
        rest = sorted(left)
        found.append(_hand_out("none", "", there[rest[0]], rest, needing, people,
                               np.zeros(len(needing)), litres_a_day))  # fmt: skip
    return tuple(found)


def _point(coords: Sequence[float]) -> Point:
    return float(coords[0]), float(coords[1])


def _usable(
    network: Network, plan: IsolationPlan, pressures: Mapping[str, float] | None
) -> list[Hydrant]:
    dry = {*plan.segment_nodes, *plan.unintended_nodes}
    roles: dict[str, set[str]] = {}
    for pipe in network.pipes.values():
        for node in (pipe.start, pipe.end):
            roles.setdefault(node, set()).add(pipe.role)
    return sorted(
        (
            h
            for h in network.hydrants.values()
            if h.standpipe
            and not h.fire_critical
            and h.node not in dry
            and roles.get(h.node) == {"distribution"}
            and (pressures is None or pressures.get(h.node, 0.0) > NO_WATER_M)
        ),
        key=lambda h: h.id,
    )


def _near(
    network: Network, hydrants: list[Hydrant], there: Sequence[Point], walking_m: float
) -> list[Hydrant]:
    """Those that are near enough as the crow flies; only for these are streets worth measuring."""
    if not hydrants:
        return []
    tree = cKDTree(project_array(list(there), network.crs_measure))
    here = project_array([(h.lon, h.lat) for h in hydrants], network.crs_measure)
    far, _ = tree.query(here)
    return [h for h, d in zip(hydrants, far, strict=True) if d <= walking_m]


def _hand_out(
    kind: Literal["standpipe", "tanker", "none"],
    hydrant: str,
    place: Point,
    mine: Sequence[int],
    needing: Sequence[str],
    people: np.ndarray,
    far: np.ndarray,
    litres: float,
) -> HandOut:
    count = int(people[list(mine)].sum())
    return HandOut(
        kind, hydrant, place[0], place[1], tuple(needing[k] for k in mine), count, count * litres,
        round(float(max(far[k] for k in mine)), 1),
    )  # fmt: skip


def greedy_cover(reaches: np.ndarray, names: Sequence[str]) -> list[tuple[int, list[int]]]:
    """Rows that together reach every column any row reaches: each time the one with most left.

    At most 1 + ln(columns) times as many rows as the best choice. Returns (row, its columns),
    each column once.
    """
    left = np.array(reaches.any(axis=0), dtype=bool)
    chosen: list[tuple[int, list[int]]] = []
    order = np.argsort(np.array(names), kind="stable")
    while left.any():
        gain = (reaches[order] & left).sum(axis=1)
        row = int(order[int(np.argmax(gain))])
        mine = np.flatnonzero(reaches[row] & left)
        chosen.append((row, [int(k) for k in mine]))
        left[mine] = False
    return chosen


def straight_distances(epsg: int) -> Distances:
    """Walking distance where no streets are known: the straight line, a third longer."""

    def distances(water: Sequence[Point], need: Sequence[Point]) -> np.ndarray:
        a, b = project_array(list(water), epsg), project_array(list(need), epsg)
        away: np.ndarray = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
        return away * _DETOUR

    return distances
