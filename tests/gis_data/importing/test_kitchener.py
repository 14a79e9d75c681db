"""A real district, kept whole: everything its model holds comes in."""

from __future__ import annotations

import pytest

from gis_data.importing import ImportRefused, build, problems, read_layers, suggest_map
from tests.data import shared

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
