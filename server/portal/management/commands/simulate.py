"""`manage simulate`: let crews drive for some minutes, then draw up the ledger."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from server.events.loop import Stop, run
from server.events.models import Beat
from server.simulator.running import Simulation, ends_at
from server.workforce.models import Crew


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
        there = Crew.objects.count()
        if options["vehicles"] > there:
            raise CommandError(f"--vehicles: this city has {there} crews")
        running = Beat.objects.filter(
            name="simulator", at__gt=timezone.now() - timedelta(seconds=15)
        )
        if running.exists():
            # Two of them would sign the same phones in and out of the broker for ever.
            raise CommandError(
                "The demo's own simulator is running: start with `up --no-simulator` for this."
            )
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
