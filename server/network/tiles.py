"""Vector tiles straight from PostGIS, one table of layers, one query.

Every layer has a stored EPSG:3857 column (transforming on the fly is five times slower at low
zooms) and a rule for what is left out when zoomed out. Mains come from a generalised table below
zoom 13 (see general.py). Layers of neighbouring apps are read by table name; nothing is imported
from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import connection, transaction

EXTENT, BUFFER = 4096, 64
MAX_ZOOM = 22
WORLD_M = 40075016.68
# From this zoom on mains are drawn one by one, with their ids.
EACH_PIPE = 13


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its rows, what they carry, and from which zoom on they are drawn.

    `attributes` are SQL expressions with names over `source` (table t and what is joined to it);
    `tables` are those whose changes make its tiles stale. `shown` maps a zoom to a condition that
    holds below that zoom; below `min_zoom` the layer is empty. `simplify` thins lines to the
    pixel; points and outlines are left alone. `coarse` takes its place below zoom EACH_PIPE.
    """

    source: str
    attributes: str
    min_zoom: int
    tables: tuple[str, ...]
    shown: tuple[tuple[int, str], ...] = ()
    simplify: bool = False
    geometry: str = "t.geom_3857"
    always: str = "TRUE"
    coarse: Layer | None = field(default=None)

    def at(self, zoom: int) -> Layer:
        """The layer that answers for `zoom`: itself, or the generalised one."""
        return self.coarse if self.coarse is not None and zoom < EACH_PIPE else self

    def condition(self, zoom: int) -> str:
        """The SQL condition of the last step at or below `zoom`; TRUE behind the last one."""
        step = next((rule for until, rule in self.shown if zoom < until), "TRUE")
        return f"({self.always}) AND ({step})"


_MAIN_STREETS = "('motorway','trunk','primary','secondary','motorway_link','trunk_link')"
# A valve that does not stand as it should: the same words as in the partial index valve_odd_tile.
_ODD = (
    "((t.normally_open AND t.position = 'closed')"
    " OR (NOT t.normally_open AND t.position = 'open'))"
)

_GENERAL_PIPES = Layer(
    "network_pipegeneral t",
    "t.id AS fid, t.diameter_mm::int AS dn, t.material, t.year, t.zone, t.role, t.closed",
    min_zoom=9,
    tables=("network_pipegeneral",),
    always="t.zoom = %(z)s",
)

LAYERS: dict[str, Layer] = {
    "streets": Layer(
        "places_street t",
        "t.id AS fid, t.name, t.klass",
        min_zoom=9,
        tables=("places_street",),
        # Each pair: below this zoom only what answers to the condition.
        shown=(
            (12, f"t.klass IN {_MAIN_STREETS}"),
            (14, f"t.klass IN {_MAIN_STREETS} OR t.klass IN ('tertiary', 'unclassified')"),
            (15, "t.klass <> 'service'"),
        ),
        simplify=True,
    ),
    "buildings": Layer(
        "places_building t", "t.id AS fid, t.kind", min_zoom=13, tables=("places_building",),
        shown=((15, "ST_Area(t.geom_3857) > 400"),),
    ),
    "zones": Layer(
        "network_zone t", "t.id AS fid, t.kind, t.code AS id, t.name", min_zoom=9,
        tables=("network_zone",), simplify=True,
    ),
    # One point for each zone: a name on the outline itself would stand once in every tile.
    "zone_names": Layer(
        "network_zone t", "t.id AS fid, t.kind, t.code AS id, t.name", min_zoom=9,
        tables=("network_zone",), geometry="ST_PointOnSurface(t.geom_3857)",
    ),
    "pipes": Layer(
        "network_pipe t",
        "t.id AS fid, t.asset AS id, t.diameter_mm::int AS dn, t.material, t.year, t.zone, t.role,"
        " t.closed, t.segment, t.flow",
        min_zoom=9,
        tables=("network_pipe",),
        simplify=True,
        coarse=_GENERAL_PIPES,
    ),
    "nodes": Layer(
        "network_node t", "t.id AS fid, t.asset AS id, t.kind, t.elevation_m", min_zoom=16,
        tables=("network_node",),
    ),
    "sources": Layer(
        "network_node t", "t.id AS fid, t.asset AS id, t.kind", min_zoom=9,
        tables=("network_node",), always="t.kind IN ('tank', 'reservoir')",
    ),
    "controls": Layer(
        "network_control t", "t.id AS fid, t.asset AS id, t.kind, t.closed", min_zoom=12,
        tables=("network_control",),
    ),
    "valves": Layer(
        "network_valve t",
        "t.id AS fid, t.asset AS id, t.kind, t.position AS state, t.operable, t.normally_open,"
        " t.accessible, t.diameter_mm::int AS dn",
        min_zoom=12,
        tables=("network_valve",),
        # From far away only those that stand as they should not.
        shown=((14, _ODD),),
    ),
    "hydrants": Layer(
        "network_hydrant t", "t.id AS fid, t.asset AS id, t.fire_critical, t.kind", min_zoom=14,
        tables=("network_hydrant",),
    ),
    "services": Layer(
        "network_serviceline t", "t.id AS fid, t.asset AS id, t.premise", min_zoom=16,
        tables=("network_serviceline",),
    ),
    "stations": Layer(
        "network_station t", "t.id AS fid, t.asset AS id", min_zoom=14,
        tables=("network_station",),
    ),
    "premises": Layer(
        "customers_premise t LEFT JOIN ("
        " SELECT DISTINCT premise_id FROM outages_premiseoff"
        " WHERE off_at IS NOT NULL AND on_at IS NULL) o ON o.premise_id = t.id",
        "t.id AS fid, t.code AS id, t.use, o.premise_id IS NOT NULL AS off",
        min_zoom=14,
        tables=("customers_premise", "outages_premiseoff"),
        # Those without water, and those who must not be, show from further away.
        shown=((16, "o.premise_id IS NOT NULL OR t.use IN"
                    " ('hospital', 'dialysis', 'care', 'school')"),),
    ),
    # The mains of every shut-off that has begun and is not over.
    "shutoffs": Layer(
        "(SELECT s.number, s.planned, a.asset, a.unintended FROM outages_shutoff s,"
        " LATERAL (SELECT jsonb_array_elements_text(s.plan->'pipes') AS asset, false AS unintended"
        "  UNION ALL SELECT jsonb_array_elements_text(s.plan->'unintended_pipes'), true) a"
        " WHERE s.started_at IS NOT NULL AND s.restored_at IS NULL AND s.state <> 'cancelled') o"
        " JOIN network_pipe t ON t.asset = o.asset",
        "t.id AS fid, o.number, o.planned, o.unintended, t.asset AS pipe",
        min_zoom=10,
        tables=("outages_shutoff", "network_pipe"),
        simplify=True,
    ),
    "sewers": Layer(
        "network_sewer t",
        "t.id AS fid, t.asset AS id, t.diameter_mm::int AS dn, t.material, t.year, t.carries",
        min_zoom=12,
        tables=("network_sewer",),
        shown=((13, "t.diameter_mm >= 300"),),
        simplify=True,
    ),
    "manholes": Layer(
        "network_manhole t", "t.id AS fid, t.asset AS id, t.kind", min_zoom=15,
        tables=("network_manhole",),
    ),
    "places": Layer(
        "places_poi t", "t.id AS fid, t.name, t.kind", min_zoom=12, tables=("places_poi",),
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
           ST_AsMVTGeom({drawn}, box.b, {extent}, {buffer}, true) AS g
    FROM {source}, box
    WHERE {geometry} && ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => {margin})
      AND {condition}
)
SELECT ST_AsMVT(rows, %(layer)s, {extent}, 'g', 'fid') FROM rows WHERE g IS NOT NULL
"""


def tile(layer: str, z: int, x: int, y: int) -> bytes:
    """The encoded tile as the tables stand; b'' where nothing is to be drawn.

    `layer` is a key of LAYERS. See tile_cache for the way with a memory.
    """
    spec = LAYERS[layer].at(z)
    if z < spec.min_zoom:
        return b""
    drawn = spec.geometry
    if spec.simplify and z < 16:
        # Half a tile unit: nothing that could be seen goes.
        drawn = f"ST_Simplify({drawn}, {WORLD_M / 2**z / EXTENT / 2}, true)"
    sql = _SQL.format(
        attributes=spec.attributes, drawn=drawn, geometry=spec.geometry, source=spec.source,
        extent=EXTENT, buffer=BUFFER, margin=BUFFER / EXTENT, condition=spec.condition(z),
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
