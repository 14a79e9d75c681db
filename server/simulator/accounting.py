"""What became of every message of a rehearsal, counted in the database and not by its sender."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Sum
from django.utils import timezone

from server.dispatch.models import WorkOrder
from server.positions.models import Fix, Refusal
from server.tickets.models import Incident, Ticket


class Books:
    """Opened when a rehearsal begins; counts what was added since, for these devices."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices = list(devices)
        self._began = timezone.now()
        self._stored_before = self._stored()
        self._refused_before = self._refused()

    def wait(self, sent: int, timeout_s: float) -> bool:
        """Until `sent` positions are stored or refused; False when time ran out."""
        end = time.monotonic() + timeout_s
        while self._settled() < sent:
            if time.monotonic() > end:
                return False
            time.sleep(0.25)
        return True

    def positions(self, *, sent: int, kept: int) -> dict[str, Any]:
        """`sent` by the vehicles, `kept` still on them; `flagged` are stored but not used."""
        stored, refused = self._stored() - self._stored_before, self._refused_since()
        # The same message again is one message: phones repeat what was not answered in time.
        repeats = refused.pop("duplicate", 0)
        return {
            "sent": sent, "stored": stored, "flagged": self._flagged(), "refused": refused,
            "repeats": repeats, "on_the_phone": kept,
            "balance": sent - stored - sum(refused.values()) - kept,
        }  # fmt: skip

    def work(self) -> dict[str, Any]:
        """Tickets, incidents and work orders since the beginning, by state."""
        tickets = Ticket.objects.filter(opened_at__gte=self._began)
        incidents = Incident.objects.filter(opened_at__gte=self._began)
        orders = WorkOrder.objects.filter(dispatched_at__gte=self._began)
        return {
            name: dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
            for name, rows in (("tickets", tickets), ("incidents", incidents), ("orders", orders))
        }

    def _settled(self) -> int:
        refused = self._refused_since()
        refused.pop("duplicate", None)
        return self._stored() - self._stored_before + sum(refused.values())

    def _stored(self) -> int:
        return Fix.objects.filter(device__name__in=self._devices).count()

    def _flagged(self) -> dict[str, int]:
        rows = Fix.objects.filter(device__name__in=self._devices, received_at__gte=self._began)
        return dict(rows.exclude(flag="").order_by().values_list("flag").annotate(n=Count("seq")))

    def _refused(self) -> dict[str, int]:
        rows = Refusal.objects.filter(device__in=self._devices)
        return dict(rows.order_by().values_list("reason").annotate(n=Sum("count")))

    def _refused_since(self) -> dict[str, int]:
        before = self._refused_before
        return {
            reason: n - before.get(reason, 0)
            for reason, n in self._refused().items()
            if n != before.get(reason, 0)
        }
