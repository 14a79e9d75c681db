"""The one reading of the facts, in SQL: from what was said to when each premise was dry.

    facts    all that was recorded by `as_of` and not voided by then
    said     per premise, shut-off and spell the word that counts: confirmed before modelled, then
             the later recorded
    spans    [off, on) of each spell; open ones, and ends still to come, reach to `until`
    dry      per premise the union of its spans as a multirange, and apart: planned (only where no
             unplanned shut-off covers the minute) and confirmed (both ends somebody's word)

Times compare exactly: PostgreSQL keeps microseconds and adds numerics.
"""

from __future__ import annotations

SPANS = """
WITH facts AS (
    SELECT f.id, f.premise_id, f.shut_off, f.spell, f.kind, f.at, f.planned, f.basis, f.recorded_at
    FROM ledger_supplyfact f
    WHERE f.recorded_at <= %(as_of)s AND f.kind <> 'void' AND NOT EXISTS (
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

# `period` is [start, end); what is kept of a premise depends on the question.
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
           (SELECT coalesce(sum(extract(epoch FROM upper(x) - lower(x))), 0)
            FROM unnest(tstzmultirange(cut) * d.unplanned) AS x) AS unplanned,
           (SELECT coalesce(sum(extract(epoch FROM upper(x) - lower(x))), 0)
            FROM unnest(tstzmultirange(cut) * d.confirmed) AS x) AS confirmed
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

# Where a premise stands today: the main of its first service line, the district around it.
GROUPS = (
    DRY
    + """
, placed AS (
    SELECT r.*, p.use, coalesce(main.zone, '') AS zone, coalesce(main.dma, '') AS dma,
           coalesce(area.code, '') AS district
    FROM runs r JOIN customers_premise p ON p.id = r.premise_id
    LEFT JOIN LATERAL (
        SELECT pipe.zone, pipe.dma FROM network_serviceline s
        JOIN network_pipe pipe ON pipe.asset = s.pipe
        WHERE s.premise = p.code ORDER BY s.id LIMIT 1) AS main ON true
    LEFT JOIN LATERAL (
        SELECT a.code FROM accounts_area a WHERE ST_Covers(a.geom, p.geom)
        ORDER BY a.rank, a.id LIMIT 1) AS area ON true
)
SELECT grouping(use, zone, dma, district), coalesce(use, zone, dma, district),
"""
    + _SUMS
    + """
FROM placed r
GROUP BY GROUPING SETS ((use), (zone), (dma), (district))
ORDER BY 1, sum(inside) DESC, 2
"""
)
