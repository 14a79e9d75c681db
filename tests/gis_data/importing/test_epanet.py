"""EPANET files as they come: read right, or refused with section and line; bad lines set aside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gis_data.importing import Built, ImportRefused, build, read_layers, suggest_map
from gis_data.inp import read_inp
from tests.data import shared

GOOD = """[TITLE]
Two houses
[JUNCTIONS]
A 10 1 day
B 12 1
C 12 0
[RESERVOIRS]
R 60
[PIPES]
RA R A 100 200 120 0 Open
AB A B 100 150 120 0 Open
BC B C 50 100 120 0 Open
[STATUS]
BC CLOSED
[PATTERNS]
day 0.5 1 1.5
[CONTROLS]
LINK AB CLOSED AT CLOCKTIME 1:00 AM
[TIMES]
Duration 24:00
Pattern Timestep 1:00
Start ClockTime 12:00 AM
[COORDINATES]
A 500100 3790000
B 500200 3790000
C 500250 3790000
R 500000 3790000
[OPTIONS]
Units LPS
Headloss H-W
[END]
"""


def built(tmp_path: Path, content: str | bytes, **how: Any) -> Built:
    path = tmp_path / "town.inp"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    layers = read_layers(path)
    return build(layers, suggest_map(layers), **{"crs": 4545, **how})


def plain(made: Built) -> Any:
    return replace(made.network, name="")


# --- seven styles that readers stumble over -----------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "litres"),
    [("CFS", 28.3168), ("GPM", 0.0630902), ("MGD", 43.8126), ("IMGD", 52.6168), ("AFD", 14.2764),
     ("LPS", 1), ("LPM", 1 / 60), ("MLD", 11.5741), ("CMH", 1 / 3.6), ("CMD", 1 / 86.4)],
)  # fmt: skip
def test_1_every_unit_of_flow(tmp_path: Path, unit: str, litres: float) -> None:
    """Litres per second by the tables of the EPANET manual."""
    network = built(tmp_path, GOOD.replace("LPS", unit)).network
    assert network.nodes["A"].base_demand_m3s * 1000 == pytest.approx(litres, rel=1e-4)
    # With the units of the United States lengths are feet and diameters inches.
    american = unit in ("CFS", "GPM", "MGD", "IMGD", "AFD")
    assert network.pipes["AB"].length_m == pytest.approx(30.48 if american else 100)
    assert network.pipes["AB"].diameter_mm == pytest.approx(150 * 25.4 if american else 150)


def test_1_a_unit_nobody_knows_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused) as caught:
        built(tmp_path, GOOD.replace("Units LPS", "Units FURLONGS"))
    assert (caught.value.field, caught.value.line) == ("OPTIONS", 29)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030",
                                      "cp1252"])  # fmt: skip
def test_2_every_encoding(tmp_path: Path, encoding: str) -> None:
    title = "Stadtnetz Süd; Höhe über Null" if encoding == "cp1252" else "城南供水管网模型"
    text = GOOD.replace("Two houses", title)
    assert plain(built(tmp_path, text.encode(encoding))) == plain(built(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("1:00 AM", 3600), ("01:00", 3600), ("1", 3600), ("1:00:00 PM", 46800), ("6:30am", 23400),
     ("12:00 AM", 0), ("12 pm", 43200), ("24:00", 86400), ("13:30", 48600), ("90 min", 5400)],
)  # fmt: skip
def test_3_every_clock(tmp_path: Path, said: str, seconds: int) -> None:
    for old, new in (("1:00 AM", said), ("Start ClockTime 12:00 AM", f"Start ClockTime {said}")):
        made = built(tmp_path, GOOD.replace(old, new))
        assert made.quarantine == []
    hours = seconds / 3600 % 24
    (rule,) = built(tmp_path, GOOD.replace("1:00 AM", said)).network.rules
    shown = rule.upper().split("CLOCKTIME")[1].split()
    first, *rest = (float(part) for part in shown[0].split(":"))
    found = first + (rest[0] / 60 if rest else 0)
    if len(shown) > 1:
        found = found % 12 + (12 if shown[1] == "PM" else 0)
    assert found % 24 == pytest.approx(hours)


def test_3_durations_in_days_minutes_and_seconds(tmp_path: Path) -> None:
    for said in ("1:00", "60 MIN", "3600 SEC", "1 HOURS"):
        made = built(tmp_path, GOOD.replace("Pattern Timestep 1:00", f"Pattern Timestep {said}"))
        assert made.network.pattern_step_s == 3600


def test_3_a_time_that_is_none_is_set_aside(tmp_path: Path) -> None:
    made = built(tmp_path, GOOD.replace("AT CLOCKTIME 1:00 AM", "AT CLOCKTIME noonish"))
    (bad,) = made.quarantine
    assert (bad.layer, bad.line, bad.reason_code) == ("CONTROLS", 18, "not_a_time")
    assert made.network.rules == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # 4: nodes that are not there
        ("BC B C", "BC B Z", [("PIPES", 12, "BC", "end", "unknown_reference")]),
        ("C 12 0\n", "", [("PIPES", 11, "BC", "end", "unknown_reference")]),
        ("C 500250 3790000\n", "", [("JUNCTIONS", 6, "C", "coordinates", "no_geometry"),
                                    ("PIPES", 12, "BC", "end", "unknown_reference")]),
        ("LINK AB", "LINK ZZ", [("CONTROLS", 18, "LINK", "control", "unknown_reference")]),
        # 5: the same number twice
        ("C 12 0", "C 12 0\nC 13 0", [("JUNCTIONS", 7, "C", "id", "duplicate_id")]),
        ("BC B C 50", "BC B C 50 100 120 0 Open\nBC A C 50",
         [("PIPES", 13, "BC", "id", "duplicate_id")]),
        # values that are none
        ("BC B C 50 100", "BC B C 50 wide", [("PIPES", 12, "BC", "diameter", "not_a_number")]),
        ("BC B C 50 100", "BC B C 50 0", [("PIPES", 12, "BC", "diameter", "out_of_range")]),
        ("BC B C 50 100 120 0 Open", "BC B C", [("PIPES", 12, "BC", "length", "missing_value")]),
        ("BC B C", "BC B B", [("PIPES", 12, "BC", "end", "same_ends")]),
        ("C 12 0", "C nan 0", [("JUNCTIONS", 6, "C", "elevation", "not_a_number"),
                               ("PIPES", 12, "BC", "end", "unknown_reference")]),
        ("C 500250", "C 900250", [("JUNCTIONS", 6, "C", "coordinates", "out_of_extent"),
                                  ("PIPES", 12, "BC", "end", "unknown_reference")]),
        ("C 500250", "C east", [("JUNCTIONS", 6, "C", "coordinates", "not_a_number"),
                                ("PIPES", 12, "BC", "end", "unknown_reference")]),
        ("day 0.5 1", "day much 1", [("PATTERNS", 16, "day", "multipliers", "not_a_number")]),
    ],
)  # fmt: skip
def test_4_and_5_wrong_lines_are_set_aside_and_the_rest_makes_a_network(
    tmp_path: Path, old: str, new: str, expected: list[tuple[str, int, str, str, str]]
) -> None:
    made = built(tmp_path, GOOD.replace(old, new, 1), dirty_share=0.5)
    assert [
        (q.layer, q.line, q.element, q.field, q.reason_code) for q in made.quarantine
    ] == sorted(expected)
    assert {"RA", "AB"} <= set(made.network.pipes)
    assert [f for f in made.network.validate() if f.severity == "error"] == []


@pytest.mark.parametrize(
    ("content", "field", "code", "line"),
    [
        # 6: nothing there
        (b"", "file", "empty", None),
        (b" \r\n\t\n", "file", "empty", None),
        (b"[TITLE]\nNothing\n[END]\n", "PIPES", "no_pipes", None),
        # 7: something else
        (bytes(range(256)) * 30, "file", "not_text", None),
        (b"\xff\xfe junk", "file", "not_text", None),
        (b"junctions:\nA 1\n", "file", "not_epanet", 1),
        (GOOD.replace("[STATUS]", "[MAGIC]").encode(), "file", "unknown_section", 13),
        (GOOD.split("[COORDINATES]")[0].encode() + b"[END]\n", "COORDINATES", "no_geometry", None),
        (GOOD.replace("Headloss H-W", "Headloss X").encode(), "OPTIONS", "unknown_value", 30),
    ],
)  # fmt: skip
def test_6_and_7_what_is_no_network_is_refused(
    tmp_path: Path, content: bytes, field: str, code: str, line: int | None
) -> None:
    with pytest.raises(ImportRefused) as caught:
        built(tmp_path, content)
    assert (caught.value.field, caught.value.code, caught.value.line) == (field, code, line)
    assert str(tmp_path) not in caught.value.message


# --- the whole ----------------------------------------------------------------------------------


def test_a_system_must_be_declared_and_must_fit(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused) as caught:
        built(tmp_path, GOOD, crs=None)
    assert (caught.value.field, caught.value.code) == ("crs", "crs_missing")
    with pytest.raises(ImportRefused) as caught:
        built(tmp_path, GOOD, crs=3067)
    assert caught.value.field == "crs"


def test_degrees_are_read_and_measured_in_metres(tmp_path: Path) -> None:
    text = GOOD
    for name, lon in (("A", 108.00109), ("B", 108.00217), ("C", 108.00271), ("R", 108.0)):
        old = next(line for line in GOOD.splitlines() if line.startswith(f"{name} 500"))
        text = text.replace(old, f"{name} {lon} 34.2365")
    network = built(tmp_path, text, crs=4326).network
    assert network.crs_measure == 32649
    assert network.nodes["B"].lon == pytest.approx(108.00217, abs=1e-7)
    assert {f.code for f in network.validate() if f.severity == "error"} == set()


@pytest.mark.parametrize(
    ("name", "epsg"), [("kitchener/model.inp", 26917), ("water/ky4.inp", 3089)]
)
def test_real_models_come_in_as_by_the_strict_reader(name: str, epsg: int) -> None:
    path = shared(name)
    layers = read_layers(path)
    made = build(layers, suggest_map(layers), crs=epsg)
    assert made.quarantine == []
    assert plain(made) == replace(read_inp(path, epsg), name="")


def test_feet_taken_for_metres_are_noticed(tmp_path: Path) -> None:
    layers = read_layers(shared("water/ky4.inp"))
    kentucky = (-87.0, 36.5, -85.0, 38.0)
    with pytest.raises(ImportRefused, match="feet") as caught:
        build(layers, suggest_map(layers), crs=3088, city_bounds=kentucky)
    assert caught.value.code == "crs_unit"
    assert 3089 in caught.value.candidates


def test_one_line_in_twenty_of_a_real_model(tmp_path: Path) -> None:
    """Diameters of every 20th pipe gone: these pipes are named, all others are as before."""
    text = shared("water/ky4.inp").read_text(encoding="utf-8")
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("[PIPES]")) + 1
    spoiled = {}
    for i in range(start, len(lines)):
        fields = lines[i].split(";")[0].split()
        if lines[i].startswith("["):
            break
        if fields and i % 20 == 0:
            fields[4] = "none"
            lines[i] = " ".join(fields)
            spoiled[fields[0]] = i + 1
    made = built(tmp_path, "\n".join(lines), crs=3089)
    assert {q.element: q.line for q in made.quarantine} == spoiled
    whole = read_inp(shared("water/ky4.inp"), 3089)
    assert dict(made.network.pipes) == {
        name: pipe for name, pipe in whole.pipes.items() if name not in spoiled
    }
    assert made.usable
