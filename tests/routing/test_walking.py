"""On foot: along the streets both ways, against Dijkstra on a plain undirected graph."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from routing import BadCoordinate, StreetIndex
from tests.routing.maps import at, street_map

# A and D are 60 m apart, A and B 100 m; B to E and E to F are one-way for cars.
TOWN = """
    A---------B---------C
    |         v         |
    |         |         |
    D---------E>>>>>>>>>F
"""
PLACE = {
    "A": at(0, 0), "B": at(100, 0), "C": at(200, 0),
    "D": at(0, 60), "E": at(100, 60), "F": at(200, 60),
}  # fmt: skip


@pytest.fixture
def town() -> StreetIndex:
    return StreetIndex.compile(street_map(TOWN))


def test_one_way_streets_bind_cars_not_walkers(town: StreetIndex) -> None:
    far = town.walking([PLACE["F"], PLACE["E"]], [PLACE["B"], PLACE["D"]], 500.0)
    assert far == pytest.approx(np.array([[160, 200], [60, 100]]), abs=1.0)


def test_two_doors_on_one_street_are_as_far_as_the_street_between_them(town: StreetIndex) -> None:
    (ax, ay), (bx, by) = PLACE["A"], PLACE["B"]
    near, further = ((ax + (bx - ax) * s, ay + (by - ay) * s) for s in (0.2, 0.7))
    assert town.walking([near], [further], 300.0)[0, 0] == pytest.approx(50, abs=0.5)


def test_beyond_the_limit_nobody_walks_and_bad_positions_are_refused(town: StreetIndex) -> None:
    assert np.isinf(town.walking([PLACE["F"]], [PLACE["D"]], 150.0)).all()
    assert town.walking([], [PLACE["D"]], 150.0).shape == (0, 1)
    with pytest.raises(BadCoordinate):
        town.walking([(float("nan"), 60.0)], [PLACE["D"]], 150.0)


def test_the_streets_of_helsinki_agree_with_plain_dijkstra(
    helsinki: nx.MultiDiGraph, helsinki_index: StreetIndex
) -> None:
    plain = nx.Graph()
    for u, v, data in helsinki.edges(data=True):
        held = plain.get_edge_data(u, v, {"length": np.inf})["length"]
        plain.add_edge(u, v, length=min(held, data["length"]))
    rng = np.random.default_rng(5)
    nodes = sorted(plain.nodes)
    starts = [nodes[int(k)] for k in rng.choice(len(nodes), 12, replace=False)]
    ends = [nodes[int(k)] for k in rng.choice(len(nodes), 40, replace=False)]

    def place(node: int) -> tuple[float, float]:
        return float(helsinki.nodes[node]["x"]), float(helsinki.nodes[node]["y"])

    ours = helsinki_index.walking([place(n) for n in starts], [place(n) for n in ends], 900.0)
    for row, start in enumerate(starts):
        theirs = nx.single_source_dijkstra_path_length(plain, start, cutoff=900.0, weight="length")
        for column, end in enumerate(ends):
            expected = theirs.get(end, np.inf)
            if expected < 899:
                assert ours[row, column] == pytest.approx(expected, abs=0.5)
            elif expected == np.inf:
                assert ours[row, column] == np.inf or ours[row, column] > 899
    assert np.isfinite(ours).sum() > 50
