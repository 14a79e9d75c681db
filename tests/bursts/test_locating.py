"""Which main explains the calls: small towns where one can see it, and one that is held out.

    S ===m0=== A ---m1--- B ---m2--- C      a street with a side street; ten premises on each main
               |
               m3
               |
               D
"""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import LineString

from gis_data.bursts import bench
from gis_data.bursts.locating import (
    Evidence,
    Site,
    candidates,
    coordinate_median,
    rank,
    severity_of_both,
    severity_of_pressures,
    severity_of_topology,
)
from gis_data.bursts.priors import BreakRates
from gis_data.bursts.reach import PipeGraph, Spot
from gis_data.bursts.simulating import NoSimulation, Pressures, simulate_bursts
from gis_data.model import Network, Node, Pipe

MAINS = {"m0": ("S", "A"), "m1": ("A", "B"), "m2": ("B", "C"), "m3": ("A", "D")}
EQUAL = BreakRates(materials={}, unknown=1.0, diameter_power=0.0, per_decade=1.0)


def street(**more: object) -> Network:
    nodes = {n: Node(n, "reservoir" if n == "S" else "junction", k * 1e-3, 60.0, 5.0, 1e-3,
                     head_m=45.0 if n == "S" else None)
             for k, n in enumerate("SABCD")}  # fmt: skip
    pipes = {
        name: Pipe(name, a, b, LineString([(0, 60), (1e-3, 60)]), 200.0, 100.0, "DI", 1990, 110.0)
        for name, (a, b) in MAINS.items()
    }
    return Network("street", 3067, nodes, pipes)


def calling(**calls: int) -> Evidence:
    """Ten premises in the middle of every main, of which so many called."""
    return Evidence([Site(Spot(m, 0.5), 10, calls.get(m, 0), (m,)) for m in MAINS])


def from_topology(evidence: Evidence, rates: BreakRates = EQUAL):
    network = street()
    graph = PipeGraph.of(network)
    dry = {"m0": set(MAINS), "m1": {"m1", "m2"}, "m2": {"m2"}, "m3": {"m3"}}
    severity, metres = severity_of_topology(graph, list(MAINS), evidence.sites, dry)
    return rank(list(MAINS), network.pipes, graph, evidence, severity, metres=metres, dry=dry,
                rates=rates)  # fmt: skip


@pytest.mark.parametrize(
    ("calls", "main"),
    [({"m2": 3}, "m2"), ({"m1": 3, "m2": 3}, "m1"), ({"m3": 3}, "m3"),
     ({"m0": 2, "m1": 2, "m2": 2, "m3": 2}, "m0")],
)  # fmt: skip
def test_the_main_whose_loss_fits_who_called_and_who_did_not_comes_first(calls, main):
    ranked = from_topology(calling(**calls))
    assert ranked[0].pipe == main
    assert sum(r.probability for r in ranked) == pytest.approx(1.0)
    told = {r.code: r.values for r in ranked[0].reasons}
    assert told["dry_with_it"]["calls"] == told["dry_with_it"]["of"] == sum(calls.values())


def test_without_a_call_the_record_of_breaks_alone_decides():
    network = street()
    pipes = {**network.pipes, "m3": Pipe(**{
        **{f: getattr(network.pipes["m3"], f) for f in Pipe.__dataclass_fields__},
        "material": "CI", "year": 1935})}  # fmt: skip
    rates = BreakRates()
    assert rates.per_km(pipes["m3"]) > 5 * rates.per_km(pipes["m1"])
    graph = PipeGraph.of(network)
    ranked = rank(list(pipes), pipes, graph, Evidence([]), np.zeros((4, 1, 0)), rates=rates)
    assert ranked[0].pipe == "m3"
    assert [r.code for r in ranked[0].reasons] == ["breaks_often"]


def test_somebody_who_saw_water_outweighs_a_guess():
    evidence = calling(m1=1, m2=1)
    seen = Evidence(evidence.sites, seen=[Spot("m2", 0.9)])
    ranked = from_topology(seen)
    assert ranked[0].pipe == "m2"
    assert {r.code: r.values for r in ranked[0].reasons}["seen"] == {"metres": 0}


def test_the_pressures_of_an_open_main_are_those_epanet_gives_a_leak_of_that_size(tmp_path):
    """wntr's own emitter, in a run of its own."""
    import wntr

    network = street()
    found = simulate_bursts(network, ["C", "D", "S"], sizes_m3s=(0.01,))
    assert found.places == ("C", "D"), "a reservoir is no place for a burst"
    model = wntr.network.WaterNetworkModel()
    model.options.hydraulic.demand_model = "PDD"
    model.options.hydraulic.required_pressure = 14.0
    model.options.hydraulic.minimum_pressure = 0.0
    model.options.hydraulic.inpfile_units = "LPS"
    model.options.time.duration = 0
    for node in network.nodes.values():
        if node.kind == "reservoir":
            model.add_reservoir(node.id, base_head=45.0)
        else:
            model.add_junction(node.id, base_demand=1e-3, elevation=5.0)
    for pipe in network.pipes.values():
        model.add_pipe(pipe.id, pipe.start, pipe.end, 200.0, 0.1, 110.0)
    column = found.column()
    model.get_node("C").emitter_coefficient = 0.01 / found.usual[column["C"]] ** 0.5
    # Without a prefix its files would lie in whatever folder the tests are run from.
    run = wntr.sim.EpanetSimulator(model).run_sim(file_prefix=str(tmp_path / "run"))
    theirs = run.node["pressure"].iloc[0]
    for name in "ABCD":
        assert found.open_at[0, 0, column[name]] == pytest.approx(theirs[name], abs=0.05)


def test_a_network_epanet_refuses_is_said_and_not_guessed():
    network = street()
    dry = Network("dry", 3067, {n: v for n, v in network.nodes.items() if n != "S"},
                  {n: p for n, p in network.pipes.items() if n != "m0"})  # fmt: skip
    with pytest.raises(NoSimulation):
        simulate_bursts(dry, ["C"])
    with pytest.raises(NoSimulation, match="in time"):
        simulate_bursts(network, ["C"], seconds=-1.0)


def pressures(open_at: dict[str, dict[str, float]]) -> Pressures:
    """40 m everywhere, and what is left with each place open."""
    nodes = tuple("SABCD")
    rows = [[[left.get(n, 40.0) for n in nodes]] for left in open_at.values()]
    return Pressures(nodes, tuple(open_at), (0.01,), np.full(5, 40.0), np.array(rows), 0.0)


def test_a_sensor_moves_the_ranking_and_a_main_not_simulated_is_not_judged():
    """Open at B or at D the same people are dry; only at D does the gauge at D fall."""
    left = {"B": {"B": 2.0, "D": 38.0}, "D": {"B": 2.0, "D": 5.0}}
    field = pressures(left)
    network = street()
    graph = PipeGraph.of(network)
    sites = [Site(Spot("m1", 1.0), 10, 3)]
    names = ["m2", "m3"]
    severity = severity_of_pressures(field, network.pipes, names, sites)
    for drop, main in ((1.0, "m2"), (34.0, "m3")):
        evidence = Evidence(sites, drops_m={"D": drop})
        ranked = rank(names, network.pipes, graph, evidence, severity, pressures=field, rates=EQUAL)
        assert ranked[0].pipe == main and ranked[0].probability > 0.95
    alone = severity_of_pressures(pressures({"D": left["D"]}), network.pipes, ["m2", "m3"], sites)
    judged = rank(names, network.pipes, graph, Evidence(sites), alone, rates=EQUAL)
    assert [(r.pipe, r.probability) for r in judged] == [("m3", 1.0), ("m2", 0.0)]


def test_where_no_burst_is_felt_in_the_model_the_mains_alone_speak():
    """A strong network: the model loses no pressure anywhere, and yet three called from m3."""
    network, evidence = street(), calling(m3=3)
    graph = PipeGraph.of(network)
    felt = severity_of_pressures(pressures({n: {} for n in "ABCD"}), network.pipes, list(MAINS),
                                 evidence.sites)  # fmt: skip
    near, _metres = severity_of_topology(graph, list(MAINS), evidence.sites, {})
    flat = rank(list(MAINS), network.pipes, graph, evidence, felt, rates=EQUAL)
    assert flat[0].probability == pytest.approx(0.25)
    both = rank(list(MAINS), network.pipes, graph, evidence, severity_of_both(felt, near),
                rates=EQUAL)  # fmt: skip
    assert both[0].pipe == "m3" and both[0].probability > 0.4


def test_candidates_are_the_nearest_mains_and_no_more_than_asked_for():
    network = street()
    graph = PipeGraph.of(network)
    where = [Spot("m2", 1.0)]
    assert candidates(graph, network.pipes, where) == ["m2", "m1", "m0", "m3"]
    assert candidates(graph, network.pipes, where, reach_m=250.0) == ["m2", "m1"]
    assert candidates(graph, network.pipes, where, most=1) == ["m2"]
    assert candidates(graph, network.pipes, [Spot("gone", 0.5)]) == []
    assert rank([], {}, graph, Evidence([]), np.zeros((0, 1, 0))) == []
    assert coordinate_median([(0, 0), (2, 2), (90, 1)]) == (2.0, 1.0)


def test_in_a_town_held_out_ten_mains_hold_the_burst_more_often_than_the_callers_middle_does():
    """A fixed lot of bursts; see docs/bursts.md for more of them and on another network."""
    town = bench.practice_town(9)
    homes = bench.homes_of(town, 2500)
    score = bench.compare(town, homes, list(bench.held_out(town, homes, 36)))
    assert score.events >= 8, "enough of them were loud enough"
    assert score.ten["likelihood"] >= 0.55 * score.events
    assert score.ten["likelihood"] > score.ten["median"]
    assert score.ten["likelihood"] >= score.ten["topology"]
