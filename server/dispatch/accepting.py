"""A dispatcher's word on the plan: take it, row by row, or say what it shall hold to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.dispatch import planning, services
from server.dispatch.models import PlanWish, Proposal, WorkOrder
from server.tickets.models import Incident
from server.workforce.models import Crew

MOST_ROWS = 500


def accept(asked: Any, *, by: str) -> dict[str, Any]:
    """Send the crews of these rows ([{"row", "crew"}] or names of rows; None: all that can go).

    Each row stands for itself: what has changed meanwhile is refused with the reason, the others
    are sent. A crew's second job is not sent before its first is done: it stays in the plan.
    """
    plan = Proposal.objects.first() or Proposal()
    known = {r["row"]: r for r in plan.body.get("rows", ())}
    wanted = read_rows(asked, known)
    incidents = Incident.objects.in_bulk({r["incident"] for r in known.values()})
    crews = Crew.objects.in_bulk({r["crew"] for r in known.values()})
    sent, refused, queued = [], [], []
    for name, crew_id in wanted:
        row = known.get(name)
        if row is None:
            refused.append(no(name, "gone", _("That is no longer in the plan.")))
            continue
        crew, incident = crews[row["crew"]], incidents[row["incident"]]
        if crew_id is not None and crew_id != crew.pk:
            text = _("The plan now has %(crew)s for it.") % {"crew": crew.shown}
            refused.append({**no(name, "changed", text), "crew": crew.pk})
            continue
        if row["position"] > 0:
            queued.append({"row": name, "crew": crew.pk, "position": row["position"]})
            continue
        try:
            order = services.assign(
                incident,
                crew,
                by=by,
                kind=row["kind"],
                reason=_("plan %(version)s") % {"version": plan.version},
            )
        except Refused as said:
            refused.append({**no(name, said.code, str(said)), "crew": crew.pk, **said.extra})
            continue
        sent.append({"row": name, "number": order.number, "crew": crew.pk})
    record(
        "plan.accept", f"plan:{plan.version}", by=by,
        note=f"{len(sent)} sent, {len(refused)} refused, {len(queued)} queued",
    )  # fmt: skip
    if sent or refused:
        planning.ask_again()
    return {"version": plan.version, "sent": sent, "refused": refused, "queued": queued}


def no(row: str, code: str, text: str) -> dict[str, Any]:
    """Why a row was not taken."""
    return {"row": row, "code": code, "text": text}


def read_rows(asked: Any, known: Collection[str]) -> list[tuple[str, int | None]]:
    """[(row, the crew seen with it)] of what was sent; None is all that are known."""
    if asked is None:
        return [(name, None) for name in known]
    if not isinstance(asked, list) or len(asked) > MOST_ROWS:
        raise Refused("rows", "shape", _("The rows of the plan are not readable."))
    found: list[tuple[str, int | None]] = []
    for row in asked:
        name = row.get("row") if isinstance(row, dict) else row
        crew = row.get("crew") if isinstance(row, dict) else None
        if not isinstance(name, str) or not (crew is None or type(crew) is int):
            raise Refused("rows", "shape", _("The rows of the plan are not readable."))
        found.append((name[:60], crew))
    return found


def wish(
    incident: Incident, crew: Crew, kind: str, *, by: str, reason: str, order_kind: str = ""
) -> PlanWish:
    """This crew for that incident, or never this one: the plan holds to it until it is taken back.

    A pin for another crew replaces the one before.
    """
    if kind not in PlanWish.Kind.values:
        raise Refused("kind", "unknown", _("A crew can be pinned or excluded."))
    if order_kind and order_kind not in WorkOrder.Kind.values:
        raise Refused("order_kind", "unknown", _("There is no such kind of work order."))
    if not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    try:
        with transaction.atomic():
            if kind == PlanWish.Kind.PIN:
                _end(PlanWish.objects.filter(incident=incident, kind=kind, order_kind=order_kind),
                     by)  # fmt: skip
            opposite = PlanWish.Kind.EXCLUDE if kind == PlanWish.Kind.PIN else PlanWish.Kind.PIN
            _end(PlanWish.objects.filter(incident=incident, crew=crew, kind=opposite), by)
            made = PlanWish.objects.create(
                incident=incident, crew=crew, kind=kind, order_kind=order_kind,
                reason=reason[:200], by=by,
            )  # fmt: skip
            record(
                f"plan.{kind}", f"incident:{incident.number}", note=f"{crew.code}: {reason}", by=by
            )
            planning.ask_again()
    except IntegrityError as error:
        raise Conflict("crew", "wished", _("That is in force already.")) from error
    return made


def end_wish(made: PlanWish, *, by: str) -> None:
    """The plan is free again in this."""
    with transaction.atomic():
        if not _end(PlanWish.objects.filter(pk=made.pk), by):
            raise Conflict("wish", "ended", _("That has been taken back already."))
        record(f"plan.{made.kind}_ended", f"incident:{made.incident.number}", by=by)
        planning.ask_again()


def _end(rows: Any, by: str) -> int:
    return int(rows.filter(ended_at=None).update(ended_at=timezone.now(), ended_by=by))


def wish_json(row: PlanWish) -> dict[str, Any]:
    return {
        "id": row.pk, "incident": row.incident_id, "number": row.incident.number,
        "crew": {"id": row.crew_id, "name": row.crew.shown}, "kind": row.kind,
        "order_kind": row.order_kind, "reason": row.reason, "by": row.by, "at": row.at,
    }  # fmt: skip
