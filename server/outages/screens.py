"""Shut-offs as the pages show them: the list with its board, and one with all of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from server.accounts.models import AuditRow
from server.customers.selectors import PRIORITY_CLASSES
from server.network import graph
from server.outages import (
    minutes,
    nearby,
    notices,
    overlaps,
    plans,
    selectors,
    states,
)
from server.outages.models import PremiseOff, ShutOff, ValveTask
from server.outages.planning import missing, permits_of

BOARD_DAYS = 14
ENDED_SHOWN = 20
REOPENING_TRIED = 6  # more valves than this are not tried in every order while somebody waits
T = ValveTask.State


def listed() -> dict[str, Any]:
    """{"shutoffs": [row], "days": 14, "from": day}: active, then to come, then the last ended."""
    now = timezone.now()
    counts = _counts()
    going = list(ShutOff.objects.filter(state__in=states.OPEN).select_related("incident"))
    ahead = list(ShutOff.objects.filter(state__in=states.AHEAD).select_related("incident"))
    over = list(
        ShutOff.objects.filter(state__in=(states.State.RESTORED, states.State.CLOSED))
        .filter(restored_at__gt=now - timedelta(days=2))
        .select_related("incident")[:ENDED_SHOWN]
    )
    far = now + timedelta(days=9999)
    going.sort(key=lambda o: o.expected_back_at or far)
    ahead.sort(key=lambda o: (not o.planned, o.notice_from or far))
    rows = [_row(o, counts) for o in [*going, *ahead, *over]]
    _mark_overlaps(rows, [*going, *ahead])
    return {
        "shutoffs": rows, "days": BOARD_DAYS,
        "from": timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0),
    }  # fmt: skip


def _counts() -> dict[int, dict[str, int]]:
    rows = (
        PremiseOff.objects.filter(shut_off__state__in=[*states.OPEN, *states.AHEAD, "restored"])
        .values("shut_off")
        .annotate(
            total=Count("id"),
            off_now=Count("id", filter=Q(off_at__isnull=False, on_at=None)),
            priority=Count("id", filter=Q(premise__use__in=PRIORITY_CLASSES)),
        )
    )
    return {
        int(r["shut_off"]): {k: r[k] for k in ("total", "off_now", "priority")}
        for r in rows
    }


def _row(off: ShutOff, counts: dict[int, dict[str, int]]) -> dict[str, Any]:
    some = counts.get(off.pk, {})
    now = timezone.now()
    return {
        **nearby.short(off), "targets": off.all_targets, "author": off.author,
        "customers": some.get("total", 0), "off_now": some.get("off_now", 0),
        "priority_customers": some.get("priority", 0),
        "restored_at": off.restored_at,
        "overdue": bool(
            off.state in states.OPEN and off.expected_back_at and off.expected_back_at < now
        ),
        "incident": off.incident.number if off.incident else None,
        "notice": notices.standing(off) if off.planned and off.state in states.AHEAD else None,
        "overlaps": [],
    }  # fmt: skip


def _mark_overlaps(rows: list[dict[str, Any]], offs: list[ShutOff]) -> None:
    """Numbers of those in the way by hour and by pipe or premise; the page of one says more."""
    by_number = {r["number"]: r for r in rows}
    windows = [(o, overlaps.window_of(o)) for o in offs]
    for n, (a, wa) in enumerate(windows):
        for b, wb in windows[n + 1 :]:
            if not (wa and wb and wa[0] < wb[1] and wb[0] < wa[1]):
                continue
            pipes = set(a.plan.get("pipes", ())) & set(b.plan.get("pipes", ()))
            homes = set(a.plan.get("premises", ())) & set(b.plan.get("premises", ()))
            if pipes or homes:
                by_number[a.number]["overlaps"].append(b.number)
                by_number[b.number]["overlaps"].append(a.number)
    for off in offs:
        row = by_number[off.number]
        named = {f["number"] for f in off.overlaps}
        row["overlaps"] = sorted({*row["overlaps"], *named})


def detail(off: ShutOff, role: str, user: str) -> dict[str, Any]:
    """All of one shut-off: plan, valves, who is off, receipts, permits, overlaps, what happened."""
    shown = selectors.plan_of(off)
    tasks = {t.asset: t for t in off.valves.all()}
    for valve in shown["valves"]:
        task = tasks.get(valve["id"])
        if task is not None:
            valve.update(
                done_at=task.done_at, reversed_at=task.reversed_at, by=task.by,
                said_by=task.said_by, authorised_by=task.authorised_by,
            )  # fmt: skip
    dry = off.premises.filter(off_at__isnull=False, on_at=None)
    counts = _counts()
    ahead = off.state in states.AHEAD
    return {
        **_row(off, counts), **shown,
        "work": off.work, "works": off.works, "reason": off.reason,
        "approved_by": off.approved_by, "approved_at": off.approved_at,
        "noticed_at": off.noticed_at, "released_at": off.released_at,
        "isolated_at": off.isolated_at, "work_done_at": off.work_done_at,
        "closed_at": off.closed_at, "overrides": off.overrides,
        "off_now": dry.count(), "confirmed": dry.filter(confirmed_at__isnull=False).count(),
        "off_by_class": dict(
            sorted(Counter(dry.values_list("premise__use", flat=True)).items())
        ),
        "allowed": [
            str(v) for v in states.allowed(off.kind, off.state, role)
            if not (v == states.Verb.APPROVE and off.author == user)
        ],
        "own": off.author == user,
        "leans_on": off.plan.get("leans_on", []),
        "notice": notices.standing(off) if off.planned else None,
        "notices": notices.listed(off) if off.planned else [],
        "permits": permits_of(off), "permits_missing": missing(off),
        "overlaps": [f["number"] for f in off.overlaps],
        "overlap_findings": overlaps.find(off) if ahead and off.planned else off.overlaps,
        "alternatives": _alternatives(off) if ahead or off.state in states.OPEN else [],
        "reopening": _reopening(off),
        "minutes": minutes_of(off),
        "timeline": _timeline(off),
        "version": off.version,
    }  # fmt: skip


def _alternatives(off: ShutOff) -> list[dict[str, Any]]:
    """What one stuck valve more would cost: {valve, valves: n, extra: premises}, worst first."""
    found = []
    inside = set(off.plan["premises"])
    stuck = list(off.plan.get("inoperable", ()))
    for task in off.valves.filter(state__in=ValveTask.WAITING)[:6]:
        plan = graph.isolate(
            off.target, inoperable=[*stuck, task.asset],
            still_ours=[v["asset"] for v in off.plan["valves"]],
        )  # fmt: skip
        found.append({
            "valve": task.asset, "valves": len(plan.valves_to_close),
            "extra": len(set(plan.premises) - inside),
        })
    return sorted(found, key=lambda f: (-f["extra"], f["valve"]))


def _reopening(off: ShutOff) -> list[dict[str, Any]]:
    """Closed valves in the order of opening: each time the one that brings most people back.

    [{valve, back, hydraulics}]; empty until the work is done. One valve first, slowly, to fill the
    pipe and let the air out, is for the crew to know.
    """
    if off.state not in states.OPEN or off.work_done_at is None:
        return []
    now = graph.positions()
    opened = plans.still_there(now.opened)
    others = ShutOff.objects.filter(
        state__in=states.OPEN, isolated_at__isnull=False, work_done_at=None
    ).exclude(pk=off.pk)
    drained = plans.segments_of([p for o in others for p in o.plan["pipes"]])
    left = list(off.valves.filter(state=T.CLOSED).values_list("asset", flat=True))
    mine = set(off.premises.values_list("premise__code", flat=True))
    order: list[dict[str, Any]] = []
    shut = set(plans.still_there(now.closed))
    if len(left) > REOPENING_TRIED:
        return []
    dry = mine & set(graph.dry(shut, opened, drained).premises)
    while left:
        tried = {
            v: mine & set(graph.dry(shut - {v}, opened, drained).premises) for v in left
        }
        best = min(left, key=lambda v: (len(tried[v]), left.index(v)))
        order.append({"valve": best, "back": len(dry - tried[best])})
        dry, shut = tried[best], shut - {best}
        left.remove(best)
    return order


def minutes_of(off: ShutOff) -> float:
    """Customer-minutes of this shut-off alone up to now; the ledger has the whole, each once."""
    rows = off.premises.filter(off_at__isnull=False)
    spans = list(rows.values_list("premise__code", "off_at", "on_at"))
    hours = minutes.storage_hours([code for code, _off, _on in spans])
    now = timezone.now()
    lost = (
        ((on or now) - start).total_seconds() / 60 - 60 * hours.get(code, 0.0)
        for code, start, on in spans
        if start is not None
    )
    return round(sum(m for m in lost if m > 0), 1)


def _timeline(off: ShutOff) -> list[dict[str, Any]]:
    """Who did what, from the audit log: the shut-off's own rows and those of its valves."""
    since = off.created_at - timedelta(minutes=1)
    valves = [f"valve:{a}" for a in off.valves.values_list("asset", flat=True)]
    rows = AuditRow.objects.filter(
        Q(subject=f"shutoff:{off.number}")
        | Q(subject__in=valves, at__gte=since, at__lte=off.closed_at or timezone.now())
    ).order_by("-id")[:100]
    return [
        {"at": r.at, "what": r.action, "who": r.by, "role": r.role, "text": r.note,
         "subject": r.subject.split(":", 1)[1], "from": r.from_state, "to": r.to_state}
        for r in rows
    ]  # fmt: skip


