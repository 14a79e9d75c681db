"""Who is dry now: asked of the network after every turn of a valve, never taken from a plan.

Everybody with a row in an open shut-off is compared with what the network says of the valves as
reported from the field. A shut-off whose last valve is closed and whose work is not done keeps its
stretch of pipe empty, whatever valve is opened; from then on reach alone decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from server.customers.models import Premise
from server.network import graph
from server.outages import minutes, plans, states
from server.outages.models import PremiseOff, ShutOff, ValveTask


@dataclass
class Change:
    """What a turn of a valve did to one shut-off: codes of premises."""

    off: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    newly: list[str] = field(default_factory=list)


def lock_open(shut_off: ShutOff) -> tuple[ShutOff, list[ShutOff]]:
    """Lock this shut-off and every open one, always in the same order; (this one, all of them).

    Two crews turning valves of two jobs at once would else wait for each other for ever.
    """
    rows = list(
        ShutOff.objects.select_for_update()
        .filter(Q(pk=shut_off.pk) | Q(state__in=states.OPEN))
        .order_by("pk")
    )
    mine = next(r for r in rows if r.pk == shut_off.pk)
    return mine, rows


def dry_now(rows: Iterable[ShutOff]) -> set[str]:
    """Codes of the premises without water, by the valves as they stand and the drained pipes."""
    now = graph.positions()
    drained = [
        pipe
        for off in rows
        if off.isolated_at is not None and off.work_done_at is None and off.state in states.OPEN
        for pipe in off.plan["pipes"]
    ]
    shut, opened = plans.still_there(now.closed), plans.still_there(now.opened)
    return set(graph.dry(shut, opened, plans.segments_of(drained)).premises)


def follow(
    shut_off: ShutOff, rows: list[ShutOff], *, at: datetime, by: str, source: str
) -> dict[int, Change]:
    """Bring the rows of all open shut-offs in line with the water; what changed, by shut-off.

    Somebody dry in no shut-off becomes part of the one whose valve was turned.
    """
    dry = dry_now(rows)
    going = [r for r in rows if r.state in states.OPEN or r.pk == shut_off.pk]
    entries: dict[int, list[PremiseOff]] = defaultdict(list)
    for entry in PremiseOff.objects.filter(shut_off__in=going).select_related("premise"):
        entries[entry.shut_off_id].append(entry)
    known = {e.premise.code for some in entries.values() for e in some}
    newly = sorted(dry - known)
    if newly:
        fresh = [
            PremiseOff(shut_off=shut_off, premise=p)
            for p in Premise.objects.filter(code__in=newly)
        ]
        entries[shut_off.pk] += PremiseOff.objects.bulk_create(fresh)
    changes: dict[int, Change] = {}
    told_back: set[str] = set()
    for off in going:
        change = _follow_one(off, entries[off.pk], dry, at)
        if off.pk == shut_off.pk:
            change.newly = newly
        minutes.off(off, change.off, at=at, by=by, source=source)
        minutes.back(off, change.back, at=at, by=by, source=source)
        # Inside two jobs at once: back in both at one moment, told once.
        change.back = [c for c in change.back if c not in told_back]
        told_back |= set(change.back)
        changes[off.pk] = change
    return changes


def _follow_one(off: ShutOff, entries: list[PremiseOff], dry: set[str], at: datetime) -> Change:
    change, moved = Change(), []
    for entry in entries:
        code = entry.premise.code
        is_off = entry.off_at is not None and entry.on_at is None
        if code in dry and not is_off:
            entry.off_at, entry.on_at = entry.off_at or at, None
            change.off.append(code)
            moved.append(entry)
        elif code not in dry and is_off and not _only_said(entry, off):
            entry.on_at = max(at, entry.off_at or at)
            change.back.append(code)
            moved.append(entry)
    PremiseOff.objects.bulk_update(moved, ["off_at", "on_at"], batch_size=1000)
    return change


def _only_said(entry: PremiseOff, off: ShutOff) -> bool:
    """Dry by the word of somebody there while the valves are still being closed: believed."""
    if entry.confirmed_at is None or off.isolated_at is not None:
        return False
    left = set(off.valves.values_list("state", flat=True))
    return ValveTask.State.CLOSED in left and bool(left & set(ValveTask.WAITING))


def all_off(off: ShutOff, *, at: datetime, by: str, source: str) -> None:
    """Everybody in the plan is without water from `at` at the latest."""
    rows = off.premises.filter(off_at=None)
    codes = list(rows.values_list("premise__code", flat=True))
    rows.update(off_at=at)
    minutes.off(off, codes, at=at, by=by, source=source)
