"""The benchmarks compare answers before they measure, and keep their public shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from routing import StreetFileError, StreetIndex, bench
from routing.bench_city import grid_city, whole_city
from tests.routing.conftest import helsinki_file


def test_every_row_has_the_public_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "_PORTO", tmp_path / "absent")
    monkeypatch.setattr(bench, "_GRID", 8)
    rows = bench.run(crews=20, repeats=6, cache=tmp_path)
    assert [row["bench"] for row in rows] == [
        "nearest.rank20",
        "nearest.moving20",
        "route.one",
        "street.close",
        "coverage.all",
        "matrix.20x300",
        "snapshot.open",
    ]
    for row in rows:
        assert list(row) == [
            "bench",
            "n",
            "p50_ms",
            "p95_ms",
            "rate_per_s",
            "memory_mb",
            "versus",
            "input",
        ]
        assert 0 < row["p50_ms"] <= row["p95_ms"]
        assert "8 x 8" in row["input"]
    assert set(rows[0]["versus"]) == {"routingkit", "networkx", "scipy", "igraph", "rustworkx"}
    assert set(rows[4]["versus"]) == {"scipy"} and set(rows[5]["versus"]) == {"routingkit"}
    assert "its own" in rows[6]["input"]


def test_a_benchmark_with_wrong_answers_is_stopped() -> None:
    table = grid_city(6)
    index = StreetIndex.of_table(table)
    spoilt = replace(table, ms=table.ms + 5000)
    with pytest.raises(ValueError, match="the street index"):
        bench.nearest(bench.City.of(spoilt, index, "spoilt", 10, 4))


def test_a_missing_street_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StreetFileError, match=r"no\.osm\.pbf"):
        bench.run(tmp_path / "no.osm.pbf")


def test_a_whole_city_has_every_bend_of_every_path_and_is_kept(tmp_path: Path) -> None:
    table = whole_city(helsinki_file(), tmp_path)
    assert table.nodes > 4000, "the streets alone have 333 junctions"
    again = whole_city(helsinki_file(), tmp_path)
    assert again.version() == table.version() == StreetIndex.of_table(again).version
