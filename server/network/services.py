"""Verbs about the network: what the field reports about its parts."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from server.network.graph import unknown_asset
from server.network.models import Valve


@transaction.atomic
def valve_was_turned(
    *, asset: str, position: str, turns: int | None = None, at: datetime | None = None
) -> Valve:
    """Record that a valve stands `open` or `closed` since `at` (now). An older report than the
    last one changes nothing. Refused for an unknown valve."""
    valve = _valve(asset)
    when = at or timezone.now()
    if valve.last_operated_at is not None and when < valve.last_operated_at:
        return valve
    valve.position = Valve.Position(position)
    valve.last_operated_at = when
    # Whoever turned it has shown that it turns.
    valve.operable = "yes"
    if turns:
        valve.turns = turns
    valve.save(update_fields=["position", "last_operated_at", "operable", "turns"])
    return valve


@transaction.atomic
def valve_does_not_turn(*, asset: str) -> Valve:
    """Record that a valve was found stuck, buried or broken: plans no longer count on it."""
    valve = _valve(asset)
    valve.operable = "no"
    valve.save(update_fields=["operable"])
    return valve


def _valve(asset: str) -> Valve:
    valve = Valve.objects.select_for_update().filter(asset=asset).first()
    if valve is None:
        raise unknown_asset(asset)
    return valve
