"""What the files would change: built values against the tables, by id, in the database.

The values go into temporary tables by COPY and are joined there: at 500,000 pipes a comparison row
by row in Python would take longer than everything else together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Count

from server.cityload.copying import copy_rows
from server.versions import hanging
from server.versions.kinds import KINDS, Kind
from server.versions.models import NetworkChange, NetworkImport
from server.versions.sql import as_json, differs, moved, picked

# Nodes last: whether one may go depends on what still ends at it.
_ORDER = (
    "pipe", "control", "valve", "hydrant", "service", "station", "node", "manhole", "sewer",
    "premise",
)  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """What the files say. Kinds that `given` does not name are not spoken of and stay.

    `rows`: kind -> (columns, a tuple for each part). `given`: kind -> the fields the files really
    say; of the others a part that exists keeps what it has. `kept`: ids of records that could not
    be read; what is in force under them stays. `complete_nodes`: the files draw all sources and
    tanks too. `only_adds`: kinds of which nothing changes or goes.
    """

    rows: Mapping[str, tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]]
    given: Mapping[str, frozenset[str]]
    kept: Collection[str] = ()
    complete_nodes: bool = False
    only_adds: frozenset[str] = frozenset()
    tell: Callable[[str, int], None] = field(default=lambda _step, _percent: None)


def make(draft: NetworkImport, proposal: Proposal) -> dict[str, dict[str, int]]:
    """Write the NetworkChange rows of `draft` anew; {kind: {action: how many}}."""
    NetworkChange.objects.filter(of=draft).delete()
    with connection.cursor() as cursor:
        _stage(cursor, proposal)
        if "node" in proposal.rows:
            hanging.give_nodes_their_names(cursor, set(proposal.rows))
        for name in _ORDER:
            kind = KINDS[name]
            if name in proposal.rows:
                _compare(cursor, draft, kind, proposal)
        proposal.tell("compare", 85)
        hanging.hang_again(cursor, draft.pk, set(proposal.rows) - proposal.only_adds)
        _drop(cursor)
    return summary(draft)


def summary(draft: NetworkImport) -> dict[str, dict[str, int]]:
    """{kind: {action: how many}} of a draft, in the order of kinds."""
    counts: dict[str, dict[str, int]] = {}
    found = NetworkChange.objects.filter(of=draft).values_list("kind", "action")
    for kind, action, n in found.annotate(n=Count("id")):
        counts.setdefault(kind, {})[action] = n
    return {k: counts[k] for k in KINDS if k in counts}


def _stage(cursor: Any, proposal: Proposal) -> None:
    _drop(cursor)
    cursor.execute("CREATE TEMP TABLE stage_kept (asset varchar(60) PRIMARY KEY)")
    if proposal.kept:
        cursor.execute(
            "INSERT INTO stage_kept SELECT DISTINCT left(a, 60) FROM unnest(%s::text[]) a",
            [[a for a in proposal.kept if a]],
        )
    cursor.execute("CREATE TEMP TABLE stage_node_in_use (asset varchar(60) PRIMARY KEY)")
    for n, (name, (columns, values)) in enumerate(proposal.rows.items()):
        proposal.tell("compare", 60 + 15 * n // len(proposal.rows))
        kind = KINDS[name]
        shown = ", ".join(f'"{c}"' for c in columns)
        cursor.execute(
            f"CREATE TEMP TABLE {kind.stage} AS SELECT {shown} FROM {kind.table} WHERE false"
        )
        copy_rows(kind.model, columns, values, table=kind.stage)
        cursor.execute(f'CREATE INDEX ON {kind.stage} ("{kind.key}")')
        cursor.execute(f"ANALYZE {kind.stage}")


def _drop(cursor: Any) -> None:
    tables = ", ".join([*(k.stage for k in KINDS.values()), "stage_kept", "stage_node_in_use"])
    cursor.execute(f"DROP TABLE IF EXISTS {tables}")


_INSERT = (
    "INSERT INTO versions_networkchange"
    " (of_id, step, kind, asset, action, fields, before, after, geom) "
)


def _compare(cursor: Any, draft: NetworkImport, kind: Kind, proposal: Proposal) -> None:
    columns = proposal.rows[kind.name][0]
    given = [c for c in columns if c in proposal.given[kind.name]]
    key = kind.key
    of = {"of": draft.pk, "kind": kind.name}
    added = as_json(kind, "s", columns)
    cursor.execute(
        f"""{_INSERT}
        SELECT %(of)s, 0, %(kind)s, s."{key}", 'added', '[]', NULL, {added}, s.geom
        FROM {kind.stage} s
        WHERE NOT EXISTS (SELECT 1 FROM {kind.table} t WHERE t."{key}" = s."{key}")
        """,
        of,
    )
    if kind.name in proposal.only_adds:
        return
    _removed(cursor, kind, of)
    tests = [f"CASE WHEN {differs(kind, f, proposal.complete_nodes)} THEN '{f}' END"
             for f in given if f != "geom"]  # fmt: skip
    follows = "length_m" in columns and "length_m" not in given
    # Where nobody says how long it is, what was measured along the old way goes with it.
    lengths = "CASE WHEN g.moved THEN 'length_m' END" if follows else "NULL"
    both = [*(c for c in columns if c != key)]
    cursor.execute(
        f"""{_INSERT}
        SELECT %(of)s, 0, %(kind)s, t."{key}", 'changed', to_jsonb(d.names),
               {picked(as_json(kind, "t", both), "d.names")},
               {picked(as_json(kind, "s", both), "d.names")}, s.geom
        FROM {kind.table} t JOIN {kind.stage} s ON t."{key}" = s."{key}"
        CROSS JOIN LATERAL (SELECT {moved(kind)} AS moved) g
        CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
            {", ".join([*tests, lengths, "CASE WHEN g.moved THEN 'geom' END"])}
        ]::text[], NULL) AS names) d
        WHERE cardinality(d.names) > 0
        """,
        of,
    )


def _removed(cursor: Any, kind: Kind, of: dict[str, Any]) -> None:
    """What is in force and not in the files: it goes, unless something says that it must stay."""
    why = "CASE WHEN k.asset IS NOT NULL THEN 'quarantined' END"
    join = f'LEFT JOIN stage_kept k ON k.asset = t."{kind.key}"'
    if kind.name == "premise":
        # Contacts, tickets and minutes point to it.
        why = "'history'"
    elif kind.name == "node":
        hanging.note_nodes_in_use(cursor, of["of"])
        join += " LEFT JOIN stage_node_in_use u ON u.asset = t.asset"
        why = ("CASE WHEN u.asset IS NOT NULL THEN 'in_use'"
               " WHEN k.asset IS NOT NULL THEN 'quarantined' END")  # fmt: skip
    elif kind.name == "valve":
        # Two valves cannot stand at one end of a pipe: then the one that was read wins.
        join += f" AND NOT EXISTS (SELECT 1 FROM {kind.stage} o WHERE o.pipe = t.pipe" \
                " AND o.node = t.node)"  # fmt: skip
    cursor.execute(
        f"""{_INSERT}
        SELECT %(of)s, 0, %(kind)s, t."{kind.key}",
               CASE WHEN w.why IS NULL THEN 'removed' ELSE 'kept' END,
               CASE WHEN w.why IS NULL THEN '[]' ELSE jsonb_build_array(w.why) END,
               {as_json(kind, "t", kind.columns)}, NULL, t.geom
        FROM {kind.table} t {join}
        CROSS JOIN LATERAL (SELECT {why} AS why) w
        WHERE NOT EXISTS (SELECT 1 FROM {kind.stage} s WHERE s."{kind.key}" = t."{kind.key}")
        """,
        of,
    )
