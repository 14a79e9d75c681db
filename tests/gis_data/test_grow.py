"""The grown network is one an engineer would accept."""

from __future__ import annotations

import pickle
from collections import Counter

import networkx
import pytest
import shapely

from gis_data.crs import project_geometries
from gis_data.grow import grow_network
from gis_data.helsinki import City, grown_city
from gis_data.hydraulics import run_day
from gis_data.isolation import SegmentIndex, isolate
from gis_data.model import NetworkError
from gis_data.places import Places, read_extract
from tests.data import shared


def test_the_network_has_no_findings(helsinki: City) -> None:
    serious = [f for f in helsinki.network.validate() if f.code != "parallel"]
    assert serious == []


def test_pressures_stay_in_range_through_the_day(helsinki: City) -> None:
    day = run_day(helsinki.network)
    assert day.ok
    assert 20 <= day.min_pressure_m < day.max_pressure_m <= 90
    low, high = day.tank_levels_m["T-01"]
    assert 0.5 < low < high < 6.0


def test_every_junction_keeps_its_pressure_not_only_those_with_demand(helsinki: City) -> None:
    from gis_data.hydraulics import simulate

    result = simulate(helsinki.network)
    junctions = [
        k for k, n in enumerate(result.nodes) if helsinki.network.nodes[n].kind == "junction"
    ]
    assert result.pressure_m[:, junctions].min() > 15


def test_it_is_looped_with_few_dead_ends(helsinki: City) -> None:
    graph = networkx.MultiGraph()
    for link in helsinki.network.links():
        graph.add_edge(link.start, link.end, key=link.id)
    assert networkx.is_connected(graph)
    loops = graph.number_of_edges() - graph.number_of_nodes() + 1
    assert loops > 40
    ends = [n for n, degree in graph.degree() if degree == 1]
    assert len(ends) < 0.12 * graph.number_of_nodes()


def test_valves_hydrants_and_diameters_are_where_they_belong(helsinki: City) -> None:
    network = helsinki.network
    degree: Counter[str] = Counter()
    for pipe in network.pipes.values():
        degree.update((pipe.start, pipe.end))
    on_node = Counter(v.node for v in network.valves.values())
    crossings = [n for n, d in degree.items() if d >= 3]
    assert all(on_node[n] >= degree[n] - 1 for n in crossings)
    assert all(p.length_m < 200 or p.role == "transmission" for p in network.pipes.values())
    hydrants = len(network.hydrants)
    metres = sum(p.length_m for p in network.pipes.values())
    assert 100 < metres / hydrants < 330
    sizes = {p.diameter_mm for p in network.pipes.values()}
    assert sizes <= {80, 100, 150, 200, 250, 300, 400, 500}
    assert len(sizes) >= 5
    operable = Counter(v.operable for v in network.valves.values())
    assert operable["yes"] > 4 * operable["unknown"] > operable["no"] > 0


def test_what_a_crew_and_the_fire_service_ask_of_the_network_is_on_record(helsinki: City) -> None:
    network = helsinki.network
    assert all(1.5 < (p.depth_m or 0) < 3.2 for p in network.pipes.values())
    valves = list(network.valves.values())
    assert {v.closes for v in valves} == {"clockwise", "anticlockwise"}
    assert all((v.chamber_depth_m is not None) == (v.diameter_mm >= 200) for v in valves)
    assert all(v.chamber_depth_m for v in valves if v.gas)
    paved = [v for v in valves if v.accessible is False]
    assert 3 <= len(paved) < 20
    assert {v.operable for v in paved} == {"unknown"}
    hydrants = list(network.hydrants.values())
    assert all(h.flow_m3s is not None and 0.005 < h.flow_m3s < 0.08 for h in hydrants)
    assert 5 <= sum(h.fire_critical for h in hydrants) < 30
    assert 0.8 < sum(h.standpipe for h in hydrants) / len(hydrants) < 1
    assert {s.material for s in network.services.values()} == {"PE", "CU", "ST", "DI"}


def test_tall_houses_lift_their_upper_floors_through_a_station(helsinki: City) -> None:
    network = helsinki.network
    floors = {p.id: p.floors for p in helsinki.premises}
    assert len(network.stations) == 6
    for station in network.stations.values():
        inlet = network.services[station.service]
        behind = [s for s in network.services.values() if s.station == station.id]
        assert behind and not inlet.station
        assert all((s.pipe, s.measure) == (inlet.pipe, inlet.measure) for s in behind)
        assert floors[inlet.premise] >= 6
        assert station.tank_m3 / station.demand_m3h >= 8


def test_the_zones_are_apart_but_for_pump_reducing_valve_and_closed_valves(helsinki: City) -> None:
    network = helsinki.network
    assert {c.kind for c in network.controls.values()} == {"pump", "prv"}
    shut = {v.pipe for v in network.valves.values() if not v.normally_open}
    assert shut
    for pipe in network.pipes.values():
        zones = {network.nodes[pipe.start].zone, network.nodes[pipe.end].zone}
        assert len(zones) == 1 or pipe.id in shut


def test_every_premise_has_a_service_on_a_distribution_main(helsinki: City) -> None:
    network = helsinki.network
    assert len(helsinki.premises) == 2000 == len(network.services)
    assert {s.premise for s in network.services.values()} == {p.id for p in helsinki.premises}
    assert len({p.id for p in helsinki.premises}) == 2000
    services = list(network.services.values())
    assert all(network.pipes[s.pipe].role == "distribution" for s in services)
    lines = project_geometries([s.geometry for s in services], 3067)
    mains = project_geometries([network.pipes[s.pipe].geometry for s in services], 3067)
    starts = shapely.get_point(lines, 0)
    assert shapely.distance(starts, mains).max() < 0.01
    foot = shapely.line_interpolate_point(mains, [s.measure for s in services], normalized=True)
    assert shapely.distance(starts, foot).max() < 0.05
    uses = Counter(p.use for p in helsinki.premises)
    assert uses["home"] > 1000
    assert uses["hospital"] >= 1 <= uses["school"]
    assert uses["dialysis"] == 4


def test_most_plans_are_small_enough_to_carry_out(helsinki: City) -> None:
    index = SegmentIndex(helsinki.network)
    plans = [isolate(index, p) for p in helsinki.network.pipes]
    turns = sorted(len(p.valves_to_close) for p in plans)
    assert turns[len(turns) // 2] <= 4
    assert turns[-1] <= 12
    assert max(len(p.premises) for p in plans) < 400
    assert not any(p.warned("no_valve_before_source") for p in plans)


def test_areas_cover_the_city_without_overlap(helsinki: City) -> None:
    for areas in (helsinki.zones, helsinki.dmas, helsinki.districts):
        shapes = project_geometries([a.polygon for a in areas], 3067)
        whole = shapely.union_all(shapes).area
        assert sum(s.area for s in shapes) == pytest.approx(whole, rel=1e-4)
        assert all(a.name_en and a.name_zh for a in areas)
    west, south, east, north = helsinki.bounds
    assert west < helsinki.depot[0] < east
    assert south < helsinki.depot[1] < north


def test_the_same_seed_grows_the_same_city(helsinki: City) -> None:
    again = grow_network(
        helsinki.streets,
        helsinki.places,
        seed=965113,
        premises=2000,
        epsg=3067,
        name=helsinki.network.name,
    )
    assert pickle.dumps(again.premises) == pickle.dumps(helsinki.premises)
    for one, two in zip(
        (again.network.pipes, again.network.valves, again.network.nodes),
        (helsinki.network.pipes, helsinki.network.valves, helsinki.network.nodes),
        strict=True,
    ):
        assert list(one.values()) == list(two.values())
    other = grow_network(helsinki.streets, helsinki.places, seed=1, premises=2000, epsg=3067)
    assert list(other.network.valves.values()) != list(helsinki.network.valves.values())
    assert other.day.ok


@pytest.mark.parametrize(
    ("extract", "epsg", "premises"),
    [("streets/krems.osm.gz", 32633, 600), ("streets/west_oakland.osm.bz2", 32610, 60)],
)
def test_any_extract_can_carry_a_network(extract: str, epsg: int, premises: int) -> None:
    city = grown_city(read_extract(shared(extract)), "elsewhere", epsg=epsg, premises=premises)
    assert city.day.ok, city.day
    assert len(city.premises) == premises
    assert [f for f in city.network.validate() if f.severity == "error"] == []
    index = SegmentIndex(city.network)
    for pipe in list(city.network.pipes)[::10]:
        assert isolate(index, pipe).segment_pipes


def test_too_little_to_grow_on_is_a_clear_error(helsinki: City) -> None:
    nothing = Places([], [], [])
    with pytest.raises(NetworkError, match="streets"):
        grow_network([], nothing, epsg=3067)
    with pytest.raises(NetworkError, match="places"):
        grow_network(helsinki.streets, nothing, epsg=3067)
