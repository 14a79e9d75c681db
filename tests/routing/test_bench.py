"""The benchmarks compare answers before they measure, and keep their public shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing import Origin, StreetFileError, StreetIndex, bench
from routing.grid import generate_grid_city


def test_every_row_has_the_public_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "_PORTO", tmp_path / "absent")
    monkeypatch.setattr(bench, "_GRID", 8)
    rows = bench.run(crews=20, repeats=6, cache=tmp_path)
    assert [row["bench"] for row in rows] == [
        "nearest.rank20",
        "nearest.moving20",
        "route.one",
        "street.close",
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
    assert set(rows[0]["versus"]) == {"networkx", "scipy", "igraph", "rustworkx"}


def test_a_benchmark_with_wrong_answers_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = generate_grid_city(5)
    index = StreetIndex.compile(graph)
    edge = max(graph.edges(keys=True), key=lambda e: graph.edges[e]["length"])
    graph.edges[edge]["travel_time"] = 0.001
    for other in list(graph.edges(keys=True)):
        graph.edges[other]["travel_time"] += 5.0
    with pytest.raises(ValueError, match="the street index"):
        bench.nearest(graph, index, "spoilt", 10, 4)
    assert index.nearest((24.9, 60.2), [Origin("a", 24.901, 60.201)])[0].seconds


def test_a_missing_street_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StreetFileError, match=r"no\.osm\.pbf"):
        bench.run(tmp_path / "no.osm.pbf")
