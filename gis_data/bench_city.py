"""A made-up city of any size, as columns: for benchmarks and for loading a database in bulk.

A jittered grid of streets in the projected system EPSG:32649 (near Xi'an), of which a connected
part carries mains: rings in the middle of the blocks, dead ends on top, transmission mains every
sixteenth street. Nothing in it is real.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from gis_data.crs import unproject_array

CRS = 32649
STEP_M = 80.0
ORIGIN = (285_000.0, 3_775_000.0)
SOURCES = 40
TRUNK = 16

#: Table -> column -> array. Texts are arrays of bytes (UTF-8); a point has `lon` and `lat`; line k
#: is `coords[offsets[k]:offsets[k + 1]]`, (lon, lat) in degrees.
Tables = Mapping[str, Mapping[str, Any]]


def generated_city(pipes: int = 500_000, seed: int = 965113) -> Tables:
    """Tables nodes, pipes, valves, controls, hydrants, services and stations of a made-up city.

    About `pipes` pipes (within a few in a hundred), 0.72 valves and one service line to a pipe, 40
    sources (fewer below 4,000 pipes), some check valves, reducing valves, pumps, normally closed,
    stuck and paved-over valves. Columns are named as in gis_data.model; references are ids. The
    same seed gives the same city.
    """
    rng = np.random.default_rng(seed)
    side = max(4, round(math.sqrt(pipes / 1.757)))
    count = side * side
    at = np.arange(count)
    column, row = at % side, at // side
    right, up = at[column < side - 1], at[row < side - 1]
    start = np.concatenate([right, up])
    end = np.concatenate([right + 1, up + side])
    along = np.concatenate([row[right], column[up] + side])
    trunk = np.concatenate([row[right] % TRUNK == 0, column[up] % TRUNK == 0])
    keep = trunk | _spanning(start, end, trunk, count, rng) | (rng.random(len(start)) < 0.38)
    start, end, along, trunk = start[keep], end[keep], along[keep], trunk[keep]

    # Controls take the place of some pipes that no tree needs; pumps and reducing valves alike.
    few = max(3, pipes // 1500)
    as_control = np.zeros(len(start), bool)
    spare = np.flatnonzero(~trunk)
    as_control[rng.choice(spare, few, replace=False)] = True
    c_start, c_end = start[as_control], end[as_control]
    start, end, along, trunk = (a[~as_control] for a in (start, end, along, trunk))

    ends_at = rng.choice(count, int(count * 0.38), replace=False)
    stubs = count + np.arange(len(ends_at))
    wells = max(2, min(SOURCES, pipes // 100))
    crossings = at[(row % TRUNK == 0) & (column % TRUNK == 0)]
    fed = rng.choice(crossings if len(crossings) >= wells else at, wells, replace=False)
    works = count + len(stubs) + np.arange(wells)

    xy = np.column_stack([column, row]) * STEP_M + rng.uniform(-18, 18, (count, 2)) + ORIGIN
    turn = rng.uniform(0, 2 * math.pi, len(ends_at) + wells)
    reach = np.concatenate([rng.uniform(15, 60, len(ends_at)), np.full(wells, 40.0)])
    hung = xy[np.concatenate([ends_at, fed])]
    xy = np.concatenate([xy, hung + np.column_stack([np.cos(turn), np.sin(turn)]) * reach[:, None]])
    nodes = len(xy)
    node_id = _ids("N", nodes)
    lonlat = unproject_array(xy, CRS)
    kind = np.full(nodes, b"junction", "S12")
    kind[works] = np.where(np.arange(wells) % 3 == 0, b"reservoir", b"tank")

    p_start = np.concatenate([start, ends_at, works]).astype(np.int64)
    p_end = np.concatenate([end, stubs, fed]).astype(np.int64)
    total = len(p_start)
    street = np.concatenate([along, along[rng.integers(0, len(along), len(stubs) + wells)]])
    big = np.concatenate([trunk, np.zeros(len(stubs), bool), np.ones(wells, bool)])
    coords, offsets, metres = _lines(xy, p_start, p_end, rng)
    one_way = np.zeros(total, bool)
    one_way[rng.choice(np.flatnonzero(~big), max(1, pipes // 2500), replace=False)] = True
    pipe_id = _ids("P", total)
    table: dict[str, dict[str, Any]] = {
        "nodes": {
            "id": node_id, "kind": kind, "lon": lonlat[:, 0], "lat": lonlat[:, 1],
            "elevation_m": 400 + 30 * np.sin(xy[:, 0] / 9000) * np.cos(xy[:, 1] / 7000),
            "zone": _texts("zone ", (xy[:, 1] - ORIGIN[1]).astype(int) // 12_000),
        },
        "pipes": {
            "id": pipe_id, "start": node_id[p_start], "end": node_id[p_end], "coords": coords,
            "offsets": offsets, "length_m": metres,
            "diameter_mm": np.where(big, 600.0, rng.choice([100.0, 150.0, 200.0, 300.0], total)),
            "material": rng.choice(np.array([b"DI", b"PE", b"CI", b"ST"]), total),
            "year": rng.integers(1955, 2025, total),
            "role": np.where(big, b"transmission", b"distribution"),
            "street": _texts("Street ", street), "one_way": one_way,
            "closed": np.zeros(total, bool),
        },
    }  # fmt: skip
    table["valves"] = _valves(table, p_start, p_end, lonlat, len(stubs), wells, rng)
    table["controls"] = {
        "id": _ids("C", len(c_start)), "start": node_id[c_start], "end": node_id[c_end],
        "kind": rng.choice(np.array([b"prv", b"prv", b"check", b"pump"]), len(c_start)),
        "closed": np.zeros(len(c_start), bool),
        "coords": lonlat[np.column_stack([c_start, c_end]).ravel()],
        "offsets": np.arange(len(c_start) + 1) * 2,
    }  # fmt: skip
    stand = rng.choice(count, count // 3, replace=False)
    table["hydrants"] = {
        "id": _ids("H", len(stand)), "node": node_id[stand], "lon": lonlat[stand, 0],
        "lat": lonlat[stand, 1],
    }  # fmt: skip
    table["services"], table["stations"] = _services(table, xy, p_start, p_end, big, rng)
    return table


def _spanning(start: Any, end: Any, trunk: Any, count: int, rng: Any) -> Any:
    """Which edges hang everything together, over the trunk mains where there are any."""
    weight = np.where(trunk, 0.001, 1.0) + rng.random(len(start)) * 0.5
    tree = minimum_spanning_tree(coo_matrix((weight, (start, end)), shape=(count, count)).tocsr())
    rows, columns = tree.nonzero()
    return np.isin(start * count + end, rows.astype(np.int64) * count + columns)


def _ids(letter: str, count: int) -> Any:
    digits = max(4, len(str(count)))
    return np.array([f"{letter}{k:0{digits}d}" for k in range(1, count + 1)], "S")


def _texts(word: str, numbers: Any) -> Any:
    names, of = np.unique(numbers, return_inverse=True)
    return np.array([f"{word}{n + 1}".encode() for n in names])[of]


def _lines(xy: Any, start: Any, end: Any, rng: Any) -> tuple[Any, Any, Any]:
    """Lines of two points, a third of them with a bend: (coords, offsets, metres)."""
    bent = rng.random(len(start)) < 0.3
    offsets = np.concatenate([[0], np.cumsum(2 + bent)])
    flat = np.empty((offsets[-1], 2))
    flat[offsets[:-1]] = xy[start]
    flat[offsets[1:] - 1] = xy[end]
    middle = (xy[start] + xy[end]) / 2 + rng.uniform(-8, 8, (len(start), 2))
    flat[offsets[:-1][bent] + 1] = middle[bent]
    step = np.hypot(*np.diff(flat, axis=0).T)
    step[offsets[1:-1] - 1] = 0
    return unproject_array(flat, CRS), offsets, np.add.reduceat(step, offsets[:-1])


def _valves(
    table: Mapping[str, Any], start: Any, end: Any, lonlat: Any, stubs: int, wells: int, rng: Any
) -> dict[str, Any]:
    chance = np.full((2, len(start)), 0.352)
    # A branch is valved where it leaves the main; the works are valved on both sides.
    last = len(start) - wells
    chance[0, last - stubs : last], chance[1, last - stubs : last] = 0.78, 0.0
    chance[:, last:] = 1.0
    at_end, pipe = np.nonzero(rng.random(chance.shape) < chance)
    order = np.argsort(pipe * 2 + at_end)
    at_end, pipe = at_end[order], pipe[order]
    node = np.where(at_end == 0, start[pipe], end[pipe])
    other = np.where(at_end == 0, end[pipe], start[pipe])
    place = lonlat[node] * 0.95 + lonlat[other] * 0.05
    count = len(pipe)
    lot = rng.random(count)
    covered = rng.random(count)
    return {
        "id": _ids("V", count), "pipe": table["pipes"]["id"][pipe],
        "node": table["nodes"]["id"][node], "lon": place[:, 0], "lat": place[:, 1],
        "diameter_mm": table["pipes"]["diameter_mm"][pipe],
        "normally_open": (rng.random(count) > 0.005) | (pipe >= last),
        "operable": np.where(lot < 0.03, b"no", np.where(lot < 0.11, b"unknown", b"yes")),
        # -1 nobody knows, 0 paved over, 1 can be reached
        "accessible": np.where(covered < 0.02, 0, np.where(covered < 0.3, -1, 1)).astype(np.int8),
        "turns": rng.integers(12, 60, count),
    }  # fmt: skip


def _services(
    table: Mapping[str, Any], xy: Any, start: Any, end: Any, big: Any, rng: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    count = len(start)
    pipe = np.sort(rng.choice(np.flatnonzero(~big), count))
    measure = rng.uniform(0.05, 0.95, count)
    foot = xy[start[pipe]] + (xy[end[pipe]] - xy[start[pipe]]) * measure[:, None]
    house = foot + rng.uniform(-25, 25, (count, 2))
    premise = np.arange(count)
    # One house in thirty-three has a second line from elsewhere.
    second = rng.random(count) < 0.03
    premise[second] = rng.integers(0, count, int(second.sum()))
    stations = max(1, count // 1000)
    inlet = rng.choice(count, stations, replace=False)
    service_id = _ids("S", count)
    station_id = _ids("Z", stations)
    behind = np.full(count, b"", station_id.dtype)
    through = np.flatnonzero(rng.random(count) < 0.02)
    behind[through] = station_id[rng.integers(0, stations, len(through))]
    behind[inlet] = b""
    lonlat = unproject_array(np.stack([foot, house], axis=1).reshape(-1, 2), CRS)
    services = {
        "id": service_id, "pipe": table["pipes"]["id"][pipe], "measure": measure,
        "premise": _ids("W", count)[premise], "station": behind, "coords": lonlat,
        "offsets": np.arange(count + 1) * 2, "diameter_mm": np.full(count, 32.0),
    }  # fmt: skip
    place = lonlat[1::2][inlet]
    return services, {
        "id": station_id, "service": service_id[inlet], "lon": place[:, 0], "lat": place[:, 1],
        "tank_m3": rng.uniform(20, 200, stations), "demand_m3h": rng.uniform(5, 40, stations),
    }  # fmt: skip
