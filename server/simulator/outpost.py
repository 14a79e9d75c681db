"""The first steps of a process of simulated crews: nothing here needs Django to be ready."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection

import django


def begin(pipe: Connection) -> None:
    """Make Django ready, then serve."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings")
    django.setup()
    from server.simulator.squads import serve

    serve(pipe)
