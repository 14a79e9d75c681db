"""How far it is on foot along the streets, whichever way the cars must go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from routing.snap import Snapper
from routing.table import Floats, StreetTable

_ROWS = 64


def street_graph(table: StreetTable) -> csr_matrix:
    """Junctions joined both ways by the length of the shortest street between them, metres."""
    a, b = np.minimum(table.tail, table.head), np.maximum(table.tail, table.head)
    order = np.lexsort((table.length, b, a))
    a, b, length = a[order], b[order], table.length[order]
    first = np.ones(len(a), dtype=bool)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    # scipy takes a length of nothing for no street.
    metres = np.maximum(length[first], 1e-6)
    size = table.nodes
    return csr_matrix((metres, (a[first], b[first])), shape=(size, size))


def walking_metres(
    table: StreetTable,
    graph: csr_matrix,
    snapper: Snapper,
    starts: Sequence[tuple[float, float]],
    ends: Sequence[tuple[float, float]],
    limit_m: float,
) -> Floats:
    """Metres from each start to each end (lon, lat), shape (starts, ends); inf beyond `limit_m`.

    From and to the nearest street in a straight line, in between along streets.
    """
    found = np.full((len(starts), len(ends)), np.inf)
    if not found.size:
        return found
    edge_a, part_a, off_a = snapper.nearest(*zip(*starts, strict=True))
    edge_b, part_b, off_b = snapper.nearest(*zip(*ends, strict=True))
    # From either end of the street the start lies on.
    nodes, row = np.unique(
        np.concatenate([table.tail[edge_a], table.head[edge_a]]), return_inverse=True
    )
    columns = np.concatenate([table.tail[edge_b], table.head[edge_b]])
    between = np.empty((len(nodes), len(columns)))
    for at in range(0, len(nodes), _ROWS):
        some = nodes[at : at + _ROWS]
        reach = dijkstra(graph, directed=False, indices=some, limit=limit_m)
        between[at : at + _ROWS] = reach[:, columns]
    long_a, long_b = table.length[edge_a], table.length[edge_b]
    out = ((row[: len(starts)], part_a * long_a), (row[len(starts) :], (1 - part_a) * long_a))
    into = ((slice(0, len(ends)), part_b * long_b), (slice(len(ends), None), (1 - part_b) * long_b))
    for rows, leaving in out:
        for side, arriving in into:
            way = between[rows][:, side] + leaving[:, None] + arriving[None, :]
            found = np.minimum(found, way)
    same = edge_a[:, None] == edge_b[None, :]
    along = np.abs(part_a[:, None] - part_b[None, :]) * long_a[:, None]
    found = np.where(same, np.minimum(found, along), found)
    found = found + off_a[:, None] + off_b[None, :]
    found[found > limit_m] = np.inf
    return found
