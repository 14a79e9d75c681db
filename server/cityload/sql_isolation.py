"""Isolation asked of the database alone: what a plan costs without anything compiled.

The network as one graph of elements (nodes, pipes, controls) in two tables of the scratch database:
`bench_joint` joins what no valve divides, `bench_way` says where water can run now.
"""

from __future__ import annotations

from django.db import connection

_PREPARE = """
CREATE UNLOGGED TABLE bench_element (
    e int GENERATED ALWAYS AS IDENTITY, asset text, link bool, source bool);
INSERT INTO bench_element (asset, link, source)
    SELECT asset, false, kind IN ('tank', 'reservoir') FROM network_node
    UNION ALL SELECT asset, true, false FROM network_pipe
    UNION ALL SELECT asset, true, false FROM network_control;
CREATE UNIQUE INDEX ON bench_element (asset, link);
CREATE UNIQUE INDEX ON bench_element (e);
ANALYZE bench_element;
CREATE UNLOGGED TABLE bench_end AS
    SELECT l.e AS link, n.e AS node, x.enters,
           v.id IS NOT NULL AND (v.position = 'closed'
               OR (v.operable <> 'no' AND v.accessible IS DISTINCT FROM false)) AS divides,
           coalesce(v.position, 'open') = 'closed' AS shut
    FROM (SELECT asset, start AS node, true AS enters FROM network_pipe
          UNION ALL SELECT asset, "end", NOT one_way FROM network_pipe
          UNION ALL SELECT asset, start, true FROM network_control
          UNION ALL SELECT asset, "end", kind = 'tcv' FROM network_control) x
    JOIN bench_element l ON l.asset = x.asset AND l.link
    JOIN bench_element n ON n.asset = x.node AND NOT n.link
    LEFT JOIN network_valve v ON v.pipe = x.asset AND v.node = x.node;
CREATE UNLOGGED TABLE bench_joint AS
    SELECT link AS a, node AS b FROM bench_end WHERE NOT divides
    UNION ALL SELECT node, link FROM bench_end WHERE NOT divides;
CREATE INDEX ON bench_joint (a);
CREATE UNLOGGED TABLE bench_way AS
    SELECT row_number() OVER () AS id, a, b FROM (
        SELECT link AS a, node AS b FROM bench_end WHERE NOT shut
        UNION ALL SELECT node, link FROM bench_end WHERE NOT shut AND enters) w;
CREATE INDEX ON bench_way (a);
ANALYZE bench_joint; ANALYZE bench_way;
CREATE UNLOGGED TABLE bench_wet AS
    WITH RECURSIVE wet AS (
        SELECT e FROM bench_element WHERE source
        UNION SELECT w.b FROM wet JOIN bench_way w ON w.a = wet.e)
    SELECT e FROM wet;
ANALYZE bench_wet;
"""

_SEGMENT = """
WITH RECURSIVE seg AS (
    SELECT e FROM bench_element WHERE asset = %(target)s AND link
    UNION SELECT j.b FROM seg JOIN bench_joint j ON j.a = seg.e)
"""
# Sets are subtracted, not looked into row by row: that would be quadratic, and no fair rival.
_DRY = """
SELECT p.asset FROM bench_element p JOIN network_pipe USING (asset)
WHERE p.link AND p.e IN (
    SELECT unnest(%(segment)s) UNION (SELECT e FROM bench_wet EXCEPT SELECT e FROM still))
"""


class SqlNetwork:
    """The same questions as `graph.isolate`, by recursive queries. Ids of pipes come back."""

    def prepare(self) -> None:
        """Make the tables of the graph; some seconds for half a million pipes."""
        with connection.cursor() as cursor:
            # What a database tuned for such questions would have.
            cursor.execute("SET work_mem = '256MB'")
            cursor.execute(_PREPARE)

    def segment(self, target: str) -> list[str]:
        """The pipes that are emptied with the pipe `target`."""
        with connection.cursor() as cursor:
            cursor.execute(
                _SEGMENT + "SELECT p.asset FROM seg JOIN bench_element p USING (e) "
                "JOIN network_pipe USING (asset) WHERE p.link", {"target": target},
            )
            return [asset for (asset,) in cursor.fetchall()]

    def outage(self, target: str) -> list[str]:
        """The pipes without water while `target` is isolated: its segment and what hangs on it."""
        with connection.cursor() as cursor:
            segment = self._elements(target)
            cursor.execute(
                """
                WITH RECURSIVE still AS (
                    SELECT e FROM bench_element WHERE source AND e <> ALL(%(segment)s)
                    UNION SELECT w.b FROM still JOIN bench_way w ON w.a = still.e
                    WHERE w.b <> ALL(%(segment)s))
                """ + _DRY,
                {"segment": segment},
            )
            return [asset for (asset,) in cursor.fetchall()]

    def outage_by_pgrouting(self, target: str) -> list[str]:
        """`outage` with pgr_drivingDistance from all sources at once."""
        segment = self._elements(target)
        taken = "ARRAY[" + ",".join(str(e) for e in segment) + "]"
        with connection.cursor() as cursor:
            cursor.execute(
                """
                WITH still AS (
                    SELECT node AS e FROM pgr_drivingDistance(
                        'SELECT id, a AS source, b AS target, 1.0::float8 AS cost,
                                -1.0::float8 AS reverse_cost FROM bench_way
                         WHERE a <> ALL(""" + taken + ") AND b <> ALL(" + taken + """)',
                        ARRAY(SELECT e FROM bench_element
                              WHERE source AND e <> ALL(%(segment)s)), 1e12::float8, true, true)
                )
                """ + _DRY,
                {"segment": segment},
            )
            return [asset for (asset,) in cursor.fetchall()]

    def has_pgrouting(self) -> bool:
        """Whether this database has pgRouting."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pgrouting'")
            return cursor.fetchone() is not None

    def _elements(self, target: str) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(_SEGMENT + "SELECT e FROM seg", {"target": target})
            return [e for (e,) in cursor.fetchall()]
