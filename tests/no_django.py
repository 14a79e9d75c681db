"""A pytest plugin that makes Django, and everything that needs it, impossible to import.

The libraries must work where Django is not installed: `pytest -p tests.no_django -p no:django`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ABSENT = frozenset({"django", "rest_framework", "rest_framework_gis", "django_tasks", "server"})


class Absent(MetaPathFinder):
    """Answers like a machine on which the packages of ABSENT were never installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{fullname}: the libraries work without it", name=fullname)
        return None


for loaded in [name for name in sys.modules if name.partition(".")[0] in ABSENT]:
    raise RuntimeError(f"{loaded} was imported before it could be hidden")
sys.meta_path.insert(0, Absent())
