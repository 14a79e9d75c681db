"""The way back: valves to open meanwhile, where water is fetched, how the main is put back."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from gis_data.hydraulics import simulate
from gis_data.isolation import IsolationPlan, SegmentIndex, isolate
from gis_data.model import Hydrant, Network, Service
from gis_data.restoration import (
    flushing,
    judge,
    judge_bounded,
    reopening,
    restoration_options,
    straight_distances,
    water_points,
)
from gis_data.restoration.standpipes import greedy_cover
from tests.data import shared
from tests.gis_data.test_closures_over_time import with_heads
from tests.gis_data.test_isolation_oracles import LIBRARY, network_of
from tests.gis_data.town import town

# Two feeds. A burst on A-B cuts off B, C and D; valves at D and C are normally closed.
TWO_ZONES = """
R---A-o--o-B---C-x---E---T
           |         |
           D-x-------F
"""


def two_zones(**demand: float) -> Network:
    return with_heads(town(TWO_ZONES), **(demand or {"B": 1.0, "C": 1.0, "D": 1.0, "E": 1.0}))


def test_either_closed_valve_feeds_those_cut_off_and_fewer_turns_come_first() -> None:
    network = two_zones()
    quick = {**network.valves, "DF@D": replace(network.valves["DF@D"], turns=10)}
    network = replace(network, valves=quick)
    plan = isolate(network, "AB")
    assert set(plan.unintended_nodes) == {"B", "C", "D"}
    options = restoration_options(network, plan)
    assert [o.valves for o in options if o.accepted] == [("DF@D",), ("CE@C",)]
    best = options[0]
    assert set(best.premises) == {"house BC", "house BD"}
    assert best.per_turn == len(best.premises) / 10
    assert best.lowest_m is not None and best.lowest_m > 14


def test_a_stuck_valve_is_no_option_and_one_nobody_tried_comes_after_one_that_turns() -> None:
    network = two_zones()
    plan = isolate(network, "AB")

    def with_(**operable: str) -> list[tuple[str, ...]]:
        valves = {k: replace(v, operable=operable.get(k[:2], v.operable))  # type: ignore[arg-type]
                  for k, v in network.valves.items()}  # fmt: skip
        found = restoration_options(replace(network, valves=valves), plan)
        return [o.valves for o in found if o.accepted]

    assert with_(CE="no") == [("DF@D",)]
    assert with_(CE="unknown") == [("DF@D",), ("CE@C",)]
    assert with_(CE="no", DF="no") == []


def test_a_feed_too_weak_too_strong_or_foul_is_refused_with_its_reason() -> None:
    network = two_zones()
    plan = isolate(network, "AB")
    refused = {o.valves: o.refused for o in restoration_options(network, plan, highest_m=25.0)}
    assert refused[("CE@C",)] == ("too_high",)
    zones = {k: replace(n, zone="low") for k, n in network.nodes.items()}
    zoned = replace(network, nodes=zones)
    refused = {
        o.valves: o.refused
        for o in restoration_options(zoned, plan, zone_highest_m={"low": 20.0, "high": 99.0})
    }
    assert refused[("CE@C",)] == ("too_high",)
    foul = restoration_options(network, plan, contaminated={"T"})
    assert {o.refused for o in foul} == {("contaminated",)}
    thin = {k: replace(p, diameter_mm=25.0) if k == "ET" else p for k, p in network.pipes.items()}
    weak = restoration_options(replace(network, pipes=thin), plan)
    assert weak and all("low_pressure" in o.refused or "others_fall" in o.refused for o in weak)
    assert not any(o.accepted for o in weak)


def test_two_valves_are_tried_where_one_leads_only_half_the_way() -> None:
    """E-B has been empty for years; from T the water has to come through both closed valves."""
    network = with_heads(town("T---E-x---B-x---C---D-o--o-R"), C=1.0, D=1.0)
    plan = isolate(network, "DR")
    assert set(plan.unintended_nodes) == {"C", "D"}
    found = [o for o in restoration_options(network, plan) if o.accepted]
    assert [o.valves for o in found] == [("BC@B", "EB@E")]
    assert found[0].turns == 40 and "house CD" in found[0].premises


def test_trying_ends_when_the_time_or_the_runs_are_used_up() -> None:
    network = two_zones()
    plan = isolate(network, "AB")
    assert restoration_options(network, plan, budget_s=-1.0) == ()
    assert len(restoration_options(network, plan, most_runs=1)) == 1
    assert len(restoration_options(network, plan, budget_s=600.0)) >= 2


def test_nothing_cut_off_asks_for_no_valve() -> None:
    network = with_heads(town("R---A-o--o-B"), B=1.0)
    assert restoration_options(network, isolate(network, "AB")) == ()


def by_trying_everything(
    network: Network, plan: IsolationPlan, required: float, highest: float
) -> dict[tuple[str, ...], set[str]]:
    """Every one or two closed valves of the whole network -> cut off demand nodes it feeds well.

    Knows nothing of borders: it opens, runs EPANET, and looks.
    """
    shut = sorted(v.id for v in network.valves.values() if not v.normally_open)
    served = {n.id for n in network.nodes.values() if n.kind == "junction" and n.base_demand_m3s}
    dry = {*plan.segment_nodes, *plan.unintended_nodes}
    closed = plan.valves_to_close

    def pressures(opened: tuple[str, ...]) -> dict[str, float]:
        run = simulate(network, hours=0, closed=closed, opened=opened, required_pressure_m=required)
        return dict(zip(run.nodes, run.pressure_m[0], strict=True))

    before = pressures(())
    cut = (set(plan.unintended_nodes) - set(plan.segment_nodes)) & served
    found = {}
    for opened in [*((v,) for v in shut), *combinations(shut, 2)]:
        after = pressures(opened)
        fed = {n for n in cut if after[n] > 0.5}
        holds = all(after[n] >= required for n in fed)
        falls = any(after[n] < required <= before[n] for n in served - dry)
        junctions = [k for k, n in network.nodes.items() if n.kind == "junction"]
        high = any(
            after[n] > max(highest, before[n] + 0.5) for n in junctions if n in fed or n not in dry
        )
        if fed and holds and not falls and not high:
            found[opened] = fed
    return found


@pytest.mark.parametrize(("name", "cases", "some"), [("Net3.inp", 12, 2), ("ky4.inp", 2, 1)])
def test_options_are_those_that_trying_every_pair_finds(
    name: str, cases: int, some: int, tmp_path: Path
) -> None:
    path = LIBRARY / name if (LIBRARY / name).exists() else shared(f"water/{name}")
    network, _ = network_of(path, tmp_path)
    nodes = {
        k: replace(n, base_demand_m3s=0.0005, demand_pattern="") if n.kind == "junction" else n
        for k, n in network.nodes.items()
    }
    network = replace(network, nodes=nodes, default_pattern="", patterns={})
    rng = np.random.default_rng(3)
    checked = helped = 0
    for _ in range(400):
        if checked >= cases:
            break
        valved = with_boundary(network, rng, 5)
        plan = isolate(SegmentIndex(valved), str(rng.choice(near_boundary(valved))))
        if not plan.unintended_nodes or plan.warned("no_valve_before_source"):
            continue
        theirs = by_trying_everything(valved, plan, 14.0, 300.0)
        ours = restoration_options(valved, plan, highest_m=300.0)
        best = {o.valves: {p[6:] for p in o.premises} for o in ours if o.accepted}
        best = {v: fed & set(plan.unintended_nodes) for v, fed in best.items()}
        # Only houses can be compared, and those on the emptied mains stay dry whatever is opened.
        houses = {
            s.premise[6:]
            for s in valved.services.values()
            if s.premise in plan.premises and s.pipe not in plan.segment_pipes
        }
        theirs = {v: fed & houses for v, fed in theirs.items() if fed & houses}
        assert all(fed == theirs[valves] for valves, fed in best.items())
        # What ours leaves out is fed as well by one valve alone.
        for opened, fed in theirs.items():
            assert opened in best or any(set(v) <= set(opened) and best[v] >= fed for v in best)
        checked += 1
        helped += bool(best)
    assert checked == cases and helped >= some


def with_boundary(network: Network, rng: np.random.Generator, count: int) -> Network:
    """Valves at both ends of every second pipe, `count` of them closed, a premise at each node."""
    from gis_data.model import Valve

    valves, services = {}, {}
    names = list(network.pipes)
    shut = {names[int(k)] for k in rng.choice(len(names), count, replace=False)}
    at: dict[str, str] = {}
    for pipe in network.pipes.values():
        if pipe.id in shut or rng.random() < 0.5:
            node = pipe.start
            name = f"v{len(valves)}"
            valves[name] = Valve(name, pipe.id, node, 24.9, 60.1, "gate", 100.0,
                                 pipe.id not in shut, "yes", 10)  # fmt: skip
        if pipe.id not in shut:
            at.setdefault(pipe.start, pipe.id)
            at.setdefault(pipe.end, pipe.id)
    for node, name in at.items():
        pipe = network.pipes[name]
        if network.nodes[node].base_demand_m3s:
            services[f"S{node}"] = Service(f"S{node}", name, 0.1 if pipe.start == node else 0.9,
                                           pipe.geometry, f"house {node}"[:60], 32.0)  # fmt: skip
    return replace(network, valves=valves, services=services)


def near_boundary(network: Network) -> list[str]:
    """Pipes two steps from a closed one: where a burst may have a way round."""
    shut = {v.pipe for v in network.valves.values() if not v.normally_open}
    nodes = {n for p in shut for n in (network.pipes[p].start, network.pipes[p].end)}
    for _ in range(2):
        pipes = [p for p in network.pipes.values() if {p.start, p.end} & nodes]
        nodes |= {n for p in pipes for n in (p.start, p.end)}
    return sorted(p.id for p in pipes if p.id not in shut)


# --- standpipes and tankers -----------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=6))
def test_the_cover_reaches_all_that_can_be_reached_with_few_places(rows: list[list[bool]]) -> None:
    reaches = np.array(rows)
    chosen = greedy_cover(reaches, [str(k) for k in range(len(rows))])
    coverable = set(np.flatnonzero(reaches.any(axis=0)))
    covered = [c for _, mine in chosen for c in mine]
    assert sorted(covered) == sorted(coverable)
    assert all(reaches[row, c] for row, mine in chosen for c in mine)
    least = next(
        size
        for size in range(len(rows) + 1)
        for some in combinations(range(len(rows)), size)
        if set(np.flatnonzero(reaches[list(some)].any(axis=0))) == coverable
    )
    assert len(chosen) <= max(least * (1 + log(max(len(coverable), 1))), 0) + 1e-9


def with_hydrants(network: Network, **more: dict[str, object]) -> Network:
    """A hydrant at every junction but those given as None; attributes by node."""
    hydrants = {}
    for n in network.nodes.values():
        if n.kind == "junction" and more.get(n.id, {}) is not None:
            hydrants[f"H{n.id}"] = Hydrant(
                f"H{n.id}",
                n.id,
                n.lon,
                n.lat,
                "underground",
                **more.get(n.id, {}),  # type: ignore[arg-type]
            )
    return replace(network, hydrants=hydrants)


# Streets are some 22 m a letter.  B-C is shut off; A and D keep their water.
ROW = "R---A-----o-B------C-o-----D---E-o-T"


def test_standpipes_stand_on_hydrants_that_are_wet_potable_and_not_the_fire_services() -> None:
    network = with_hydrants(with_heads(town(ROW), B=1.0))
    plan = isolate(network, "BC")
    assert set(plan.segment_nodes) == {"B", "C"}
    persons = dict.fromkeys(plan.premises, 3)

    def places(net: Network, **more: object) -> dict[str, str]:
        found = water_points(net, plan, persons=persons, **more)  # type: ignore[arg-type]
        return {h.hydrant or h.kind: h.kind for h in found}

    assert set(places(network)) <= {"HA", "HD", "HE"} and "HB" not in places(network)
    assert "HD" not in places(with_hydrants(network, D={"fire_critical": True}))
    assert "HA" not in places(with_hydrants(network, A={"standpipe": False}))
    pressures = dict.fromkeys(network.nodes, 30.0)
    assert "HA" not in places(network, pressures_m={**pressures, "A": 0.2})
    raw = {k: replace(p, role="raw") if k == "RA" else p for k, p in network.pipes.items()}
    assert "HA" not in places(replace(network, pipes=raw))


def test_everybody_within_reach_is_served_and_the_rest_get_a_tanker() -> None:
    network = with_hydrants(with_heads(town(ROW), B=1.0))
    plan = isolate(network, "BC")
    found = water_points(network, plan, persons=dict.fromkeys(plan.premises, 4))
    served = [p for h in found for p in h.premises]
    assert sorted(served) == sorted(plan.premises)
    assert all(h.kind == "standpipe" and h.farthest_m <= 300 for h in found)
    assert sum(h.litres_a_day for h in found) == 4 * 10 * len(plan.premises)

    door = {
        k: replace(
            s, geometry=LineString([(c := s.geometry.centroid).coords[0], (c.x, c.y + 1e-4)])
        )
        for k, s in network.services.items()
    }
    near = water_points(replace(network, services=door), plan, walking_m=60.0)
    assert {h.kind for h in near} == {"tanker"}
    assert sorted(p for h in near for p in h.premises) == sorted(plan.premises)
    assert all(h.persons == 2 * len(h.premises) for h in near)

    def nowhere(water: object, need: object) -> np.ndarray:
        return np.full((len(water), len(need)), np.inf)  # type: ignore[arg-type]

    alone = water_points(network, plan, distances=nowhere)
    assert [h.kind for h in alone] == ["none"]
    assert water_points(network, plan, excluded=plan.premises) == ()


def test_the_straight_line_is_taken_a_third_longer() -> None:
    far = straight_distances(3067)([(24.94, 60.17)], [(24.94, 60.17 + 100 / 111_412)])
    assert far[0, 0] == pytest.approx(130, abs=0.5)


# --- flushing and reopening -----------------------------------------------------------------------

# The broken stretch climbs from A (low) over B (high) to the dead end C; D hangs below B.
HILL = """
R---A-o---B---C
          |
          D
          |
          o
          |
          E---T
"""


def hill() -> Network:
    network = with_heads(town(HILL), B=1.0, C=1.0, D=1.0)
    height = {"B": 30.0, "C": 22.0, "D": 8.0}
    nodes = {k: replace(n, elevation_m=height.get(k, n.elevation_m))
             for k, n in network.nodes.items()}  # fmt: skip
    pipes = {k: replace(p, diameter_mm=200.0 if k == "BD" else 100.0)
             for k, p in network.pipes.items()}  # fmt: skip
    valves = {k: replace(v, diameter_mm=pipes[v.pipe].diameter_mm)
              for k, v in network.valves.items()}  # fmt: skip
    return with_hydrants(replace(network, nodes=nodes, pipes=pipes, valves=valves))


def test_flushing_goes_from_the_source_side_to_the_ends_at_a_metre_and_a_half_a_second() -> None:
    network = hill()
    plan = isolate(network, "BC")
    assert set(plan.segment_nodes) == {"B", "C", "D"}
    order = flushing(network, plan, start="AB@A")
    assert [(f.hydrant, f.why) for f in order] == [
        ("HB", ("high_point",)), ("HC", ("dead_end", "low_point")), ("HD", ("low_point",)),
    ]  # fmt: skip
    flow = {f.hydrant: f.flow_m3s for f in order}
    assert flow["HC"] == pytest.approx(1.5 * np.pi * 0.1**2 / 4, abs=1e-5)
    assert flow["HD"] == pytest.approx(1.5 * np.pi * 0.2**2 / 4, abs=1e-5)
    away = {f.hydrant: f.volume_m3 for f in order}
    assert away["HC"] - away["HB"] == pytest.approx(100 * np.pi * 0.1**2 / 4, abs=0.02)


def test_the_water_comes_back_through_one_valve_with_the_air_let_out_on_top() -> None:
    network = hill()
    plan = isolate(network, "BC")
    steps = reopening(network, plan)
    assert [(s.code, s.asset) for s in steps] == [
        ("air", "HB"), ("fill", "AB@A"), ("flush", "HB"), ("flush", "HC"), ("flush", "HD"),
        ("sample", ""), ("open", "DE@D"),
    ]  # fmt: skip
    assert [s.sequence for s in steps] == list(range(1, 8))
    assert sorted(s.asset for s in steps if s.code in ("fill", "open")) == sorted(
        plan.valves_to_close
    )
    suspected = reopening(network, plan, contamination_suspected=True)
    codes = [s.code for s in suspected]
    assert codes.index("sample") < codes.index("flush") and codes.count("sample") == 1


def test_the_smallest_valve_fills_and_of_equal_ones_that_with_most_pressure_behind() -> None:
    network = hill()
    plan = isolate(network, "BC")
    heads = {"A": 60.0, "E": 75.0}
    assert next(s for s in reopening(network, plan, heads_m=heads) if s.code == "fill").asset in (
        plan.valves_to_close
    )
    for small in plan.valves_to_close:
        valves = {k: replace(v, diameter_mm=80.0 if k == small else 200.0)
                  for k, v in network.valves.items()}  # fmt: skip
        fill = [s for s in reopening(replace(network, valves=valves), plan) if s.code == "fill"]
        assert [(s.asset, s.why) for s in fill] == [(small, "smallest")]
    even = {k: replace(v, diameter_mm=100.0) for k, v in network.valves.items()}
    fill = [s for s in reopening(replace(network, valves=even), plan, heads_m=heads)
            if s.code == "fill"]  # fmt: skip
    assert [(s.asset, s.why, s.head_m) for s in fill] == [("DE@D", "strongest", 75.0)]


def test_a_stretch_without_hydrants_says_so_and_closed_valves_stay_shut() -> None:
    network = with_heads(town("R---A-o---B-x---C---T"), B=1.0)
    plan = isolate(network, "AB")
    steps = reopening(network, plan)
    assert [(s.code, s.asset) for s in steps] == [
        ("no_outlet", ""), ("fill", "AB@A"), ("stay_shut", "BC@B"),
    ]  # fmt: skip
    assert steps[1].why == "only_one"


def test_all_together_in_one_process_or_another() -> None:
    network = with_hydrants(two_zones())
    plan = isolate(network, "AB")
    here = judge(network, plan, hours=2)
    assert here.assessment.status == "done" and here.options[0].accepted
    assert judge_bounded(network, plan, hours=2, timeout_s=60) == here
    late = judge_bounded(network, plan, timeout_s=0.01)
    assert (late.assessment.status, late.assessment.why) == ("topology_only", "timeout")


def test_which_of_two_that_feed_alike_is_first_does_not_depend_on_the_order_of_records() -> None:
    network = two_zones()
    plan = isolate(network, "AB")
    best = {
        restoration_options(replace(network, valves=dict(order)), plan)[0].valves
        for order in permutations(network.valves.items())
    }
    assert len(best) == 1
