"""`manage warm`: have the loops over the pipe network compiled before the first question."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from gis_data.compiled.warm import warm


class Command(BaseCommand):
    help = "Compile the loops over the pipe network; a second where that was done before."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{warm():.1f} s")
