"""How large the mains are, of what and from when: from flow, road and district."""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np

from gis_data.growing.layout import Layout, Main
from gis_data.growing.terrain import HIGH, LOW

SIZES = (80, 100, 150, 200, 250, 300, 400, 500)
_SPEED = 0.9  # m/s, the velocity a main is chosen for
_PEAK = 2.0
_FIRE_M3S = 0.011
_ROAD = {1: 0.6, 2: 0.65, 3: 0.85, 4: 1.0, 5: 1.2, 6: 1.4}
_LEAST = {1: 200, 2: 150, 3: 150, 4: 100, 5: 100, 6: 100}
ROUGHNESS = {"CI": 95.0, "DI": 125.0, "PE": 140.0, "ST": 115.0}


def size_mains(layout: Layout, pump_m3s: float) -> dict[str, str]:
    """Set diameters; returns node -> main towards its source, the tree the flow was summed on."""
    tree: dict[str, str] = {}
    for zone in (LOW, HIGH):
        starts = [s.id for s in layout.spots.values() if s.zone == zone and s.kind != "junction"]
        starts += [
            s.b
            for s in layout.stations.values()
            if s.kind == "pump" and layout.spots[s.b].zone == zone
        ]
        if starts:
            tree |= _size_zone(layout, zone, starts, pump_m3s)
    return tree


def _size_zone(layout: Layout, zone: str, starts: list[str], pump_m3s: float) -> dict[str, str]:
    at = layout.at()
    away: dict[str, float] = {}
    towards: dict[str, Main] = {}
    heap: list[tuple[float, str, str]] = [(0.0, s, "") for s in sorted(starts)]
    order: list[str] = []
    while heap:
        far, here, by = heapq.heappop(heap)
        if here in away:
            continue
        away[here] = far
        order.append(here)
        if by:
            towards[here] = layout.mains[by]
        for main in at[here]:
            other = main.b if main.a == here else main.a
            if main.zone == zone and not main.shut_at and other not in away:
                heapq.heappush(heap, (far + main.length * _ROAD[main.rank], other, main.id))
    flow: dict[str, float] = defaultdict(float)
    through: dict[str, float] = defaultdict(float)
    for station in layout.stations.values():
        if station.kind == "pump" and station.a in away:
            flow[station.a] += pump_m3s / _PEAK
    for here in reversed(order):
        flow[here] += layout.spots[here].demand
        if here in towards:
            main = towards[here]
            through[main.id] = flow[here]
            flow[main.b if main.a == here else main.a] += flow[here]
    for main in layout.mains.values():
        if main.zone != zone:
            continue
        least = _LEAST[main.rank]
        if main.trunk:
            least = 400 if zone == LOW else 250
        elif main.id not in through or main.shut_at:
            main.dn = least
            continue
        wanted = through[main.id] * _PEAK * 2.4 + _FIRE_M3S
        main.dn = max(least, round_up(np.sqrt(4 * wanted / (np.pi * _SPEED)) * 1000))
        if main.trunk and zone == LOW and main.b == min(starts):
            main.dn = 500
    for here, found in at.items():
        if len(found) == 1 and layout.spots[here].zone == zone and not found[0].trunk:
            found[0].dn = 80 if found[0].length < 90 else 100
    return {here: main.id for here, main in towards.items()}


def round_up(dn: float) -> int:
    """The next size that is made, millimetres; a little under is good enough."""
    return next((s for s in SIZES if s >= dn * 0.93), SIZES[-1])


def one_size_up(dn: int) -> int:
    """The next larger size, or the same at the top."""
    return next((s for s in SIZES if s > dn), SIZES[-1])


def choose_materials(layout: Layout, rng: np.random.Generator) -> None:
    """One street, one year; the centre is older; later renewals in ductile iron or PE."""
    xy = np.array([s.xy for s in layout.spots.values()])
    middle, reach = np.median(xy, axis=0), float(np.ptp(xy, axis=0).max()) / 2
    streets = sorted({m.name or m.id for m in layout.mains.values()})
    draw = {s: (float(rng.random()), float(rng.normal())) for s in streets}
    for main in layout.mains.values():
        renewed, spread = draw[main.name or main.id]
        centre = np.mean(main.line, axis=0)
        far = float(np.hypot(*(centre - middle))) / max(reach, 1.0)
        year = int(np.clip(1926 + 48 * far + 14 * spread, 1882, 2019))
        if renewed < 0.38:
            year = int(np.clip(2003 + 9 * spread, 1985, 2024))
        if main.trunk:
            year = max(year, 1968)
        main.year = year
        if year < 1965:
            main.material = "CI"
        elif year >= 1992 and main.dn <= 200:
            main.material = "PE"
        elif main.dn >= 400 and year < 1990:
            main.material = "ST"
        else:
            main.material = "DI"
