"""Vector tiles straight from PostGIS, one table of layers, one query.

Every layer has a stored EPSG:3857 column (transforming on the fly is five times slower at low
zooms) and a rule for what is left out when zoomed out. Layers of neighbouring apps are read by
table name; nothing is imported from them.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

EXTENT, BUFFER = 4096, 64
MAX_ZOOM = 22


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its rows, what they carry, and from which zoom on they are drawn.

    `attributes` are SQL expressions with names over `source` (table t and what is joined to it);
    `shown` maps a zoom to a condition that holds from that zoom on; below `min_zoom` the layer is
    empty. `simplify` thins lines to the pixel; points and outlines are left alone.
    """

    source: str
    attributes: str
    min_zoom: int
    shown: tuple[tuple[int, str], ...] = ()
    simplify: bool = False

    def condition(self, zoom: int) -> str:
        """The SQL condition of the last step at or below `zoom`; TRUE behind the last one."""
        return next((rule for until, rule in self.shown if zoom < until), "TRUE")


_MAIN_STREETS = "('motorway','trunk','primary','secondary','motorway_link','trunk_link')"

LAYERS: dict[str, Layer] = {
    "streets": Layer(
        "places_street t",
        "t.id AS fid, t.name, t.klass",
        min_zoom=9,
        # Each pair: below this zoom only what answers to the condition.
        shown=(
            (12, f"t.klass IN {_MAIN_STREETS}"),
            (14, f"t.klass IN {_MAIN_STREETS} OR t.klass IN ('tertiary', 'unclassified')"),
            (15, "t.klass <> 'service'"),
        ),
        simplify=True,
    ),
    "buildings": Layer(
        "places_building t", "t.id AS fid, t.kind", min_zoom=13,
        shown=((15, "ST_Area(t.geom_3857) > 400"),),
    ),
    "pipes": Layer(
        "network_pipe t",
        "t.id AS fid, t.asset AS id, t.diameter_mm::int AS dn, t.material, t.zone, t.closed,"
        " t.segment",
        min_zoom=9,
        shown=(
            (10, "t.diameter_mm >= 600"),
            (11, "t.diameter_mm >= 400"),
            (12, "t.diameter_mm >= 200"),
            (13, "t.diameter_mm >= 100"),
        ),
        simplify=True,
    ),
    "controls": Layer(
        "network_control t", "t.id AS fid, t.asset AS id, t.kind, t.closed", min_zoom=12
    ),
    "valves": Layer(
        "network_valve t",
        "t.id AS fid, t.asset AS id, t.kind, t.position AS state, t.operable, t.normally_open",
        min_zoom=14,
    ),
    "hydrants": Layer("network_hydrant t", "t.id AS fid, t.asset AS id", min_zoom=14),
    "services": Layer(
        "network_serviceline t", "t.id AS fid, t.asset AS id, t.premise", min_zoom=16
    ),
    "premises": Layer(
        "customers_premise t LEFT JOIN ("
        " SELECT DISTINCT premise_id FROM outages_premiseoff"
        " WHERE off_at IS NOT NULL AND on_at IS NULL) o ON o.premise_id = t.id",
        "t.id AS fid, t.code AS id, t.use, o.premise_id IS NOT NULL AS off",
        min_zoom=14,
        # Those without water, and those who must not be, show from further away.
        shown=((16, "o.premise_id IS NOT NULL OR t.use IN"
                    " ('hospital', 'dialysis', 'care', 'school')"),),
    ),
    "places": Layer(
        "places_poi t", "t.id AS fid, t.name, t.kind", min_zoom=12,
        shown=(
            (14, "t.name <> '' AND t.kind = 'hospital'"),
            (16, "t.name <> '' AND t.kind IN ('hospital', 'school', 'university', 'station',"
                 " 'townhall', 'fire_station', 'police', 'theatre', 'museum', 'place_of_worship')"),
        ),
    ),
}

_SQL = """
WITH box AS (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS b),
rows AS (
    SELECT {attributes},
           ST_AsMVTGeom({geometry}, box.b, {extent}, {buffer}, true) AS g
    FROM {source}, box
    WHERE t.geom_3857 && ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => {margin})
      AND ({condition})
)
SELECT ST_AsMVT(rows, %(layer)s, {extent}, 'g', 'fid') FROM rows WHERE g IS NOT NULL
"""


def tile(layer: str, z: int, x: int, y: int) -> bytes:
    """The encoded tile; b'' where nothing is to be drawn. `layer` is a key of LAYERS."""
    spec = LAYERS[layer]
    if z < spec.min_zoom:
        return b""
    geometry = "t.geom_3857"
    if spec.simplify and z < 16:
        # Half a tile unit: nothing that could be seen goes.
        geometry = f"ST_Simplify(t.geom_3857, {40075016.68 / 2**z / EXTENT / 2}, true)"
    sql = _SQL.format(
        attributes=spec.attributes, geometry=geometry, source=spec.source, extent=EXTENT,
        buffer=BUFFER, margin=BUFFER / EXTENT, condition=spec.condition(z),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        # Planning for parallel workers and compiling costs more than these small queries.
        cursor.execute("SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute(sql, {"layer": layer, "z": z, "x": x, "y": y})
        row = cursor.fetchone()
    return bytes(row[0]) if row and row[0] else b""


def is_tile(z: int, x: int, y: int) -> bool:
    """Whether z/x/y names a tile of the world."""
    return 0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z
