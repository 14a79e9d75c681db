"""UTM, so that distances are metres: Krueger's series to the fourth order, right to micrometres."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from routing.compiled.jit import kernel

_A, _F, _K0 = 6_378_137.0, 1 / 298.257223563, 0.9996
_N = _F / (2 - _F)
_RADIUS = _K0 * _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_E = math.sqrt(_F * (2 - _F))
_A1 = _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180
_A2 = 13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440
_A3 = 61 * _N**3 / 240 - 103 * _N**4 / 140
_A4 = 49561 * _N**4 / 161280


def utm_zone(lon: float, lat: float) -> int:
    """The zone of a position, 1 to 60; below the equator its negative."""
    zone = min(int((lon + 180) // 6) + 1, 60)
    return zone if lat >= 0 else -zone


@kernel
def to_metres(lon: float, lat: float, zone: int) -> tuple[float, float]:
    """(east, north) of a position in degrees (WGS 84) in a UTM zone, metres."""
    away = math.radians(lon - (6 * abs(zone) - 183))
    sine = math.sin(math.radians(lat))
    t = math.sinh(math.atanh(sine) - _E * math.atanh(_E * sine))
    xi = math.atan2(t, math.cos(away))
    eta = math.asinh(math.sin(away) / math.hypot(t, math.cos(away)))
    north, east = xi, eta
    factors = (_A1, _A2, _A3, _A4)
    for k in range(4):
        twice = 2.0 * (k + 1)
        north += factors[k] * math.sin(twice * xi) * math.cosh(twice * eta)
        east += factors[k] * math.cos(twice * xi) * math.sinh(twice * eta)
    return 500_000.0 + _RADIUS * east, _RADIUS * north + (1e7 if zone < 0 else 0.0)


@kernel
def all_to_metres(lonlat: Any, zone: int) -> Any:
    """`to_metres` of rows (lon, lat)."""
    xy = np.empty((len(lonlat), 2))
    for i in range(len(lonlat)):
        xy[i, 0], xy[i, 1] = to_metres(lonlat[i, 0], lonlat[i, 1], zone)
    return xy
