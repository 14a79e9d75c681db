"""Isolation in towns small enough to see the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gis_data.isolation import SegmentIndex, alternatives, isolate, options
from gis_data.model import Hydrant, Network, Service, Station, UnknownElement
from gis_data.plan_ranking import ranked
from tests.gis_data.town import town

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


def with_valve(network: Network, name: str, **changed: object) -> Network:
    valve = replace(network.valves[name], **changed)  # type: ignore[arg-type]
    return replace(network, valves={**network.valves, name: valve})


def test_a_paved_over_valve_is_no_boundary_unless_somebody_says_it_can_be_dug_out() -> None:
    network = with_valve(town("R-o---A-o-----o-B-o---C"), "AB@A", accessible=False)
    plan = isolate(network, "AB")
    assert set(plan.segment_pipes) == {"RA", "AB"}
    assert plan.warned("valve_buried")
    assert not plan.warned("inoperable_valve")
    dug = isolate(network, "AB", usable=["AB@A"])
    assert dug.valves_to_close == ("AB@A", "AB@B")
    assert dug.warned("valve_buried")
    stuck = with_valve(network, "AB@A", accessible=False, operable="no")
    assert isolate(stuck, "AB", usable=["AB@A"]).segment_pipes == ("RA", "AB")


def with_lines(network: Network, *lines: tuple[str, str, str], **stations: Station) -> Network:
    """Lines (pipe, premise, station) instead of one house to each pipe."""
    services = {
        f"S{k}": Service(f"S{k}", pipe, 0.5, network.pipes[pipe].geometry, premise, 32.0,
                         station=station)
        for k, (pipe, premise, station) in enumerate(lines)
    }  # fmt: skip
    return replace(network, services=services, stations=stations)


def test_a_house_with_a_second_line_that_still_has_water_is_not_affected() -> None:
    network = with_lines(town(RING), ("AB", "clinic", ""), ("CD", "clinic", ""), ("AB", "home", ""))
    assert isolate(network, "AB").premises == ("home",)
    assert isolate(network, "CD", closed=["AB@A", "AB@B"]).premises == ("clinic",)


def test_customers_of_a_station_follow_its_inlet_and_have_its_tank_for_a_while() -> None:
    tower = Station("Z", 24.9, 60.1, "S0", tank_m3=12.0, demand_m3h=3.0)
    network = with_lines(town(RING), ("AB", "tower", ""), ("CD", "flat", "Z"), ("AB", "home", ""),
                         Z=tower)
    plan = isolate(network, "AB")
    assert plan.premises == ("flat", "home", "tower")
    assert plan.delayed == (("flat", 4.0), ("tower", 4.0))
    # The line drawn to the flat taps CD, but its water comes through the station.
    assert isolate(network, "CD").premises == ()


def test_other_plans_do_without_the_valves_that_nobody_has_tested() -> None:
    network = with_valve(town("R-o-A-o-----o-B-o-----C"), "AB@B", operable="unknown")
    plan = isolate(network, "AB")
    other = options(network, plan)
    assert other[0] is plan
    assert [set(p.valves_to_close) for p in other[1:]] == [{"AB@A", "BC@B"}]


def test_a_plan_is_better_for_fewer_people_before_anything_else() -> None:
    network = with_valve(town("R-o-A-o-----o-B-o-----C"), "AB@B", operable="unknown")
    index = SegmentIndex(network)
    near, far = options(index, isolate(index, "AB"))
    people = {"house AB": 4, "house BC": 9}
    conditions = index.conditions(network.valves)
    # BC is dry either way; so the valve that is known to turn decides.
    first = ranked([near, far], persons=people, classes={}, conditions=conditions)
    assert [r.plan for r in first] == [far, near]
    assert first[0].cost.people == 13
    more = isolate(index, "A")
    order = ranked([more, near], persons=people, classes={"house RA": "dialysis"},
                   conditions=conditions)
    assert order[0].plan is near
    assert (order[1].cost.critical, order[0].cost.critical) == (1, 0)
