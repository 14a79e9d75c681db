"""Streets: reading them, ranking crews by travel time, routes, closures and drives along them.

`build_streets` makes the editable model (an OSMnx-form MultiDiGraph), `StreetIndex` the compiled
one that answers questions. Coordinates are (lon, lat) in EPSG:4326, times seconds, lengths metres.
"""

from __future__ import annotations

from routing.drive import Along, Drive
from routing.errors import (
    BadCoordinate,
    OffNetwork,
    RoutingError,
    SnapshotError,
    StreetFileError,
    UnknownEdge,
    Unreachable,
)
from routing.graphfile import load_graph, save_graph
from routing.index import StreetIndex
from routing.model import (
    Closure,
    Coverage,
    EdgeId,
    Fix,
    Isochrone,
    Leg,
    LonLat,
    Matched,
    Origin,
    Reach,
    Route,
    Snap,
    Step,
)
from routing.streets import build_streets, stamp

__all__ = [
    "Along",
    "BadCoordinate",
    "Closure",
    "Coverage",
    "Drive",
    "EdgeId",
    "Fix",
    "Isochrone",
    "Leg",
    "LonLat",
    "Matched",
    "OffNetwork",
    "Origin",
    "Reach",
    "Route",
    "RoutingError",
    "Snap",
    "SnapshotError",
    "Step",
    "StreetFileError",
    "StreetIndex",
    "UnknownEdge",
    "Unreachable",
    "build_streets",
    "load_graph",
    "save_graph",
    "stamp",
]
