"""EPANET files: real ones read, broken ones named by section and line, ours read back."""

from __future__ import annotations

from pathlib import Path

import pytest
import wntr

from gis_data.helsinki import City
from gis_data.hydraulics import run_day
from gis_data.inp import NetworkFileError, read_inp, write_inp
from gis_data.isolation import isolate
from gis_data.model import NetworkError
from tests.data import shared
from tests.gis_data.town import town

GOOD = """[JUNCTIONS]
A 10 1
B 12 1
[RESERVOIRS]
R 60
[PIPES]
RA R A 100 200 120 0 Open
AB A B 100 150 120 0 Open
[COORDINATES]
A 385000 6672000
B 385100 6672000
R 384900 6672000
[OPTIONS]
Units LPS
Headloss H-W
[END]
"""


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "good.inp"
    path.write_text(GOOD)
    network = read_inp(path, 3067)
    assert set(network.pipes) == {"RA", "AB"}
    assert network.pipes["AB"].diameter_mm == 150
    assert network.nodes["A"].base_demand_m3s == pytest.approx(0.001)
    assert (network.nodes["A"].lon, network.nodes["A"].lat) == pytest.approx(
        (24.93, 60.17), abs=0.05
    )


@pytest.mark.parametrize(
    ("old", "new", "section", "line", "says"),
    [
        ("AB A B", "AB A Z", "PIPES", 8, "no node"),
        ("100 150 120", "100 wide 120", "PIPES", 8, "diameter"),
        ("100 150 120", "-5 150 120", "PIPES", 8, "more than zero"),
        ("AB A B 100 150 120 0 Open", "AB A", "PIPES", 8, "fields"),
        ("B 12 1", "A 12 1", "JUNCTIONS", 3, "already"),
        ("B 12 1", "B nan 1", "JUNCTIONS", 3, "not a number"),
        ("[OPTIONS]", "[MAGIC]", "file", 13, "unknown section"),
        ("[JUNCTIONS]", "junctions:", "file", 1, "before the first"),
        ("B 385100 6672000\n", "", "COORDINATES", None, "no coordinates"),
        ("385000 6672000", "24.9 60.1", "COORDINATES", None, "cannot be in EPSG:3067"),
        ("AB A B", "AB A A", "PIPES", 8, "starts and ends"),
    ],
)
def test_what_is_wrong_is_said_with_section_and_line(
    tmp_path: Path, old: str, new: str, section: str, line: int | None, says: str
) -> None:
    path = tmp_path / "bad.inp"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(NetworkFileError, match=says) as caught:
        read_inp(path, 3067)
    assert (caught.value.field, caught.value.line) == (section, line)


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01\x02" * 40, b"\xff\xfe junk"])
def test_a_file_that_is_none_is_a_clear_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "none.inp"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NetworkFileError):
        read_inp(path, 3067)


def test_kitchener_reads_runs_and_keeps_its_lowest_pressure(tmp_path: Path) -> None:
    network = read_inp(shared("kitchener/model.inp"), 26917)
    assert [f for f in network.validate() if f.severity == "error"] == []
    assert sum(not v.normally_open for v in network.valves.values()) == 11
    day = run_day(network, lowest_m=14.9)
    assert day.ok
    assert day.min_pressure_m == pytest.approx(15.0, abs=0.01)
    node = next(iter(network.nodes.values()))
    assert -80.6 < node.lon < -80.3
    again = tmp_path / "again.inp"
    write_inp(network, again)
    assert run_day(read_inp(again, 26917)).min_pressure_m == pytest.approx(15.0, abs=0.01)
    with pytest.raises(NetworkFileError, match="EPSG:3067"):
        read_inp(shared("kitchener/model.inp"), 3067)


def test_the_demo_network_reads_back_the_same_and_wntr_runs_it(
    helsinki: City, tmp_path: Path
) -> None:
    path = tmp_path / "city.inp"
    write_inp(helsinki.network, path)
    back = read_inp(path, 3067)
    network = helsinki.network
    assert {v.id: (v.pipe, v.node, v.normally_open) for v in back.valves.values()} == {
        v.id: (v.pipe, v.node, v.normally_open) for v in network.valves.values()
    }
    assert {p.id: (p.start, p.end, p.diameter_mm) for p in back.pipes.values()} == {
        p.id: (p.start, p.end, p.diameter_mm) for p in network.pipes.values()
    }
    assert set(back.nodes) == set(network.nodes)
    # EPANET does not know which valves cannot be turned, or not be reached.
    stuck = [
        v.id for v in network.valves.values() if v.operable == "no" or v.accessible is False
    ]
    for pipe in list(network.pipes)[::20]:
        assert set(isolate(back, pipe, inoperable=stuck).valves_to_close) == set(
            isolate(network, pipe).valves_to_close
        )
    model = wntr.network.WaterNetworkModel(str(path))
    result = wntr.sim.EpanetSimulator(model).run_sim(file_prefix=str(tmp_path / "run"))
    served = [n.id for n in network.nodes.values() if n.base_demand_m3s > 0]
    pressure = result.node["pressure"][served]
    assert 20 < float(pressure.min().min()) < float(pressure.max().max()) < 90
    assert run_day(back).min_pressure_m == pytest.approx(helsinki.day.min_pressure_m, abs=0.2)


def test_an_id_epanet_cannot_hold_is_refused(tmp_path: Path) -> None:
    network = town("R-o-A")
    pipes = {"a b": network.pipes["RA"]}
    from dataclasses import replace

    with pytest.raises(NetworkError, match="31"):
        write_inp(replace(network, pipes=pipes), tmp_path / "x.inp")
