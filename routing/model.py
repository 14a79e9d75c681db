"""The values that go into and come out of the street index. All frozen; SI units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from shapely import LineString, MultiLineString, MultiPolygon, Polygon

#: A degree of latitude, on the sphere of radius 6,371,009 m that OSMnx measures on.
M_PER_DEGREE = 111_195.0

#: One directed edge of the street graph: (from node, to node, key), OSM node numbers.
EdgeId = tuple[int, int, int]

Turn = Literal[
    "depart",
    "straight",
    "slight_left",
    "left",
    "sharp_left",
    "slight_right",
    "right",
    "sharp_right",
    "u_turn",
    "arrive",
]

#: Why an origin has no time, or a doubtful one. "" means nothing is wrong.
ReachNote = Literal["", "on_closed_street", "unreachable", "off_network", "bad_position"]


#: A position with its time: (lon, lat, moment with a time zone, or seconds of any clock).
Fix = tuple[float, float, datetime | float]


class LonLat(NamedTuple):
    """A position in degrees, EPSG:4326, longitude first."""

    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Something that could set out, for instance a crew at its last position."""

    id: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Snap:
    """The place on a street nearest to a position.

    `edge` is the directed edge and `fraction` (0 to 1) how far along it; (lon, lat) the place on
    the street; `distance_m` how far the position was from it; `side` the side of the edge the
    position lay on, looking along it; `street` its name, "" when it has none; `access` who may
    use it, as OpenStreetMap says ("private", "destination", "customers"...), "" for everybody.
    """

    edge: EdgeId
    fraction: float
    distance_m: float
    lon: float
    lat: float
    street: str
    side: Literal["left", "right", "on"] = "on"
    access: str = ""


class Reach(NamedTuple):
    """How soon one origin could be there.

    `seconds` is None when it cannot be told, `note` then says why. `metres` is None for origins
    ranked behind the first `k` (see StreetIndex.nearest).
    """

    id: str
    seconds: float | None
    metres: float | None
    note: ReachNote = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """The part of a route on one edge; `coordinates` are (lon, lat), at least two of them."""

    edge: EdgeId
    street: str
    metres: float
    seconds: float
    coordinates: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the turn list: turn so, then follow `street` for `metres`."""

    street: str
    metres: float
    seconds: float
    turn: Turn


@dataclass(frozen=True, slots=True)
class Route:
    """A way from origin to destination along the streets.

    `geometry` is in (lon, lat); a route of no length has a line of two equal points.
    """

    seconds: float
    metres: float
    geometry: LineString
    steps: tuple[Step, ...]
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Closure:
    """A closed edge; `until` None means until it is reopened."""

    edge: EdgeId
    until: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How soon the first of some origins is at each junction; three columns of that many rows.

    `seconds` is infinite where none gets to; `lon`, `lat` in degrees.
    """

    seconds: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Isochrone:
    """What the first of some origins reaches within `limit_s` seconds, in (lon, lat).

    `streets` are the pieces of street driven on by then; `area` is a drawing of the ground round
    them for maps, with every one of these pieces in it. Both are empty where nobody can set out.
    """

    limit_s: float
    streets: MultiLineString
    area: Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class Matched:
    """A row of positions laid on the streets that were driven.

    One entry a position, as given: `edges` (None where no street was near), `fractions` along
    them, `streets` (names, "" for none). `metres` driven along the streets from the first to the
    last; `driven` the edges in order.
    """

    edges: tuple[EdgeId | None, ...]
    fractions: tuple[float, ...]
    streets: tuple[str, ...]
    metres: float
    driven: tuple[EdgeId, ...]
