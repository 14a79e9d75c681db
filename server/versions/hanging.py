"""What hangs on what: nodes named as before, and fittings whose pipe goes hung on its successor."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from server.versions.kinds import KINDS
from server.versions.sql import as_json

# Degrees that are surely more than half a metre (a metre, five metres), for the index; the sphere
# decides.
_REACH = {0.5: 2e-5, 1.0: 4e-5, 5.0: 2e-4, 60.0: 2e-3}


def _near(a: str, b: str, metres: float) -> str:
    return (
        f"ST_DWithin({a}, {b}, {_REACH[metres]})"
        f" AND ST_Distance({a}::geography, {b}::geography) <= {metres}"
    )


def give_nodes_their_names(cursor: Any, staged: Collection[str]) -> None:
    """Nodes the reader had to make up get the name of the node in force at that place.

    The reader (gis_data.importing.joining) calls them "n", x, "_", y.
    """
    cursor.execute(
        f"""
        CREATE TEMP TABLE stage_name AS
        SELECT s.asset AS made_up, o.asset AS known
        FROM stage_node s CROSS JOIN LATERAL (
            SELECT t.asset FROM network_node t
            WHERE {_near("t.geom", "s.geom", 0.5)}
              AND NOT EXISTS (SELECT 1 FROM stage_node x WHERE x.asset = t.asset)
            ORDER BY t.geom <-> s.geom, t.asset LIMIT 1) o
        WHERE s.asset ~ '^n-?[0-9]+_-?[0-9]+([.][0-9]+)?$'
          AND NOT EXISTS (SELECT 1 FROM network_node t WHERE t.asset = s.asset);
        -- Two ends at one place cannot both be that node; the rest keep the names made up.
        DELETE FROM stage_name a USING stage_name b
        WHERE a.known = b.known AND a.made_up > b.made_up;
        CREATE INDEX ON stage_name (made_up)
        """
    )
    columns = {"node": ("asset",), "pipe": ("start", "end"), "control": ("start", "end"),
               "valve": ("node",), "hydrant": ("node",)}  # fmt: skip
    for kind, names in columns.items():
        if kind in staged:
            for name in names:
                cursor.execute(
                    f'UPDATE stage_{kind} s SET "{name}" = n.known FROM stage_name n'
                    f' WHERE s."{name}" = n.made_up'
                )
    cursor.execute("DROP TABLE stage_name")


def note_nodes_in_use(cursor: Any, of: int) -> None:
    """Fill stage_node_in_use: nodes that something ends at or stands on after the change."""
    cursor.execute(
        """
        SELECT to_regclass('pg_temp.stage_pipe') IS NOT NULL,
               to_regclass('pg_temp.stage_control') IS NOT NULL,
               to_regclass('pg_temp.stage_valve') IS NOT NULL
        """
    )
    has_pipes, has_controls, has_valves = cursor.fetchone()
    parts = []
    for kind, there, ends in (("pipe", has_pipes, ("start", "end")),
                              ("control", has_controls, ("start", "end")),
                              ("valve", has_valves, ("node",))):  # fmt: skip
        for end in ends:
            if there:
                parts.append(f'SELECT "{end}" FROM stage_{kind}')
                parts.append(
                    f"""SELECT t."{end}" FROM network_{kind} t JOIN versions_networkchange c
                    ON c.of_id = %(of)s AND c.kind = '{kind}' AND c.action = 'kept'
                    AND c.asset = t.asset"""
                )
            elif kind != "valve":
                parts.append(f'SELECT "{end}" FROM network_{kind}')
    cursor.execute(
        f"INSERT INTO stage_node_in_use {' UNION '.join(parts)} ON CONFLICT DO NOTHING",
        {"of": of},
    )


_STAYS = """(%(covered)s = false OR EXISTS (SELECT 1 FROM versions_networkchange c
    WHERE c.of_id = %(of)s AND c.kind = %(kind)s AND c.action = 'kept' AND c.asset = t.asset))"""
_CHANGE = """INSERT INTO versions_networkchange
    (of_id, step, kind, asset, action, fields, before, after, geom) """


def hang_again(cursor: Any, of: int, staged: set[str]) -> None:
    """Valves, hydrants and service lines the files do not speak of, on pipes that go.

    Each is hung on the pipe (node) that lies where its own lay; where none does, it goes too, with
    "hangs_on_nothing" as the reason: a network with loose ends answers no question.
    """
    if "pipe" in staged:
        cursor.execute("CREATE INDEX ON stage_pipe USING gist (geom)")
        _services(cursor, of, "service" in staged)
        _valves(cursor, of, "valve" in staged)
        _let_go(cursor, of, "service", "pipe", "service" in staged)
        _let_go(cursor, of, "valve", "pipe", "valve" in staged)
    if "node" in staged:
        cursor.execute("CREATE INDEX ON stage_node USING gist (geom)")
        _hydrants(cursor, of, "hydrant" in staged)
        _let_go(cursor, of, "hydrant", "node", "hydrant" in staged)


def _let_go(cursor: Any, of: int, kind: str, on: str, covered: bool) -> None:
    """Parts that stay although what they hang on goes, and that found no other place: they go."""
    part = KINDS[kind]
    values = {"of": of, "kind": kind, "covered": covered}
    cursor.execute(
        f"""{_CHANGE}
        SELECT %(of)s, 0, %(kind)s, t.asset, 'removed', '["hangs_on_nothing"]',
               {as_json(part, "t", part.columns)}, NULL, t.geom
        FROM {part.table} t
        WHERE {_gone(on, on)} AND {_STAYS}
          AND NOT EXISTS (SELECT 1 FROM versions_networkchange c WHERE c.of_id = %(of)s
                          AND c.kind = %(kind)s AND c.action = 'changed' AND c.asset = t.asset)
        """,
        values,
    )
    cursor.execute(
        """
        DELETE FROM versions_networkchange k USING versions_networkchange r
        WHERE k.of_id = %(of)s AND k.kind = %(kind)s AND k.action = 'kept' AND r.of_id = %(of)s
          AND r.kind = %(kind)s AND r.action = 'removed' AND r.asset = k.asset
        """,
        values,
    )


def _gone(kind: str, column: str) -> str:
    return f"""EXISTS (SELECT 1 FROM versions_networkchange g WHERE g.of_id = %(of)s
        AND g.kind = '{kind}' AND g.action = 'removed' AND g.asset = t."{column}")"""


def _services(cursor: Any, of: int, covered: bool) -> None:
    cursor.execute(
        f"""{_CHANGE}
        SELECT %(of)s, 0, 'service', t.asset, 'changed', '["pipe", "measure"]',
               jsonb_build_object('pipe', t.pipe, 'measure', t.measure),
               jsonb_build_object('pipe', n.asset, 'measure',
                   ST_LineLocatePoint(n.geom, ST_StartPoint(t.geom))), t.geom
        FROM network_serviceline t CROSS JOIN LATERAL (
            SELECT s.asset, s.geom FROM stage_pipe s
            WHERE ST_DWithin(s.geom, ST_StartPoint(t.geom), {_REACH[60.0]})
            ORDER BY s.geom <-> ST_StartPoint(t.geom), s.asset LIMIT 1) n
        WHERE {_gone("pipe", "pipe")} AND {_STAYS}
        """,
        {"of": of, "kind": "service", "covered": covered},
    )


def _valves(cursor: Any, of: int, covered: bool) -> None:
    taken = "network_valve" if not covered else "stage_valve"
    cursor.execute(
        f"""{_CHANGE}
        SELECT DISTINCT ON (n.asset, n.node)
               %(of)s, 0, 'valve', t.asset, 'changed', '["pipe", "node"]',
               jsonb_build_object('pipe', t.pipe, 'node', t.node),
               jsonb_build_object('pipe', n.asset, 'node', n.node), t.geom
        FROM network_valve t CROSS JOIN LATERAL (
            SELECT s.asset, CASE WHEN ST_LineLocatePoint(s.geom, t.geom) < 0.5
                            THEN s.start ELSE s."end" END AS node
            FROM stage_pipe s
            WHERE {_near("s.geom", "t.geom", 1.0)}
            ORDER BY s.geom <-> t.geom, s.asset LIMIT 1) n
        WHERE {_gone("pipe", "pipe")} AND {_STAYS}
          AND NOT EXISTS (SELECT 1 FROM {taken} o WHERE o.pipe = n.asset AND o.node = n.node)
        """,
        {"of": of, "kind": "valve", "covered": covered},
    )


def _hydrants(cursor: Any, of: int, covered: bool) -> None:
    cursor.execute(
        f"""{_CHANGE}
        SELECT %(of)s, 0, 'hydrant', t.asset, 'changed', '["node"]',
               jsonb_build_object('node', t.node), jsonb_build_object('node', n.asset), t.geom
        FROM network_hydrant t CROSS JOIN LATERAL (
            SELECT s.asset FROM stage_node s
            WHERE {_near("s.geom", "t.geom", 5.0)}
            ORDER BY s.geom <-> t.geom, s.asset LIMIT 1) n
        WHERE {_gone("node", "node")} AND {_STAYS}
        """,
        {"of": of, "kind": "hydrant", "covered": covered},
    )
