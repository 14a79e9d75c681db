"""Put the demo's crews, callers and colleagues together and let time pass."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from server.accounts.demo import demo_password
from server.simulator.callers import CallersSim
from server.simulator.colleagues import Colleagues, Desk
from server.simulator.crews import CrewSim
from server.workforce.demo import top_up_shifts
from server.workforce.models import Crew, Fix, IngestRefusal
from server.workforce.selectors import position_of


@dataclass
class Simulation:
    """`vehicles` crews at most, a call every `call_every_s` seconds (0: none)."""

    vehicles: int = 8
    call_every_s: float = 150.0
    speed: float = 3.0
    seed: int = 965113
    colleagues: bool = True
    crews: list[CrewSim] = field(default_factory=list)

    def start(self) -> None:
        top_up_shifts()
        server = f"http://127.0.0.1:{os.environ.get('STANDPIPE_WEB_PORT', '8000')}"
        on_shift = Crew.objects.select_related("position").order_by("code")[: self.vehicles]
        self.crews = [
            CrewSim(
                user=crew.user.username, password=demo_password(), server=server,
                state=settings.STATE / "simulator" / crew.code, at=position_of(crew)[:2],
                speed=self.speed, seed=self.seed,
            )
            for crew in on_shift
        ]  # fmt: skip
        self.callers = CallersSim(every_s=self.call_every_s or 1e9, seed=self.seed)
        self.desk = Desk() if self.callers.possible and self.colleagues else None
        if self.desk is not None:
            self.desk.start()
        self._colleagues = Colleagues(self.callers, self.desk) if self.colleagues else None
        self._stored_before = self._stored()
        self._refused_before = self._refused()
        self._topped_up = timezone.localdate()

    def tick(self) -> None:
        now = timezone.now()
        for crew in self.crews:
            crew.tick(now)
        if self.call_every_s:
            self.callers.tick(now)
        if self._colleagues is not None:
            self._colleagues.tick(now)
        if timezone.localdate() != self._topped_up:
            self._topped_up = timezone.localdate()
            top_up_shifts()

    def stop(self) -> None:
        if self.desk is not None:
            self.desk.stop()
            self.desk.join(5)
        for crew in self.crews:
            crew.close()

    def settle(self, timeout_s: float = 20.0) -> None:
        """Give every report time for its answer before the ledger is drawn up."""
        until = timezone.now() + timedelta(seconds=timeout_s)
        for crew in self.crews:
            crew.settle(max(0.1, (until - timezone.now()).total_seconds()))

    def ledger(self) -> dict[str, Any]:
        """sent = stored + refused with reason, for positions and reports."""
        sent = sum(c.sent_positions for c in self.crews)
        stored = self._stored() - self._stored_before
        refused = {
            reason: n - self._refused_before.get(reason, 0)
            for reason, n in self._refused().items()
            if n != self._refused_before.get(reason, 0)
        }
        # The same message again is one message: phones repeat what was not answered in time.
        repeats = refused.pop("duplicate", 0)
        return {
            "positions": {"sent": sent, "stored": stored, "refused": refused, "repeats": repeats,
                          "balance": sent - stored - sum(refused.values())},
            "reports": {"sent": sum(c.sent_reports for c in self.crews),
                        "refused": sum(c.refused_reports for c in self.crews)},
            "calls": {"placed": self.callers.placed, "failed": self.callers.failed},
        }  # fmt: skip

    def _devices(self) -> list[str]:
        return list(Crew.objects.values_list("device", flat=True))

    def _stored(self) -> int:
        return Fix.objects.filter(device__in=self._devices()).count()

    def _refused(self) -> dict[str, int]:
        rows = IngestRefusal.objects.filter(device__in=self._devices())
        return dict(rows.values_list("reason").annotate(n=Sum("count")))


def ends_at(minutes: float) -> datetime:
    return timezone.now() + timedelta(minutes=minutes)
