"""A real district, kept whole: everything its model holds comes in, and its breaks are planned."""

from __future__ import annotations

import pytest

from gis_data.importing import ImportRefused, build, problems, read_layers, suggest_map
from gis_data.isolation import SegmentIndex, isolate
from gis_data.readiness import report
from tests.data import shared
from tests.gis_data.kitchener import breaks, kitchener_built, kitchener_network, nearest_pipe

CITY = (-80.56, 43.37, -80.45, 43.43)


def test_the_models_layers_are_understood_and_come_in_whole() -> None:
    layers = read_layers(shared("kitchener/model.json.gz"))
    schema_map = suggest_map(layers)
    assert {name: m.role for name, m in schema_map.layers.items()} == {
        "wn_node": "node",
        "wn_fixed_head": "source",
        "wn_hydrant": "hydrant",
        "wn_pipe": "pipe",
        "wn_valve": "valve",
        "wn_meter": "pipe",
    }
    assert not problems(schema_map, layers)
    built = build(layers, schema_map, crs=26917, city_bounds=CITY)
    assert built.quarantine == []
    network = built.network
    assert (len(network.pipes), len(network.valves), len(network.hydrants)) == (667, 192, 142)
    assert [c.kind for c in network.controls.values()] == ["prv"] * 4
    assert sum(not v.normally_open for v in network.valves.values()) == 8
    assert not [f for f in network.validate() if f.severity == "error"]


def test_the_wrong_system_it_declares_is_refused_with_the_right_one_named() -> None:
    layers = read_layers(shared("kitchener/model.json.gz"))
    with pytest.raises(ImportRefused) as caught:
        build(layers, suggest_map(layers))
    assert caught.value.field == "crs"
    assert caught.value.candidates == (26917,)


def test_customers_areas_and_the_age_of_the_mains_come_along() -> None:
    built = kitchener_built()
    network = built.network
    assert built.quarantine == []
    assert len(built.premises) == len(network.services) == 3024
    assert {p.id for p in built.premises} == {s.premise for s in network.services.values()}
    # 350 litres a day each, drawn from the nodes beside their taps.
    demand = sum(n.base_demand_m3s for n in network.nodes.values()) * 86400
    assert demand == pytest.approx(3024 * 0.35, rel=1e-6)
    assert {z.id for z in built.zones} == {f"Zone {n}" for n in range(1, 6)}
    assert sum(bool(p.dma) for p in network.pipes.values()) > 600
    known = [p for p in network.pipes.values() if p.material]
    assert len(known) > 500
    assert all(p.year is not None and 1950 < p.year <= 2025 for p in known)


def test_every_real_break_gets_a_plan_that_names_who_is_cut_off() -> None:
    """Breaks 1985 to 2015 within 50 m of a modelled main: the district is young."""
    network = kitchener_network()
    index = SegmentIndex(network)
    happened = breaks()
    assert len(happened) == 7  # all the file has inside the district
    assert all(1985 <= b.year <= 2015 for b in happened)
    for event in happened:
        pipe = nearest_pipe(network, event.lon, event.lat)
        plan = isolate(index, pipe)
        assert plan.valves_to_close
        assert plan.premises
        assert pipe in plan.segment_pipes
        assert "no_valve_before_source" not in {w.code for w in plan.warnings}


def test_any_main_can_be_asked_for() -> None:
    network = kitchener_network()
    index = SegmentIndex(network)
    for pipe in network.pipes:
        isolate(index, pipe)


def test_the_report_finds_it_good_for_locating_and_says_what_to_mind() -> None:
    built = kitchener_built()
    found = report(
        built.network, None, built.premises, quarantine=built.quarantine, records=built.records
    )
    assert found.verdicts["locating"].ok == "yes"
    assert found.verdicts["tracing"].ok == "with_care"
    # The model holds no word on whether its valves turn.
    assert "valves_unknown" in {r.code for r in found.verdicts["tracing"].why}
    assert found.verdicts["hydraulics"].ok == "with_care"
