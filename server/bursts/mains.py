"""The mains around a place as a graph of distances, read from the tables as they stand now.

Only what lies in a box around the place is read: the cost does not grow with the city, and a valve
closed a moment ago counts. Metres along a main are never fewer than metres as the crow flies, so
nothing within reach is missed; mains recorded shorter than they are drawn are the exception, for
which the box is half as large again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from gis_data.bursts.locating import Site
from gis_data.bursts.reach import Main, PipeGraph, Spot

SLACK = 1.5


@dataclass(frozen=True)
class Placed:
    """A spot on a main, with where that is."""

    spot: Spot
    lon: float
    lat: float


def box(places: Iterable[tuple[float, float]], metres: float) -> tuple[float, float, float, float]:
    """(west, south, east, north) around (lon, lat) places, `metres` wider on every side."""
    lons, lats = zip(*places, strict=True)
    high = metres / 111_000
    wide = high / max(math.cos(math.radians(max(map(abs, lats)))), 0.05)
    return min(lons) - wide, min(lats) - high, max(lons) + wide, max(lats) + high


def graph_around(places: Sequence[tuple[float, float]], metres: float) -> PipeGraph:
    """The mains and controls within `metres` of any of the (lon, lat) `places`."""
    west, south, east, north = box(places, metres * SLACK)
    envelope = [west, south, east, north]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.asset, p.start, p."end", p.length_m, NOT p.closed,
                   NOT EXISTS (SELECT 1 FROM network_valve v WHERE v.pipe = p.asset
                               AND v.node = p.start AND v.position = 'closed'),
                   NOT EXISTS (SELECT 1 FROM network_valve v WHERE v.pipe = p.asset
                               AND v.node = p."end" AND v.position = 'closed')
            FROM network_pipe p WHERE p.geom && ST_MakeEnvelope(%s, %s, %s, %s, 4326)
            """,
            envelope,
        )
        mains = [
            Main(name, start, end, length, open_ and start_open, open_ and end_open)
            for name, start, end, length, open_, start_open, end_open in cursor.fetchall()
        ]
        cursor.execute(
            'SELECT asset, start, "end", NOT closed FROM network_control '
            "WHERE geom && ST_MakeEnvelope(%s, %s, %s, %s, 4326)",
            envelope,
        )
        mains += [Main(n, a, b, 0.0, open_, open_) for n, a, b, open_ in cursor.fetchall()]
    return PipeGraph(mains)


def of_premise(code: str) -> Placed | None:
    """Where the service line of a premise taps its main; None without one."""
    return _placed(
        """
        SELECT s.pipe, s.measure,
               ST_X(ST_LineInterpolatePoint(p.geom, least(greatest(s.measure, 0), 1))),
               ST_Y(ST_LineInterpolatePoint(p.geom, least(greatest(s.measure, 0), 1)))
        FROM network_serviceline s JOIN network_pipe p ON p.asset = s.pipe
        WHERE s.premise = %s ORDER BY s.id LIMIT 1
        """,
        [code],
    )


def on_pipe(asset: str, lon: float, lat: float) -> Placed | None:
    """The spot of a main nearest to a place; None for a main that is not there any more."""
    return _placed(
        """
        WITH main AS (
            SELECT asset, geom, ST_LineLocatePoint(geom, ST_Point(%s, %s, 4326)) AS at
            FROM network_pipe WHERE asset = %s
        )
        SELECT asset, at, ST_X(ST_LineInterpolatePoint(geom, at)),
               ST_Y(ST_LineInterpolatePoint(geom, at)) FROM main
        """,
        [lon, lat, asset],
    )


def _placed(sql: str, values: list[Any]) -> Placed | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    if row is None:
        return None
    return Placed(Spot(row[0], min(max(float(row[1]), 0.0), 1.0)), row[2], row[3])


def sites_on(pipes: Iterable[str], callers: Iterable[tuple[str, Spot]]) -> list[Site]:
    """Premises on these mains in quarters of a main, with how many of them called.

    `callers`: (premise code or '', spot) of every report; one without a premise is a site of its
    own.
    """
    grouped: dict[tuple[str, int], list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pipe, measure, premise FROM network_serviceline WHERE pipe = ANY(%s)",
            [list(pipes)],
        )
        at: dict[str, tuple[str, int]] = {}
        for pipe, measure, premise in cursor.fetchall():
            key = (pipe, min(int(measure * 4), 3))
            if premise not in at:
                at[premise] = key
                grouped.setdefault(key, []).append(premise)
    called: dict[tuple[str, int], set[str]] = {}
    for n, (premise, spot) in enumerate(callers):
        key = at.get(premise) or (spot.pipe, min(int(spot.measure * 4), 3))
        called.setdefault(key, set()).add(premise or f"?{n}")
    return [
        Site(
            Spot(pipe, (quarter + 0.5) / 4),
            len(grouped.get((pipe, quarter), ())),
            len(called.get((pipe, quarter), ())),
            tuple(grouped.get((pipe, quarter), ())),
        )
        for pipe, quarter in sorted({*grouped, *called})
    ]


def premises_on(pipes: Iterable[str]) -> int:
    """How many premises hang on these mains."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT premise) FROM network_serviceline WHERE pipe = ANY(%s)",
            [list(pipes)],
        )
        return int(cursor.fetchone()[0])
