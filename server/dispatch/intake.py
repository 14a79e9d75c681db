"""One batch from the broker: positions judged and stored, reports carried out and answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mqtt.ingest import Received
from mqtt.messages import Ack, Position, Report, ReportAck
from mqtt.positions import Fix
from server.dispatch import reports
from server.positions.pipeline import Pipeline


class Intake:
    """What one worker keeps between batches; the database has the rest."""

    def __init__(self) -> None:
        self._positions = Pipeline()

    def handle(self, batch: Sequence[Received]) -> dict[str, Ack]:
        """Everything here is committed when it returns; only then the broker hears so."""
        fixes = [
            Fix(r.device, r.message, r.received_at)
            for r in batch
            if isinstance(r.message, Position)
        ]
        if fixes:
            self._positions.take(fixes)
        answers: dict[str, list[ReportAck]] = defaultdict(list)
        for r in batch:
            if isinstance(r.message, Report):
                answers[r.device].append(
                    reports.receive(r.device, r.message, received_at=r.received_at)
                )
        return {device: Ack(acks=tuple(acks)) for device, acks in answers.items()}

    def forget(self) -> None:
        """After a failure nothing is taken for granted."""
        self._positions.forget()
