"""A database beside the product's, in the same cluster, for as long as a measurement takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection

# Made by the front door where pgRouting is installed (ops/postgres.py).
WITH_PGROUTING = "standpipe_pgrouting"


@contextmanager
def scratch_database() -> Iterator[str]:
    """Within, `connection` is a new database with all tables; it is dropped at the end.

    The product's own database is only asked to create and to drop it. Threads begun within get
    the scratch database too.
    """
    own = str(connection.settings_dict["NAME"])
    name = f"{own}_bench_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [WITH_PGROUTING])
        template = f' TEMPLATE "{WITH_PGROUTING}"' if cursor.fetchone() else ""
        cursor.execute(f'CREATE DATABASE "{name}"{template}')
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
        yield name
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
