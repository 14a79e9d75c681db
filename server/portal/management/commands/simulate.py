"""`manage simulate`: let crews drive for some minutes, then draw up the ledger."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from server.events.loop import Stop, run
from server.simulator.running import Simulation, ends_at


class Command(BaseCommand):
    help = "Simulate and account for every message: sent = stored + refused with reason."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--vehicles", type=int, default=8)
        parser.add_argument("--incidents-per-hour", type=float, default=20.0)
        parser.add_argument("--minutes", type=float, default=2.0)
        parser.add_argument("--speed", type=float, default=3.0)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, least, most in (("minutes", 0.05, 240), ("speed", 0.1, 5), ("vehicles", 1, 500)):
            if not least <= options[name] <= most:
                raise CommandError(f"--{name}: between {least} and {most}")
        rate = options["incidents_per_hour"]
        simulation = Simulation(
            vehicles=options["vehicles"], call_every_s=3600 / rate if rate > 0 else 0,
            speed=options["speed"],
        )  # fmt: skip
        stop = Stop()
        until = ends_at(options["minutes"])
        simulation.start()

        def step() -> None:
            simulation.tick()
            if timezone.now() >= until:
                stop.set()

        try:
            run("simulate", step, pause_s=1.0, stop=stop)
            simulation.settle()
            ledger = simulation.ledger()
        finally:
            simulation.stop()
        self.stdout.write(json.dumps(ledger) if options["json"] else json.dumps(ledger, indent=2))
