"""Changes into the tables, and their inverse: a few statements for each kind, whatever the size.

Everything here runs inside the caller's transaction and leaves nothing half done: the caller
counts on an exception to undo all of it.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from server.accounts.refusals import Conflict
from server.customers.models import Premise
from server.versions.kinds import KINDS, Kind
from server.versions.models import NetworkChange
from server.versions.sql import as_json, picked

# Where rows of one step of a version are, as a condition over c.
_IN = "c.version = %(version)s AND c.step = %(step)s AND c.kind = %(kind)s"


def apply(version: int, step: int = 0) -> None:
    """Carry out the changes noted under `version` and `step`.

    What stood there before is noted in them first, so that facts of the field that changed since
    the draft was made come back with a roll back. Errors: Conflict ('based_on', 'moved_on') where
    the tables are not as the changes expect.
    """
    with connection.cursor() as cursor:
        if step == 0:
            # Written in bulk a moment ago: without figures the plans below would be loops.
            cursor.execute("ANALYZE versions_networkchange")
        for kind in reversed(KINDS.values()):
            _remove(cursor, kind, version, step)
        for kind in KINDS.values():
            _change(cursor, kind, version, step)
        for kind in KINDS.values():
            _add(cursor, kind, version, step)
        # Now, not at the commit: an error must be known here.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def _note(kind: Kind, version: int, step: int) -> dict[str, Any]:
    return {"kind": kind.name, "version": version, "step": step}


def _expect(cursor: Any, kind: Kind, action: str, note: dict[str, Any], done: int) -> None:
    cursor.execute(
        f"SELECT count(*) FROM versions_networkchange c WHERE {_IN} AND action = %(action)s",
        {**note, "action": action},
    )
    if cursor.fetchone()[0] != done:
        raise Conflict(
            "based_on", "moved_on",
            _("The network has changed since this was compared. Compare again."),
        )  # fmt: skip


def _remove(cursor: Any, kind: Kind, version: int, step: int) -> None:
    note = _note(kind, version, step)
    if kind.model is Premise:
        _keep_premises_in_use(cursor, note)
    cursor.execute(
        f"""
        UPDATE versions_networkchange c SET before = {as_json(kind, "t", kind.columns)}
        FROM {kind.table} t WHERE {_IN} AND c.action = 'removed' AND t."{kind.key}" = c.asset
        """,
        note,
    )
    cursor.execute(
        f"""
        DELETE FROM {kind.table} t USING versions_networkchange c
        WHERE {_IN} AND c.action = 'removed' AND t."{kind.key}" = c.asset
        """,
        note,
    )
    _expect(cursor, kind, "removed", note, cursor.rowcount)


def _keep_premises_in_use(cursor: Any, note: dict[str, Any]) -> None:
    """A premise somebody has a history with does not go, whatever is rolled back."""
    points = [
        f'EXISTS (SELECT 1 FROM "{r.related_model._meta.db_table}" o'
        f' WHERE o."{r.field.column}" = t.id)'
        for r in Premise._meta.related_objects
        if r.field.column
    ]
    cursor.execute(
        f"""
        UPDATE versions_networkchange c SET action = 'kept', fields = '["history"]'
        FROM customers_premise t
        WHERE {_IN} AND c.action = 'removed' AND t.code = c.asset AND ({" OR ".join(points)})
        """,
        note,
    )


def _change(cursor: Any, kind: Kind, version: int, step: int) -> None:
    note = _note(kind, version, step)
    names = "(SELECT array_agg(f) FROM jsonb_array_elements_text(c.fields) f)"
    columns = [c for c in kind.columns if c not in ("id", kind.key)]
    cursor.execute(
        f"""
        UPDATE versions_networkchange c SET before = {picked(as_json(kind, "t", columns), names)}
        FROM {kind.table} t WHERE {_IN} AND c.action = 'changed' AND t."{kind.key}" = c.asset
        """,
        note,
    )
    cursor.execute(
        f"SELECT DISTINCT f FROM versions_networkchange c, jsonb_array_elements_text(c.fields) f"
        f" WHERE {_IN} AND c.action = 'changed'",
        note,
    )
    touched = [f for (f,) in cursor.fetchall() if f in columns]
    if not touched:
        return
    sets = ", ".join(
        f"\"{c}\" = CASE WHEN c.after ? '{c}' THEN r.\"{c}\" ELSE t.\"{c}\" END" for c in touched
    )
    cursor.execute(
        f"""
        UPDATE {kind.table} t SET {sets}
        FROM versions_networkchange c
        CROSS JOIN LATERAL jsonb_populate_record(NULL::{kind.table}, c.after) r
        WHERE {_IN} AND c.action = 'changed' AND t."{kind.key}" = c.asset
        """,
        note,
    )
    _expect(cursor, kind, "changed", note, cursor.rowcount)


def _add(cursor: Any, kind: Kind, version: int, step: int) -> None:
    note = _note(kind, version, step)
    columns = [c for c in kind.columns if c != "id"]
    shown = ", ".join(f'"{c}"' for c in columns)
    values = ", ".join(f'r."{c}"' for c in columns)
    # Something that comes back gets its own number in the table again.
    cursor.execute(
        f"""
        INSERT INTO {kind.table} (id, {shown})
        SELECT coalesce(r.id, nextval(pg_get_serial_sequence('{kind.table}', 'id'))), {values}
        FROM versions_networkchange c
        CROSS JOIN LATERAL jsonb_populate_record(NULL::{kind.table}, c.after) r
        WHERE {_IN} AND c.action = 'added' ORDER BY c.id
        """,
        note,
    )


def spare_field_reports(version: int, step: int) -> None:
    """Take out of a way back what a crew has reported since: how a valve stands, if it turns."""
    for kind in KINDS.values():
        for name in kind.live:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"""
                    UPDATE versions_networkchange c
                    SET fields = c.fields - '{name}', after = c.after - '{name}'
                    FROM {kind.table} t
                    WHERE {_IN} AND c.action = 'changed' AND t."{kind.key}" = c.asset
                      AND c.fields ? '{name}' AND to_jsonb(t."{name}") <> c.before -> '{name}'
                    """,
                    _note(kind, version, step),
                )


def note_inverse(of: int, undone: int, *, version: int, step: int) -> int:
    """Write, under `version` and `step`, what undoes version `undone`; how many rows.

    `undone` is undone from its last step to its first, each as a step of its own from `step` on;
    returns the next free step.
    """
    steps = sorted(
        set(NetworkChange.objects.filter(version=undone).values_list("step", flat=True)),
        reverse=True,
    )
    for old in steps:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO versions_networkchange
                    (of_id, version, step, kind, asset, action, fields, before, after, geom)
                SELECT %s, %s, %s, kind, asset,
                       CASE action WHEN 'added' THEN 'removed' WHEN 'removed' THEN 'added'
                                   ELSE 'changed' END,
                       CASE action WHEN 'changed' THEN fields ELSE '[]' END,
                       after, before, geom
                FROM versions_networkchange
                WHERE version = %s AND step = %s AND action <> 'kept' ORDER BY id
                """,
                [of, version, step, undone, old],
            )
        step += 1
    return step
