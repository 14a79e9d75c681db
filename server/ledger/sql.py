"""The one reading of the facts, in SQL: from what was said to when each premise was dry.

    facts    all that was recorded by `as_of` and not voided by then
    asked    the premises that can have been dry in the period: something was said of a time in it
             or after it, or later than `as_of`, or nobody said yet that the water is back
    said     per premise, shut-off and spell the word that counts: confirmed before modelled, then
             the later recorded
    spans    [off, on) of each spell; open ones, and ends still to come, reach to `until`
    dry      per premise the union of its spans as a multirange, and apart: planned (only where no
             unplanned shut-off covers the minute) and confirmed (both ends somebody's word)

Times compare exactly: PostgreSQL keeps microseconds and adds numerics.
"""

from __future__ import annotations


def _reading(which: str) -> str:
    """The tables above, of the facts for which `which` holds."""
    return f"""
facts AS (
    SELECT f.id, f.premise_id, f.shut_off, f.spell, f.kind, f.at, f.planned, f.basis, f.recorded_at
    FROM ledger_supplyfact f
    WHERE {which}
      AND f.recorded_at <= %(as_of)s AND f.kind <> 'void' AND NOT EXISTS (
        SELECT 1 FROM ledger_supplyfact v
        WHERE v.kind = 'void' AND v.premise_id = f.premise_id AND v.shut_off = f.shut_off
          AND v.id > f.id AND v.recorded_at <= %(as_of)s)
), said AS (
    SELECT DISTINCT ON (premise_id, shut_off, spell, kind)
           premise_id, shut_off, spell, kind, at, planned, basis
    FROM facts
    ORDER BY premise_id, shut_off, spell, kind, (basis = 'confirmed') DESC, recorded_at DESC,
             id DESC
), spans AS (
    SELECT o.premise_id, o.shut_off, o.spell, o.planned, o.at AS off_at, b.at AS on_at,
           o.basis AS off_basis, b.basis AS on_basis,
           o.basis = 'confirmed' AND coalesce(b.basis, 'confirmed') = 'confirmed' AS confirmed,
           tstzrange(o.at, greatest(o.at, least(coalesce(b.at, %(until)s), %(until)s))) AS span
    FROM said o
    LEFT JOIN said b ON b.kind = 'on' AND b.premise_id = o.premise_id
        AND b.shut_off = o.shut_off AND b.spell = o.spell
    WHERE o.kind = 'off' AND o.at < %(until)s
)
"""


_READ = _reading("f.premise_id IN (SELECT premise_id FROM asked)")

_IN_PERIOD = """
WITH asked AS MATERIALIZED (
    SELECT premise_id FROM ledger_supplyfact WHERE at >= %(start)s
    UNION
    SELECT premise_id FROM ledger_supplyfact WHERE recorded_at > %(as_of)s
    UNION
    SELECT o.premise_id FROM ledger_supplyfact o
    WHERE o.kind = 'off' AND NOT EXISTS (
        SELECT 1 FROM ledger_supplyfact b
        WHERE b.kind = 'on' AND b.premise_id = o.premise_id AND b.shut_off = o.shut_off
          AND b.spell = o.spell)
), """

SPANS = _IN_PERIOD + _READ
SPANS_OF_ONE = "WITH asked AS (SELECT %(premise)s::bigint AS premise_id), " + _READ

# The period is [start, end); what is kept of a premise depends on the question.
DRY = (
    SPANS
    + """
, union_of AS (
    SELECT premise_id, range_agg(span) AS whole,
           coalesce(range_agg(span) FILTER (WHERE NOT planned), '{}') AS unplanned,
           coalesce(range_agg(span) FILTER (WHERE confirmed), '{}') AS confirmed
    FROM spans GROUP BY premise_id
    HAVING range_agg(span) && tstzrange(%(start)s, %(end)s)
), dry AS (
    SELECT premise_id, confirmed, unplanned,
           (CASE %(planned)s WHEN 'planned' THEN whole - unplanned
                             WHEN 'unplanned' THEN unplanned ELSE whole END)
           * (CASE %(basis)s WHEN 'confirmed' THEN confirmed
                             WHEN 'modelled' THEN whole - confirmed ELSE whole END) AS kept
    FROM union_of
), runs AS MATERIALIZED (
    -- `length` is of the whole interruption, `inside` what of it lies in the period.
    SELECT d.premise_id,
           extract(epoch FROM upper(run) - lower(run)) AS length,
           extract(epoch FROM upper(cut) - lower(cut)) AS inside,
           CASE WHEN d.unplanned @> cut THEN extract(epoch FROM upper(cut) - lower(cut))
                WHEN NOT d.unplanned && cut THEN 0
                ELSE (SELECT sum(extract(epoch FROM upper(x) - lower(x)))
                      FROM unnest(tstzmultirange(cut) * d.unplanned) AS x) END AS unplanned,
           CASE WHEN d.confirmed @> cut THEN extract(epoch FROM upper(cut) - lower(cut))
                WHEN NOT d.confirmed && cut THEN 0
                ELSE (SELECT sum(extract(epoch FROM upper(x) - lower(x)))
                      FROM unnest(tstzmultirange(cut) * d.confirmed) AS x) END AS confirmed
    FROM dry d, unnest(d.kept) AS run,
         LATERAL (SELECT run * tstzrange(%(start)s, %(end)s) AS cut) AS c
    WHERE NOT isempty(cut)
)
"""
)

_SUMS = """
    count(*), count(DISTINCT r.premise_id), sum(inside), sum(unplanned), sum(confirmed),
    count(*) FILTER (WHERE length >= 10800), sum(inside) FILTER (WHERE length >= 10800),
    count(*) FILTER (WHERE length >= 21600), sum(inside) FILTER (WHERE length >= 21600),
    count(*) FILTER (WHERE length >= 43200), sum(inside) FILTER (WHERE length >= 43200),
    count(*) FILTER (WHERE length >= 86400), sum(inside) FILTER (WHERE length >= 86400)
"""

TOTAL = DRY + "SELECT" + _SUMS + "FROM runs r"

# Where a premise `p` stands today: the main of its first service line, the district around it. By
# table name: the areas of people and the pipes have nothing to do with this app otherwise.
_PLACE = """
    LEFT JOIN LATERAL (
        SELECT pipe.zone, pipe.dma FROM network_serviceline s
        JOIN network_pipe pipe ON pipe.asset = s.pipe
        WHERE s.premise = p.code ORDER BY s.id LIMIT 1) AS main ON true
    LEFT JOIN LATERAL (
        SELECT a.code FROM accounts_area a WHERE ST_Covers(a.geom, p.geom)
        ORDER BY a.rank, a.id LIMIT 1) AS area ON true
"""

# The row of no grouping is the whole.
GROUPS = (
    DRY
    + """
, placed AS MATERIALIZED (
    SELECT p.id AS premise_id, p.use, coalesce(main.zone, '') AS zone,
           coalesce(main.dma, '') AS dma, coalesce(area.code, '') AS district
    FROM customers_premise p
"""
    + _PLACE
    + """
    WHERE p.id IN (SELECT premise_id FROM runs)
)
SELECT grouping(use, zone, dma, district), coalesce(use, zone, dma, district),
"""
    + _SUMS
    + """
FROM runs r JOIN placed USING (premise_id)
GROUP BY GROUPING SETS ((), (use), (zone), (dma), (district))
ORDER BY 1, sum(inside) DESC, 2
"""
)

# Minutes in each of the buckets [lo, hi), with the unplanned part.
COURSE = (
    DRY
    + """
SELECT b.lo,
       coalesce(sum(extract(epoch FROM upper(cut) - lower(cut))), 0),
       coalesce(sum((SELECT sum(extract(epoch FROM upper(x) - lower(x)))
                     FROM unnest(tstzmultirange(cut) * d.unplanned) AS x)), 0)
FROM unnest(%(los)s::timestamptz[], %(his)s::timestamptz[]) AS b (lo, hi)
LEFT JOIN (dry d CROSS JOIN LATERAL unnest(d.kept) AS run) ON run && tstzrange(b.lo, b.hi)
LEFT JOIN LATERAL (SELECT run * tstzrange(b.lo, b.hi) AS cut) AS c ON true
GROUP BY b.lo ORDER BY b.lo
"""
)

# One row per shut-off that made anybody dry in the period. What it was for stands with the
# shut-offs, above the ledger: read by table name.
BY_SHUT_OFF = (
    SPANS
    + """
, each AS (
    SELECT shut_off, premise_id, bool_or(planned) AS planned, min(off_at) AS off_at,
           CASE WHEN bool_and(coalesce(on_at <= %(until)s, false)) THEN max(on_at) END AS on_at,
           range_agg(span) AS whole,
           coalesce(range_agg(span) FILTER (WHERE confirmed), '{}') AS confirmed
    FROM spans GROUP BY shut_off, premise_id
    HAVING range_agg(span) && tstzrange(%(start)s, %(end)s)
), counted AS (
    SELECT e.*,
           (SELECT sum(extract(epoch FROM upper(x) - lower(x)))
            FROM unnest(whole * tstzmultirange(tstzrange(%(start)s, %(end)s))) AS x) AS inside,
           (SELECT coalesce(sum(extract(epoch FROM upper(x) - lower(x))), 0)
            FROM unnest(confirmed * tstzmultirange(tstzrange(%(start)s, %(end)s))) AS x) AS sure
    FROM each e
)
SELECT c.shut_off, bool_or(c.planned), min(c.off_at),
       CASE WHEN bool_and(c.on_at IS NOT NULL) THEN max(c.on_at) END,
       count(*), sum(c.inside), sum(c.sure),
       CASE WHEN bool_or(c.planned) THEN 'planned'
            ELSE coalesce(nullif(i.confirmed_kind, ''), i.kind, '') END,
       coalesce(nullif(i.address, ''), nullif(main.street, ''), s.target, ''),
       coalesce(i.number, '')
FROM counted c
LEFT JOIN outages_shutoff s ON s.number = c.shut_off
LEFT JOIN tickets_incident i ON i.id = s.incident_id
LEFT JOIN network_pipe main ON main.asset = s.target
GROUP BY c.shut_off, i.id, s.id, main.id
ORDER BY sum(c.inside) DESC, min(c.off_at), c.shut_off
"""
)

# One row per premise and spell, oldest first, with what of it lies in the period.
INTERVALS = (
    SPANS
    + """
SELECT p.code, p.address, p.use, coalesce(main.zone, ''), coalesce(main.dma, ''),
       coalesce(area.code, ''), s.shut_off, s.planned, s.off_at,
       CASE WHEN s.on_at <= %(until)s THEN s.on_at END, s.off_basis, s.on_basis,
       extract(epoch FROM upper(cut) - lower(cut)), s.confirmed
FROM spans s JOIN customers_premise p ON p.id = s.premise_id
    CROSS JOIN LATERAL (SELECT s.span * tstzrange(%(start)s, %(end)s) AS cut) AS c
"""
    + _PLACE
    + """
WHERE NOT isempty(cut) AND (%(shut_off)s = '' OR s.shut_off = %(shut_off)s)
ORDER BY s.off_at, s.shut_off, p.code, s.spell
"""
)

# Where the tap is dry at `until`, and where the water came back after `back_since`, in the
# shut-offs `numbers`, of which `open` still were.
DRY_AND_BACK = (
    "WITH "
    + _reading("f.shut_off = ANY(%(numbers)s)")
    + """
SELECT ST_X(p.geom), ST_Y(p.geom), each.dry
FROM (
    SELECT premise_id,
           bool_or(shut_off = ANY(%(open)s) AND (on_at IS NULL OR on_at > %(until)s)) AS dry,
           bool_or(on_at > %(back_since)s AND on_at <= %(until)s) AS back
    FROM spans GROUP BY premise_id
) each
JOIN customers_premise p ON p.id = each.premise_id
WHERE each.dry OR each.back
ORDER BY p.id
"""
)
