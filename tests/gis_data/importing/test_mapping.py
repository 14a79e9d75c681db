"""What layers and columns mean, in English and Chinese, and which system they can be in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shapely.geometry import LineString, Point

from gis_data.importing import ImportRefused, LayerMap, SchemaMap, build, problems, suggest_map
from gis_data.importing.values import Layers
from tests.gis_data.importing.files import EPSG, TOWN, XIAN, at, layer, line


def town(**rows: list[dict[str, Any]]) -> Layers:
    return Layers("t", "gpkg", tuple(layer(name, r) for name, r in rows.items()))


@pytest.mark.parametrize(
    ("column", "attribute", "unit"),
    [
        ("管径", "diameter", "mm"), ("口径(mm)", "diameter", "mm"), ("DN", "diameter", "mm"),
        ("Diameter", "diameter", "mm"), ("PIPE_SIZE", "diameter", "mm"),
        ("dia_in", "diameter", "inch"),
        ("管材", "material", ""), ("MATERIAL", "material", ""), ("材质", "material", ""),
        ("敷设年代", "year", ""), ("INSTALLATION_DATE", "year", ""), ("建设年代", "year", ""),
        ("编号", "id", ""), ("FACILITYID", "id", ""), ("物探点号", "id", ""),
        ("起点编号", "start", ""), ("us_node_id", "start", ""), ("终点编号", "end", ""),
        ("埋深", "depth", "m"), ("道路名称", "street", ""), ("管长", "length", "m"),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names(column: str, attribute: str, unit: str) -> None:
    values = {"id": "P1", "material": "PE", "year": 1999, "start": "A", "end": "B", "street": "X",
              "depth": 1.5, "length": 100.0, "diameter": 200}  # fmt: skip
    row = {column: values[attribute], "geometry": line((0, 0), (100, 0))}
    found = suggest_map(town(管线=[row])).layers["管线"]
    assert found.role == "pipe"
    assert found.columns[attribute] == column
    assert found.units.get(attribute, "") == unit


@pytest.mark.parametrize(
    ("name", "shape", "role"),
    [
        ("供水管线", "line", "pipe"), ("WATER_MAINS", "line", "pipe"), ("阀门", "point", "valve"),
        ("wsValve", "point", "valve"), ("消火栓", "point", "hydrant"),
        ("fire_hydrants", "point", "hydrant"),
        ("减压阀", "point", "prv"), ("止回阀", "point", "check"), ("水源", "point", "source"),
        ("污水管线", "line", "sewer"), ("雨水井", "point", "manhole"),
        ("二次供水泵房", "point", "station"),
        ("用户", "point", "premise"), ("入户管", "line", "service"), ("roads", "line", "ignore"),
        ("管点", "point", "node"), ("mystery", "point", "ignore"),
    ],
)  # fmt: skip
def test_layers_are_known_by_their_names(name: str, shape: str, role: str) -> None:
    geometry = Point(at(0, 0)) if shape == "point" else line((0, 0), (10, 0))
    found = suggest_map(town(**{name: [{"编号": "1", "geometry": geometry}]}))
    assert found.layers[name].role == role


@pytest.mark.parametrize(
    ("sizes", "unit"), [([100, 200, 300], "mm"), ([4, 6, 8, 12], "inch"), ([0.1, 0.2, 0.3], "m")]
)
def test_units_are_guessed_from_the_values(sizes: list[float], unit: str) -> None:
    rows = [{"id": f"P{i}", "diameter": d, "geometry": line((i * 9, 0), (i * 9 + 9, 0))}
            for i, d in enumerate(sizes)]  # fmt: skip
    assert suggest_map(town(pipes=rows)).layers["pipes"].units["diameter"] == unit


def test_a_map_survives_json() -> None:
    layers = Layers("t", "gpkg", tuple(layer(n, rows) for n, rows in TOWN.items()))
    found = suggest_map(layers)
    assert SchemaMap.from_json(json.dumps(found.as_json())) == found
    assert found.layers["阀门"].values["normally_open"] == {"开": "open", "关": "closed"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("{", "schema_map"),
        ([], "schema_map"),
        ({"layers": {"a": {"role": "gas"}}}, "layers.a.role"),
        ({"layers": {"a": {"role": "pipe", "columns": {"id": 5}}}}, "layers.a.columns.id"),
        ({"layers": {"a": {"role": "pipe", "prefix": "x" * 20}}}, "layers.a.prefix"),
        ({"headloss": "X", "layers": {}}, "headloss"),
    ],
)
def test_a_map_that_is_none_names_its_field(data: Any, field: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        SchemaMap.from_json(data)
    assert caught.value.field == field


def test_problems_name_the_field_to_change() -> None:
    layers = town(
        pipes=[{"id": "P1", "dia": 100, "state": "half", "geometry": line((0, 0), (9, 0))}],
        valves=[{"no": "V1", "state": "ajar", "geometry": Point(at(5, 0))}],
    )
    schema_map = SchemaMap(
        {
            "pipes": LayerMap("pipe", {"id": "code", "colour": "state"}, {"length": "miles"}),
            "valves": LayerMap("valve", {"normally_open": "state"}),
            "gone": LayerMap("pipe"),
        }
    )
    found = {(p.field, p.code): p.severity for p in problems(schema_map, layers)}
    assert found == {
        ("layers.gone", "no_such_layer"): "error",
        ("layers.pipes.columns.id", "no_such_column"): "error",
        ("layers.pipes.columns.colour", "no_such_attribute"): "error",
        ("layers.pipes.columns.diameter", "missing_column"): "error",
        ("layers.pipes.units.length", "unknown_unit"): "error",
        ("layers", "no_sources"): "warning",
        ("layers.valves.columns.id", "ids_made_up"): "warning",
        ("layers.valves.values.normally_open", "unknown_words"): "warning",
    }
    with pytest.raises(ImportRefused) as caught:
        build(layers, schema_map)
    assert caught.value.field.startswith("layers.")


def test_a_default_stands_in_for_a_column_and_a_word_can_be_explained() -> None:
    layers = town(
        pipes=[{"id": "P1", "geometry": line((0, 0), (90, 0))}],
        valves=[{"id": "V1", "state": "ajar", "geometry": Point(at(1, 0))}],
    )
    schema_map = SchemaMap(
        {
            "pipes": LayerMap("pipe", {"id": "id"}, defaults={"diameter": 150}),
            "valves": LayerMap(
                "valve", {"id": "id", "normally_open": "state"},
                values={"normally_open": {"ajar": "closed"}},
            ),
        }
    )  # fmt: skip
    network = build(layers, schema_map).network
    assert network.pipes["P1"].diameter_mm == 150
    assert not network.valves["V1"].normally_open


@pytest.mark.parametrize(
    ("defaults", "field", "code"),
    [
        ({"diameter": "wide"}, "layers.pipes.defaults.diameter", "not_a_number"),
        ({"diameter": None}, "layers.pipes.defaults.diameter", "not_a_number"),
        ({"diameter": 100, "year": [1990]}, "layers.pipes.defaults.year", "not_a_number"),
        ({"diameter": 100, "role": "gas"}, "layers.pipes.defaults.role", "unknown_value"),
        ({"diameter": 100, "colour": 1}, "layers.pipes.defaults.colour", "no_such_attribute"),
    ],
)
def test_a_default_that_no_record_could_have_is_named(
    defaults: dict[str, Any], field: str, code: str
) -> None:
    layers = town(pipes=[{"id": "P1", "geometry": line((0, 0), (90, 0))}])
    schema_map = SchemaMap({"pipes": LayerMap("pipe", {"id": "id"}, defaults=defaults)})
    errors = [p for p in problems(schema_map, layers) if p.severity == "error"]
    assert [(p.field, p.code) for p in errors] == [(field, code)]


def test_numbers_that_start_at_one_in_each_layer_are_told_apart() -> None:
    layers = town(
        pipes=[{"id": "1", "dn": 100, "geometry": line((0, 0), (90, 0))},
               {"id": "2", "dn": 100, "geometry": line((90, 0), (190, 0))}],
        valves=[{"id": "1", "pipe": "2", "geometry": Point(at(91, 0))}],
    )  # fmt: skip
    schema_map = suggest_map(layers)
    assert schema_map.layers["valves"].prefix == "V-"
    network = build(layers, schema_map).network
    assert network.valves["V-1"].pipe == "2"


# --- systems ------------------------------------------------------------------------------------


def shifted(epsg: int, change: Any) -> Layers:
    """The town's pipes with every coordinate changed, said to be in EPSG:`epsg`."""
    rows = [
        {**row, "geometry": LineString([change(x, y) for x, y in row["geometry"].coords])}
        for row in TOWN["供水管线"]
    ]
    return Layers("t", "gpkg", (layer("供水管线", rows, epsg),))


@pytest.mark.parametrize(
    ("epsg", "change", "code", "candidate"),
    [
        (4545, lambda x, y: (y, x), "crs_axes_swapped", None),
        (4547, lambda x, y: (x, y), "crs_outside", 4545),  # the zone of 114 degrees
        (4545, lambda x, y: (x + 36e6, y), "crs_outside", 4524),  # with the zone's number in front
        (4545, lambda x, y: (x / 0.3048, y / 0.3048), "crs_unit", None),
        (4545, lambda x, y: (108.0, 34.24 + x / 1e12), "crs_degrees", 4326),
        (4326, lambda x, y: (x, y), "crs_not_degrees", 4545),
        (4545, lambda x, y: (x - 499_000, y - 3_789_000), "crs_local", None),
    ],
)
def test_a_wrong_system_is_refused_with_what_would_fit(
    epsg: int, change: Any, code: str, candidate: int | None
) -> None:
    layers = shifted(epsg, change)
    with pytest.raises(ImportRefused) as caught:
        build(layers, suggest_map(layers), city_bounds=XIAN)
    assert (caught.value.field, caught.value.code) == ("crs", code)
    if candidate is not None:
        assert candidate in caught.value.candidates
        assert f"EPSG:{candidate}" in caught.value.message


def test_swapped_axes_can_be_put_right() -> None:
    layers = shifted(4545, lambda x, y: (y, x))
    schema_map = suggest_map(layers)
    one = schema_map.layers["供水管线"]
    right = LayerMap(one.role, one.columns, one.units, one.values, swap_axes=True)
    network = build(layers, SchemaMap({"供水管线": right}), city_bounds=XIAN).network
    assert network.pipes["GX1"].length_m == pytest.approx(100, abs=0.1)


def test_the_webs_projection_stores_but_never_measures() -> None:
    """At Xi'an it would make the 100 m of GX1 121 m."""
    from pyproj import Transformer

    from gis_data.crs import unproject

    web = Transformer.from_crs(4326, 3857, always_xy=True)
    layers = shifted(3857, lambda x, y: web.transform(*unproject(x, y, EPSG)))
    network = build(layers, suggest_map(layers), city_bounds=XIAN).network
    assert network.crs_measure == 32649
    assert network.pipes["GX1"].length_m == pytest.approx(100, abs=0.2)


def test_an_unknown_system_is_refused() -> None:
    layers = shifted(4545, lambda x, y: (x, y))
    for crs in (999999, "EPSG:0", "no such thing"):
        with pytest.raises(ImportRefused) as caught:
            build(layers, suggest_map(layers), crs=crs)
        assert (caught.value.field, caught.value.code) == ("crs", "unknown_crs")
    with pytest.raises(ImportRefused) as caught:
        build(layers, suggest_map(layers), city_bounds=(9, 9, 1, 1))
    assert caught.value.field == "city_bounds"
    with pytest.raises(ImportRefused) as caught:
        build(layers, suggest_map(layers), crs_measure=3857)
    assert caught.value.field == "crs_measure"
