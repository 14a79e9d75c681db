"""Where the crews of the database meet the street index: the one file that imports routing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from routing.errors import OffNetwork, Unreachable
from routing.index import StreetIndex
from routing.model import Origin, Reach, Route
from server.accounts.refusals import Refused

_lock = threading.Lock()
_held: tuple[str, StreetIndex] | None = None


def _stamp(folder: Path) -> str:
    manifest = folder / "manifest.json"
    return f"{manifest.stat().st_mtime_ns}" if manifest.exists() else ""


def index() -> StreetIndex:
    """The street index of the loaded city, opened once per process and again when replaced."""
    global _held
    folder = Path(settings.STANDPIPE["STREETS"])
    stamp = _stamp(folder)
    if not stamp:
        raise Refused(
            "streets", "not_loaded", _("No street network is loaded for this city."), status=503
        )
    with _lock:
        if _held is None or _held[0] != stamp:
            _held = (stamp, StreetIndex.open(folder))
        return _held[1]


def forget() -> None:
    """Drop what this process holds; the next question opens it again."""
    global _held
    with _lock:
        _held = None


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
    try:
        return index().route(origin, destination)
    except OffNetwork as error:
        raise Refused("place", "off_network", _("There is no street near that place.")) from error
    except Unreachable as error:
        raise Refused("place", "unreachable", str(error)) from error


def route_json(found: Route) -> dict[str, object]:
    return {
        "geometry": [[round(x, 6), round(y, 6)] for x, y in found.geometry.coords],
        "seconds": round(found.seconds, 1),
        "metres": round(found.metres, 1),
        "steps": [
            {"street": s.street, "metres": round(s.metres), "seconds": round(s.seconds),
             "turn": s.turn}
            for s in found.steps
        ],
    }  # fmt: skip
