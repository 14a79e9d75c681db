"""Loose lines become a network: ends that meet, tees, valves in mid-street, taps.

Coordinates are metres from a corner of Xi'an.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from gis_data.crs import project
from gis_data.importing import Built, Tolerances
from gis_data.isolation import isolate
from gis_data.model import Network
from tests.gis_data.importing.files import EPSG, at, import_of, line
from tests.gis_data.town import town


def pipe(name: str, *points: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"id": name, "diameter_mm": 100, **more, "geometry": line(*points)}


def point(name: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    return {"id": name, **more, "geometry": Point(at(x, y))}


def ends(built: Built, name: str) -> tuple[str, str]:
    p = built.network.pipes[name]
    return p.start, p.end


# --- ends ---------------------------------------------------------------------------------------


def test_ends_within_half_a_metre_meet_and_others_do_not() -> None:
    built = import_of(
        {
            "pipes": [
                pipe("A", (0, 0), (100, 0)),
                pipe("B", (100.3, 0.3), (200, 0)),
                pipe("C", (200.6, 0), (300, 0)),
            ]
        }
    )
    assert ends(built, "A")[1] == ends(built, "B")[0]
    assert ends(built, "B")[1] != ends(built, "C")[0]
    wider = import_of(
        {"pipes": [pipe("B", (100, 0), (200, 0)), pipe("C", (200.6, 0), (300, 0))]},
        tolerances=Tolerances(snap=1.0),
    )
    assert ends(wider, "B")[1] == ends(wider, "C")[0]


def test_lines_are_drawn_to_the_node_they_meet_at() -> None:
    built = import_of({"pipes": [pipe("A", (0, 0), (100, 0)), pipe("B", (100.3, 0.3), (200, 0))]})
    assert {f.code for f in built.network.validate()} == {"no_source"}
    a, b = built.network.pipes["A"], built.network.pipes["B"]
    assert a.geometry.coords[-1] == pytest.approx(b.geometry.coords[0], abs=1e-12)


def test_the_two_ends_of_a_short_pipe_stay_two() -> None:
    built = import_of(
        {
            "pipes": [
                pipe("A", (0, 0), (100, 0)),
                pipe("stub", (100, 0), (100.3, 0)),
                pipe("B", (100.3, 0), (200, 0)),
            ]
        }
    )
    assert built.quarantine == []
    assert ends(built, "A")[1] == ends(built, "stub")[0]
    assert ends(built, "stub")[1] == ends(built, "B")[0]
    assert ends(built, "stub")[0] != ends(built, "stub")[1]


def test_a_ring_is_cut_in_two() -> None:
    ring = pipe("ring", (0, 0), (50, 0), (50, 50), (0, 50), (0, 0))
    built = import_of({"pipes": [ring, pipe("A", (0, 0), (-80, 0))]})
    assert set(built.network.pipes) == {"ring~1", "ring~2", "A"}
    assert built.network.pipes["ring~1"].length_m == pytest.approx(100, abs=0.1)
    assert not [f for f in built.network.validate() if f.severity == "error"]


def test_named_ends_win_over_the_drawing() -> None:
    built = import_of(
        {
            "pipes": [
                pipe("A", (0, 0), (100, 0), start="N1", end="N2"),
                pipe("B", (100, 0), (200, 0), start="N3", end="N4"),
            ],
            "nodes": [
                point("N1", 0, 0),
                point("N2", 100, 0),
                point("N3", 100, 0),
                point("N4", 200, 0),
            ],
        }
    )
    assert ends(built, "A") == ("N1", "N2")
    assert ends(built, "B") == ("N3", "N4")


def test_a_pipe_may_end_at_a_hydrant_or_valve_by_its_number() -> None:
    built = import_of(
        {
            "pipes": [
                pipe("A", (0, 0), (100, 0), start="", end="V1"),
                pipe("B", (100, 0), (200, 0), start="V1", end="H1"),
            ],
            "valves": [point("V1", 100, 0)],
            "hydrants": [point("H1", 200, 0)],
        }
    )
    assert built.quarantine == []
    assert ends(built, "A")[1] == ends(built, "B")[0] == "V1"
    assert built.network.hydrants["H1"].node == "H1" == ends(built, "B")[1]
    assert built.network.valves["V1"].node == "V1"


# --- tees and crossings -------------------------------------------------------------------------
#
#   A---------T---------B      AB is one line; TC ends on it within the tolerance.
#             |
#             C


def test_a_pipe_that_ends_on_another_cuts_it() -> None:
    built = import_of(
        {"pipes": [pipe("AB", (0, 0), (200, 0)), pipe("TC", (80, 0.2), (80, -60))]}
    )
    assert set(built.network.pipes) == {"AB~1", "AB~2", "TC"}
    tee = ends(built, "TC")[0]
    assert ends(built, "AB~1")[1] == ends(built, "AB~2")[0] == tee
    lengths = [built.network.pipes[p].length_m for p in ("AB~1", "AB~2")]
    assert lengths == pytest.approx([80, 120], abs=0.1)
    assert {built.network.pipes[p].origin for p in ("AB~1", "AB~2")} == {"AB"}


def test_recorded_length_is_shared_among_the_parts() -> None:
    built = import_of(
        {
            "pipes": [
                pipe("AB", (0, 0), (200, 0), length_m=210.0),
                pipe("TC", (80, 0), (80, -60), length_m=60.0),
            ]
        }
    )
    lengths = [built.network.pipes[p].length_m for p in ("AB~1", "AB~2")]
    assert lengths == pytest.approx([84, 126], abs=0.2)


def test_pipes_that_cross_without_an_end_stay_apart() -> None:
    """It may be a bridge: a finding of the readiness report, not a joint."""
    built = import_of(
        {"pipes": [pipe("AB", (0, 0), (200, 0)), pipe("CD", (80, 50), (80, -60))]}
    )
    assert set(built.network.pipes) == {"AB", "CD"}
    assert not set(ends(built, "AB")) & set(ends(built, "CD"))


# --- valves -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "pipe_id", "end"),
    [
        (2.5, "AB", 0),
        (19.0, "AB", 0),
        (21.0, "AB~1", 1),
        (100.0, "AB~1", 1),
        (181.0, "AB", 1),
        (199.9, "AB", 1),
    ],
)
def test_a_valve_stands_at_the_near_end_or_cuts_its_pipe(x: float, pipe_id: str, end: int) -> None:
    """Within 3 m or a tenth of the pipe's 200 m it counts as standing at the end."""
    built = import_of({"pipes": [pipe("AB", (0, 0), (200, 0))], "valves": [point("V", x, 0.5)]})
    valve = built.network.valves["V"]
    assert valve.pipe == pipe_id
    assert valve.node == ends(built, pipe_id)[end]
    assert not [f for f in built.network.validate() if f.severity == "error"]


def test_two_valves_at_one_end_both_keep_their_place() -> None:
    built = import_of(
        {
            "pipes": [pipe("AB", (0, 0), (200, 0))],
            "valves": [point("V1", 4, 0), point("V2", 9, 0)],
        }
    )
    one, two = built.network.valves["V1"], built.network.valves["V2"]
    assert (one.pipe, one.node) != (two.pipe, two.node)
    assert {f.code for f in built.network.validate()} == {"no_source"}
    assert set(built.network.pipes) == {"AB~1", "AB~2"}


def test_a_valve_recorded_twice_is_set_aside_once() -> None:
    built = import_of(
        {
            "pipes": [pipe("AB", (0, 0), (200, 0))],
            "valves": [point("V1", 100, 0), point("V2", 100.2, 0)],
        }
    )
    assert set(built.network.valves) == {"V1"}
    (bad,) = built.quarantine
    assert (bad.element, bad.reason_code, bad.params) == ("V2", "valve_twice", {"other": "V1"})


def test_at_a_tee_the_valve_goes_to_the_pipe_of_its_size() -> None:
    built = import_of(
        {
            "pipes": [
                pipe("A", (0, 0), (100, 0)),
                pipe("B", (100, 0), (200, 0)),
                {**pipe("C", (100, 0), (100, -80)), "diameter_mm": 300},
            ],
            "valves": [point("V", 100, 0, diameter_mm=300)],
        }
    )
    assert built.network.valves["V"].pipe == "C"


def test_what_a_record_says_of_its_pipe_and_side_is_kept() -> None:
    built = import_of(
        {
            "pipes": [
                pipe("A", (0, 0), (100, 0), start="N1", end="N2"),
                pipe("B", (100, 0), (200, 0), start="N2", end="N3"),
            ],
            "nodes": [point("N1", 0, 0), point("N2", 100, 0), point("N3", 200, 0)],
            # Drawn on A, 40 m away from the side it belongs to.
            "valves": [point("V", 60, 0, pipe="B", node="N3")],
        }
    )
    valve = built.network.valves["V"]
    assert (valve.pipe, valve.node) == ("B", "N3")


def test_a_valve_drawn_as_a_link_in_series_becomes_a_valve_on_its_pipe() -> None:
    built = import_of(
        {
            "pipes": [pipe("A", (0, 0), (100, 0)), pipe("B", (101, 0), (200, 0))],
            "valves": [
                {"id": "V", "status": "关", "operable": "坏", "geometry": line((100, 0), (101, 0))}
            ],
            "sources": [point("R", 0, 0)],
        }
    )
    network = built.network
    assert network.controls == {}
    valve = network.valves["V"]
    assert (valve.normally_open, valve.operable) == (False, "no")
    assert valve.node in ends(built, valve.pipe)
    assert {f.code for f in network.validate()} == set()
    assert sum(p.length_m for p in network.pipes.values()) == pytest.approx(200, abs=0.2)


# --- hydrants, pumps, works ---------------------------------------------------------------------


def test_a_hydrant_beside_its_pipe_gets_a_node_on_it() -> None:
    built = import_of(
        {
            "pipes": [pipe("AB", (0, 0), (200, 0))],
            "hydrants": [point("H1", 100, 3.0), point("H2", 198, 2.0), point("H3", 50, 30)],
        }
    )
    assert built.network.hydrants["H1"].node == ends(built, "AB~1")[1]
    assert built.network.hydrants["H2"].node == ends(built, "AB~2")[1]
    (bad,) = built.quarantine
    assert (bad.element, bad.reason_code) == ("H3", "off_pipe")


def test_a_pump_drawn_as_a_point_takes_a_metre_of_its_pipe() -> None:
    built = import_of(
        {
            "pipes": [pipe("AB", (0, 0), (200, 0))],
            "pumps": [point("P", 120, 0)],
            "prvs": [point("J", 40, 0.2, setting=30)],
            "sources": [point("R", 0, 0)],
        }
    )
    network = built.network
    assert {c.id: c.kind for c in network.controls.values()} == {"P": "pump", "J": "prv"}
    pump = network.controls["P"]
    assert (network.pipes["AB~2"].end, network.pipes["AB~3"].start) == (pump.start, pump.end)
    assert network.controls["J"].setting == 30
    assert {f.code for f in network.validate()} == set()
    assert "direction_assumed" in {n.code for n in built.notes}


def test_a_works_beside_the_end_of_its_main_feeds_it() -> None:
    built = import_of(
        {"pipes": [pipe("AB", (0, 0), (200, 0))], "sources": [point("R", -3.0, 1.0)]}
    )
    assert ends(built, "AB")[0] == "R"


# --- premises -----------------------------------------------------------------------------------


def test_premises_tap_the_nearest_main_and_follow_it_through_cuts() -> None:
    built = import_of(
        {
            "pipes": [pipe("AB", (0, 0), (200, 0)), pipe("TC", (80, 0), (80, -60))],
            "premises": [point("U1", 120, 10), point("U2", 70, -30), point("U3", 100, 500)],
        }
    )
    by_premise = {s.premise: s for s in built.network.services.values()}
    assert (by_premise["U1"].pipe, by_premise["U2"].pipe) == ("AB~2", "TC")
    assert by_premise["U1"].measure == pytest.approx(1 / 3, abs=0.01)
    assert "U3" not in by_premise
    rows = {p.id: p for p in built.premises}
    assert rows["U1"].service == by_premise["U1"].id
    assert rows["U3"].service == ""


def test_service_lines_say_which_premise_and_may_say_which_main() -> None:
    built = import_of(
        {
            "pipes": [pipe("AB", (0, 0), (200, 0)), pipe("CD", (0, 20), (200, 20))],
            "services": [
                {"id": "S1", "premise": "U1", "geometry": line((50, 12), (50, 0.1))},
                {"id": "S2", "premise": "U2", "main_id": "CD", "geometry": line((90, 9), (90, 1))},
                {"id": "S3", "premise": "", "geometry": line((150, 20), (150, 30))},
            ],
            "premises": [point("U1", 50, 12), point("U2", 90, 9)],
        }
    )
    services = built.network.services
    assert (services["S1"].pipe, services["S1"].premise) == ("AB", "U1")
    # Whichever way it is drawn, a service line runs from the main to the premise.
    assert project(*services["S1"].geometry.coords[-1], EPSG)[1] == pytest.approx(
        at(0, 12)[1], abs=0.01
    )
    assert (services["S2"].pipe, services["S2"].premise) == ("CD", "U2")
    assert services["S3"].premise == "P-S3"
    assert {p.id for p in built.premises} == {"U1", "U2", "P-S3"}


def test_sewers_never_join_the_water_they_lie_beside() -> None:
    built = import_of(
        {
            "pipes": [pipe("AB", (0, 0), (200, 0))],
            "sewers": [
                {"id": "W1", "diameter_mm": 400, "start": "", "end": "", "invert_start_m": 8.0,
                 "invert_end_m": 7.5, "geometry": line((0, 0), (100, 0))},
                {"id": "W2", "diameter_mm": 400, "start": "M2", "end": "", "invert_start_m": 7.5,
                 "invert_end_m": 7.0, "geometry": line((100, 0), (200, 0))},
            ],
            "manholes": [point("M1", 0.3, 0, ground_m=10.0, invert_m=8.0),
                         point("M2", 100, 0, ground_m=10.0, invert_m=7.5)],
        }
    )  # fmt: skip
    assert set(built.network.pipes) == {"AB"}
    assert built.drainage is not None
    sewers = built.drainage.sewers
    assert (sewers["W1"].start, sewers["W1"].end, sewers["W2"].start) == ("M1", "M2", "M2")
    assert sewers["W2"].end not in built.drainage.manholes
    assert sewers["W1"].slope == pytest.approx(0.005, abs=1e-4)


# --- a whole town, taken apart and put together again -------------------------------------------

TOWNS = [
    """
R-o-A---o-B-x-G
    |     |   |
    o     o   |
    C-----D---H
    """,
    """
R-o-A-o-B-o-C
|   o   |   |
D-o-E---F-o-T
    """,
]


def apart(network: Network, dice: Random) -> dict[str, list[dict[str, Any]]]:
    """The network as a surveyor would hand it over: loose lines, points a little off."""

    def off(lonlat: tuple[float, float], most: float) -> tuple[float, float]:
        x, y = project(*lonlat, 3067)
        return x + dice.uniform(-most, most), y + dice.uniform(-most, most)

    pipes = []
    for p in network.pipes.values():
        nodes = [network.nodes[n] for n in (p.start, p.end)]
        coords = [off((n.lon, n.lat), 0.15) for n in nodes]
        if dice.random() < 0.5:
            coords.reverse()
        pipes.append({"id": p.id, "diameter_mm": p.diameter_mm, "geometry": LineString(coords)})
    valves = []
    for v in network.valves.values():
        p = network.pipes[v.pipe]
        share = 0.05 if v.node == p.start else 0.95
        here = p.geometry.interpolate(share, normalized=True)
        valves.append(
            {"id": v.id, "status": "open" if v.normally_open else "closed",
             "geometry": Point(off((here.x, here.y), 0.3))}
        )  # fmt: skip
    sources = [
        {"id": n.id, "geometry": Point(off((n.lon, n.lat), 0.1))} for n in network.sources()
    ]
    for rows in (pipes, valves, sources):
        dice.shuffle(rows)
    return {"pipes": pipes, "valves": valves, "sources": sources}


@given(drawing=st.sampled_from(TOWNS), seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_a_town_taken_apart_comes_back_the_same(drawing: str, seed: int) -> None:
    from tests.gis_data.importing import files

    original = town(drawing)
    loose = apart(original, Random(seed))
    layers = {name: files.layer(name, rows, 3067) for name, rows in loose.items()}
    built = files.built_of(layers)
    assert built.quarantine == []
    network = built.network
    assert set(network.pipes) == set(original.pipes)
    # Nodes have other names; those that stand for the same node lie in the same place.
    same: dict[str, str] = {}
    for name, p in network.pipes.items():
        drawn = original.pipes[name]
        for node in (p.start, p.end):
            n = network.nodes[node]
            away = {
                o.id: abs(o.lon - n.lon) + abs(o.lat - n.lat)
                for o in (original.nodes[drawn.start], original.nodes[drawn.end])
            }
            near = min(away, key=lambda o: away[o])
            assert same.setdefault(node, near) == near
    assert len(set(same.values())) == len(same)
    assert {(v.id, v.pipe, same[v.node], v.normally_open) for v in network.valves.values()} == {
        (v.id, v.pipe, v.node, v.normally_open) for v in original.valves.values()
    }
    for target in original.pipes:
        assert set(isolate(network, target).valves_to_close) == set(
            isolate(original, target).valves_to_close
        )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_the_order_of_the_records_does_not_matter(seed: int) -> None:
    from tests.gis_data.importing import files

    loose = apart(town(TOWNS[0]), Random(5))
    once = files.built_of({n: files.layer(n, rows, 3067) for n, rows in loose.items()})
    for rows in loose.values():
        Random(seed).shuffle(rows)
    again = files.built_of({n: files.layer(n, rows, 3067) for n, rows in loose.items()})
    for kind in ("nodes", "pipes", "valves"):
        assert dict(getattr(once.network, kind)) == dict(getattr(again.network, kind))
