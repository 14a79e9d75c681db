"""Along which streets somebody drove, and how far: a track laid on the street network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from routing.errors import OffNetwork
from routing.model import Matched
from server.accounts.refusals import Refused
from server.streets.index import opened

# As long as nobody stood or drove there in between, the same street goes on.
BREAK_S = 15 * 60.0
# Shorter on another street, before and after on the same one: a crossing, not a visit.
CROSSING_S = 20.0
NEAR_M = 50.0
# As good as satellites usually are between houses.
SIGMA_M = 10.0


# A position (degrees, EPSG:4326) and its time.
Seen = tuple[float, float, datetime]


class Stretch(NamedTuple):
    """A while on one street. `street` is "" for one without a name, None away from all streets."""

    street: str | None
    begin: datetime
    end: datetime
    lon: float
    lat: float


def drives(fixes: Iterable[tuple[str, Seen]]) -> list[dict[str, Any]]:
    """What each device drove, from (device, fix) in the order of time; most positions first.

    {"device", "metres" along the streets, "stretches": [{"street", "from", "to", "lon", "lat"}]}.
    Empty where no streets are loaded.
    """
    by_device: dict[str, list[Seen]] = {}
    for device, fix in fixes:
        by_device.setdefault(device, []).append(fix)
    try:
        streets = opened()
    except Refused:
        return []
    told = []
    for device, seen in sorted(by_device.items(), key=lambda one: -len(one[1])):
        matched = streets.match(seen, SIGMA_M)
        told.append({
            "device": device, "metres": round(matched.metres),
            "stretches": [
                {"street": s.street, "from": s.begin, "to": s.end, "lon": s.lon, "lat": s.lat}
                for s in stretches(seen, matched)
            ],
        })  # fmt: skip
    return told


def street_of(lon: float, lat: float) -> str:
    """The name of the street at a position; "" for none within 50 m, or one without a name."""
    try:
        return opened().snap(lon, lat, max_m=NEAR_M).street
    except (Refused, OffNetwork):
        return ""


def stretches(seen: Sequence[Seen], matched: Matched) -> list[Stretch]:
    """The track as whiles on streets, in the order of time."""
    places = [
        Stretch(street if edge is not None else None, at, at, lon, lat)
        for (lon, lat, at), edge, street in zip(seen, matched.edges, matched.streets, strict=True)
    ]
    return _joined(_without_crossings(_joined(places)))


def _joined(row: Sequence[Stretch]) -> list[Stretch]:
    """Neighbours on one street become one, unless too long a silence lies between them."""
    parts: list[int] = []
    for n, one in enumerate(row):
        gap = n and (one.begin - row[n - 1].end).total_seconds() > BREAK_S
        parts.append(parts[-1] + bool(gap) if parts else 0)
    numbered = zip(parts, row, strict=True)
    groups = groupby(numbered, key=lambda one: (one[0], one[1].street))
    runs = [[stretch for _part, stretch in some] for _key, some in groups]
    return [run[0]._replace(end=run[-1].end) for run in runs]


def _without_crossings(row: Sequence[Stretch]) -> list[Stretch]:
    """A moment on another street, in the middle of one, is that one's crossing with it."""
    kept = []
    for n, one in enumerate(row):
        short = (one.end - one.begin).total_seconds() < CROSSING_S
        inside = 0 < n < len(row) - 1 and row[n - 1].street == row[n + 1].street
        kept.append(one._replace(street=row[n - 1].street) if short and inside else one)
    return kept
