"""`manage ingest`: positions, reports and states from the broker into the database."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from mqtt.formats import load
from mqtt.ingest import Ingest, IngestStats, Received, Refused
from mqtt.messages import Ack
from server.dispatch.intake import Intake
from server.events.services import beat
from server.positions.storing import count_refusals

_INDEX = re.compile(r"\[\d+\]")


class Command(BaseCommand):
    help = "Read what devices send."
    # `standpipe check` and CI run them; six processes starting at once need not.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--name", default="ingest-1", help="the worker's own, lasting name")
        parser.add_argument(
            "--leave", action="store_true",
            help="handle what waits under this name, then give it up for good",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        m = settings.STANDPIPE["MQTT"]
        intake = Intake()
        formats = load(settings.STANDPIPE["POSITION_FORMATS"])

        def device_of(topic: str) -> str:
            return next((d for f in formats if (d := f.device(topic))), topic.split("/")[-2:][0])

        def handle(batch: Sequence[Received]) -> dict[str, Ack]:
            try:
                return intake.handle(batch)
            except Exception:
                # One connection is kept for all batches; a broken one is replaced by the next.
                intake.forget()
                close_old_connections()
                raise

        def refused(rows: Sequence[Refused]) -> None:
            for r in rows:
                # Which of a list of fixes it was is in the text; the counters stay few.
                reason = f"bad:{_INDEX.sub('', r.field)}"
                count_refusals({(device_of(r.topic), reason): 1}, text=r.reason, at=r.received_at)

        def say(stats: IngestStats) -> None:
            beat(
                "ingest", handled=stats.handled, failures=stats.failures, alarms=stats.alarms
            )

        worker = Ingest(
            host=m["host"], port=m["port"], user=m["user"], password=m["password"],
            handle=handle, name=options["name"], formats=formats, on_refused=refused,
            on_beat=say, beat_s=2.0,
        )  # fmt: skip
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        signal.signal(signal.SIGINT, lambda *_: worker.stop())
        if options["leave"]:
            worker.leave()
            return
        worker.run()
