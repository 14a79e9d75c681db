"""A generated city of any size into the tables, by columns: for benchmarks only.

Rows become text column by column and go in by one COPY a table; indexes on geometry are made
afterwards, which is several times faster than keeping them up row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any

import numpy as np
import shapely
from django.db import connection
from django.db.models import GeneratedField, Model

from server.customers.models import Premise
from server.network import models as network

_BATCH = 100_000
_EMPTY = r"\N"
Columns = Mapping[str, Any]


def fill_generated(tables: Mapping[str, Columns], source: str = "bench") -> network.NetworkVersion:
    """The tables of `gis_data.bench_city.generated_city` as the network in force.

    Premises come from the ends of service lines, one in two thousand a hospital.
    """
    with _without_geometry_indexes(), connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        _copy_network(tables)
        _copy_premises(tables["services"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    counts = {name: len(columns["id"]) for name, columns in tables.items()}
    return network.NetworkVersion.objects.create(
        number=1, source=source, summary=counts,
        header={"name": source, "crs_measure": 32649},
    )


def _copy_network(tables: Mapping[str, Columns]) -> None:
    nodes, pipes, valves = tables["nodes"], tables["pipes"], tables["valves"]
    copy_columns(network.Node, {
        "asset": nodes["id"], "kind": nodes["kind"], "elevation_m": nodes["elevation_m"],
        "zone": nodes["zone"], "geom": _points(nodes),
    })
    copy_columns(network.Pipe, {
        "asset": pipes["id"], "start": pipes["start"], "end": pipes["end"],
        "length_m": pipes["length_m"], "diameter_mm": pipes["diameter_mm"],
        "material": pipes["material"], "year": pipes["year"], "role": pipes["role"],
        "street": pipes["street"], "one_way": pipes["one_way"], "closed": pipes["closed"],
        "geom": _lines(pipes),
    })
    open_ = np.asarray(valves["normally_open"], bool)
    reach = np.asarray(valves["accessible"])
    copy_columns(network.Valve, {
        "asset": valves["id"], "pipe": valves["pipe"], "node": valves["node"],
        "diameter_mm": valves["diameter_mm"], "normally_open": open_,
        "position": np.where(open_, "open", "closed"), "operable": valves["operable"],
        "turns": valves["turns"],
        "accessible": np.select([reach == 0, reach == 1], ["f", "t"], _EMPTY),
        "geom": _points(valves),
    })
    controls, hydrants, services = tables["controls"], tables["hydrants"], tables["services"]
    copy_columns(network.Control, {
        "asset": controls["id"], "start": controls["start"], "end": controls["end"],
        "kind": controls["kind"], "closed": controls["closed"], "geom": _lines(controls),
    })
    copy_columns(network.Hydrant, {
        "asset": hydrants["id"], "node": hydrants["node"], "geom": _points(hydrants),
    })
    copy_columns(network.ServiceLine, {
        "asset": services["id"], "pipe": services["pipe"], "measure": services["measure"],
        "premise": services["premise"], "station": services["station"],
        "diameter_mm": services["diameter_mm"], "geom": _lines(services),
    })
    stations = tables["stations"]
    copy_columns(network.Station, {
        "asset": stations["id"], "service": stations["service"], "tank_m3": stations["tank_m3"],
        "demand_m3h": stations["demand_m3h"], "geom": _points(stations),
    })


def _copy_premises(services: Columns) -> None:
    codes, first = np.unique(services["premise"], return_index=True)
    ends = np.asarray(services["coords"])[np.asarray(services["offsets"])[1:] - 1][first]
    copy_columns(Premise, {
        "code": codes, "address": codes,
        "use": np.where(np.arange(len(codes)) % 2000 == 7, "hospital", "home"),
        "geom": _hex(shapely.points(ends)),
    })


def copy_columns(model: type[Model], columns: Columns) -> int:
    """Append rows to the table of `model`, one array a field; fields not named get the default."""
    by_name = {f.name: f for f in model._meta.concrete_fields}
    named = [by_name[name] for name in columns]
    others = [
        f for f in model._meta.concrete_fields
        if f not in named and not f.primary_key and not isinstance(f, GeneratedField)
    ]
    defaults = [_text(np.array([f.get_default()], dtype=object))[0] for f in others]
    names = ", ".join(f'"{f.column}"' for f in [*named, *others])
    sql = f'COPY "{model._meta.db_table}" ({names}) FROM STDIN'
    tail = "".join(f"\t{value}" for value in defaults) + "\n"
    texts = [_text(np.asarray(column)) for column in columns.values()]
    total = len(texts[0])
    with connection.cursor() as cursor:
        for begin in range(0, total, _BATCH):
            cut = zip(*(text[begin : begin + _BATCH] for text in texts), strict=True)
            cursor.copy_expert(sql, StringIO("".join("\t".join(row) + tail for row in cut)))
    return total


def _text(column: Any) -> list[str]:
    if column.dtype.kind == "S":
        return [value.decode() for value in column.tolist()]
    if column.dtype.kind == "b":
        return ["t" if value else "f" for value in column.tolist()]
    return [_EMPTY if value is None else str(value) for value in column.tolist()]


def _points(columns: Columns) -> Any:
    return _hex(shapely.points(columns["lon"], columns["lat"]))


def _lines(columns: Columns) -> Any:
    offsets = np.asarray(columns["offsets"])
    which = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return _hex(shapely.linestrings(columns["coords"], indices=which))


def _hex(shapes: Any) -> Any:
    return shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)


@contextmanager
def _without_geometry_indexes() -> Iterator[None]:
    tables = [
        m._meta.db_table for m in (
            network.Node, network.Pipe, network.Valve, network.Control, network.Hydrant,
            network.ServiceLine, network.Station, Premise,
        )
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes "
            "WHERE tablename = ANY(%s) AND indexdef LIKE '%% USING gist %%'", [tables],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for _, definition in indexes:
            cursor.execute(definition)
