"""GeoJSON, and files that look like it: several tables in one collection, systems declared oddly.

Read feature by feature, so that one broken feature costs one feature.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape

from gis_data.importing.layering import make_layer
from gis_data.importing.systems import WGS84, declared
from gis_data.importing.values import Declared, ImportRefused, Layers, Limits

#: Properties by which one collection is divided into layers.
_DIVIDERS = (
    "table", "layer", "featuretype", "feature_type", "kind", "class", "图层", "类别", "类型",
)  # fmt: skip
_MOST_TABLES = 40


def read_geojson(text: str, name: str, limits: Limits, encoding: str) -> Layers:
    """Errors: ImportRefused on "file"."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportRefused(
            "file", "damaged", f"{name} is not JSON: {str(error)[:120]}", {"file": name}
        ) from error
    del text
    features = _features(data, name)
    if len(features) > limits.features:
        raise ImportRefused(
            "file", "too_many_features",
            f"{len(features):,} records where {limits.features:,} are the most",
            {"count": len(features), "most": limits.features},
        )  # fmt: skip
    crs = _crs(data.get("crs")) if "crs" in data else WGS84
    properties = [f.get("properties") if isinstance(f, dict) else None for f in features]
    rows = [p if isinstance(p, dict) else {} for p in properties]
    for feature, row in zip(features, rows, strict=True):
        if isinstance(feature, dict) and feature.get("id") is not None:
            row.setdefault("id", feature["id"])
    stem = str(data.get("name") or Path(name).name.split(".")[0])[:60]
    geometry = np.array([None, *map(_geometry, features)], dtype=object)[1:]
    groups = _divide(rows, geometry)
    layers = []
    for label, members in groups.items():
        chosen = [rows[i] for i in members]
        names: dict[str, None] = {}
        for row in chosen:
            names.update(dict.fromkeys(row))
        if len(names) > limits.columns:
            raise ImportRefused(
                "file", "too_many_columns", f"more than {limits.columns} properties",
                {"most": limits.columns},
            )  # fmt: skip
        columns = {key: [_plain(row.get(key)) for row in chosen] for key in names}
        made = make_layer(
            label or stem, columns, geometry[members], np.asarray(members) + 1, crs,
            file=name, encoding=encoding,
        )  # fmt: skip
        layers.append(made)
    return Layers(name, "geojson", tuple(layers))


def _features(data: Any, name: str) -> list[Any]:
    if isinstance(data, dict):
        features = data.get("features")
        if isinstance(features, list):
            return features
        if data.get("type") == "Feature":
            return [data]
    raise ImportRefused(
        "file", "no_features", f"{name} is JSON, but no collection of features", {"file": name}
    )


def _crs(value: Any) -> Declared | None:
    if not isinstance(value, dict) or not isinstance(value.get("properties"), dict):
        return None
    said = value["properties"]
    hints = []
    for key in ("proj4", "wkt", "epsg", "code"):
        other = declared(said.get(key), "file")
        if other is not None and other.epsg is not None:
            hints.append(other.epsg)
    main = declared(said.get("name") or said.get("code"), "file", tuple(hints))
    if main is None and hints:
        return declared(hints[0], "file")
    return main


def _geometry(feature: Any) -> Any:
    found = feature.get("geometry") if isinstance(feature, dict) else None
    if not isinstance(found, dict):
        return None
    try:
        return shape(found)
    # Any nonsense may stand there; a feature without a geometry is quarantined, not fatal.
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.GEOSException):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)[:200]
    return value


def _divide(rows: list[dict[str, Any]], geometry: Any) -> dict[str, list[int]]:
    """Indices of the features of each layer; {"": all} where nothing divides them."""
    everything: dict[str, list[int]] = {"": list(range(len(rows)))}
    kinds = Counter(int(k) for k in shapely.get_type_id(geometry) if k >= 0)
    if len(kinds) < 2:
        return everything
    names = {key.lower(): key for row in rows[:1000] for key in row}
    for wanted in _DIVIDERS:
        key = names.get(wanted)
        if key is None:
            continue
        found: dict[str, list[int]] = {}
        for i, row in enumerate(rows):
            found.setdefault(str(row.get(key) or "?")[:60], []).append(i)
        if 1 < len(found) <= _MOST_TABLES and len(found) * 3 <= max(len(rows), 6):
            return found
    # Nothing says which is which: lines, points and areas are at least different things.
    by_kind: dict[str, list[int]] = {}
    words = {0: "points", 4: "points", 1: "lines", 2: "lines", 5: "lines", 3: "areas", 6: "areas"}
    for i, kind in enumerate(shapely.get_type_id(geometry)):
        by_kind.setdefault(words.get(int(kind), "other"), []).append(i)
    return by_kind


