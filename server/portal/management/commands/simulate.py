"""`manage simulate`: let crews drive for some minutes, then draw up the ledger."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from server.events.loop import Stop, run
from server.events.models import Beat
from server.simulator.running import Simulation, balanced, ends_at, split_rate

LIMITS = (
    ("minutes", 0.05, 240), ("speed", 0.1, 5), ("vehicles", 1, 500), ("faults", 0, 1),
    ("incidents-per-hour", 0, 3600),
)  # fmt: skip


class Command(BaseCommand):
    help = "Simulate and account for every message: sent = stored + refused with reason."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--vehicles", type=int, default=8)
        parser.add_argument("--incidents-per-hour", type=float, default=20.0)
        parser.add_argument("--minutes", type=float, default=2.0)
        parser.add_argument("--speed", type=float, default=3.0)
        parser.add_argument(
            "--faults", type=float, default=0.0, metavar="SHARE",
            help="share of vehicles (0 to 1) with a wrong clock, jumps, no signal …",
        )  # fmt: skip
        parser.add_argument("--seed", type=int, default=965113)
        parser.add_argument(
            "--no-colleagues", action="store_true", help="nobody answers, sends crews or closes"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, least, most in LIMITS:
            if not least <= options[name.replace("-", "_")] <= most:
                raise CommandError(f"--{name}: between {least} and {most}")
        running = Beat.objects.filter(
            name__in=["simulator", "simulate"], at__gt=timezone.now() - timedelta(seconds=15)
        )
        if running.exists():
            # Two of them would sign the same phones in and out of the broker for ever.
            raise CommandError(
                "Another simulator is running; start the demo with `up --no-simulator` for this."
            )
        call_every_s, visit_every_s = split_rate(options["incidents_per_hour"])
        simulation = Simulation(
            vehicles=options["vehicles"], call_every_s=call_every_s, visit_every_s=visit_every_s,
            speed=options["speed"], faults=options["faults"], seed=options["seed"],
            minutes=options["minutes"], most_open=10_000,
            colleagues=not options["no_colleagues"],
        )  # fmt: skip
        stop = Stop()
        self._say(f"{options['vehicles']} vehicles sign in …")
        simulation.start()
        until = ends_at(options["minutes"])
        told = timezone.now()

        def step() -> None:
            nonlocal told
            simulation.tick()
            now = timezone.now()
            if now >= until:
                stop.set()
            elif now - told > timedelta(seconds=30):
                told = now
                sent = simulation.tally().positions
                self._say(f"{(until - now).total_seconds():.0f} s left, {sent} positions so far")

        try:
            run("simulate", step, pause_s=1.0, stop=stop)
            self._say("waiting for the last answers …")
            simulation.settle()
            ledger = simulation.ledger()
        finally:
            simulation.stop()
            # The next rehearsal need not wait until this one's last beat has grown old.
            Beat.objects.filter(name="simulate").delete()
        self.stdout.write(json.dumps(ledger) if options["json"] else json.dumps(ledger, indent=2))
        if not balanced(ledger):
            raise CommandError("Some messages are unaccounted for: see `balance`.", returncode=3)

    def _say(self, text: str) -> None:
        # Beside the ledger, which is read by programs.
        self.stderr.write(text)
