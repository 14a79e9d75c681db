"""Bringing real networks in: files read, columns understood, ends joined, bad records set aside.

    layers = read_layers("town.gpkg")                # what is in the file
    schema_map = suggest_map(layers)                 # what it probably means; a person corrects it
    problems(schema_map, layers)                     # what keeps it from being used
    built = build(layers, schema_map, crs=4545)      # a network, and the records left out

Nothing here knows a database. All errors that stop an import are `ImportRefused`, which names the
field; a record that is wrong stops nothing and goes into `Built.quarantine`.
"""

from gis_data.importing.building import build
from gis_data.importing.mapping import ATTRIBUTES, problems, suggest_map
from gis_data.importing.reading import read_layers, together
from gis_data.importing.values import (
    ROLES,
    Built,
    Declared,
    Field,
    ImportRefused,
    Layer,
    LayerMap,
    Layers,
    Limits,
    MapProblem,
    Note,
    PremiseRow,
    Quarantined,
    SchemaMap,
    Tolerances,
    ZoneRow,
)

__all__ = [
    "ATTRIBUTES",
    "ROLES",
    "Built",
    "Declared",
    "Field",
    "ImportRefused",
    "Layer",
    "LayerMap",
    "Layers",
    "Limits",
    "MapProblem",
    "Note",
    "PremiseRow",
    "Quarantined",
    "SchemaMap",
    "Tolerances",
    "ZoneRow",
    "build",
    "problems",
    "read_layers",
    "suggest_map",
    "together",
]
