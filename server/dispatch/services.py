"""Verbs for work orders: assign, report from the field, recall, verify."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.dispatch import candidates, consequences, needing, states
from server.dispatch.models import WorkOrder
from server.dispatch.setting_out import begins_at, sets_out
from server.dispatch.states import Action, State, Who
from server.events.services import publish
from server.outages import services as outages
from server.outages.models import ShutOff
from server.streets import index as streets
from server.tickets import services as tickets
from server.tickets.models import Incident
from server.tickets.waiting import back_to_waiting
from server.workforce import services as workforce
from server.workforce.models import Crew

A, S, KIND = Action, State, WorkOrder.Kind
# What a crew is doing while its order is in a state.
CREW_STATE = {
    S.DISPATCHED: Crew.State.ASSIGNED,
    S.ACCEPTED: Crew.State.ASSIGNED,
    S.EN_ROUTE: Crew.State.EN_ROUTE,
    S.ON_SITE: Crew.State.ON_SITE,
    S.ISOLATING: Crew.State.ON_SITE,
    S.ISOLATED: Crew.State.ON_SITE,
    S.REPAIRED: Crew.State.ON_SITE,
    S.RESTORED: Crew.State.ON_SITE,
}
INCIDENT_STATE = {
    S.DISPATCHED: Incident.State.DISPATCHED,
    S.ON_SITE: Incident.State.ON_SITE,
    S.ISOLATED: Incident.State.ISOLATED,
    S.REPAIRED: Incident.State.REPAIRED,
    S.RESTORED: Incident.State.RESTORED,
}


def assign(
    incident: Incident, crew: Crew, *, by: str, kind: str = "repair", reason: str = "",
    follows: WorkOrder | None = None, seen_first: bool = False,
) -> WorkOrder:  # fmt: skip
    """Send a crew. The database refuses a crew that has a job in hand, whoever asks first.

    Taking another than the best-ranked crew needs a reason; both are kept with the order. The way
    and the time lead to the order's target: to the first valve for one that closes valves.
    `follows`: the order this one takes up; of two that would only one can. `seen_first`: the crew
    stood first in the ranking that the dispatcher acted on, whoever is first by now.
    """
    if kind not in WorkOrder.Kind.values:
        raise Refused("kind", "unknown", _("There is no such kind of work order."))
    ranked = needing.rank_for(incident, kind)
    row = next((r for r in ranked if r.candidate.id == crew.pk), None)
    if row is None:
        raise Refused("crew", "unknown", _("There is no such crew."))
    best = ranked[0]
    hard = [r for r in row.reasons if r.hard and r.code != "busy"]
    another = row.candidate.id != best.candidate.id and not (seen_first and not row.excluded)
    if another and not best.excluded and not reason.strip():
        raise Refused(
            "reason", "required",
            _("%(crew)s ranks first. Say why you take another.") % {"crew": best.candidate.name},
        )  # fmt: skip
    if hard and not reason.strip():
        raise Refused("reason", "required", candidates.explain(hard[0]))
    target = needing.target_of(incident, kind)
    way = streets.route((row.candidate.lon, row.candidate.lat), (target.lon, target.lat))
    now = timezone.now()
    late_s = sum(r.weight for r in row.reasons if r.code in ("call_out", "break"))
    ready = now + timedelta(seconds=late_s)
    seconds = settings.STANDPIPE["PLAN"]["answer_s"]
    try:
        with transaction.atomic():
            locked = Incident.objects.select_for_update().get(pk=incident.pk)
            if locked.state in (Incident.State.CLOSED, Incident.State.RESTORED):
                raise Conflict("incident", "over", _("There is nothing left to do there."))
            order = WorkOrder.objects.create(
                incident=locked, kind=kind, crew=crew, state=S.DISPATCHED,
                priority=locked.priority, route=streets.route_json(way),
                eta_at=ready + timedelta(seconds=way.seconds), dispatched_at=now,
                ready_at=ready if late_s else None,
                reasons=candidates.shown(row)["reasons"], override_reason=reason[:200],
                target=Point(target.lon, target.lat, srid=4326) if target.valve else None,
                target_asset=target.valve, follows=follows,
                answer_by=now + timedelta(seconds=seconds) if seconds > 0 else None,
            )  # fmt: skip
            order.number = f"W-{order.pk:05d}"
            order.save(update_fields=["number"])
            record("order.dispatch", f"order:{order.number}", to_state=order.state, note=reason)
            _after(order, "dispatch", "", by=by, follows=follows and follows.number)
    except IntegrityError as error:
        if "one_crew_one_job" in str(error):
            raise _taken(crew) from error
        if "follows" not in str(error):
            raise
        raise Conflict("order", "followed", _("Somebody else has sent a crew already.")) from error
    return order


def reassign(
    order: WorkOrder, crew: Crew, *, by: str, reason: str, version: int | None = None
) -> WorkOrder:
    """Take an order from a crew that is not there yet and send another; both stay in the history.

    One transaction: where the other crew cannot go nothing has changed. `version`: what the
    dispatcher saw; Conflict when the order has moved since.
    """
    if not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    if order.crew_id == crew.pk:
        raise Conflict("crew", "same", _("%(crew)s has it already.") % {"crew": crew.shown})
    with transaction.atomic():
        locked = WorkOrder.objects.select_for_update().get(pk=order.pk)
        if version is not None and locked.version != version:
            raise _changed(locked)
        taken = act(
            locked, Step(A.RECALL, timezone.now(), reason=reason), who=Who.DISPATCHER, by=by
        )
        return assign(taken.incident, crew, by=by, kind=order.kind, reason=reason, follows=taken)


def _changed(order: WorkOrder) -> Conflict:
    return Conflict(
        "state", "changed_meanwhile",
        _("The order has moved on meanwhile: it is “%(state)s” now.") % {"state": order.state},
        current=order.state, version=order.version,
    )  # fmt: skip


def nobody_has_it(incident: Incident, *, by: str, note: str = "") -> bool:
    """Where no crew has an order of the incident in hand any more it waits again; whether."""
    busy = states.HOLDING | {S.PAUSED, S.COMPLETED, S.VERIFIED, S.CLOSED}
    if incident.work_orders.filter(state__in=sorted(busy)).exists():
        return False
    return back_to_waiting(incident, by=by, note=note)


def reroute(incident: Incident, *, by: str) -> None:
    """The place was put right: who is sent there and has not arrived gets another way."""
    not_there = (S.DISPATCHED, S.ACCEPTED, S.EN_ROUTE)
    with transaction.atomic():
        rows = incident.work_orders.select_for_update(of=("self",)).filter(state__in=not_there)
        for order in rows.select_related("crew", "incident"):
            assert order.crew is not None and incident.geom is not None
            try:
                target = needing.target_of(incident, order.kind)
                order.target_asset = target.valve
                order.target = Point(target.lon, target.lat, srid=4326) if target.valve else None
                way = streets.route(begins_at(order), (target.lon, target.lat))
                order.route = streets.route_json(way)
                order.eta_at = sets_out(order, timezone.now()) + timedelta(seconds=way.seconds)
            except Refused:
                # No street leads there: the place stands in the order, the way does not.
                order.route, order.eta_at = None, None
            order.priority = incident.priority
            order.version += 1
            order.save()
            _after(order, "moved", order.state, by=by)


def _taken(crew: Crew) -> Conflict:
    held = WorkOrder.objects.filter(crew=crew, state__in=sorted(states.HOLDING)).first()
    holder = held.number if held else ""
    return Conflict(
        "crew", "crew_taken",
        _("%(crew)s has just been sent elsewhere (%(order)s).")
        % {"crew": crew.name, "order": holder},
        holder=holder,
    )  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One thing somebody does with an order, from a phone or a screen."""

    action: str
    at: datetime
    note: str = ""
    valve: str = ""
    reason: str = ""
    turns: int | None = None
    seen: str = ""  # the state whoever asks had on the screen; another one is a conflict


def act(order: WorkOrder, step: Step, *, who: Who, by: str, crew: Crew | None = None) -> WorkOrder:
    """Take an order one step on. Refuses (409 with what is allowed) what the table does not list,
    and (403) a crew that is not this order's crew.
    """
    with transaction.atomic():
        order = (
            WorkOrder.objects.select_for_update(of=("self",))
            .select_related("incident", "crew")
            .get(pk=order.pk)
        )
        if who == Who.CREW and (crew is None or order.crew_id != crew.pk):
            raise NotAllowed("order", "not_yours", _("This order belongs to another crew."))
        if step.seen and order.state != step.seen:
            raise _changed(order)
        to_state = states.next_state(order.state, step.action)
        if to_state is None:
            raise Conflict(
                "action", "illegal_transition", _not_possible(order), current=order.state,
                allowed=[str(a) for a in states.legal_actions(order.state, who)],
            )  # fmt: skip
        if Action(step.action) not in states.ALLOWED[who]:
            raise NotAllowed("action", "not_yours", _("Somebody else has to take that step."))
        field_step = Action(step.action) in states.FIELD
        if who == Who.SUPERVISOR and field_step and not step.reason.strip():
            raise Refused("reason", "required", _("Say why you take this step for the crew."))
        before = order.state
        isolated = _effects(order, step, by=by)
        if step.action in (A.DECLINE, A.RECALL, A.NO_ACCESS):
            order.end_reason = step.reason[:200]
        _take_up(order, to_state, step.at)
        record(
            f"order.{step.action}", f"order:{order.number}", from_state=before,
            to_state=order.state, note=step.reason or step.note, by=by,
        )  # fmt: skip
        _after(
            order, step.action, before, by=by, valve=step.valve, reason=step.reason,
            happened_at=step.at.isoformat(),
        )  # fmt: skip
        if isolated and order.state == S.ISOLATING:
            _move(order, S.ISOLATED, step.at)
            _after(order, A.ISOLATED, S.ISOLATING, by="system", happened_at=step.at.isoformat())
        return order


def _not_possible(order: WorkOrder) -> str:
    """Why; a crew whose order was taken back meanwhile hears by whom it is done now."""
    if order.state not in (S.RECALLED, S.DECLINED):
        return _("From “%(state)s” that step is not possible.") % {"state": order.state}
    following = WorkOrder.objects.filter(follows=order).select_related("crew").first()
    if following is not None and following.crew is not None:
        return _("This order was taken back; %(crew)s has it now.") % {"crew": following.crew.shown}
    return _("This order was taken back.")


def _take_up(order: WorkOrder, to_state: State, at: datetime) -> None:
    """Move; a paused order cannot be resumed by a crew that took another meanwhile."""
    assert order.crew is not None
    try:
        with transaction.atomic():
            _move(order, to_state, at)
    except IntegrityError as error:
        if "one_crew_one_job" not in str(error):
            raise
        raise _taken(order.crew) from error


def _effects(order: WorkOrder, step: Step, *, by: str) -> bool:
    """What a step does to the network; True when the last valve is closed."""
    action = step.action
    if action in (A.DECLINE, A.PAUSE, A.NO_ACCESS, A.RECALL) and not step.reason.strip():
        raise Refused("reason", "required", _("Say why."))
    shut_off = ShutOff.objects.filter(incident=order.incident).first()
    if action in (A.CLOSE_VALVE, A.CANNOT_CLOSE_VALVE, A.OPEN_VALVE):
        if shut_off is None:
            raise Refused("valve", "no_plan", _("This order has no shut-off plan."))
        if not step.valve:
            raise Refused("valve", "required", _("Say which valve."))
        if action == A.CLOSE_VALVE:
            return outages.valve_closed(shut_off, step.valve, at=step.at, by=by, turns=step.turns)
        if action == A.CANNOT_CLOSE_VALVE:
            outages.cannot_close(shut_off, step.valve, reason=step.reason, at=step.at, by=by)
            # All that could be closed may be closed already.
            return outages.is_isolated(shut_off)
        outages.valve_opened(shut_off, step.valve, at=step.at, by=by)
    elif action == A.REPAIRED and shut_off is not None:
        if order.kind == WorkOrder.Kind.REPAIR:
            outages.work_done(shut_off, at=step.at, by=by)
        elif order.state == S.ISOLATING:
            outages.isolated_as_far_as_possible(shut_off, at=step.at, by=by)
    elif action == A.COMPLETE and order.state == S.ISOLATED and order.kind != KIND.VALVES:
        raise Conflict(
            "action", "not_repaired", _("Isolated is not repaired: say so when it is."),
            current=order.state,
        )  # fmt: skip
    elif action == A.RESTORED and shut_off is not None:
        left = outages.still_closed(shut_off)
        if left:
            raise Conflict(
                "valve", "valves_closed",
                _("Still closed: %(valves)s. Open them first.") % {"valves": ", ".join(left)},
                valves=left,
            )  # fmt: skip
        outages.cancel_draft(order.incident, by=by)
    return False


def _move(order: WorkOrder, to_state: State, at: datetime) -> None:
    order.state = str(to_state)
    order.version += 1
    stamp = {
        S.ACCEPTED: "accepted_at", S.EN_ROUTE: "departed_at", S.ON_SITE: "on_site_at",
        S.REPAIRED: "repaired_at",
        S.COMPLETED: "ended_at", S.DECLINED: "ended_at", S.RECALLED: "ended_at",
        S.FAILED_VISIT: "ended_at",
    }.get(to_state)  # fmt: skip
    if stamp and getattr(order, stamp) is None:
        setattr(order, stamp, at)
    if to_state != S.DECLINED:
        order.answer_by = None  # answered, or nobody waits for an answer any more
    elif order.answer_by is None:
        order.answer_by = at  # accepted first and given back: the next crew is asked
    if to_state == S.EN_ROUTE and order.route:
        order.eta_at = at + timedelta(seconds=order.route["seconds"])
    order.save()


def _after(order: WorkOrder, action: str, before: str, *, by: str, **more: Any) -> None:
    """Crew, incident and listeners follow the order."""
    assert order.crew is not None
    if order.state in states.HOLDING or before in states.HOLDING:
        # Else the order is none the crew has in hand: it may be busy with another by now.
        state = CREW_STATE.get(State(order.state), Crew.State.AVAILABLE)
        workforce.set_state(order.crew, state, by=by)
    consequences.follow(order, action, by=by)
    follows = INCIDENT_STATE.get(State(order.state))
    if follows is not None and order.kind != WorkOrder.Kind.NOTICES:
        tickets.move_incident(order.incident, follows, by=by)
    if order.state in (S.DECLINED, S.RECALLED):
        silent = order.end_reason == needing.NO_ANSWER  # a code: the timeline has a word for it
        nobody_has_it(order.incident, by=by, note="" if silent else order.end_reason)
    tell(order, action, before, by=by, **more)


def tell(order: WorkOrder, action: str, before: str, *, by: str, **more: Any) -> None:
    """The news of an order, for whoever listens; its crew's phone gets a new list by it."""
    assert order.crew is not None
    publish(
        "order.changed", f"order:{order.pk}", topic="incidents", by=by, order=order.pk,
        number=order.number, state=order.state, before=before, action=action,
        incident=order.incident_id, crew=order.crew_id, crew_name=order.crew.name,
        eta_at=order.eta_at.isoformat() if order.eta_at else None, **more,
    )  # fmt: skip
