"""Which calls belong together, on pipes drawn in letters.

    A--100--B--100--C--100--D      E--F is another main, thirty metres away and not joined:
                                   near for a bird, far for water.
    E--100--F
"""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from gis_data.bursts.clusters import Call, Memory, Rule, batch, compatible
from gis_data.bursts.reach import Main, PipeGraph, Spot
from tests.gis_data.town import town

STREET = PipeGraph(
    [Main("AB", "A", "B", 100.0), Main("BC", "B", "C", 100.0), Main("CD", "C", "D", 100.0),
     Main("EF", "E", "F", 100.0)]
)  # fmt: skip
AT = {"A": Spot("AB", 0.0), "B": Spot("AB", 1.0), "C": Spot("CD", 0.0), "D": Spot("CD", 1.0),
      "E": Spot("EF", 0.0), "F": Spot("EF", 1.0)}  # fmt: skip
NARROW = Rule(eps_m=150.0, tau_s=3600.0)


def call(n: int, where: Spot, minute: float, kind: str = "no_water", premise: str = "") -> Call:
    return Call(n, minute * 60.0, where, kind, premise)


def test_the_toy_of_the_paper_four_on_one_street_are_one_cluster_and_the_rest_is_noise():
    told = [("A", 0), ("B", 5), ("B", 9), ("C", 20), ("E", 6), ("F", 7), ("D", 300)]
    calls = [call(n, AT[where], minute) for n, (where, minute) in enumerate(told)]
    assert list(batch(calls, STREET, NARROW).values()) == [0, 0, 0, 0, None, None, None]


def test_a_premise_counts_once_however_often_it_calls():
    thrice = [call(n, AT["B"], n, premise="anna") for n in range(3)]
    assert set(batch(thrice, STREET, NARROW).values()) == {None}
    with_neighbours = [*thrice, call(3, AT["B"], 4, premise="bo"), call(4, AT["C"], 5)]
    assert set(batch(with_neighbours, STREET, NARROW).values()) == {0}


def test_brown_water_and_no_water_at_one_time_are_two_troubles():
    kinds = ["no_water", "discoloured", "no_water", "discoloured", "no_water"]
    calls = [call(n, AT["B"], n, kind) for n, kind in enumerate(kinds)]
    assert list(batch(calls, STREET, NARROW).values()) == [0, None, 0, None, 0]
    assert all(compatible(b, a) == compatible(a, b) for a in kinds for b in kinds)


def test_the_earliest_core_gets_a_call_that_stands_between_two_clusters():
    """
    x x x x1 ------- 9 ------- x5 x x x     1 and 5 are cores in reach of 9, the others are not
    """
    graph = PipeGraph([Main("AM", "A", "M", 160.0), Main("MD", "M", "D", 160.0)])
    left = [call(n, Spot("AM", 0.1 if n == 1 else 0.0), 30 + n) for n in range(1, 5)]
    right = [call(n, Spot("MD", 0.9 if n == 5 else 1.0), 35 - n) for n in range(5, 9)]
    middle = call(9, Spot("AM", 1.0), 40)
    labels = batch([*left, middle, *right], graph, Rule(eps_m=150.0, min_calls=4))
    assert labels[1] == 1 and labels[5] == 8, "two clusters, named after their earliest cores"
    assert labels[9] == labels[5], "call 5 came at minute 30, call 1 at minute 31"
    later = [call(n, Spot("MD", 0.9 if n == 5 else 1.0), 45 - n) for n in range(5, 9)]
    labels = batch([*left, middle, *later], graph, Rule(eps_m=150.0, min_calls=4))
    assert labels[9] == labels[1], "now it came at minute 40"


def test_a_closed_valve_separates_and_an_open_one_does_not():
    network = town("R--A--B")
    here, there = Spot("RA", 0.9), Spot("AB", 0.1)
    assert PipeGraph.of(network).metres(here, [there], 300)[0] == pytest.approx(20.0)
    for drawing in ("R--Ax-B",):
        shut = town(drawing)
        assert PipeGraph.of(shut).metres(here, [there], 300) == [math.inf]
        (valve,) = shut.valves
        assert PipeGraph.of(shut, opened={valve}).metres(here, [there], 300)[0] < 21
    assert PipeGraph.of(network, closed={"AB"}).metres(here, [there], 300) == [math.inf]


# --- the oracle: scikit-learn, on distances NetworkX measured ------------------------------------

KINDS = ("no_water", "low_pressure", "burst", "leak")


@st.composite
def networks(draw):
    size = draw(st.integers(2, 9))
    ends = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    pairs = draw(st.lists(ends.filter(lambda e: e[0] != e[1]), min_size=1, max_size=14))
    return [Main(f"p{n}", f"n{a}", f"n{b}", float(draw(st.integers(20, 250))))
            for n, (a, b) in enumerate(pairs)]  # fmt: skip


@st.composite
def stories(draw, kinds=KINDS, premises=False):
    mains = draw(networks())
    calls = []
    for n in range(draw(st.integers(1, 22))):
        spot = Spot(draw(st.sampled_from(mains)).id, draw(st.sampled_from([0, 0.25, 0.5, 1.0])))
        home = draw(st.sampled_from(["", "a", "b", "c", "d"])) if premises else ""
        minute = draw(st.integers(0, 240))
        calls.append(call(n, spot, minute, draw(st.sampled_from(kinds)), home))
    return mains, calls


def measured(mains: list[Main], calls: list[Call]) -> np.ndarray:
    """Metres between calls: every call is a node of its own on a pipe cut there."""
    graph = nx.Graph()
    for main in mains:
        stops = {0.0: main.start, 1.0: main.end}
        stops.update({c.spot.measure: stops.get(c.spot.measure, f"{main.id}@{c.spot.measure}")
                      for c in calls if c.spot.pipe == main.id})  # fmt: skip
        for (m0, a), (m1, b) in zip(sorted(stops.items())[:-1], sorted(stops.items())[1:],
                                    strict=True):  # fmt: skip
            length = (m1 - m0) * main.length_m
            if not graph.has_edge(a, b) or graph[a][b]["weight"] > length:
                graph.add_edge(a, b, weight=length)

    def node(c: Call) -> str:
        main = next(m for m in mains if m.id == c.spot.pipe)
        ends = {0.0: main.start, 1.0: main.end}
        return ends.get(c.spot.measure, f"{main.id}@{c.spot.measure}")

    far = dict(nx.all_pairs_dijkstra_path_length(graph))
    return np.array([[far[node(a)].get(node(b), 1e9) for b in calls] for a in calls])


def agrees(labels: list[int | None], theirs: np.ndarray, calls: list[Call], near: np.ndarray,
           cores: set[int]) -> None:  # fmt: skip
    """Equal up to names; a border may sit in any cluster that has a core beside it."""
    names: dict[int, int] = {}
    for n in cores:
        assert labels[n] is not None and theirs[n] >= 0
        assert names.setdefault(labels[n], theirs[n]) == theirs[n]
    assert len(set(names.values())) == len(names)
    for n in range(len(calls)):
        assert (labels[n] is None) == (theirs[n] == -1)
        if n not in cores and labels[n] is not None:
            assert labels[n] in {labels[m] for m in cores if near[n, m]}


@given(stories())
@settings(max_examples=70, deadline=None)
def test_the_clusters_are_those_of_scikit_learn(story):
    mains, calls = story
    labels = list(batch(calls, PipeGraph(mains), NARROW).values())
    metres = measured(mains, calls)
    minutes = np.array([c.at_s for c in calls])
    near = (metres <= NARROW.eps_m) & (abs(minutes[:, None] - minutes[None, :]) <= NARROW.tau_s)
    found = DBSCAN(eps=0.5, min_samples=3, metric="precomputed").fit(1.0 - near)
    agrees(labels, found.labels_, calls, near, set(found.core_sample_indices_.tolist()))


@given(stories(kinds=(*KINDS, "discoloured"), premises=True))
@settings(max_examples=50, deadline=None)
def test_call_by_call_gives_what_all_at_once_gives_after_every_call(story):
    mains, calls = story
    graph = PipeGraph(mains)
    online = Memory(graph, NARROW)
    for n, one in enumerate(calls, start=1):
        online.add(one)
        assert online.labels() == batch(calls[:n], graph, NARROW)


@given(stories(kinds=(*KINDS, "discoloured"), premises=True), st.randoms(use_true_random=False))
@settings(max_examples=70, deadline=None)
def test_withdrawn_and_moved_calls_leave_what_would_be_there_without_them(story, dice):
    """A ticket is cancelled, another gets its right address: as if it had been told so at once."""
    mains, calls = story
    graph = PipeGraph(mains)
    online = Memory(graph, NARROW)
    live: dict[int, Call] = {}
    for one in calls:
        online.add(one)
        live[one.id] = one
        if dice.random() < 0.4:
            gone = dice.choice(sorted(live))
            online.remove(gone)
            del live[gone]
        elif dice.random() < 0.3:
            other = live[dice.choice(sorted(live))]
            moved = call(other.id, Spot(dice.choice(mains).id, 0.5), dice.randrange(240),
                         other.kind, other.premise)  # fmt: skip
            online.move(moved)
            live[moved.id] = moved
        assert online.labels() == batch(live.values(), graph, NARROW)


def test_calls_told_twice_or_never_are_refused():
    online = Memory(STREET)
    online.add(call(1, AT["A"], 0))
    with pytest.raises(ValueError, match="call 1"):
        online.add(call(1, AT["B"], 0))
    with pytest.raises(KeyError):
        online.remove(2)
