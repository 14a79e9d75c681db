"""Where the map opens and which version of the city it draws; asked for at most once a minute."""

from __future__ import annotations

import time
from typing import Any

from django.apps import apps
from django.db import DatabaseError

_KEEP_S = 60.0
_kept: tuple[float, dict[str, Any]] = (0.0, {})


def city_view() -> dict[str, Any]:
    """{"bounds": [west, south, east, north], "tiles": version}; {} before a city is loaded."""
    global _kept
    now = time.monotonic()
    if _kept[1] and now - _kept[0] < _KEEP_S:
        return _kept[1]
    if not (apps.is_installed("server.places") and apps.is_installed("server.network")):
        return {}
    try:
        city = apps.get_model("places", "City").objects.order_by("-loaded_at").first()
        version = apps.get_model("network", "NetworkVersion").objects.order_by("-number").first()
    except DatabaseError:
        # The page must open without the database; the map then starts where the incidents are.
        return {}
    if city is None:
        return {}
    found = {
        "bounds": [round(v, 5) for v in city.bounds.extent],
        "tiles": str(version.number) if version else "",
    }
    _kept = (now, found)
    return found
