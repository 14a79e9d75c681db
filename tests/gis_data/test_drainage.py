"""Waste water runs downhill, on a network of its own."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from gis_data.drainage import Drainage, Manhole, Sewer, downstream, upstream
from gis_data.growing.sewers import grow_drainage
from gis_data.helsinki import demo_city
from gis_data.model import UnknownElement
from tests import town

#              MB
#              |SW1
#              v
#  MD --SW2--> ME
#              |SW3
#              v
#              MH --SW4--> MI (outfall)


def test_what_leaves_church_street_reaches_the_harbour():
    run = downstream(town.drainage(), "SW2")
    assert run.sewers == ("SW3", "SW4")
    assert run.manholes == ("ME", "MH", "MI")
    assert run.ends == ("MI",)
    assert run.length_m == 444.0


def test_a_blockage_in_middle_lane_backs_up_into_both_streets_above_it():
    run = upstream(town.drainage(), "SW3")
    assert set(run.sewers) == {"SW1", "SW2"}
    assert set(run.ends) == {"MB", "MD"}


def test_a_pipe_of_drinking_water_is_no_sewer():
    with pytest.raises(UnknownElement):
        downstream(town.drainage(), "P8")


def test_the_fall_of_a_sewer_is_metres_per_metre():
    assert town.drainage().sewers["SW1"].slope == pytest.approx(2.0 / 222.0)
    bare = Sewer("x", "a", "b", LineString([(0, 0), (1, 0)]), 10.0, 200.0)
    assert bare.slope is None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=16))
def test_runs_are_what_networkx_calls_descendants_and_ancestors(pairs):
    """Also in rings, which no gravity makes but records do."""
    holes = {f"M{k}": Manhole(f"M{k}", k, 0.0, 1.0, 0.0) for k in range(8)}
    sewers = {
        f"S{k}": Sewer(f"S{k}", f"M{a}", f"M{b}", LineString([(a, 0), (b, 1)]), 5.0 + k, 200.0)
        for k, (a, b) in enumerate(pairs)
    }
    graph = nx.DiGraph((s.start, s.end) for s in sewers.values())
    drainage = Drainage(0, holes, sewers)
    first = sewers["S0"]
    below = {first.end} | nx.descendants(graph, first.end)
    run = downstream(drainage, "S0")
    assert set(run.manholes) == below
    assert set(run.sewers) == {s.id for s in sewers.values() if s.start in below} - {"S0"}
    above = {first.start} | nx.ancestors(graph, first.start)
    assert set(upstream(drainage, "S0").manholes) == above


def test_the_demo_city_drains_downhill_in_the_streets_of_its_mains():
    city = demo_city(premises=300)
    drainage = city.drainage
    assert drainage is not None and drainage.sewers
    graph = nx.DiGraph((s.start, s.end) for s in drainage.sewers.values())
    assert nx.is_directed_acyclic_graph(graph)
    assert max(dict(graph.out_degree()).values()) == 1  # a manhole has one way out
    ends = [n for n in graph if graph.out_degree(n) == 0]
    assert ends and all(drainage.manholes[n].kind == "outfall" for n in ends)
    assert all(s.slope > 0 for s in drainage.sewers.values())
    assert all(m.ground_m - m.invert_m >= 1.79 for m in drainage.manholes.values())
    length = sum(s.length_m for s in drainage.sewers.values())
    mains = sum(p.length_m for p in city.network.pipes.values() if p.role == "distribution")
    assert 0.9 * mains < length < 1.02 * mains
    assert not set(drainage.sewers) & set(city.network.pipes)


def test_the_same_seed_grows_the_same_drains():
    network = town.network()
    assert grow_drainage(network, seed=3) == grow_drainage(network, seed=3)
