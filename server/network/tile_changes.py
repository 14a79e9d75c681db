"""The triggers that say which tables changed, so that no kept tile outlives its rows.

They are put on the tables after every migration, also on tables of neighbouring apps (by name,
as the tiles read them).
"""

from __future__ import annotations

from typing import Any

from django.db import connections

from server.network.tiles import LAYERS

_FUNCTION = """
CREATE OR REPLACE FUNCTION network_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO network_tilechange (source) VALUES (TG_TABLE_NAME);
    -- An hour is far longer than any tile query; who is at work on old rows is left in peace.
    DELETE FROM network_tilechange WHERE id IN (
        SELECT id FROM network_tilechange
        WHERE source = TG_TABLE_NAME AND at < now() - interval '1 hour'
        ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED);
    RETURN NULL;
END $$
"""
# Tiles made beforehand are of mains only.
_EMPTY_STORE = """
CREATE OR REPLACE FUNCTION network_empty_tile_store() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM network_tilestore;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tiles_stored AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
ON network_pipe FOR EACH STATEMENT EXECUTE FUNCTION network_empty_tile_store();
"""
_TRIGGER = """
CREATE OR REPLACE TRIGGER tiles_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION network_note_change()
"""


def watched_tables() -> list[str]:
    """Every table some tile is made from."""
    layers = [*LAYERS.values(), *(la.coarse for la in LAYERS.values() if la.coarse is not None)]
    return sorted({table for layer in layers for table in layer.tables})


def watch(using: str = "default", **_kwargs: Any) -> None:
    """Put the triggers on all watched tables that exist. Idempotent; a receiver of post_migrate."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('network_tilestore') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return
        cursor.execute(_FUNCTION)
        cursor.execute(_EMPTY_STORE)
        for table in watched_tables():
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
            if cursor.fetchone()[0]:
                cursor.execute(_TRIGGER.format(table=table))
