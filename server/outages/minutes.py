"""What the ledger is told: from when a premise is without water, and from when it is not.

Somebody with a tank of their own has water until it is empty; where the main is back before that,
nothing was lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from server.customers.models import Premise
from server.ledger import services as ledger
from server.network.models import ServiceLine, Station
from server.outages.models import PremiseOff, ShutOff


def storage_hours(codes: Collection[str]) -> dict[str, float]:
    """How long premises live on a tank, their own or their pump station's; only those that do."""
    hours = dict(
        Premise.objects.filter(code__in=codes, storage_hours__gt=0).values_list(
            "code", "storage_hours"
        )
    )
    fed = ServiceLine.objects.filter(premise__in=codes).exclude(station="")
    station_of = dict(fed.values_list("premise", "station"))
    rows = Station.objects.filter(asset__in=set(station_of.values()))
    tanks = {
        name: tank / need
        for name, tank, need in rows.values_list("asset", "tank_m3", "demand_m3h")
        if tank and need
    }
    for code, station in station_of.items():
        if station in tanks:
            hours[code] = max(hours.get(code, 0.0), tanks[station])
    return hours


def off(
    shut_off: ShutOff, codes: Collection[str], *, at: datetime, by: str, source: str = ""
) -> None:
    """The mains of these premises fell dry at `at`."""
    hours = storage_hours(codes)
    moments: dict[datetime, list[str]] = defaultdict(list)
    for code in codes:
        moments[at + timedelta(hours=hours.get(code, 0.0))].append(code)
    for moment, some in moments.items():
        ledger.water_off(
            some, at=moment, shut_off=shut_off.number or "", planned=shut_off.planned,
            basis="modelled", by=by, source=source,
        )  # fmt: skip


def back(
    shut_off: ShutOff, codes: Collection[str], *, at: datetime, by: str, source: str = ""
) -> None:
    """The mains of these premises have water again at `at`."""
    hours = storage_hours(codes)
    moments: dict[datetime, list[str]] = defaultdict(list)
    moments[at] = [c for c in codes if c not in hours]
    rows = PremiseOff.objects.filter(shut_off=shut_off, premise__code__in=list(hours))
    for code, off_at in rows.values_list("premise__code", "off_at"):
        # The tank held out: an interval without length, not one that ends before it begins.
        empty = (off_at or at) + timedelta(hours=hours[code])
        moments[max(at, empty)].append(code)
    for moment, some in moments.items():
        if some:
            ledger.water_on(
                some, at=moment, shut_off=shut_off.number or "", basis="modelled", by=by,
                source=source,
            )  # fmt: skip


def confirmed(shut_off: ShutOff, code: str, *, at: datetime, by: str, source: str) -> None:
    """Somebody there says the tap is dry: their word stands above what was reckoned."""
    ledger.water_off(
        [code], at=at, shut_off=shut_off.number or "", planned=shut_off.planned,
        basis="confirmed", by=by, source=source,
    )  # fmt: skip


def turned(
    asset: str, position: str, *, at: datetime, by: str, cause: str, reason: str = ""
) -> None:
    """A valve was turned, or would not turn."""
    ledger.valve_turned(asset, position=position, at=at, by=by, cause=cause, reason=reason)
