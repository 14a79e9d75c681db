"""The made-up city of the benchmarks is a network as any other."""

from __future__ import annotations

import numpy as np
import shapely

from gis_data.bench_city import CRS, generated_city
from gis_data.crs import project_array


def test_a_made_up_city_has_the_size_and_mixture_asked_for() -> None:
    city = generated_city(5000)
    pipes = len(city["pipes"]["id"])
    assert abs(pipes - 5000) < 200
    assert 0.65 < len(city["valves"]["id"]) / pipes < 0.8
    assert np.count_nonzero(city["nodes"]["kind"] != b"junction") == 40
    assert city["pipes"]["one_way"].any()
    assert set(city["controls"]["kind"].tolist()) <= {b"prv", b"check", b"pump"}


def test_every_reference_leads_somewhere_and_ids_are_unique() -> None:
    city = generated_city(2000, seed=3)
    for table in city.values():
        assert len(np.unique(table["id"])) == len(table["id"])
    nodes, pipes = city["nodes"]["id"], city["pipes"]["id"]
    assert np.isin(city["pipes"]["start"], nodes).all()
    assert np.isin(city["valves"]["pipe"], pipes).all()
    assert np.isin(city["services"]["pipe"], pipes).all()
    assert np.isin(city["stations"]["service"], city["services"]["id"]).all()


def test_lengths_are_those_of_the_drawing() -> None:
    pipes = generated_city(1000)["pipes"]
    metres = project_array(pipes["coords"], CRS)
    of = np.repeat(np.arange(len(pipes["id"])), np.diff(pipes["offsets"]))
    drawn = shapely.length(shapely.linestrings(metres, indices=of))
    np.testing.assert_allclose(drawn, pipes["length_m"], rtol=1e-6)


def test_the_same_seed_gives_the_same_city() -> None:
    one, other = generated_city(800, seed=1), generated_city(800, seed=1)
    assert (one["valves"]["id"] == other["valves"]["id"]).all()
    assert (one["pipes"]["coords"] == other["pipes"]["coords"]).all()
