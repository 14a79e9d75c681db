"""One bad record in twenty: each is set aside with its line and reason, the rest is as if clean."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point, Polygon

from gis_data.importing import Built, ImportRefused, LayerMap, SchemaMap, build
from gis_data.importing.values import Layers
from tests.gis_data.importing.files import XIAN, X, Y, at, import_of, layer, line

Town = dict[str, list[dict[str, Any]]]


def grid(size: int = 6) -> Town:
    """Streets 100 m apart, a pipe for each block, valves, hydrants and houses along them."""
    pipes, valves, hydrants, premises = [], [], [], []
    for i in range(size):
        for j in range(size):
            for di, dj in ((1, 0), (0, 1)):
                if i + di >= size or j + dj >= size:
                    continue
                name = f"P{i}{j}{'h' if di else 'v'}"
                a, b = (i * 100, j * 100), ((i + di) * 100, (j + dj) * 100)
                pipes.append({"id": name, "diameter_mm": 100.0, "material": "DI", "year": 1990,
                              "role": "distribution", "geometry": line(a, b)})  # fmt: skip
                near = (a[0] + 3 * di, a[1] + 3 * dj)
                valves.append({"id": f"V{name}", "status": "open", "operable": "yes",
                               "geometry": Point(at(*near))})  # fmt: skip
            hydrants.append({"id": f"H{i}{j}", "outlet": 65.0,
                             "geometry": Point(at(i * 100, j * 100))})  # fmt: skip
            premises.append({"id": f"U{i}{j}", "persons": 3,
                             "geometry": Point(at(i * 100 + 40, j * 100 + 8))})  # fmt: skip
    sources = [{"id": "R", "head": 60.0, "geometry": Point(at(0, 0))}]
    return {"pipes": pipes, "valves": valves, "hydrants": hydrants, "premises": premises,
            "sources": sources}  # fmt: skip


def moved(row: dict[str, Any], by: float) -> Any:
    shape = row["geometry"]
    coords = [(x + by, y) for x, y in shape.coords]
    return type(shape)(coords if shape.geom_type == "LineString" else coords[0])


#: How a record can be spoiled: (layers, field, code, what to do with the row and an earlier one).
Spoil = tuple[tuple[str, ...], str, str, Callable[[dict[str, Any], dict[str, Any]], Any]]
SPOILS: list[Spoil] = [
    (("pipes", "valves", "hydrants"), "geometry", "no_geometry",
     lambda r, _: r.update(geometry=None)),
    (("pipes",), "geometry", "empty_geometry", lambda r, _: r.update(geometry=LineString())),
    (("pipes",), "geometry", "zero_length",
     lambda r, _: r.update(geometry=LineString([r["geometry"].coords[0]] * 2))),
    (("pipes",), "geometry", "not_finite",
     lambda r, _: r.update(geometry=LineString([(math.nan, Y), (X, Y)]))),
    (("valves",), "geometry", "not_finite",
     lambda r, _: r.update(geometry=Point(math.inf, Y))),
    (("pipes", "hydrants"), "geometry", "out_of_extent",
     lambda r, _: r.update(geometry=moved(r, 400_000))),
    (("pipes",), "geometry", "wrong_shape",
     lambda r, _: r.update(geometry=Point(r["geometry"].coords[0]))),
    (("pipes",), "geometry", "multipart", lambda r, _: r.update(
        geometry=MultiLineString([r["geometry"].coords, [(X - 50, Y - 50), (X - 60, Y - 50)]]))),
    (("pipes", "valves", "hydrants", "premises"), "id", "duplicate_id",
     lambda r, other: r.update(id=other["id"])),
    (("pipes", "valves"), "id", "missing_value", lambda r, _: r.update(id=None)),
    (("pipes", "valves"), "id", "too_long", lambda r, _: r.update(id="x" * 80)),
    (("pipes",), "diameter_mm", "missing_value", lambda r, _: r.update(diameter_mm=None)),
    (("pipes",), "diameter_mm", "not_a_number", lambda r, _: r.update(diameter_mm="wide")),
    (("pipes",), "diameter_mm", "out_of_range", lambda r, _: r.update(diameter_mm=-100.0)),
    (("pipes",), "year", "not_a_year", lambda r, _: r.update(year="long ago")),
    (("pipes",), "role", "unknown_value", lambda r, _: r.update(role="gas")),
    (("valves",), "status", "unknown_value", lambda r, _: r.update(status="ajar")),
    (("valves",), "operable", "unknown_value", lambda r, _: r.update(operable="dunno")),
    (("valves",), "geometry", "off_pipe", lambda r, _: r.update(geometry=moved(r, 47))),
    (("hydrants",), "outlet", "not_a_number", lambda r, _: r.update(outlet="big")),
    (("premises",), "persons", "out_of_range", lambda r, _: r.update(persons=-4)),
]  # fmt: skip


def spoil(town: Town, picks: list[tuple[int, int]]) -> dict[tuple[str, int], tuple[str, str]]:
    """Spoil records in place; (layer, line) -> (field, code) of each."""
    done: dict[tuple[str, int], tuple[str, str]] = {}
    for how, where in picks:
        layers, field, code, change = SPOILS[how % len(SPOILS)]
        name = layers[where % len(layers)]
        rows = town[name]
        i = 1 + where % (len(rows) - 1)
        first = rows[0]
        while code == "off_pipe" and rows[i]["id"].endswith("h"):
            i -= 1  # moved along its own street it would still stand on its pipe
        if (name, i + 1) in done or i == 0:
            continue
        change(rows[i], first)
        done[name, i + 1] = (field, code)
    return done


def without(town: Town, gone: set[tuple[str, int]]) -> Town:
    return {
        name: [row for i, row in enumerate(rows, 1) if (name, i) not in gone]
        for name, rows in town.items()
    }


def same(one: Built, two: Built) -> bool:
    kinds = ("nodes", "pipes", "valves", "controls", "hydrants", "services", "stations")
    return all(dict(getattr(one.network, k)) == dict(getattr(two.network, k)) for k in kinds)


def schema() -> SchemaMap:
    """Said outright, as a person would: a guess could be thrown off by the dirt."""
    named = {"pipes": ("id", "material", "year", "role"), "valves": ("id", "operable"),
             "hydrants": ("id", "outlet"), "premises": ("id", "persons"),
             "sources": ("id", "head")}  # fmt: skip
    extra = {"pipes": {"diameter": "diameter_mm"}, "valves": {"normally_open": "status"}}
    roles = {"pipes": "pipe", "valves": "valve", "hydrants": "hydrant", "premises": "premise",
             "sources": "source"}  # fmt: skip
    return SchemaMap(
        {n: LayerMap(roles[n], {**{c: c for c in named[n]}, **extra.get(n, {})}) for n in roles}  # type: ignore[arg-type]
    )


def build_of(town: Town) -> Built:
    layers = Layers("t", "gpkg", tuple(layer(n, rows) for n, rows in town.items()))
    return build(layers, schema(), city_bounds=XIAN)


def judged(town: Town, spoiled: dict[tuple[str, int], tuple[str, str]]) -> Built:
    """The spoiled town built and compared with the clean one that lacks the spoiled records.

    What hung on a record set aside (a valve on its pipe) goes with it in both.
    """
    dirty, clean = build_of(town), build_of(without(town, set(spoiled)))
    found = {(q.layer, q.line): (q.field, q.reason_code) for q in dirty.quarantine}
    assert len(found) == len(dirty.quarantine)
    assert {k: v for k, v in found.items() if k in spoiled} == spoiled
    follows = {q.element for q in dirty.quarantine if (q.layer, q.line) not in spoiled}
    assert follows == {q.element for q in clean.quarantine}
    assert same(dirty, clean)
    assert all(q.reason and q.raw for q in dirty.quarantine)
    return dirty


NAMES = [f"{layers[0]}-{field}-{code}" for layers, field, code, _ in SPOILS]


@pytest.mark.parametrize("how", range(len(SPOILS)), ids=NAMES)
def test_each_kind_of_bad_record_is_set_aside_with_line_field_and_reason(how: int) -> None:
    town = grid(3)
    spoiled = spoil(town, [(how, 5)])
    assert len(spoiled) == 1
    judged(town, spoiled)


@given(
    st.lists(
        st.tuples(st.integers(0, len(SPOILS) - 1), st.integers(0, 10_000)), min_size=1, max_size=9
    )
)
@settings(max_examples=10, deadline=None)
def test_a_dirty_file_gives_the_clean_one_without_the_dirty_records(
    picks: list[tuple[int, int]],
) -> None:
    """About 5 % of 160 records."""
    town = grid()
    assert judged(town, spoil(town, picks)).usable


def test_a_clean_town_has_nothing_set_aside() -> None:
    built = build_of(grid())
    assert built.quarantine == []
    assert not [f for f in built.network.validate() if f.severity == "error"]
    assert len(built.network.services) == 36


def test_too_dirty_a_file_is_not_for_use() -> None:
    town = grid(3)
    for row in town["pipes"][:8]:
        row["diameter_mm"] = "?"
    built = build_of(town)
    assert not built.usable
    assert built.dirty_share > 0.2
    layers = Layers("t", "gpkg", tuple(layer(n, rows) for n, rows in town.items()))
    assert build(layers, schema(), dirty_share=0.9).usable
    for row in town["pipes"]:
        row["diameter_mm"] = "?"
    with pytest.raises(ImportRefused) as caught:
        build_of(town)
    assert caught.value.code == "nothing_left"


def test_a_zone_whose_outline_crosses_itself_is_repaired_and_said_so() -> None:
    bow = Polygon([at(-10, -10), at(300, 300), at(300, -10), at(-10, 300)])
    built = import_of({**grid(3), "zones": [{"id": "Z1", "geometry": bow}]})
    (zone,) = built.zones
    assert zone.geometry.is_valid
    (note,) = [n for n in built.notes if n.code == "area_repaired"]
    assert note.params["element"] == "Z1"
    assert {p.zone for p in built.network.pipes.values()} == {"Z1", ""}


def test_references_to_nothing_are_set_aside() -> None:
    town = grid(3)
    town["services"] = [
        {"id": "S1", "main_id": "P00h", "geometry": line((40, 8), (40, 0))},
        {"id": "S2", "main_id": "nowhere", "geometry": line((60, 8), (60, 0))},
    ]
    town["nodes"] = [{"id": "N1", "geometry": Point(at(0, 0))}]
    town["pipes"][3]["start"] = "N77"
    town["sources"] = []
    built = import_of(town)
    assert {(q.element, q.field, q.reason_code) for q in built.quarantine} == {
        ("S2", "main_id", "unknown_reference"),
        (town["pipes"][3]["id"], "start", "unknown_reference"),
    } | {(q.element, q.field, q.reason_code) for q in built.quarantine if q.layer == "valves"}


def test_a_twentieth_of_a_larger_town() -> None:
    town = grid(10)
    dice = Random(965113)
    total = sum(map(len, town.values()))
    picks = [(dice.randrange(len(SPOILS)), dice.randrange(10_000)) for _ in range(total // 20)]
    spoiled = spoil(town, picks)
    assert len(spoiled) > total // 25
    assert judged(town, spoiled).usable
