"""`manage warm`: have the loops over pipes, streets and plans compiled before they are asked."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from gis_data.compiled.warm import warm as warm_pipes
from routing.compiled.warm import warm as warm_streets
from server.dispatch.optimising.rolling import warm as warm_plans


class Command(BaseCommand):
    help = "Compile the loops over pipes, streets and plans; seconds where that was done before."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{warm_pipes() + warm_streets() + warm_plans():.1f} s")
