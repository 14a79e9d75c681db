"""What others read of shut-offs: is this premise off, what is the plan, how many minutes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from server.customers import selectors as customers
from server.customers.models import Premise
from server.ledger import selectors as ledger
from server.network import plans as network_plans
from server.outages.models import PremiseOff, ShutOff, ValveTask

OPEN = (ShutOff.State.ACTIVE, ShutOff.State.PARTLY_RESTORED)
# Decided, so that others may hear of it; a draft may never come.
COMING = (ShutOff.State.APPROVED, ShutOff.State.NOTICED)


@dataclass(frozen=True)
class Inside:
    """A premise that stands in a shut-off."""

    shut_off: ShutOff
    since: datetime
    back_at: datetime | None
    customers: int


def inside(premise_code: str) -> Inside | None:
    """The open shut-off a premise is in; None when it has water as far as we know."""
    row = (
        PremiseOff.objects.filter(
            premise__code=premise_code, on_at=None, shut_off__state__in=OPEN
        )
        .select_related("shut_off", "shut_off__incident")
        .order_by("-shut_off_id")
        .first()
    )
    if row is None:
        return None
    off = row.shut_off
    since = row.off_at or off.started_at
    if since is None:
        return None
    return Inside(off, since, off.expected_back_at, off.premises.count())


def planned_notice(premise_code: str, *, hours: int = 48) -> ShutOff | None:
    """The next planned shut-off, decided and soon, that covers the premise."""
    now = timezone.now()
    return (
        ShutOff.objects.filter(
            planned=True, state__in=COMING, premises__premise__code=premise_code,
            notice_from__lt=now + timedelta(hours=hours),
        )
        .filter(Q(notice_to=None) | Q(notice_to__gt=now))
        .order_by("notice_from")
        .first()
    )  # fmt: skip


def plan_of(shut_off: ShutOff) -> dict[str, Any]:
    """The plan as screens show it: valves with place and state, who is off, whom to call first."""
    plan = network_plans.drawn(shut_off.plan)
    tasks = {t.asset: t for t in shut_off.valves.exclude(state=ValveTask.State.DROPPED)}
    listed = {v["id"] for v in plan["valves"]}
    plan["valves"] += network_plans.drawn_valves([a for a in tasks if a not in listed])
    for valve in plan["valves"]:
        task = tasks.get(valve["id"])
        if task is not None:
            valve["state"] = task.state
            valve["sequence"] = task.sequence
            valve["reason"] = task.reason
            valve["turns_done"] = task.turns
    plan["valves"].sort(key=lambda v: (v["sequence"], v["id"]))
    codes = shut_off.plan["premises"]
    uses = Premise.objects.filter(code__in=codes).values_list("use", flat=True)
    plan["by_class"] = dict(sorted(Counter(uses).items()))
    plan["customers_off"] = len(codes)
    plan["priority_customers"] = customers.priority_customers(codes)
    plan["hydraulics"] = shut_off.hydraulics
    plan["number"] = shut_off.number
    plan["state"] = shut_off.state
    plan["started_at"] = shut_off.started_at
    plan["expected_back_at"] = shut_off.expected_back_at
    plan["restored_at"] = shut_off.restored_at
    return plan


def without_water_now() -> int:
    """Premises, not rows: one inside two shut-offs counts once."""
    off = PremiseOff.objects.filter(off_at__isnull=False, on_at=None)
    return off.values("premise").distinct().count()


def customer_minutes(start: datetime, end: datetime, *, at: datetime | None = None) -> float:
    """Customer-minutes lost in [start, end), by the ledger: the union of intervals per premise.

    An interval still open counts up to `at` (now by default): a ledger, not an estimate.
    """
    return ledger.minutes(start, end, until=at, groups=False).total
