"""From raw columns and geometries to a `Layer`: empty values are None, columns are described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from gis_data.importing.values import Declared, Field, Layer, Shape

_SHAPES: dict[int, Shape] = {
    0: "point", 1: "line", 2: "line", 3: "polygon", 4: "point", 5: "line", 6: "polygon",
}  # fmt: skip
_LOOKED_AT = 1000
_EXAMPLES = 6


def make_layer(
    name: str,
    columns: Mapping[str, Any],
    geometry: Any,
    numbers: Any,
    crs: Declared | None,
    *,
    counted: str = "feature",
    file: str = "",
    encoding: str = "",
) -> Layer:
    """A layer of these records; `geometry` may hold None, `columns` any kind of array."""
    clean = {str(column): objects(values) for column, values in columns.items()}
    return Layer(
        name,
        shape_of(geometry),
        tuple(_field(column, values) for column, values in clean.items()),
        crs,
        geometry,
        clean,
        np.asarray(numbers, dtype=np.int64),
        "line" if counted == "line" else "feature",
        file,
        encoding,
    )


def objects(values: Any) -> Any:
    """Object array with None for what is empty: NaN, empty or blank text."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        out = array.astype(object)
        out[np.isnan(array)] = None
        return out
    if array.dtype.kind in "iub":
        return array.astype(object)
    if array.dtype.kind == "M":
        text = np.datetime_as_string(array, unit="D")
        return np.array([None if t == "NaT" else str(t) for t in text], dtype=object)
    out = np.empty(len(values), dtype=object)
    out[:] = [_value(v) for v in values]
    return out


def _value(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return None
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, (bool, int, float)):
        return value
    return str(value)


def shape_of(geometry: Any) -> Shape:
    """What kind most of the geometries are of; "mixed" where others are more than a few."""
    if geometry is None or not len(geometry):
        return "none"
    kinds = shapely.get_type_id(np.asarray(geometry, dtype=object))
    counts: dict[Shape, int] = {}
    for kind, count in zip(*np.unique(kinds[kinds >= 0], return_counts=True), strict=True):
        shape = _SHAPES.get(int(kind), "mixed")
        counts[shape] = counts.get(shape, 0) + int(count)
    if not counts:
        return "none"
    shape, most = max(counts.items(), key=lambda item: item[1])
    return shape if most >= 0.9 * sum(counts.values()) else "mixed"


def _field(name: str, values: Any) -> Field:
    present = values != None  # noqa: E711 - element by element
    filled = int(np.count_nonzero(present))
    seen: dict[str, None] = {}
    kinds: set[str] = set()
    for value in values[present][:_LOOKED_AT]:
        kinds.add(_kind(value))
        if len(seen) < _EXAMPLES:
            seen[str(value)[:60]] = None
    if not kinds:
        kind = "empty"
    elif len(kinds) == 1:
        kind = kinds.pop()
    else:
        kind = "number" if kinds <= {"number", "integer"} else "text"
    return Field(name, kind, filled, tuple(seen))  # type: ignore[arg-type]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "yes_no"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    try:
        number = float(value)
    except ValueError:
        return "text"
    return "integer" if number.is_integer() and "." not in value else "number"
