"""Isolation in towns small enough to see the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from gis_data.isolation import SegmentIndex, alternatives, isolate
from gis_data.model import Control, Hydrant, Network, Node, Pipe, UnknownElement, Valve
from tests.gis_data.town import slow_isolation, town

RING = """
R-o---A-o---o-B
      o       o
      |       |
      o       o
      C-o---o-D-o---E
"""


def test_a_pipe_between_two_valves_is_alone_in_its_segment() -> None:
    plan = isolate(town(RING), "AB")
    assert set(plan.valves_to_close) == {"AB@A", "AB@B"}
    assert plan.segment_pipes == ("AB",)
    assert plan.segment_nodes == ()
    assert plan.unintended_nodes == ()
    assert plan.premises == ("house AB",)


def test_a_closed_ring_still_feeds_everybody_else() -> None:
    plan = isolate(town(RING), "BD")
    assert plan.unintended_pipes == ()
    assert plan.minimal_valves == plan.valves_to_close


def test_what_hangs_on_the_isolated_part_loses_its_water_too() -> None:
    plan = isolate(town(RING), "D")
    assert set(plan.segment_nodes) == {"D"}
    assert set(plan.unintended_nodes) == {"E"}
    assert set(plan.premises) == {"house DE"}
    # The valve towards E has no water behind it once the others are shut.
    assert "DE@D" in plan.valves_to_close
    assert "DE@D" not in plan.minimal_valves


def test_the_supply_side_is_closed_first() -> None:
    plan = isolate(town("R-o---A-o-----o-B-o---C"), "AB")
    assert plan.valves_to_close == ("AB@A", "AB@B")
    assert plan.sequence == {"AB@A": 1, "AB@B": 2}


def test_a_valve_that_cannot_be_turned_makes_the_segment_grow() -> None:
    network = town("R-o---A-!-----o-B-o---C")
    plan = isolate(network, "AB")
    assert set(plan.segment_pipes) == {"RA", "AB"}
    assert plan.segment_nodes == ("A",)
    assert set(plan.valves_to_close) == {"RA@R", "AB@B"}
    assert plan.warned("inoperable_valve")


def test_each_alternative_says_what_a_stuck_valve_would_cost() -> None:
    network = town(RING)
    plan = isolate(network, "AB")
    found = {a.valve: a for a in alternatives(network, plan)}
    assert set(found) == set(plan.valves_to_close)
    assert set(found["AB@B"].extra_valves) == {"BD@B"}
    assert "house BD" not in found["AB@B"].extra_premises
    assert found["AB@A"].plan.segment_nodes == ("A",)


def test_no_valve_before_the_source_is_said_and_not_hidden() -> None:
    plan = isolate(town("R-----A-o-B"), "RA")
    assert plan.warned("no_valve_before_source")
    assert "R" in plan.segment_nodes
    warning = next(w for w in plan.warnings if w.code == "no_valve_before_source")
    assert "source R" in warning.text


def test_a_valve_found_closed_is_a_boundary_but_no_operation() -> None:
    plan = isolate(town("R-o-A-o---x-B"), "AB")
    assert plan.valves_to_close == ("AB@A",)
    assert plan.already_closed == ("AB@B",)
    assert plan.warned("already_closed")


def test_two_jobs_together_cut_off_what_neither_would_alone() -> None:
    network = town(RING)
    assert "D" not in isolate(network, "AB").unintended_nodes
    both = isolate(network, "AB", closed=["CD@C"])
    assert {"B", "D", "E"} <= set(both.unintended_nodes)


def test_what_was_dry_before_is_not_counted_again() -> None:
    network = town("R-o-A-o-----B-x---C")
    plan = isolate(network, "AB")
    assert "C" not in plan.unintended_nodes
    assert isolate(network, "C").warned("already_without_supply")


def test_a_check_valve_lets_water_pass_one_way_only() -> None:
    network = town("""
R-o---A-o->-o-B-o---C
""")
    assert set(isolate(network, "A").unintended_nodes) == {"B", "C"}
    backwards = town("""
R-o---A-o-<-o-B-o---T
""")
    # The tank feeds back through the check valve.
    assert "B" not in isolate(backwards, "A").unintended_nodes
    assert isolate(town("T-o---B-o->-o-A-o---R"), "R").unintended_nodes == ()


def test_a_tank_that_alone_feeds_a_part_is_named() -> None:
    assert isolate(town("R-o---A-o---o-B-o---T"), "A").warned("tank_only")


def test_a_closed_pipe_separates_and_is_emptied_from_both_sides_when_it_bursts() -> None:
    network = town("R-o-A---B---C-o-D")
    pipes = dict(network.pipes)
    pipes["AB"] = replace(pipes["AB"], closed=True)
    network = replace(network, pipes=pipes)
    index = SegmentIndex(network)
    assert index.segment_of("A") != index.segment_of("B")
    plan = isolate(index, "AB")
    assert {"A", "B", "C"} == set(plan.segment_nodes)
    assert "CD@C" in plan.valves_to_close


def test_closing_a_pipe_for_another_job_is_respected() -> None:
    plan = isolate(town(RING), "AC", closed=["AB"])
    assert {"B", "C", "D", "E"} <= set(plan.segment_nodes) | set(plan.unintended_nodes)


def test_a_broken_valve_is_isolated_from_both_sides() -> None:
    plan = isolate(town(RING), "AB@B")
    assert set(plan.segment_pipes) == {"AB"}
    assert set(plan.segment_nodes) == {"B"}
    assert "AB@B" not in plan.valves_to_close


def test_a_hydrant_and_a_service_stand_for_what_they_hang_on() -> None:
    network = town(RING)
    network = replace(network, hydrants={"H1": Hydrant("H1", "D", 24.9, 60.1, "pillar")})
    assert isolate(network, "H1").segment_nodes == ("D",)
    assert isolate(network, "H1").hydrants_lost == ("H1",)
    assert isolate(network, "SAB").segment_pipes == ("AB",)


def test_two_valves_at_one_end_need_only_one_to_turn() -> None:
    network = town("R-o---A-o---o-B")
    spare = replace(network.valves["AB@A"], id="spare")
    network = replace(network, valves={**network.valves, "spare": spare})
    assert len(isolate(network, "AB").valves_to_close) == 2
    assert "spare" in isolate(network, "AB", inoperable=["AB@A"]).valves_to_close


def test_a_valve_off_its_pipe_is_left_out_and_named() -> None:
    network = town("R-o---A-o---o-B")
    stray = replace(network.valves["AB@A"], id="stray", node="R")
    network = replace(network, valves={**network.valves, "stray": stray})
    plan = isolate(network, "AB")
    assert "stray" not in plan.valves_to_close
    assert plan.warned("valve_not_on_pipe")


@pytest.mark.parametrize("target", ["", "P-99999", "AB'; drop table", "x" * 500])
def test_an_unknown_element_is_a_clear_error(target: str) -> None:
    with pytest.raises(UnknownElement, match="no pipe, node, valve"):
        isolate(town(RING), target)


def test_an_unknown_valve_in_the_lists_is_a_clear_error() -> None:
    with pytest.raises(UnknownElement):
        isolate(town(RING), "AB", closed=["nobody"])
    with pytest.raises(UnknownElement):
        isolate(town(RING), "AB", inoperable=["nobody"])


def test_a_network_without_a_source_says_so() -> None:
    assert isolate(town("A-o---B"), "A").warned("no_source")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    count = draw(st.integers(2, 8))
    kinds = draw(
        st.lists(
            st.sampled_from(["junction"] * 5 + ["reservoir", "tank"]),
            min_size=count,
            max_size=count,
        )
    )
    nodes = {f"n{k}": Node(f"n{k}", kind, 24.9, 60.1, 0.0) for k, kind in enumerate(kinds)}
    line = LineString([(24.9, 60.1), (24.91, 60.1)])
    pipes: dict[str, Pipe] = {}
    controls: dict[str, Control] = {}
    valves: dict[str, Valve] = {}
    for k in range(draw(st.integers(1, 12))):
        a, b = draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True))
        if draw(st.integers(0, 5)) == 0:
            kind = draw(st.sampled_from(["pump", "prv", "check", "tcv"]))
            controls[f"c{k}"] = Control(f"c{k}", f"n{a}", f"n{b}", kind, line, 100.0)
            continue
        pipes[f"p{k}"] = Pipe(
            f"p{k}",
            f"n{a}",
            f"n{b}",
            line,
            1,
            100,
            "",
            None,
            100,
            one_way=draw(st.integers(0, 5)) == 0,
            closed=draw(st.integers(0, 8)) == 0,
        )
        for end in (a, b):
            for extra in range(draw(st.sampled_from([0, 0, 1, 1, 1, 2]))):
                name = f"v{k}.{end}.{extra}"
                valves[name] = Valve(
                    name,
                    f"p{k}",
                    f"n{end}",
                    24.9,
                    60.1,
                    "gate",
                    100.0,
                    draw(st.integers(0, 4)) > 0,
                    draw(st.sampled_from(["yes", "yes", "unknown", "no"])),
                )
    return Network("random", 3067, nodes, pipes, valves, controls)


@settings(max_examples=250, deadline=None)
@given(networks(), st.data())
def test_random_networks_agree_with_the_definitions(network: Network, data: st.DataObject) -> None:
    some = (
        st.lists(st.sampled_from(sorted(network.valves)), max_size=3)
        if network.valves
        else st.just([])
    )
    inoperable, closed = data.draw(some), data.draw(some)
    targets = [*network.nodes, *network.pipes, *network.controls]
    target = data.draw(st.sampled_from(targets))
    plan = isolate(network, target, inoperable=inoperable, closed=closed)
    slow = slow_isolation(network, [target], inoperable=inoperable, closed=closed)
    assert {*plan.segment_pipes, *plan.segment_nodes, *plan.segment_controls} == slow.segment
    assert set(plan.valves_to_close) == slow.valves
    assert {
        *plan.unintended_pipes,
        *plan.unintended_nodes,
        *plan.unintended_controls,
    } == slow.unintended
    assert set(plan.minimal_valves) == slow.minimal
