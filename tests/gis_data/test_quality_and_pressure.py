"""Findings in records, and who falls short after a closure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gis_data.helsinki import City
from gis_data.hydraulics import SimulationFailed, pressures_after, run_day
from gis_data.isolation import SegmentIndex, isolate
from gis_data.model import Network, Node
from tests.gis_data.town import town

TOWN = "R-o---A-o---o-B"


def spoiled(**changes: object) -> Network:
    network = town(TOWN)
    pipes = dict(network.pipes)
    pipes["AB"] = replace(pipes["AB"], **changes)  # type: ignore[arg-type]
    return replace(network, pipes=pipes)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end": "Z"}, "end_missing"),
        ({"diameter_mm": 0.0}, "diameter"),
        ({"diameter_mm": float("nan")}, "diameter"),
        ({"length_m": -1.0}, "length"),
        ({"length_m": 9000.0}, "length_differs"),
        ({"end": "A"}, "same_ends"),
        ({"year": 20}, "year"),
        ({"start": "R", "end": "A"}, "parallel"),
        ({"roughness": 0.0}, "roughness"),
    ],
)
def test_a_bad_pipe_is_found(changes: dict[str, object], code: str) -> None:
    found = spoiled(**changes).validate()
    assert code in {f.code for f in found if f.element == "AB"}


def test_bad_nodes_valves_and_services_are_found() -> None:
    network = town(TOWN)
    valve, service = network.valves["AB@A"], network.services["SAB"]
    bad = replace(
        network,
        nodes={
            **network.nodes,
            "L": Node("L", "junction", float("nan"), 60.0, 5.0),
            "T": Node("T", "tank", 24.9, 60.0, 5.0),
            "Q": Node("Q", "junction", 24.9, 60.1, 9e9),
        },
        valves={
            **network.valves,
            "v1": replace(valve, id="v1"),
            "v2": replace(valve, id="v2", node="R"),
            "v3": replace(valve, id="v3", pipe="?"),
        },
        services={
            **network.services,
            "s1": replace(service, id="s1", measure=1.5),
            "s2": replace(service, id="s2", pipe="?"),
        },
    )
    found = {(f.element, f.code) for f in bad.validate()}
    assert {
        ("L", "position"),
        ("T", "tank_shape"),
        ("Q", "elevation"),
        ("v1", "valve_twice"),
        ("v2", "valve_side"),
        ("v3", "valve_pipe"),
        ("s1", "service_measure"),
        ("s2", "service_pipe"),
        ("Q", "unconnected"),
    } <= found
    assert bad.validate()[0].severity == "error"


def test_pressures_after_a_closure_name_who_falls_short(helsinki: City) -> None:
    index = SegmentIndex(helsinki.network)
    for pipe in list(helsinki.network.pipes)[::17]:
        plan = isolate(index, pipe)
        report = pressures_after(helsinki.network, plan)
        assert report.status == "done"
        dry = {
            n
            for n in (*plan.segment_nodes, *plan.unintended_nodes)
            if helsinki.network.nodes[n].base_demand_m3s > 0
        }
        assert dry == set(report.undelivered_nodes)
        assert not set(report.below_premises) & set(plan.premises)


def test_without_the_pump_the_high_zone_lives_on_its_tank(helsinki: City) -> None:
    plan = isolate(helsinki.network, "PU-01")
    assert plan.warned("tank_only")
    assert pressures_after(helsinki.network, plan).status == "done"


def test_a_simulation_that_fails_leaves_the_topology_answer(helsinki: City) -> None:
    nodes = {k: n for k, n in helsinki.network.nodes.items() if n.kind == "junction"}
    pipes = {k: p for k, p in helsinki.network.pipes.items() if p.start in nodes and p.end in nodes}
    headless = replace(helsinki.network, nodes=nodes, pipes=pipes, rules=())
    report = pressures_after(headless, isolate(headless, next(iter(pipes))))
    assert report.status == "topology_only"
    assert report.reason
    with pytest.raises(SimulationFailed):
        run_day(headless)
