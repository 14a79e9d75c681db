"""Two jobs at once: who would be dry twice, and who only because of both together.

A finding, as JSON: {"number", "state", "from", "to", "premises": n, "shared": [codes, at most 20],
"pipes": n, "valves": [both turn], "leans_on": [...], "together": [codes], "together_count",
"zones": [names], "priority": [{"premise", "name", "class"}]}.
`shared` are dry in both; `together` keep their water in either job alone and lose it in both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from server.customers import selectors as customers
from server.network.models import Pipe
from server.outages import plans, states
from server.outages.models import ShutOff, ValveTask

SHOWN = 20


def window_of(off: ShutOff) -> tuple[datetime, datetime] | None:
    """When the water is off there, as far as anybody can say; None where nobody can.

    One that is overdue ends in an hour: it is not over because its time is.
    """
    now = timezone.now()
    if off.state in states.OPEN:
        starts = off.started_at or now
        ends = off.expected_back_at or off.notice_to or starts
        return starts, max(ends, now + timedelta(hours=1))
    if off.planned and off.notice_from and off.notice_to:
        return off.notice_from, off.notice_to
    if not off.planned and off.state == states.State.DRAFT:
        # A burst without a crew on it yet: the valves may be closed any minute.
        return now, now + timedelta(hours=6)
    return None


def at_the_same_time(off: ShutOff, starts: datetime, ends: datetime) -> list[ShutOff]:
    """Other shut-offs, under way or to come, whose hours touch [starts, ends)."""
    rows = (
        ShutOff.objects.exclude(pk=off.pk)
        .exclude(state__in=states.OVER)
        .prefetch_related("valves")
        .order_by("pk")
    )
    found = []
    for row in rows:
        window = window_of(row)
        if window is not None and window[0] < ends and starts < window[1]:
            found.append(row)
    return found


def firm(off: ShutOff) -> bool:
    """Whether others plan around it: under way, or approved. A draft may never come."""
    return off.state in states.OPEN or off.state in (
        states.State.APPROVED, states.State.NOTICED,
    )  # fmt: skip


def valves_of(off: ShutOff) -> set[str]:
    """The valves a shut-off has closed or will close."""
    gone = (ValveTask.State.DROPPED, ValveTask.State.REOPENED, ValveTask.State.CANNOT_CLOSE)
    return {v.asset for v in off.valves.all() if v.state not in gone}


def find(off: ShutOff) -> list[dict[str, Any]]:
    """What is in the way of `off` in time and place, the worst first; see the module's head."""
    window = window_of(off)
    if window is None or not off.plan:
        return []
    mine = plans.dry_alone(off.plan)
    shut = valves_of(off) | set(off.plan.get("leans_on", ()))
    found = []
    for other in at_the_same_time(off, *window):
        if not other.plan:
            continue
        theirs = plans.dry_alone(other.plan)
        both = plans.dry_with(
            shut | valves_of(other), [*off.plan["pipes"], *other.plan["pipes"]]
        )
        together = sorted(set(both.premises) - mine - theirs)
        shared = sorted(mine & theirs)
        pipes = set(off.plan["pipes"]) & set(other.plan["pipes"])
        zones = _zones_lost(both.pipes, [off, other])
        valves = sorted(valves_of(off) & valves_of(other))
        leans = sorted(set(off.plan.get("leans_on", ())) & valves_of(other))
        if not (together or shared or pipes or zones or leans or valves):
            continue
        their_window = window_of(other)
        assert their_window is not None  # or it would not be at the same time
        first = customers.priority_customers([*together, *shared])
        found.append({
            "number": other.number, "state": other.state, "planned": other.planned,
            "from": their_window[0].isoformat(), "to": their_window[1].isoformat(),
            "premises": len(shared), "shared": shared[:SHOWN], "pipes": len(pipes),
            "together": together[:SHOWN], "together_count": len(together), "zones": zones,
            "leans_on": leans, "valves": valves,
            "priority": [
                {"premise": p["premise"], "name": p["name"], "class": p["class"]} for p in first
            ][:SHOWN],
        })  # fmt: skip
    return sorted(found, key=lambda f: (not f["together"], not f["priority"], f["number"] or ""))


def _zones_lost(dry: tuple[str, ...], jobs: list[ShutOff]) -> list[str]:
    """Pressure zones that keep no pipe with water, and would keep one in each job alone."""
    named = Pipe.objects.exclude(zone="").filter(asset__in=dry)
    lost = dict(named.values_list("zone").annotate(n=Count("id")))
    if not lost:
        return []
    whole = dict(
        Pipe.objects.filter(zone__in=lost).values_list("zone").annotate(n=Count("id"))
    )
    gone = {z for z, n in lost.items() if n == whole[z]}
    for job in jobs:
        if not gone:
            break
        alone = Q(asset__in=[*job.plan["pipes"], *job.plan["unintended_pipes"]])
        kept = dict(
            Pipe.objects.filter(alone, zone__in=gone).values_list("zone").annotate(n=Count("id"))
        )
        gone = {z for z in gone if kept.get(z, 0) < whole[z]}
    return sorted(gone)
