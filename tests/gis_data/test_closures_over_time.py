"""Closures over the hours of the work, in towns small enough to reckon by hand."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wntr

from gis_data.helsinki import City
from gis_data.hydraulics import (
    Limits,
    SimulationFailed,
    TimedOut,
    assess,
    bounded,
    fire_flows,
    simulate,
)
from gis_data.hydraulics import assessment as assessing
from gis_data.hydraulics.assessment import _clock_set
from gis_data.hydraulics.epanet import UNBALANCED
from gis_data.hydraulics.running import without_rules_on
from gis_data.hydraulics.tanks import without_supply
from gis_data.inp_text import inp_text
from gis_data.isolation import SegmentIndex, isolate
from gis_data.model import Hydrant, Network, TankShape
from tests.gis_data.town import town

# Closing A-B leaves B and T to themselves: T is all that B has.
ON_ITS_TANK = "R---A-o--o-B---T"

# A---B is the short way to B and D; the way round by C is long.
LOOP = """
R---A-o---o-B
    |       |
    C-------D
"""

# One main out to B, where a hydrant stands; closing R-A's twin leaves a thin one.
TWINS = """
R-o-----o-A---B
|         |
C---------D
"""


def with_heads(network: Network, **demand_l_s: float) -> Network:
    """Reservoirs 50 m above the town, tanks 30 m; demand in L/s, flat through the day."""
    nodes = {}
    for n in network.nodes.values():
        if n.kind == "reservoir":
            nodes[n.id] = replace(n, head_m=60.0)
        elif n.kind == "tank":
            nodes[n.id] = replace(n, elevation_m=40.0, tank=TankShape(10.0, 4.0, 0.5, 6.0))
        else:
            nodes[n.id] = replace(n, base_demand_m3s=demand_l_s.get(n.id, 0.0) / 1000)
    return replace(network, nodes=nodes)


def test_a_tank_lasts_as_long_as_its_water_and_then_nobody_has_any() -> None:
    """3.5 m of 10 m across are 274.9 m3; 10 L/s use them up in 7.64 hours."""
    network = with_heads(town(ON_ITS_TANK), B=10.0)
    hand = 3.5 * np.pi * 25 / 36.0
    report = assess(network, isolate(network, "AB"), hours=6, tank_levels={"T": 4.0})
    assert report.status == "done"
    assert [(t.id, t.level_m) for t in report.tanks] == [("T", 4.0)]
    assert report.tanks[0].hours == pytest.approx(hand, abs=0.05)
    assert report.below == ()

    longer = assess(network, isolate(network, "AB"), hours=10, tank_levels={"T": 4.0})
    short = {s.premise: s for s in longer.below}
    assert set(short) == {"house BT"}
    assert short["house BT"].least_m == 0 == short["house BT"].share
    assert short["house BT"].at_s >= hand * 3600 - 60


def test_a_tank_given_fuller_lasts_longer_and_one_that_is_fed_lasts_for_ever() -> None:
    network = with_heads(town(ON_ITS_TANK), B=10.0)
    plan = isolate(network, "AB")
    fuller = assess(network, plan, hours=2, tank_levels={"T": 5.5}).tanks[0]
    assert fuller.hours == pytest.approx(5.0 * np.pi * 25 / 36.0, abs=0.05)
    nothing = replace(plan, valves_to_close=(), segment_nodes=(), segment_pipes=())
    assert assess(network, nothing, hours=2).tanks[0].hours is None


def test_water_that_turns_round_is_told_with_its_street_and_houses() -> None:
    network = with_heads(town(LOOP), B=4.0, D=1.0)
    long = {"AC": 900.0, "CD": 900.0}
    pipes = {k: replace(p, length_m=long.get(k, 100.0)) for k, p in network.pipes.items()}
    network = replace(network, pipes=pipes)
    plan = isolate(network, "AB")
    assert set(plan.segment_pipes) == {"AB"}
    report = assess(network, plan, hours=1)
    found = {s.pipe: s for s in report.stirred}
    # B is fed through D now: the water in B-D runs the other way, that in C-D only faster.
    area = np.pi * 0.1**2 / 4
    assert found["BD"].kind == "turned"
    assert found["BD"].after_ms == pytest.approx(-0.004 / area, rel=0.02)
    assert found["BD"].before_ms > 0
    assert (found["BD"].street, found["BD"].premises) == ("BD", ("house BD",))
    assert found["CD"].kind == "faster"
    assert found["CD"].after_ms == pytest.approx(0.005 / area, rel=0.02)
    assert "AB" not in found


def test_water_that_keeps_its_way_and_speed_stirs_nothing() -> None:
    network = with_heads(town("R---A---B-o---o-C"), B=5.0)
    report = assess(network, isolate(network, "BC"), hours=1)
    assert report.status == "done" and report.stirred == ()


def test_the_worst_hour_is_the_hour_of_most_use_not_the_first() -> None:
    """Thin mains; the day asks four times as much from six to seven."""
    network = with_heads(town(LOOP), B=3.0, D=1.0)
    day = tuple(4.0 if h == 6 else 0.5 for h in range(24))
    wide = {"RA": 200.0}
    pipes = {
        k: replace(p, length_m=300.0, diameter_mm=wide.get(k, 100.0))
        for k, p in network.pipes.items()
    }
    network = replace(network, pipes=pipes, patterns={"day": day}, default_pattern="day")
    plan = isolate(network, "AB")
    report = assess(network, plan, start_s=4 * 3600 + 900, hours=4)
    assert report.worst_at_s == (2 * 3600 - 900)
    assert report.below and all(s.at_s == 2 * 3600 - 900 for s in report.below)
    assert all(0 < s.share < 1 for s in report.below)
    assert (report.worst_drop_m or 0) > 5
    night = assess(network, plan, start_s=23 * 3600, hours=3)
    assert night.status == "done" and night.below == ()


def with_hydrant(network: Network, node: str, **more: object) -> Network:
    n = network.nodes[node]
    hydrant = Hydrant(f"H{node}", node, n.lon, n.lat, "underground", **more)  # type: ignore[arg-type]
    return replace(network, hydrants={**network.hydrants, hydrant.id: hydrant})


def test_what_a_hydrant_gives_is_what_a_direct_run_gives(tmp_path: Path) -> None:
    """Drawing exactly that flow in a run of wntr's own leaves 0.1 MPa at the hydrant."""
    network = with_heads(town(TWINS), B=1.0, D=2.0)
    flow = fire_flows(network, ["B"])["B"]
    assert flow > 0.005
    drawn = with_heads(network, B=flow * 1000, D=2.0)
    path = tmp_path / "direct.inp"
    path.write_text(inp_text(drawn, isolation_valves=False, hours=0), encoding="utf-8")
    run = wntr.sim.EpanetSimulator(wntr.network.WaterNetworkModel(str(path))).run_sim(
        file_prefix=str(tmp_path / "run")
    )
    assert float(run.node["pressure"].loc[0, "B"]) == pytest.approx(10.2, abs=0.05)


def test_a_fire_point_fed_through_a_thin_main_only_is_lost_to_the_fire_service() -> None:
    network = with_heads(town(TWINS), B=1.0, D=2.0)
    thin = {k: replace(p, diameter_mm=150.0 if k in ("RA", "AB") else 60.0)
            for k, p in network.pipes.items()}  # fmt: skip
    network = with_hydrant(replace(network, pipes=thin), "B", fire_critical=True)
    plan = isolate(network, "RA")
    before, after = fire_flows(network, ["B"]), fire_flows(network, ["B"], closed=["RA"])
    assert before["B"] > 0.015 > after["B"]
    report = assess(network, plan, hours=1)
    assert report.fire_tested == 1
    lost = report.fire_lost[0]
    assert (lost.hydrant, lost.fire_critical) == ("HB", True)
    assert (lost.before_m3s, lost.after_m3s) == pytest.approx((before["B"], after["B"]), abs=1e-4)
    assert assess(network, plan, hours=1, limits=Limits(fire_need_m3s=0.0001)).fire_lost == ()


def test_a_hydrant_with_less_than_the_residual_gives_nothing() -> None:
    network = with_heads(town("R---A"), A=1.0)
    high = {k: replace(n, elevation_m=55.0) if k == "A" else n for k, n in network.nodes.items()}
    assert fire_flows(replace(network, nodes=high), ["A"]) == {"A": 0.0}


def test_epanet_called_directly_says_what_wntrs_own_binding_says(tmp_path: Path) -> None:
    """Net3, 24 hours with its tanks, pumps and timed controls."""
    from tests.gis_data.test_isolation_oracles import LIBRARY, network_of

    network, _ = network_of(LIBRARY / "Net3.inp", tmp_path, as_it_runs=True)
    assert network.rules
    ours = simulate(network, hours=24)
    path = tmp_path / "net3.inp"
    path.write_text(inp_text(network, isolation_valves=False, hours=24), encoding="utf-8")
    run = wntr.sim.EpanetSimulator(wntr.network.WaterNetworkModel(str(path))).run_sim(
        file_prefix=str(tmp_path / "run")
    )
    for hour in (0, 7, 24):
        step = ours.times_s.index(hour * 3600)
        theirs = run.node["pressure"].loc[hour * 3600, list(ours.nodes)].to_numpy()
        assert np.abs(ours.pressure_m[step] - theirs).max() < 0.05
        flows = run.link["flowrate"].loc[hour * 3600, list(ours.links)].to_numpy()
        assert np.abs(np.abs(ours.flow_m3s[step]) - np.abs(flows)).max() < 2e-4


def test_a_valve_shut_by_hand_obeys_no_rule_of_the_telemetry() -> None:
    network = replace(
        town("R---A---B"),
        rules=("LINK AB OPEN AT TIME 2", "LINK RA OPEN IF NODE B BELOW 3"),
        rule_blocks=(
            "RULE 1", "IF NODE B PRESSURE BELOW 3", "THEN PIPE AB STATUS IS OPEN",
            "AND PIPE RA STATUS IS OPEN", "ELSE PIPE AB STATUS IS CLOSED", "PRIORITY 2",
            "RULE 2", "IF NODE B PRESSURE BELOW 3", "THEN PIPE AB STATUS IS OPEN",
        ),
    )  # fmt: skip
    freed = without_rules_on(network, {"AB"})
    assert freed.rules == ("LINK RA OPEN IF NODE B BELOW 3",)
    assert freed.rule_blocks == (
        "RULE 1", "IF NODE B PRESSURE BELOW 3", "THEN PIPE RA STATUS IS OPEN", "PRIORITY 2",
    )  # fmt: skip
    assert without_rules_on(network, set()) is network


def test_timed_rules_keep_their_hour_when_the_run_starts_later() -> None:
    network = replace(
        town("R---A---B"),
        rules=("LINK AB CLOSED AT TIME 2", "LINK AB OPEN AT TIME 9:30",
               "LINK RA OPEN AT TIME 30 MIN", "LINK AB OPEN IF NODE B BELOW 3"),
    )  # fmt: skip
    assert _clock_set(network, 6 * 3600).rules == (
        "LINK AB OPEN IF NODE B BELOW 3", "LINK AB CLOSED AT TIME 0:00:00",
        "LINK RA OPEN AT TIME 0:00:00", "LINK AB OPEN AT TIME 3:30:00",
    )  # fmt: skip


def test_closing_at_the_hour_is_closing_from_the_start_where_nothing_changes() -> None:
    network = with_heads(town(LOOP), B=4.0, D=1.0)
    plan = isolate(network, "AB")
    late = assess(network, plan, start_s=5 * 3600 + 1234, hours=2)
    level = assess(network, plan, start_s=0, hours=2, tank_levels={})
    assert late.status == level.status == "done"
    assert late.worst_m == level.worst_m and late.least_m == level.least_m


def test_who_is_without_supply_follows_one_way_links_and_open_valves() -> None:
    network = town("R->-A-x-B---C")
    assert without_supply(network, ()) == {"B", "C"}
    assert without_supply(network, (), ["AB@A"]) == set()
    assert without_supply(network, ["AB@A"], ["AB@A"]) == {"B", "C"}
    assert without_supply(town("R-<-A"), ()) == {"A"}


# --- where there is no answer ---------------------------------------------------------------------


def test_a_network_that_is_too_large_is_not_simulated() -> None:
    network = with_heads(town(LOOP), B=4.0)
    report = assess(network, isolate(network, "AB"), limits=Limits(most_pipes=4))
    assert (report.status, report.why) == ("topology_only", "too_large")
    assert "5 pipes" in report.reason


def test_a_run_that_does_not_converge_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    network = with_heads(town(LOOP), B=4.0)

    def unbalanced(*args: object, **more: object) -> object:
        return replace(simulate(*args, **more), warnings=(UNBALANCED,))  # type: ignore[arg-type]

    monkeypatch.setattr(assessing, "simulate", unbalanced)
    report = assess(network, isolate(network, "AB"))
    assert (report.status, report.why) == ("topology_only", "unbalanced")
    assert UNBALANCED in report.reason


@pytest.mark.parametrize(
    "spoil",
    [
        {"elevation_m": float("nan")},
        {"base_demand_m3s": float("inf")},
        {"elevation_m": 1e300},
        {"id": "a name with spaces"},
    ],
)
def test_absurd_records_leave_the_topology(spoil: dict[str, object]) -> None:
    network = with_heads(town(LOOP), B=4.0, D=1.0)
    plan = isolate(network, "AB")
    nodes = {k: replace(n, **spoil) if k == "D" else n for k, n in network.nodes.items()}  # type: ignore[arg-type]
    report = assess(replace(network, nodes=nodes), plan)
    assert report.status == "topology_only"
    assert report.why in ("no_answer", "failed", "unbalanced") and report.reason


def test_a_network_without_a_source_or_houses_is_answered_or_refused_never_raised() -> None:
    loose = town("A---B-o---o-C")
    assert assess(loose, isolate(loose, "BC")).status == "topology_only"
    bare = replace(with_heads(town(LOOP)), services={})
    report = assess(bare, isolate(bare, "AB"))
    assert report.status == "done" and report.worst_node == "" and report.below == ()
    for hours in (0.0, -5.0, 1e9):
        assert assess(bare, isolate(bare, "AB"), hours=hours).status == "done"


def test_a_simulation_that_hangs_or_dies_is_given_up_and_its_errors_come_through() -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut):
        bounded(time.sleep, 60, timeout_s=0.5)
    assert time.monotonic() - began < 20
    import os

    with pytest.raises(SimulationFailed, match="ended with 7"):
        bounded(os._exit, 7, timeout_s=30)
    with pytest.raises(ValueError, match="math domain"):
        import math

        bounded(math.sqrt, -1.0, timeout_s=30)


def test_a_whole_city_in_another_process_says_the_same(helsinki: City) -> None:
    """Without the tank's trunk main the pump's district has its reservoir of an hour or two."""
    network = helsinki.network
    plan = isolate(SegmentIndex(network), "PU-01")
    more = {"start_s": 6 * 3600, "hours": 6.0}
    here = assess(network, plan, **more)  # type: ignore[arg-type]
    there = bounded(assess, network, plan, timeout_s=120, **more)
    assert there == here and here.status == "done"
    assert here.tanks[0].hours is not None and here.tanks[0].hours < 6
    assert len(here.below) > 300
