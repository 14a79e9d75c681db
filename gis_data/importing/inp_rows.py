"""EPANET files as layers: one for each section, so that a person sees what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from gis_data.importing.layering import make_layer
from gis_data.importing.values import ImportRefused, LayerMap, Layers, Role, SchemaMap

#: Section -> role and the names of its fields, the first the id.
SECTIONS: dict[str, tuple[Role, tuple[str, ...]]] = {
    "JUNCTIONS": ("node", ("id", "elevation", "demand", "pattern")),
    "RESERVOIRS": ("source", ("id", "head", "pattern")),
    "TANKS": ("tank", ("id", "elevation", "level_initial", "level_min", "level_max",
                       "tank_diameter")),
    "PIPES": ("pipe", ("id", "start", "end", "length", "diameter", "roughness", "minor_loss",
                       "status")),
    "PUMPS": ("pump", ("id", "start", "end", "properties")),
    "VALVES": ("control", ("id", "start", "end", "diameter", "type", "setting", "minor_loss")),
}  # fmt: skip
KNOWN_SECTIONS = (
    "TITLE", "JUNCTIONS", "RESERVOIRS", "TANKS", "PIPES", "PUMPS", "VALVES", "EMITTERS", "CURVES",
    "PATTERNS", "ENERGY", "STATUS", "CONTROLS", "RULES", "DEMANDS", "QUALITY", "REACTIONS",
    "SOURCES", "MIXING", "OPTIONS", "TIMES", "REPORT", "COORDINATES", "VERTICES", "LABELS",
    "BACKDROP", "TAGS", "END", "LEAKAGE",
)  # fmt: skip
_HEADER = re.compile(r"^\[(\w+)\]?")


def sections(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, section, text without comment) of every line that says something.

    Errors: ImportRefused for a section EPANET does not know and for text before the first one.
    """
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        said = line.split(";")[0].strip()
        if not said:
            continue
        if said.startswith("["):
            section = _section(said, number)
        elif not section:
            raise ImportRefused(
                "file", "not_epanet", "text before the first [SECTION]; is this an EPANET file?",
                line=number,
            )  # fmt: skip
        else:
            yield number, section, said


def _section(said: str, number: int) -> str:
    match = _HEADER.match(said)
    name = match.group(1).upper() if match else ""
    # EPANET recognises a section by its first four letters.
    known = next((s for s in KNOWN_SECTIONS if len(name) >= 3 and s[:4] == name[:4]), None)
    if known is None:
        raise ImportRefused(
            "file", "unknown_section", f"unknown section {said[:40]!r}",
            {"section": said[:40]}, line=number,
        )  # fmt: skip
    return known


def inp_layers(text: str, name: str, encoding: str) -> Layers:
    """Layers of an EPANET file, which `build` reads as a whole. Errors: ImportRefused."""
    rows: dict[str, list[tuple[int, list[str]]]] = {}
    for number, section, said in sections(text):
        if section in SECTIONS:
            rows.setdefault(section, []).append((number, said.split()))
    if not rows.get("PIPES"):
        raise ImportRefused("PIPES", "no_pipes", f"{name} holds no pipes", {"file": name})
    layers = []
    for section, found in rows.items():
        names = SECTIONS[section][1]
        columns = {
            field: np.array(
                [None, *(f[i] if len(f) > i else None for _, f in found)], dtype=object
            )[1:]
            for i, field in enumerate(names)
        }
        layers.append(
            make_layer(section, columns, None, [n for n, _ in found], None, counted="line",
                       file=name, encoding=encoding)
        )  # fmt: skip
    return Layers(name, "inp", tuple(layers), text)


def inp_map(layers: Layers) -> SchemaMap:
    """What the sections of an EPANET file are; it cannot be changed."""
    return SchemaMap(
        {
            layer.name: LayerMap(
                SECTIONS[layer.name][0], {f.name: f.name for f in layer.fields if f.filled}
            )
            for layer in layers
        }
    )
