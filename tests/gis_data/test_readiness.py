"""How good a network is: each finding in the smallest town that shows it, and a clean one without.

Drawings as in `town.py`: R reservoir, capitals junctions, o open valve, x closed valve. Every pipe
has a house of its own, 100 mm, and is 24 m (across) or 45 m (down) for each sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from shapely.geometry import LineString

from gis_data.crs import project, unproject
from gis_data.drainage import Drainage, Manhole, Sewer
from gis_data.importing import PremiseRow, Quarantined
from gis_data.importing.values import Note
from gis_data.model import Control, Hydrant, Network, Node
from gis_data.readiness import REASONS, SENTENCES, Readiness, report
from tests.gis_data.town import town

CLEAN = """
R-o---A-o---o-B
      o       o
      C-o---o-D
"""


def measured(network: Network) -> Network:
    """With the lengths that are drawn, as a clean record has, and some hills."""
    pipes = {}
    for name, pipe in network.pipes.items():
        xy = [project(x, y, 3067) for x, y in pipe.geometry.coords]
        pipes[name] = replace(pipe, length_m=LineString(xy).length)
    nodes = {
        n.id: replace(n, elevation_m=10.0 + k) for k, n in enumerate(network.nodes.values())
    }
    return replace(network, nodes=nodes, pipes=pipes)


def clean() -> Network:
    return measured(town(CLEAN))


def houses(network: Network) -> list[PremiseRow]:
    at = {s.id: s.geometry.interpolate(0.5, normalized=True) for s in network.services.values()}
    return [
        PremiseRow(s.premise, at[s.id].x, at[s.id].y, s.id) for s in network.services.values()
    ]


def codes(network: Network, **more: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for f in report(network, **more).findings:
        found.setdefault(f.code, set()).add(f.element)
    return found


def test_a_clean_town_is_fit_for_everything_and_has_no_findings() -> None:
    network = clean()
    found = report(network, None, houses(network))
    assert found.findings == []
    assert {p: v.ok for p, v in found.verdicts.items()} == {
        "locating": "yes",
        "tracing": "yes",
        "hydraulics": "yes",
    }


def moved(node: Node, east: float, north: float) -> Node:
    x, y = project(node.lon, node.lat, 3067)
    lon, lat = unproject(x + east, y + north, 3067)
    return replace(node, lon=lon, lat=lat)


def with_pipe(network: Network, name: str, start: Node, end: Node) -> Network:
    """A pipe between two nodes that are added, like the town's others."""
    like = next(iter(network.pipes.values()))
    line = LineString([(start.lon, start.lat), (end.lon, end.lat)])
    length = LineString([project(x, y, 3067) for x, y in line.coords]).length
    pipe = replace(like, id=name, start=start.id, end=end.id, geometry=line, length_m=length)
    return replace(
        network,
        nodes={start.id: start, end.id: end, **network.nodes},
        pipes={**network.pipes, name: pipe},
    )


def test_an_end_just_short_of_a_main_is_named_with_its_gap() -> None:
    """A new pipe from B stops 1.5 m north of CD."""
    network = clean()
    b, c, d = (network.nodes[n] for n in "BCD")
    middle = replace(c, lon=(c.lon + d.lon) / 2, lat=(c.lat + d.lat) / 2)
    near = replace(moved(middle, 0, 1.5), id="E")
    found = report(with_pipe(network, "BE", b, near))
    (miss,) = [f for f in found.findings if f.code == "near_miss"]
    assert (miss.element, miss.params["other"]) == ("BE", "CD")
    assert miss.params["gap_m"] == pytest.approx(1.5, abs=0.05)
    assert (miss.lon, miss.lat) == (near.lon, near.lat)
    assert "near_misses" in {r.code for r in found.verdicts["tracing"].why}


def test_a_dead_end_that_nothing_explains() -> None:
    network = clean()
    away = replace(moved(network.nodes["D"], 0, -80), id="E", base_demand_m3s=0.0)
    bare = with_pipe(network, "DE", network.nodes["D"], away)
    assert codes(bare)["dangling_end"] == {"DE"}
    hydrant = Hydrant("H", "E", away.lon, away.lat, "")
    assert "dangling_end" not in codes(replace(bare, hydrants={"H": hydrant}))
    tap = replace(network.services["SCD"], id="S", pipe="DE", premise="p")
    assert "dangling_end" not in codes(replace(bare, services={**bare.services, "S": tap}))


def test_pipes_that_cross_without_a_node() -> None:
    """From the middle of nowhere across CD, both ends far from it."""
    network = clean()
    c, d = network.nodes["C"], network.nodes["D"]
    middle = replace(c, lon=(c.lon + d.lon) / 2, lat=(c.lat + d.lat) / 2)
    north = replace(moved(middle, 3, 30), id="E")
    south = replace(moved(middle, 3, -30), id="F")
    found = report(with_pipe(network, "EF", north, south))
    (cross,) = [f for f in found.findings if f.code == "crossing_without_node"]
    assert {cross.element, cross.params["other"]} == {"EF", "CD"}
    x, y = project(float(cross.lon or 0), float(cross.lat or 0), 3067)
    assert (x, y) == pytest.approx(project(middle.lon, middle.lat, 3067), abs=3.5)


def test_what_no_source_reaches_is_counted_by_the_piece() -> None:
    network = measured(town("R-o---A-o---o-B\n\nC-----D---E"))
    found = report(network)
    (part,) = [f for f in found.findings if f.code == "pipe_without_source"]
    assert part.severity == "error"
    assert part.params["pipes"] == 1
    assert part.params["length_m"] == round(sum(
        network.pipes[p].length_m for p in ("CD", "DE")
    ))  # fmt: skip
    assert found.verdicts["tracing"].ok == "no"
    assert "without_source" in {r.code for r in found.verdicts["tracing"].why}


@pytest.mark.parametrize(
    ("drawing", "dry"),
    [
        ("R-o---A-x---x-B", {"AB"}),
        ("R-o---A-x-----B", set()),  # AB has water from neither end but A's valve stands at A
        ("R-o---A---<---B", {"AB"}),
        ("R-o---A--->---B", set()),
    ],
)
def test_what_closed_valves_and_one_way_pipes_leave_dry(drawing: str, dry: set[str]) -> None:
    """A valve shut at A keeps water from AB; B has none to give."""
    expected = dry | ({"AB"} if "A-x-----B" in drawing else set())
    assert codes(measured(town(drawing))).get("pipe_shut_off", set()) == expected


def test_a_zone_that_gets_no_water() -> None:
    network = measured(town("R-o---A-x---o-B---C"))
    pipes = {n: replace(p, zone="high" if n != "RA" else "low") for n, p in network.pipes.items()}
    assert codes(replace(network, pipes=pipes))["zone_without_source"] == {"high"}


def test_a_valve_beside_its_pipe_and_two_at_one_end() -> None:
    network = clean()
    valve = network.valves["AB@A"]
    off = moved(replace(network.nodes["A"]), 0, 40)
    valves = {
        **network.valves,
        "AB@A": replace(valve, lon=off.lon, lat=off.lat),
        "twin": replace(network.valves["CD@C"], id="twin"),
    }
    found = codes(replace(network, valves=valves))
    assert found["valve_off_pipe"] == {"AB@A"}
    assert found["valve_twice"] == {"twin"}


@pytest.mark.parametrize(
    ("sizes", "jump"),
    [
        ((100, 300, 100), {"AB"}),
        ((300, 100, 300), {"AB"}),
        ((100, 200, 300), set()),
        ((300, 200, 100), set()),
        ((100, 125, 100), set()),
        ((300, 100, 100), set()),
    ],
)
def test_a_diameter_that_fits_neither_neighbour(
    sizes: tuple[int, int, int], jump: set[str]
) -> None:
    network = measured(town("R-o---A-o---o-B-----C"))
    pipes = {
        n: replace(p, diameter_mm=d)
        for (n, p), d in zip(network.pipes.items(), sizes, strict=True)
    }
    assert codes(replace(network, pipes=pipes)).get("diameter_jump", set()) == jump


def test_a_run_of_pipes_is_one_diameter_jump_and_a_tee_is_none() -> None:
    network = measured(town("R-o---A-----B-----C-----D"))
    sizes = {"RA": 100, "AB": 300, "BC": 300, "CD": 100}
    pipes = {n: replace(p, diameter_mm=sizes[n]) for n, p in network.pipes.items()}
    assert codes(replace(network, pipes=pipes))["diameter_jump"] == {"AB"}
    tee = measured(town("R-o---A-----B-----C\n      |     |\n      D     E"))
    pipes = {n: replace(p, diameter_mm=300 if n == "AB" else 100) for n, p in tee.pipes.items()}
    assert "diameter_jump" not in codes(replace(tee, pipes=pipes))


def test_premises_on_no_main_and_the_same_twice() -> None:
    network = clean()
    rows = houses(network)
    rows += [replace(rows[0], service=""), PremiseRow("lost", 24.94, 60.17)]
    found = report(network, None, rows)
    by_code: Mapping[str, set[str]] = {
        c: {f.element for f in found.findings if f.code == c} for c in found.counts
    }
    assert by_code["premise_twice"] == {rows[0].id}
    assert by_code["premise_without_main"] == {"lost"}
    assert found.verdicts["locating"].ok == "with_care"


def test_names_used_for_two_things_and_ids_left_out_at_the_import() -> None:
    network = clean()
    valves = {**network.valves, "CD": replace(network.valves["CD@C"], id="CD")}
    aside = Quarantined(
        "pipes", 17, "AB", "id", "duplicate_id", "…", {}, {"layer": "pipes", "line": 3}, 24.9, 60.1
    )
    found = report(replace(network, valves=valves), quarantine=[aside], records=10)
    assert {f.element for f in found.findings if f.code == "id_shared"} == {"CD"}
    (twice,) = [f for f in found.findings if f.code == "duplicate_id"]
    assert (twice.element, twice.params, twice.lon) == ("AB", {"layer": "pipes", "line": 3}, 24.9)
    assert "quarantined" in {r.code for r in found.verdicts["locating"].why}


def test_everything_validate_finds_is_in_the_report() -> None:
    network = clean()
    pipes = {**network.pipes, "AB": replace(network.pipes["AB"], length_m=9000.0)}
    bad = replace(network, pipes=pipes)
    found = report(bad)
    for f in bad.validate():
        assert (f.code, f.element) in {(g.code, g.element) for g in found.findings}
    broken = replace(network, pipes={**network.pipes, "AB": replace(pipes["AB"], end="?")})
    assert report(broken).verdicts["locating"].ok == "no"


def test_drainage_that_runs_uphill_or_ends_at_nothing() -> None:
    r"""M1 -> M2 rises; M2 -> ? ends at nothing; M3 stands alone."""

    def manhole(name: str, k: int) -> Manhole:
        return Manhole(name, 24.94 + k * 0.001, 60.17, 10.0, 8.0)

    def sewer(name: str, start: str, end: str, k: int, up: float, down: float) -> Sewer:
        line = LineString([(24.94 + k * 0.001, 60.17), (24.941 + k * 0.001, 60.17)])
        return Sewer(name, start, end, line, 55.0, 300.0, invert_start_m=up, invert_end_m=down)

    drainage = Drainage(
        3067,
        {m: manhole(m, k) for k, m in enumerate(("M1", "M2", "M3"))},
        {
            "W1": sewer("W1", "M1", "M2", 0, 8.0, 8.3),
            "W2": sewer("W2", "M2", "nowhere", 1, 8.0, 7.8),
            "W3": sewer("W3", "M1", "M2", 0, 12.0, 8.0),
        },
    )
    found = codes(clean(), drainage=drainage)
    assert found == {
        "sewer_uphill": {"W1"},
        "sewer_end_missing": {"W2"},
        "manhole_without_sewer": {"M3"},
        "sewer_against_ground": {"W3"},
    }


def without(network: Network, what: str) -> Network:
    if what == "sources":
        nodes = {n: replace(x, kind="junction") for n, x in network.nodes.items()}
        return replace(network, nodes=nodes)
    if what == "heights":
        return replace(
            network, nodes={n: replace(x, elevation_m=0.0) for n, x in network.nodes.items()}
        )
    if what == "demands":
        return replace(
            network, nodes={n: replace(x, base_demand_m3s=0.0) for n, x in network.nodes.items()}
        )
    if what == "pipes":
        return replace(network, pipes={}, valves={}, services={})
    return replace(network, valves={})


@pytest.mark.parametrize(
    ("what", "expected", "code"),
    [
        ("sources", ("yes", "no", "no"), "no_source"),
        ("heights", ("yes", "yes", "no"), "no_heights"),
        ("demands", ("yes", "yes", "no"), "no_demands"),
        ("valves", ("yes", "no", "yes"), "no_valves"),
        ("pipes", ("no", "no", "no"), "no_pipes"),
    ],
)
def test_verdicts_say_what_is_missing(
    what: str, expected: tuple[str, str, str], code: str
) -> None:
    network = clean()
    found = report(without(network, what), None, houses(network))
    assert (
        found.verdicts["locating"].ok, found.verdicts["tracing"].ok,
        found.verdicts["hydraulics"].ok,
    ) == expected  # fmt: skip
    assert code in {r.code for v in found.verdicts.values() for r in v.why}


def test_lists_are_capped_and_counted_whole() -> None:
    network = clean()
    rows = [PremiseRow(f"u{k}", 24.94, 60.17) for k in range(30)]
    found = report(network, None, rows, most=10)
    assert found.counts["premise_without_main"] == 30
    assert sum(f.code == "premise_without_main" for f in found.findings) == 10


def test_the_worst_data_raises_nothing() -> None:
    nothing = Network("void", 3857, {}, {})
    assert report(nothing).verdicts["tracing"].ok == "no"
    lost = Node("N", "junction", float("nan"), 1e9, 0.0)
    control = Control("C", "N", "?", "pump", LineString([(0, 0), (1, 1)]), 0.0)
    made = replace(clean(), crs_measure=999999, nodes={"N": lost}, controls={"C": control})
    assert isinstance(report(made), Readiness)


def test_every_code_has_its_sentence_and_the_report_is_json() -> None:
    import json

    network = measured(town("R-o---A-x---x-B\n\nC-----D---E"))
    found = report(network, None, [PremiseRow("lost", 24.94, 60.17)])
    text = json.loads(json.dumps(found.as_json()))
    assert text["verdicts"]["tracing"]["ok"] == "no"
    for f in found.findings:
        if "detail" not in f.params:
            assert f.message == SENTENCES[f.code][1].format(**f.params)
    for verdict in found.verdicts.values():
        for reason in verdict.why:
            assert reason.message == REASONS[reason.code].format(**reason.params)
    assert Note("a", "b").as_json() == {"code": "a", "message": "b", "params": {}}
