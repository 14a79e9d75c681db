"""Directions of flow against taking every pipe out in turn (NetworkX), and what is left open."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_data.directions import directions


def plainly(nodes, starts, ends, sources):
    """Take each link away: water runs into the part that has no source left."""
    graph = networkx.MultiGraph()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from((s, e, k) for k, (s, e) in enumerate(zip(starts, ends, strict=True)))
    found = []
    for k, (s, e) in enumerate(zip(starts, ends, strict=True)):
        graph.remove_edge(s, e, k)
        near, far = (networkx.node_connected_component(graph, node) for node in (s, e))
        wet = [bool(set(sources) & part) for part in (near, far)]
        found.append(0 if e in near else {(True, False): 1, (False, True): -1}.get(tuple(wet), 0))
        graph.add_edge(s, e, k)
    return found


@st.composite
def tangles(draw):
    nodes = draw(st.integers(1, 12))
    pick = st.integers(0, nodes - 1)
    links = draw(st.lists(st.tuples(pick, pick), max_size=18))
    sources = draw(st.lists(pick, max_size=3, unique=True))
    return nodes, [a for a, _ in links], [b for _, b in links], sources


@settings(max_examples=300, deadline=None)
@given(tangles())
def test_water_runs_where_it_must_and_nowhere_else_is_anything_said(tangle):
    assert directions(*tangle).tolist() == plainly(*tangle)


def test_a_branch_points_away_from_the_source_and_a_ring_says_nothing():
    #   0 (source) -- 1 -- 2 -- 3 -- 1 (a ring 1-2-3), and 4 hangs on 3, drawn towards it
    flow = directions(5, [0, 1, 2, 3, 4], [1, 2, 3, 1, 3], [0])
    assert flow.tolist() == [1, 0, 0, 0, -1]


def test_between_two_sources_nothing_is_said_but_a_check_valve_is_believed():
    assert directions(3, [0, 1], [1, 2], [0, 2]).tolist() == [0, 0]
    assert directions(3, [0, 1], [1, 2], [0, 2], [True, False]).tolist() == [1, 0]
    assert directions(3, [0, 1], [1, 2], [], [True, False]).tolist() == [0, 0]


def test_a_long_street_needs_no_deep_stack():
    count = 50_000
    flow = directions(count, range(count - 1), range(1, count), [count - 1])
    assert np.all(flow == -1)


@pytest.mark.parametrize("nodes", [0, 3])
def test_no_links_no_directions(nodes):
    assert directions(nodes, [], [], []).tolist() == []
