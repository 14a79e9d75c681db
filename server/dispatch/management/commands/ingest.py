"""`manage ingest`: positions, reports and states from the broker into the database."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from mqtt.ingest import Ingest, IngestStats, Received, Refused
from mqtt.messages import Ack
from server.dispatch.intake import Intake
from server.events.services import beat
from server.positions.storing import count_refusal


class Command(BaseCommand):
    help = "Read what devices send."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--name", default="ingest-1", help="the worker's own, lasting name")

    def handle(self, *args: Any, **options: Any) -> None:
        m = settings.STANDPIPE["MQTT"]
        intake = Intake()

        def handle(batch: Sequence[Received]) -> dict[str, Ack]:
            close_old_connections()
            return intake.handle(batch)

        def refused(rows: Sequence[Refused]) -> None:
            close_old_connections()
            for r in rows:
                device = r.topic.split("/")[3] if r.topic.count("/") >= 4 else "?"
                count_refusal(device, f"bad:{r.field}"[:60], text=r.reason, at=r.received_at)

        def say(stats: IngestStats) -> None:
            close_old_connections()
            beat("ingest", handled=stats.handled, failures=stats.failures)

        worker = Ingest(
            host=m["host"], port=m["port"], user=m["user"], password=m["password"],
            handle=handle, name=options["name"], on_refused=refused, on_beat=say,
            beat_s=2.0,
        )  # fmt: skip
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        signal.signal(signal.SIGINT, lambda *_: worker.stop())
        worker.run()
