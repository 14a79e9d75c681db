"""Guessing what layers and columns mean, and saying what keeps a schema map from being used."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from gis_data.importing.csv_tables import place_columns
from gis_data.importing.header import read_header
from gis_data.importing.inp_rows import inp_map
from gis_data.importing.values import (
    HEADLOSSES,
    Field,
    Layer,
    LayerMap,
    Layers,
    MapProblem,
    Role,
    SchemaMap,
)
from gis_data.importing.words import (
    ATTRIBUTES,
    LAYER_WORDS,
    SHAPES,
    UNITS,
    WORDS,
    Attribute,
    plain,
    word,
)

__all__ = ["ATTRIBUTES", "problems", "suggest_map"]

_INCHES = {0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 10, 12, 14, 15, 16, 18, 20, 21, 24, 27, 30,
           36, 42, 48, 54, 60, 66, 72}  # fmt: skip
_UNIT_IN_NAME = re.compile(
    r"(?:[(（_\s]|^)(mm|cm|km|inch|in|ft|m|m3|l/s|m3/?[hds]|l/d|gpm)[)）]?$", re.IGNORECASE
)
_PREFIXES: dict[Role, str] = {"valve": "V-", "hydrant": "H-", "node": "N-", "service": "S-",
                              "manhole": "M-", "sewer": "D-", "premise": "P-"}  # fmt: skip


def suggest_map(layers: Layers) -> SchemaMap:
    """The likeliest meaning of every layer and column; what is not understood is "ignore"."""
    if layers.format == "inp":
        return inp_map(layers)
    found = {layer.name: _suggest(layer) for layer in layers}
    _tell_apart(layers, found)
    said = read_header(layers).get("headloss")
    return SchemaMap(found, said if said in HEADLOSSES else _headloss(layers, found))


def _suggest(layer: Layer) -> LayerMap:
    role, sure = _role(layer)
    if role == "ignore":
        return LayerMap("ignore", sure=sure)
    places = place_columns(layer.columns) if layer.counted == "line" else {}
    columns = {**_columns(layer, role, frozenset(places.values())), **places}
    units: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    for attribute, column in columns.items():
        about = ATTRIBUTES[role][attribute]
        if about.measure:
            unit = _unit(layer, role, attribute, about, column)
            if unit:
                units[attribute] = unit
        if about.words:
            known = {
                said: WORDS[about.words][plain(said)]
                for said in _distinct(layer.columns[column])
                if plain(said) in WORDS[about.words]
            }
            known = {said: ours for said, ours in known.items() if said != ours}
            if known:
                values[attribute] = known
    return LayerMap(role, columns, units, values, sure=round(sure, 2))


def _role(layer: Layer) -> tuple[Role, float]:
    name = plain(layer.name)
    best: tuple[int, Role, float] | None = None
    for part, role in LAYER_WORDS:
        if part and part in name and (best is None or len(part) > best[0]):
            best = (len(part), role, 0.95 if name == part else 0.8)
    if layer.name in {f"{role}s" for role in ATTRIBUTES}:
        best = (99, layer.name[:-1], 1.0)  # type: ignore[assignment]
    if best is not None:
        _, role, sure = best
        if role == "ignore" or layer.shape in SHAPES.get(role, ()) or layer.shape == "none":
            return _with_ends(layer, role), sure
        if role == "station" and layer.shape == "line":
            return "pipe", 0.4
    return _by_columns(layer)


def _with_ends(layer: Layer, role: Role) -> Role:
    """A table without geometry can only be used where something else gives the place."""
    if layer.shape != "none" or role in ("ignore", "service"):
        return role
    columns = _columns(layer, role)
    return role if {"start", "end"} <= set(columns) or "node" in columns else "ignore"


def _by_columns(layer: Layer) -> tuple[Role, float]:
    names = {plain(n) for n in layer.columns}

    def has(role: Role, attribute: str) -> bool:
        return bool(names & set(ATTRIBUTES[role][attribute].names))

    if layer.shape == "line" and has("sewer", "invert_start"):
        return "sewer", 0.6
    if layer.shape == "line" and has("pipe", "diameter"):
        return "pipe", 0.5
    if layer.shape == "point":
        if has("manhole", "invert"):
            return "manhole", 0.5
        if has("valve", "turns") or has("valve", "normally_open"):
            return "valve", 0.4
        if has("premise", "address") and has("premise", "id"):
            return "premise", 0.4
    return "ignore", 0.3


def _columns(layer: Layer, role: Role, taken: frozenset[str] = frozenset()) -> dict[str, str]:
    """Attribute -> column: whole names before parts of names, each column once."""
    scored: list[tuple[float, int, str, str]] = []
    fields = {f.name: f for f in layer.fields}
    for position, (column, field) in enumerate(fields.items()):
        name = plain(column)
        if field.kind == "empty" or column in taken:
            continue
        for attribute, about in ATTRIBUTES[role].items():
            if not _fits(field, about):
                continue
            for rank, part in enumerate(about.names):
                if not part:
                    continue
                if part in (name, plain(_UNIT_IN_NAME.sub("", column))):
                    score = 3 - rank / 100
                elif len(name) >= (3 if _chinese(name) else 8) and part.startswith(name):
                    # A shapefile's names end after ten bytes.
                    score = 2 - rank / 100
                elif part in name and (_chinese(part) or len(part) >= max(4, len(name) / 2)):
                    score = 1 + len(part) / max(len(name), 1) - rank / 100
                else:
                    continue
                scored.append((-score, position, attribute, column))
    out: dict[str, str] = {}
    for _, _, attribute, column in sorted(scored):
        if attribute not in out and column not in out.values():
            out[attribute] = column
    return {a: out[a] for a in ATTRIBUTES[role] if a in out}


def _chinese(name: str) -> bool:
    return len(name) >= 2 and all("\u4e00" <= c <= "\u9fff" for c in name)


def _fits(field: Field, about: Attribute) -> bool:
    if about.kind == "number":
        return field.kind in ("number", "integer") or any(
            re.search(r"\d", e) for e in field.examples
        )
    if about.kind == "year":
        return any(re.search(r"\d{2,4}", e) for e in field.examples)
    return True


def _distinct(values: Any, most: int = 60) -> list[str]:
    found: dict[str, None] = {}
    for value in values:
        if value is not None:
            found[word(value)] = None
            if len(found) >= most:
                break
    return list(found)


def _unit(layer: Layer, role: Role, attribute: str, about: Attribute, column: str) -> str:
    named = _UNIT_IN_NAME.search(column)
    table = UNITS[about.measure]
    if named:
        unit = re.sub(r"^m3([hds])$", r"m3/\1", named.group(1).lower())
        unit = "inch" if unit == "in" else unit
        if unit in table:
            return unit
    numbers = []
    for value in layer.columns[column]:
        if value is None:
            continue
        try:
            numbers.append(float(value))
        except ValueError:
            continue
        if len(numbers) >= 2000:
            break
    if about.measure == "diameter":
        positive = sorted(n for n in numbers if n > 0)
        if not positive:
            return "mm"
        middle = positive[len(positive) // 2]
        if middle < 2.5:
            return "m"
        inches = sum(n in _INCHES for n in positive) / len(positive)
        return "inch" if inches >= 0.8 and positive[-1] <= 72 and middle < 20 else "mm"
    if about.measure == "flow":
        return "m3/d" if role == "premise" else "l/s"
    return next(iter(table))


def _tell_apart(layers: Layers, found: dict[str, LayerMap]) -> None:
    """Numbers that start at 1 in every layer get a prefix, so that one id means one thing."""
    from dataclasses import replace

    taken: dict[Role, set[str]] = {}
    for layer in layers:
        m = found[layer.name]
        column = m.columns.get("id")
        if m.role in ("ignore", "zone", "premise") or column is None:
            continue
        mine = {str(v) for v in layer.columns[column] if v is not None}
        others = [ids for role, ids in taken.items() if role != m.role]
        # EPANET itself lets a node and a link share a name, and references say which is meant.
        if m.role != "node" and any(len(mine & ids) > 0.2 * len(mine) for ids in others) and mine:
            found[layer.name] = replace(m, prefix=_PREFIXES.get(m.role, ""))
            continue
        taken.setdefault(m.role, set()).update(mine)


def _headloss(layers: Layers, found: dict[str, LayerMap]) -> Any:
    """Roughness below 10 is millimetres of Darcy-Weisbach; Hazen-Williams starts at some 40."""
    for layer in layers:
        m = found[layer.name]
        column = m.columns.get("roughness") if m.role == "pipe" else None
        if column is None:
            continue
        numbers = sorted(float(v) for v in layer.columns[column] if _is_number(v))
        if numbers and numbers[len(numbers) // 2] < 10:
            return "D-W"
    return "H-W"


def _is_number(value: Any) -> bool:
    try:
        return value is not None and 0 < float(value) < math.inf
    except (TypeError, ValueError):
        return False


# --- what is wrong with a map -------------------------------------------------------------------


def problems(schema_map: SchemaMap, layers: Layers) -> list[MapProblem]:
    """Errors keep the map from being used; warnings say what will be lost. Errors first."""
    if layers.format == "inp":
        return []
    out: list[MapProblem] = []
    names = {layer.name for layer in layers}
    for name in schema_map.layers:
        if name not in names:
            out.append(
                MapProblem(f"layers.{name}", "no_such_layer", f"the file has no layer {name}",
                           {"layer": name})
            )  # fmt: skip
    used = [m for n, m in schema_map.layers.items() if m.role != "ignore" and n in names]
    roles = {m.role for m in used}
    if not roles & {"pipe", "sewer"}:
        out.append(MapProblem("layers", "no_pipes", "no layer holds pipes or sewers"))
    if "pipe" in roles and not roles & {"source", "tank", "node"}:
        out.append(
            MapProblem("layers", "no_sources", "no layer holds sources or tanks: nothing can be "
                       "traced to where its water comes from", severity="warning")
        )  # fmt: skip
    for layer in layers:
        m = schema_map.layers.get(layer.name)
        if m is not None and m.role != "ignore":
            out += _layer_problems(layer, m)
    return sorted(out, key=lambda p: p.severity != "error")


def _layer_problems(layer: Layer, m: LayerMap) -> list[MapProblem]:
    at = f"layers.{layer.name}"
    out: list[MapProblem] = []
    known = ATTRIBUTES[m.role]
    seen = Counter(m.columns.values())
    for attribute, column in m.columns.items():
        where = f"{at}.columns.{attribute}"
        if attribute not in known:
            out.append(
                MapProblem(where, "no_such_attribute", f"a {m.role} has no {attribute}",
                           {"role": m.role, "attribute": attribute})
            )  # fmt: skip
        elif column not in layer.columns:
            out.append(
                MapProblem(where, "no_such_column", f"{layer.name} has no column {column!r}",
                           {"layer": layer.name, "column": column})
            )  # fmt: skip
        elif seen[column] > 1 and attribute != "id":
            out.append(
                MapProblem(where, "column_twice", f"{column!r} is used more than once",
                           {"column": column}, "warning")
            )  # fmt: skip
    for attribute, unit in m.units.items():
        about = known.get(attribute)
        if about is not None and (not about.measure or unit not in UNITS[about.measure]):
            out.append(
                MapProblem(f"{at}.units.{attribute}", "unknown_unit",
                           f"{unit!r} is no unit of {attribute}",
                           {"unit": unit, "attribute": attribute,
                            "known": list(UNITS.get(about.measure, {}))})
            )  # fmt: skip
    for attribute, about in known.items():
        if not about.needed or attribute in m.columns or attribute in m.defaults:
            continue
        if attribute == "id":
            out.append(
                MapProblem(f"{at}.columns.id", "ids_made_up",
                           f"{layer.name} has no ids; they are made from the line numbers and "
                           "change when the file does", {"layer": layer.name}, "warning")
            )  # fmt: skip
        else:
            out.append(
                MapProblem(f"{at}.columns.{attribute}", "missing_column",
                           f"say which column holds the {attribute}, or give a value for all",
                           {"layer": layer.name, "attribute": attribute})
            )  # fmt: skip
    out += _default_problems(m, at)
    out += _place_problems(layer, m, at)
    out += _word_problems(layer, m, at)
    return out


def _default_problems(m: LayerMap, at: str) -> list[MapProblem]:
    """Values for records that have none must be such as a record could have."""
    out = []
    for attribute, value in m.defaults.items():
        where = f"{at}.defaults.{attribute}"
        about = ATTRIBUTES[m.role].get(attribute)
        said = word(value)
        if about is None:
            out.append(
                MapProblem(where, "no_such_attribute", f"a {m.role} has no {attribute}",
                           {"role": m.role, "attribute": attribute})
            )  # fmt: skip
        elif about.kind in ("number", "year") and not (_is_number(value) or said == "0"):
            out.append(
                MapProblem(where, "not_a_number", f"{said[:40]!r} is not a number above zero",
                           {"attribute": attribute, "value": said[:40]})
            )  # fmt: skip
        elif about.kind in ("word", "flag"):
            table = WORDS[about.words or "flag"]
            if plain(said) not in table:
                allowed = sorted(set(table.values()))
                out.append(
                    MapProblem(where, "unknown_value",
                               f"{said[:40]!r} is none of {', '.join(allowed)}",
                               {"value": said[:40], "known": allowed})
                )  # fmt: skip
    return out


def _place_problems(layer: Layer, m: LayerMap, at: str) -> list[MapProblem]:
    if {"x", "y"} <= set(m.columns) or "wkt" in m.columns:
        return []
    if layer.shape == "none":
        by_reference = {"start", "end"} <= set(m.columns) or set(m.columns) & {"node", "pipe"}
        if not by_reference:
            return [MapProblem(f"{at}.columns.x", "no_place", f"{layer.name} has no geometry: say "
                               "which columns hold x and y", {"layer": layer.name})]  # fmt: skip
        return []
    allowed = SHAPES[m.role]
    if layer.shape not in allowed and layer.shape != "mixed":
        return [MapProblem(f"{at}.role", "wrong_shape", f"{layer.name} holds {layer.shape}s; a "
                           f"{m.role} is a {' or a '.join(allowed)}",
                           {"layer": layer.name, "shape": layer.shape,
                            "role": m.role})]  # fmt: skip
    return []


def _word_problems(layer: Layer, m: LayerMap, at: str) -> list[MapProblem]:
    out = []
    for attribute, column in m.columns.items():
        about = ATTRIBUTES[m.role].get(attribute)
        if about is None or about.kind not in ("word", "flag") or column not in layer.columns:
            continue
        table = WORDS[about.words or "flag"]
        allowed = set(table.values())
        given = m.values.get(attribute, {})
        for said, ours in given.items():
            if ours not in allowed:
                out.append(
                    MapProblem(f"{at}.values.{attribute}.{said}", "unknown_value",
                               f"{ours!r} is none of {', '.join(sorted(allowed))}",
                               {"value": ours, "known": sorted(allowed)})
                )  # fmt: skip
        counts = Counter(word(v) for v in layer.columns[column] if v is not None)
        strange = {w: n for w, n in counts.items() if w not in given and plain(w) not in table}
        if strange:
            some = [w for w, _ in Counter(strange).most_common(8)]
            out.append(
                MapProblem(f"{at}.values.{attribute}", "unknown_words",
                           f"{sum(strange.values())} records say {', '.join(map(repr, some))} for "
                           f"{attribute}; they are quarantined unless you say what it means",
                           {"attribute": attribute, "words": some,
                            "records": sum(strange.values()), "known": sorted(allowed)}, "warning")
            )  # fmt: skip
    return out
