"""Isolation against code and physics that are not ours: wntr's segments and EPANET."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wntr

from gis_data.hydraulics import pressures_after, simulate
from gis_data.inp import read_inp
from gis_data.isolation import SegmentIndex, isolate
from gis_data.model import Network, Valve
from tests.data import shared

LIBRARY = Path(wntr.__file__).parent / "library" / "networks"


def network_of(
    path: Path, tmp_path: Path, *, as_it_runs: bool = False
) -> tuple[Network, wntr.network.WaterNetworkModel]:
    """A drawing without a coordinate system is moved to where EPSG:3067 is at home.

    Everything stands open and no rule moves anything, unless the network `as_it_runs` is wanted.
    """
    model = wntr.network.WaterNetworkModel(str(path))
    for name in model.node_name_list:
        x, y = model.get_node(name).coordinates
        model.get_node(name).coordinates = (385000 + x % 20000, 6672000 + y % 20000)
    for link in model.link_name_list:
        model.get_link(link).vertices = []
    moved = tmp_path / path.name
    wntr.network.write_inpfile(model, str(moved))
    network = read_inp(moved, 3067, isolation_valves=False)
    if as_it_runs:
        return network, model
    opened = {k: replace(p, closed=False) for k, p in network.pipes.items()}
    controls = {k: replace(c, closed=False) for k, c in network.controls.items()}
    return replace(network, pipes=opened, controls=controls, rules=(), rule_blocks=()), model


def with_random_valves(network: Network, rng: np.random.Generator, share: float) -> Network:
    valves = {}
    for pipe in network.pipes.values():
        for node in (pipe.start, pipe.end):
            if rng.random() < share:
                name = f"v{len(valves)}"
                valves[name] = Valve(name, pipe.id, node, 24.9, 60.1, "gate", 100.0)
    return replace(network, valves=valves)


def partition(labels: dict[str, int]) -> set[frozenset[str]]:
    groups: dict[int, set[str]] = {}
    for name, label in labels.items():
        groups.setdefault(label, set()).add(name)
    return {frozenset(g) for g in groups.values()}


@pytest.mark.parametrize(
    ("name", "layers"),
    [("Net1.inp", 25), ("Net3.inp", 12), ("ky4.inp", 1), ("ky10.inp", 1), ("Net6.inp", 1)],
)
def test_segments_are_those_of_wntr(name: str, layers: int, tmp_path: Path) -> None:
    path = LIBRARY / name if (LIBRARY / name).exists() else shared(f"water/{name}")
    network, model = network_of(path, tmp_path)
    graph = model.to_graph()
    rng = np.random.default_rng(7)
    for layer in range(layers):
        valved = with_random_valves(network, rng, (0.2, 0.5, 0.8)[layer % 3])
        table = pd.DataFrame(
            [(v.pipe, v.node) for v in valved.valves.values()], columns=["link", "node"]
        )
        nodes, links, _ = wntr.metrics.topographic.valve_segments(graph, table)
        theirs = {f"N_{k}": int(v) for k, v in nodes.items()}
        theirs |= {f"L_{k}": int(v) for k, v in links.items()}
        index = SegmentIndex(valved)
        ours = {f"N_{k}": v for k, v in index.node_segments.items()}
        ours |= {f"L_{k}": v for k, v in index.pipe_segments.items()}
        assert partition(ours) == partition(theirs)


@pytest.mark.parametrize(
    ("name", "closures", "unintended"),
    [("Net1.inp", 40, 0), ("Net3.inp", 60, 5), ("ky4.inp", 20, 4)],
)
def test_who_loses_water_is_who_epanet_gives_nothing(
    name: str, closures: int, unintended: int, tmp_path: Path
) -> None:
    """Random valves, a random pipe, one instant: nobody else goes dry, and nobody fewer."""
    path = LIBRARY / name if (LIBRARY / name).exists() else shared(f"water/{name}")
    network, _ = network_of(path, tmp_path)
    demand = {
        k: replace(n, base_demand_m3s=0.0005, demand_pattern="") if n.kind == "junction" else n
        for k, n in network.nodes.items()
    }
    network = replace(network, nodes=demand, default_pattern="", patterns={})
    before = simulate(network, hours=0, required_pressure_m=14.0)
    served = {
        n
        for n, d in zip(before.nodes, before.demand_m3s[0], strict=True)
        if network.nodes[n].kind == "junction" and d > 1e-6
    }
    rng = np.random.default_rng(11)
    checked = beyond = 0
    while checked < closures:
        if checked % 4 == 0:
            valved = with_random_valves(network, rng, 0.8)
            index = SegmentIndex(valved)
        target = str(rng.choice(list(valved.pipes)))
        plan = isolate(index, target)
        if plan.warned("no_valve_before_source"):
            continue
        report = pressures_after(valved, plan)
        assert report.status == "done"
        expected = {*plan.segment_nodes, *plan.unintended_nodes} & served
        assert set(report.undelivered_nodes) & served == expected
        checked += 1
        beyond += bool(plan.unintended_nodes)
    assert beyond >= unintended


def test_kitchener_has_the_segments_its_valves_make() -> None:
    network = read_inp(shared("kitchener/model.inp"), 26917)
    model = wntr.network.WaterNetworkModel(str(shared("kitchener/model.inp")))
    graph = model.to_graph().to_undirected()
    throttles = [n for n in model.valve_name_list if model.get_link(n).valve_type == "TCV"]
    assert len(throttles) == 195 == len(network.valves)
    for name in model.valve_name_list:
        link = model.get_link(name)
        graph.remove_edge(link.start_node_name, link.end_node_name)
    import networkx

    # Cut at every valve there are 163 parts; the four reducing valves join what they stand between.
    assert networkx.number_connected_components(graph) == 163
    assert len(network.controls) == 4
    assert SegmentIndex(network).segment_count == 159
