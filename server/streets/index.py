"""Where the tables meet the street index: the one index of a process, with what is in force.

Streets and changes come from two places: the compiled file, which is opened again when it is
replaced, and the table of closures and slow streets. Both are asked for at most every half second
(adr/0025), so that what one process writes counts in all of them within a second; a closure that
begins or ends by its time does so to the moment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import shapely
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry import mapping

from routing.errors import OffNetwork, Unreachable
from routing.index import StreetIndex
from routing.model import Coverage, EdgeId, Isochrone, Origin, Reach, Route
from routing.table import Floats
from server.accounts.refusals import Refused
from server.streets import in_force

#: How old the state of an index may be before its process asks again.
AGE_S = 0.5


@dataclass(slots=True)
class _Held:
    """What this process has open. Changed under the lock; `good_until` is read without it."""

    stamp: str
    index: StreetIndex
    epoch: str | None = None
    changes: list[in_force.Change] = field(default_factory=list)
    # The edges of each change in this index, by (id, version).
    edges: dict[tuple[int, int], tuple[EdgeId, ...]] = field(default_factory=dict)
    # Which changes the index has taken up.
    applied: tuple[tuple[int, int], ...] = ()
    # Both by time.monotonic(): until when nobody need ask, and when a change was written here last.
    good_until: float = 0.0
    expired_at: float = 0.0


_lock = threading.Lock()
_held: _Held | None = None


def _stamp(folder: Path) -> str:
    manifest = folder / "manifest.json"
    return f"{manifest.stat().st_mtime_ns}" if manifest.exists() else ""


def index(*, fresh: bool = False) -> StreetIndex:
    """The street index of the loaded city, with the closures and speeds of now.

    At most half a second behind the database; with `fresh` not at all. Refused (503) where no
    streets are loaded.
    """
    held = _held
    if held is not None and not fresh and time.monotonic() < held.good_until:
        return held.index
    with _lock:
        return _look(fresh)


def opened() -> StreetIndex:
    """The street index as it stands, for what does not depend on closures. Refused as `index`."""
    held = _held
    return held.index if held is not None else index()


def expire() -> None:
    """Something was written to the changes: the next question in this process looks for itself."""
    held = _held
    if held is not None:
        held.expired_at, held.good_until = time.monotonic(), 0.0


def forget() -> None:
    """Drop what this process holds; the next question opens it again."""
    global _held
    with _lock:
        _held = None


def _look(fresh: bool) -> StreetIndex:
    global _held
    asked = time.monotonic()
    if _held is not None and not fresh and asked < _held.good_until:
        return _held.index  # another thread was quicker
    folder = Path(settings.STANDPIPE["STREETS"])
    stamp = _stamp(folder)
    if not stamp:
        raise Refused(
            "streets", "not_loaded", _("No street network is loaded for this city."), status=503
        )
    if _held is None or _held.stamp != stamp:
        _held = _Held(stamp, StreetIndex.open(folder))
    held, now = _held, timezone.now()
    # The epoch first: what is written after it is read at the latest with the next one.
    epoch = in_force.read_epoch()
    if epoch != held.epoch:
        held.changes = in_force.read_changes(now)
        held.edges = {
            key: held.edges[key] if key in held.edges else in_force.edges_of(held.index, change)
            for change in held.changes
            for key in [(change.id, change.version)]
        }
        held.epoch = epoch
    active, turns_at = in_force.due(held.changes, now)
    wanted = tuple((change.id, change.version) for change in active)
    if wanted != held.applied:
        edges = {change.id: held.edges[change.id, change.version] for change in active}
        held.index.apply(*in_force.weights(held.index, active, edges))
        held.applied = wanted
    lasts = AGE_S if turns_at is None else min(AGE_S, (turns_at - now).total_seconds())
    if held.expired_at < asked:
        held.good_until = asked + lasts
    return held.index


# -- questions ------------------------------------------------------------------------------------


def reach(to: tuple[float, float], origins: Sequence[Origin]) -> list[Reach]:
    """Every origin with its driving seconds to `to`, nearest first; unreachable ones last.

    A place far from every street is reached by nobody; that is an answer, not an error.
    """
    try:
        return index().nearest(to, origins)
    except OffNetwork:
        return [Reach(o.id, None, None, "off_network") for o in origins]


def route(origin: tuple[float, float], destination: tuple[float, float]) -> Route:
    """The way to drive. Raises Refused, naming the place, where there is none."""
    with _refusing():
        return index().route(origin, destination)


def matrix(
    origins: Sequence[tuple[float, float]], destinations: Sequence[tuple[float, float]]
) -> Floats:
    """Driving seconds from each origin to each destination; infinite where no way leads."""
    return index().matrix(origins, destinations)


def coverage(origins: Sequence[Origin]) -> Coverage:
    """How soon the first of the origins is at each junction."""
    return index().coverage(origins)


def isochrone(origins: Sequence[Origin], limits_s: Sequence[float]) -> list[Isochrone]:
    """What the first of the origins reaches within each of the limits."""
    return index().isochrone(origins, limits_s)


def alternatives(
    origin: tuple[float, float], destination: tuple[float, float], k: int
) -> list[Route]:
    """The quickest way and up to k - 1 others. Refused as `route`."""
    with _refusing():
        return index().alternatives(origin, destination, k)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except OffNetwork as error:
        raise Refused("place", "off_network", _("There is no street near that place.")) from error
    except Unreachable as error:
        raise Refused("place", "unreachable", no_way(error), straight_m=error.straight_m) from error


def no_way(error: Unreachable) -> str:
    """Why nobody gets there, and how far it is, in the reader's language."""
    metres = error.straight_m
    far = f"{metres / 1000:.1f} km" if metres >= 1000 else f"{round(metres, -1):.0f} m"
    if error.because_of_closures:
        return _("No street leads there now; straight line %(far)s.") % {"far": far}
    return _("No street leads there; straight line %(far)s.") % {"far": far}


def geojson(geometry: shapely.Geometry) -> dict[str, object]:
    """A geometry as GeoJSON to a tenth of a metre."""
    return dict(mapping(shapely.transform(geometry, lambda xy: xy.round(6))))


def route_json(found: Route) -> dict[str, object]:
    return {
        "geometry": shapely.get_coordinates(found.geometry).round(6).tolist(),
        "seconds": round(found.seconds, 1),
        "metres": round(found.metres, 1),
        "steps": [
            {"street": s.street, "metres": round(s.metres), "seconds": round(s.seconds),
             "turn": s.turn}
            for s in found.steps
        ],
    }  # fmt: skip
