"""One batch from the broker: positions judged and stored, reports carried out and answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.utils import timezone

from mqtt.ingest import Received
from mqtt.messages import Ack, Position, Report, ReportAck
from mqtt.positions import Fix, Known, Rules, advance
from server.dispatch import reports
from server.places.models import City
from server.positions import storing

MARGIN_DEG = 0.5  # crews come from outside the city too; beyond this it is no place of ours


class Intake:
    """Keeps what is known of each device between batches; the database has the rest."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._rules: Rules | None = None

    def rules(self) -> Rules:
        if self._rules is None:
            city = City.objects.first()
            area = None
            if city is not None:
                west, south, east, north = city.bounds.extent
                area = (
                    west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG,
                )  # fmt: skip
            self._rules = Rules(area=area)
        return self._rules

    def handle(self, batch: Sequence[Received]) -> dict[str, Ack]:
        """Everything here is committed when it returns; only then the broker hears so."""
        fixes = [
            Fix(r.device, r.message, r.received_at)
            for r in batch
            if isinstance(r.message, Position)
        ]
        if fixes:
            self._positions(fixes)
        answers: dict[str, list[ReportAck]] = defaultdict(list)
        for r in batch:
            if isinstance(r.message, Report):
                answers[r.device].append(
                    reports.receive(r.device, r.message, received_at=r.received_at)
                )
        return {device: Ack(acks=tuple(acks)) for device, acks in answers.items()}

    def _positions(self, fixes: list[Fix]) -> None:
        new = {f.device for f in fixes} - self._known.keys()
        if new:
            self._known.update(dict.fromkeys(new, Known()))
            self._known.update(storing.known_devices(new))
        verdicts, after = advance(fixes, self._known, self.rules())
        storing.store_positions(verdicts, received_at=timezone.now())
        # Only after the commit: a failed batch comes again and must be judged afresh.
        self._known.update(after)
