"""The plan for what nobody has in hand: made anew on every event, shown, accepted row by row.

It only proposes. Somebody's word sends a crew, or a run card that says so (offers.send_automatic).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.dispatch import gathering, waiting
from server.dispatch.gathering import Gathered
from server.dispatch.models import Proposal
from server.dispatch.optimising import Plan, RollingPlanner
from server.events.services import publish
from server.streets import index as streets
from server.tickets.models import Incident

# What stops a job for good until somebody does something; the rest only waits its turn.
URGENT = ("P1", "P2")
NOBODY = frozenset({"no_crew", "no_skill", "unreachable", "all_asked", "shift_ends", "excluded"})
MOVED_S = 300.0  # a proposed arrival that moves by less is the same plan


@dataclass(frozen=True)
class Made:
    """A plan and what it was made of."""

    gathered: Gathered
    plan: Plan
    body: dict[str, Any]
    took_ms: float


def propose(
    at: datetime | None = None, *, without: Collection[int] = (),
    forced: Mapping[int, int] | None = None, kept: bool = True,
) -> Made:  # fmt: skip
    """A plan for all open incidents at `at` (now); nothing is stored.

    `without` leaves crews out, `forced` (incident -> crew) is a what-if, `kept` holds to the plan
    in force so that nobody's crew changes for nothing.
    """
    began = time.perf_counter()
    at = at or timezone.now()
    stored = Proposal.objects.first() if kept else None
    previous = gathering.plan_of(stored.body) if stored is not None else None
    gathered = gathering.gather(
        at, waiting.open_incidents(), without=without, forced=forced, previous=previous
    )
    plan = RollingPlanner().plan(gathered.problem)
    body = body_of(gathered, plan)
    return Made(gathered, plan, body, (time.perf_counter() - began) * 1000)


def body_of(gathered: Gathered, plan: Plan) -> dict[str, Any]:
    """A plan as it is stored and shown: rows, what waits, run cards."""
    rows = {m.row: m for m in gathered.missing}

    def moment(seconds: float) -> str:
        return (gathered.at + timedelta(seconds=seconds)).isoformat(timespec="seconds")

    return {
        "rows": [
            {
                "row": s.job, "crew": s.crew, "incident": rows[s.job].incident.pk,
                "kind": rows[s.job].kind, "target": rows[s.job].target.valve,
                "position": s.position, "start": moment(s.starts_s), "arrive": moment(s.arrives_s),
                "end": moment(s.ends_s), "late_s": round(s.late_s),
                "overtime_s": round(s.overtime_s), "automatic": rows[s.job].card.automatic,
            }
            for s in plan.rows
        ],
        "waiting": [
            {
                "row": w.job, "incident": rows[w.job].incident.pk, "kind": rows[w.job].kind,
                "why": w.why, "ahead": [rows[k].incident.pk for k in w.ahead if k in rows],
            }
            for w in plan.waiting
        ],
        "cards": {str(m.incident.pk): m.card.name for m in gathered.missing},
        "objective": round(plan.objective),
    }  # fmt: skip


def ask_again() -> None:
    """Something happened that the plan has to know: it is made anew within a second."""
    Proposal.objects.get_or_create(pk=1)
    Proposal.objects.filter(pk=1).update(asked_at=timezone.now())


def sweep(now: datetime | None = None) -> bool:
    """Make the plan anew where something happened since, or positions have drifted; whether.

    Without a street network there is none.
    """
    now = now or timezone.now()
    try:
        streets.index()
    except Refused:
        return False
    row = Proposal.objects.filter(pk=1).first()
    if row is not None and row.made_at is not None:
        drifted = settings.STANDPIPE["PLAN"]["drift_s"]
        fresh = (now - row.made_at).total_seconds() < drifted
        if fresh and (row.asked_at is None or row.asked_at <= row.made_at):
            return False
    refresh(now)
    return True


def refresh(now: datetime | None = None) -> Proposal:
    """Make the plan anew, keep it, and say so only where it really differs."""
    now = now or timezone.now()
    Proposal.objects.get_or_create(pk=1)
    with transaction.atomic():
        row = Proposal.objects.select_for_update().get(pk=1)
        made = propose(now)
        before, row.body = row.body, made.body
        row.made_at, row.took_ms = now, round(made.took_ms, 1)
        changes = _changes(before, made.body)
        if changes:
            row.version = F("version") + 1
        row.save()
        row.refresh_from_db()
        if changes:
            publish(
                "plan.changed", "plan:1", topic="incidents", by="system", version=row.version,
                changes=changes[:50], rows=len(made.body["rows"]),
                waiting=len(made.body["waiting"]),
            )  # fmt: skip
        _tell_nobody(before, made.body)
        _tell_cards(before, made.gathered)
        return row


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows whose crew, place in the queue or arrival is another, and what began or ended to wait.

    A row that left because somebody was sent is no change of the plan: the order tells of it.
    """
    was = {r["row"]: r for r in before.get("rows", ())}
    waited = {w["row"]: w["why"] for w in before.get("waiting", ())}
    found = []
    for r in after["rows"]:
        old = was.get(r["row"])
        if old is not None and old["crew"] == r["crew"] and not _moved(old, r):
            continue
        found.append(
            {"row": r["row"], "incident": r["incident"], "crew": r["crew"],
             "before": old and old["crew"]}
        )  # fmt: skip
    for w in after["waiting"]:
        if waited.get(w["row"]) != w["why"]:
            found.append(
                {"row": w["row"], "incident": w["incident"], "crew": None, "why": w["why"]}
            )
    still = {r["row"] for r in (*after["rows"], *after["waiting"])}
    gone = [r for r in (*was.values(), *before.get("waiting", ())) if r["row"] not in still]
    return found + [
        {"row": r["row"], "incident": r["incident"], "crew": None, "why": "settled"} for r in gone
    ]


def _moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if old["position"] != new["position"]:
        return True
    then, now = (datetime.fromisoformat(r["arrive"]) for r in (old, new))
    return abs((now - then).total_seconds()) >= MOVED_S


def _tell_nobody(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """An incident nobody can go to is told to those who can do something, each reason once.

    What is not urgent stands on the board and on the stream; for it nobody is woken (`wakes`):
    should the next shift not take it up either, its clocks tell.
    """
    known = {(w["row"], w["why"]) for w in before.get("waiting", ())}
    fresh = [
        w for w in after["waiting"] if w["why"] in NOBODY and (w["row"], w["why"]) not in known
    ]
    incidents = Incident.objects.in_bulk([w["incident"] for w in fresh])
    for w in fresh:
        incident = incidents[w["incident"]]
        record("incident.no_candidate", f"incident:{incident.number}", note=w["why"], by="system")
        publish(
            "incident.no_candidate", f"incident:{incident.pk}", topic="incidents", by="system",
            incident=incident.pk, number=incident.number, kind=incident.kind, why=w["why"],
            priority=incident.priority, order_kind=w["kind"], address=incident.address,
            wakes=incident.priority in URGENT,
        )  # fmt: skip


def _tell_cards(before: Mapping[str, Any], gathered: Gathered) -> None:
    """Whom a run card wants told, once for each incident and card."""
    known = before.get("cards", {})
    for m in {m.incident.pk: m for m in gathered.missing}.values():
        if m.card.tells and known.get(str(m.incident.pk)) != m.card.name:
            publish(
                "incident.run_card", f"incident:{m.incident.pk}", by="system",
                incident=m.incident.pk, card=m.card.name, roles=list(m.card.tells),
            )  # fmt: skip


def shown() -> dict[str, Any]:
    """The plan in force as `GET /api/plan` gives it."""
    row = Proposal.objects.first() or Proposal()
    return {
        "version": row.version, "made_at": row.made_at, "took_ms": row.took_ms,
        "rows": row.body.get("rows", []),
        "waiting": [
            {**w, "why_text": waiting.why_text(w["why"], w)} for w in row.body.get("waiting", ())
        ],
        "objective": row.body.get("objective"),
    }  # fmt: skip
