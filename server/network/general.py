"""What is computed once for each version of the network and only drawn afterwards.

`refresh()` after loading or approving a version: the generalised mains for the tiles below zoom
13, the directions of flow that follow from the shape of the network, and the tiles of mains up to
zoom 13, the only ones that hold thousands of them. Whoever changes a main empties that store (by a
trigger, tile_changes.py); the tiles are then made when asked for, until the next refresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction

from gis_data.directions import directions
from gis_data.model import ONE_WAY_CONTROLS
from server.network.models import TileStore
from server.network.tiles import EACH_PIPE, WORLD_M, tile

# The smallest main drawn at each zoom, in millimetres, however few there are.
FLOOR_MM = {9: 600, 10: 400, 11: 200, 12: 100}
# More pieces than this in the busiest tile are neither readable nor quick to encode: only larger
# mains are drawn then.
BUSIEST = 4000
# Below this zoom neither material nor age can be told apart; mains join across them.
TOLD_APART = 11
# Tiles kept for one zoom; a network spread wider than that is thin in each of them.
MOST_TILES = 1000


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of it: smallest diameter and pieces by zoom, pipes of known direction, tiles."""

    smallest_mm: dict[int, float]
    pieces: dict[int, int]
    directed: int
    tiles: int


def refresh() -> Refreshed:
    """Everything that is only drawn, from the network as it stands, in one transaction.

    Nobody else can change a main meanwhile.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE network_pipe IN SHARE MODE")
        directed = store_directions()
        smallest = {zoom: _smallest(zoom) for zoom in FLOOR_MM}
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM network_pipegeneral")
            pieces = {zoom: _fill(cursor, zoom, mm) for zoom, mm in smallest.items()}
            cursor.execute("ANALYZE network_pipegeneral")
        tiles = sum(_store_tiles(zoom) for zoom in (*FLOOR_MM, EACH_PIPE))
    return Refreshed(smallest, pieces, directed, tiles)


def _smallest(zoom: int) -> float:
    """The smallest diameter of which the busiest tile of this zoom holds no more than BUSIEST."""
    size = WORLD_M / 2**zoom
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH counted AS (
                SELECT floor(ST_XMin(geom_3857) / %(size)s) AS x,
                       floor(ST_YMin(geom_3857) / %(size)s) AS y, diameter_mm AS mm, count(*) AS n
                FROM network_pipe WHERE diameter_mm >= %(floor)s GROUP BY 1, 2, 3),
            running AS (
                SELECT mm, sum(n) OVER (PARTITION BY x, y ORDER BY mm DESC) AS n FROM counted),
            busiest AS (
                SELECT mm, max(max(n)) OVER (ORDER BY mm DESC) AS n FROM running GROUP BY mm)
            SELECT coalesce(min(mm) FILTER (WHERE n <= %(most)s), max(mm)) FROM busiest
            """,
            {"size": size, "floor": FLOOR_MM[zoom], "most": BUSIEST},
        )
        row = cursor.fetchone()
    return float(row[0]) if row and row[0] is not None else float(FLOOR_MM[zoom])


def _fill(cursor: Any, zoom: int, smallest: float) -> int:
    """Mains of one kind in one tile, joined end to end and thinned to half a pixel."""
    size = WORLD_M / 2**zoom
    cursor.execute(
        """
        INSERT INTO network_pipegeneral
            (zoom, diameter_mm, material, year, role, zone, closed, geom_3857)
        SELECT %(zoom)s, diameter_mm, material, decade, role, zone, closed,
               ST_Simplify(piece.geom, %(tolerance)s, true)
        FROM (
            SELECT diameter_mm, CASE WHEN %(apart)s THEN material ELSE '' END AS material,
                   CASE WHEN %(apart)s THEN year / 10 * 10 END AS decade, role, zone, closed,
                   ST_LineMerge(ST_Collect(geom_3857)) AS lines
            FROM network_pipe WHERE diameter_mm >= %(smallest)s
            GROUP BY 1, 2, 3, 4, 5, 6, floor(ST_XMin(geom_3857) / %(size)s),
                     floor(ST_YMin(geom_3857) / %(size)s)
        ) g, LATERAL ST_Dump(g.lines) piece
        """,
        {"zoom": zoom, "smallest": smallest, "size": size, "tolerance": size / 1024,
         "apart": zoom >= TOLD_APART},
    )
    return int(cursor.rowcount)


def _store_tiles(zoom: int) -> int:
    """Make the tiles of mains of one zoom beforehand; how many."""
    size = WORLD_M / 2**zoom
    table = "network_pipe" if zoom >= EACH_PIPE else f"network_pipegeneral WHERE zoom = {zoom}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT floor((ST_X(p) + %(half)s) / %(size)s)::int,
                            floor((%(half)s - ST_Y(p)) / %(size)s)::int
            FROM (SELECT geom_3857 AS g FROM {table}) t,
                 LATERAL unnest(ARRAY[ST_StartPoint(g), ST_EndPoint(g)]) p
            LIMIT {MOST_TILES}
            """,
            {"half": WORLD_M / 2, "size": size},
        )
        places = cursor.fetchall()
    rows = [TileStore(z=zoom, x=x, y=y, body=tile("pipes", zoom, x, y)) for x, y in places]
    TileStore.objects.filter(z=zoom).delete()
    TileStore.objects.bulk_create(rows, batch_size=100)
    return len(rows)


def store_directions() -> int:
    """Write `Pipe.flow` where it differs; how many pipes have a direction.

    With every valve in its normal position: a pipe with one normally shut conducts nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT asset, kind FROM network_node ORDER BY id")
        nodes = cursor.fetchall()
        number = {asset: k for k, (asset, _) in enumerate(nodes)}
        sources = [k for k, (_, kind) in enumerate(nodes) if kind in ("tank", "reservoir")]
        cursor.execute(
            'SELECT p.asset, p.start, p."end", p.one_way FROM network_pipe p WHERE NOT p.closed '
            "AND NOT EXISTS (SELECT 1 FROM network_valve v "
            "                WHERE v.pipe = p.asset AND NOT v.normally_open) ORDER BY p.id"
        )
        links = [link for link in cursor.fetchall() if link[1] in number and link[2] in number]
        pipes = len(links)
        cursor.execute(
            'SELECT asset, start, "end", kind FROM network_control WHERE NOT closed ORDER BY id'
        )
        links += [
            (asset, start, end, kind in ONE_WAY_CONTROLS)
            for asset, start, end, kind in cursor.fetchall() if start in number and end in number
        ]
        flow = directions(
            len(nodes), [number[s] for _, s, _, _ in links], [number[e] for _, _, e, _ in links],
            sources, [bool(only) for *_, only in links],
        )
        known = np.flatnonzero(flow)
        names = [links[k][0] for k in known]
        cursor.execute(
            "UPDATE network_pipe p SET flow = coalesce(s.flow, 0) FROM network_pipe q "
            "LEFT JOIN unnest(%s::text[], %s::int[]) AS s(asset, flow) ON s.asset = q.asset "
            "WHERE q.id = p.id AND p.flow <> coalesce(s.flow, 0)",
            [names, [int(flow[k]) for k in known]],
        )
    return int((known < pipes).sum())
