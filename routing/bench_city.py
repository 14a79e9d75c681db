"""A metropolis for benchmarks, built from arrays: every bend of every path a junction.

Nothing is simplified and nothing is left out, so that a small file gives a large city: Porto has
some 347,000 junctions this way. It is no street model to send crews by.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from routing.errors import StreetFileError
from routing.osmfile import oneway_of
from routing.snapshot import read_snapshot, write_snapshot
from routing.streets import CLASS_SPEEDS_KPH
from routing.table import Ints, StreetTable

_ON_FOOT_KPH = 5.0
_EARTH_M = 6_371_009.0


def whole_city(path: Path, cache: Path | None = None) -> StreetTable:
    """Every way with a highway tag of an OSM file, unsimplified. Raises StreetFileError.

    With `cache`, a folder, the columns are kept there and mapped again.
    """
    if not path.is_file():
        raise StreetFileError(f"There is no street file {path.name}.")
    kept = cache / f"{path.name}-{path.stat().st_size}-whole" if cache else None
    if kept is not None and (kept / "manifest.json").is_file():
        return StreetTable.from_arrays(read_snapshot(kept)[1])
    table = _read(path)
    if kept is not None:
        write_snapshot(kept, table.version(), table.arrays(), {"nodes": table.nodes})
    return table


def _read(path: Path) -> StreetTable:
    import osmium

    u: list[int] = []
    v: list[int] = []
    way_of: list[int] = []
    kinds: list[str] = []
    names: list[str] = []
    both: list[tuple[bool, bool]] = []
    places: dict[int, tuple[float, float]] = {}
    ways = osmium.FileProcessor(str(path)).with_locations().with_filter(
        osmium.filter.KeyFilter("highway")
    )  # fmt: skip
    for drawn in ways:
        if not isinstance(drawn, osmium.osm.Way):
            continue
        known = [node for node in drawn.nodes if node.location.valid()]
        refs = [node.ref for node in known]
        places.update((node.ref, (node.location.lon, node.location.lat)) for node in known)
        tags = dict(drawn.tags)
        u += refs[:-1]
        v += refs[1:]
        way_of += [len(kinds)] * max(len(refs) - 1, 0)
        kinds.append(tags["highway"])
        names.append(tags.get("name", ""))
        both.append(oneway_of(tags))
    nodes = np.array(sorted(places), dtype=np.int64)
    lonlat = np.array([places[node] for node in nodes.tolist()], dtype=np.float64)
    a, b = np.searchsorted(nodes, u), np.searchsorted(nodes, v)
    way = np.array(way_of)
    ahead = np.array([forward for forward, _ in both], dtype=bool)[way]
    back = np.array([backward for _, backward in both], dtype=bool)[way]
    tail, head = np.concatenate([a[ahead], b[back]]), np.concatenate([b[ahead], a[back]])
    way = np.concatenate([way[ahead], way[back]])
    code = tail * len(nodes) + head
    _, first = np.unique(code[tail != head], return_index=True)
    first = np.flatnonzero(tail != head)[first]
    return table_of(nodes, lonlat, tail[first], head[first], way[first], kinds, names)


def table_of(
    nodes: Ints, lonlat: Any, tail: Ints, head: Ints, way: Ints, kinds: list[str], names: list[str]
) -> StreetTable:
    """Straight pieces between nodes as a table; edges sorted by tail and head, kinds by way."""
    strings = sorted({"", *kinds, *names})
    number = {text: i for i, text in enumerate(strings)}
    kph = np.array([CLASS_SPEEDS_KPH.get(kind, _ON_FOOT_KPH) for kind in kinds])[way]
    a, b = np.radians(lonlat[tail]), np.radians(lonlat[head])
    half = (
        np.sin((b[:, 1] - a[:, 1]) / 2) ** 2
        + np.cos(a[:, 1]) * np.cos(b[:, 1]) * np.sin((b[:, 0] - a[:, 0]) / 2) ** 2
    )
    length = np.round(2 * _EARTH_M * np.arcsin(np.sqrt(half)), 3)
    edges = len(tail)
    points = np.empty((2 * edges, 2))
    points[::2], points[1::2] = lonlat[tail], lonlat[head]
    of_way = {
        "name": np.array([number[name] for name in names]),
        "highway": np.array([number[kind] for kind in kinds]),
    }
    return StreetTable(
        node_id=nodes, lon=lonlat[:, 0].copy(), lat=lonlat[:, 1].copy(), tail=tail, head=head,
        key=np.zeros(edges, dtype=np.int64), length=length, speed=kph,
        ms=np.maximum(1, np.rint(length / kph * 3600)).astype(np.int64),
        oneway=np.zeros(edges, dtype=np.bool_), name=of_way["name"][way],
        highway=of_way["highway"][way], maxspeed=np.zeros(edges, dtype=np.int64),
        point_at=np.arange(0, 2 * edges + 1, 2), points=points,
        osmid_at=np.zeros(edges + 1, dtype=np.int64), osmid=np.zeros(0, dtype=np.int64),
        strings=np.frombuffer(json.dumps(strings).encode(), dtype=np.uint8),
        meta=np.frombuffer(b"{}", dtype=np.uint8), turn_at=np.zeros(1, dtype=np.int64),
        turn_edges=np.zeros(0, dtype=np.int64), turn_only=np.zeros(0, dtype=np.bool_),
        access=np.zeros(edges, dtype=np.int64),
    )  # fmt: skip


def grid_city(n: int, seed: int = 965113) -> StreetTable:
    """A city of n x n jittered junctions for where no file is at hand; no street model either.

    Every fifth street is fast, every fourth in between one-way, in turn this way and that. A grid
    is the hardest there is for a hierarchy: no river, no railway divides it.
    """
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(n * n), n)
    jitter = rng.uniform(-0.2, 0.2, (2, n * n))
    lonlat = np.column_stack(
        [24.9 + (column + jitter[0]) * 0.002, 60.2 + (row + jitter[1]) * 0.001]
    )
    number = np.arange(n * n)
    east, north = number[column < n - 1], number[row < n - 1]
    tails = np.concatenate([east, north])
    heads = np.concatenate([east + 1, north + n])
    line = np.concatenate([row[east], column[north]])
    oneway = (line % 5 != 0) & (line % 4 == 2) & (line > 0) & (line < n - 1)
    against = oneway & (line % 8 == 6)
    ahead, back = ~against, ~oneway | against
    tail, head = (
        np.concatenate([tails[ahead], heads[back]]),
        np.concatenate([heads[ahead], tails[back]]),
    )
    line = np.concatenate([line[ahead], line[back]])
    order = np.lexsort((head, tail))
    way = np.where(line[order] % 5 == 0, 0, 1)
    kinds = ["secondary", "residential"]
    return table_of(number, lonlat, tail[order], head[order], way, kinds, ["", ""])
