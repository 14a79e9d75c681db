"""Verbs for shut-offs in the field: plan for a burst, valve turned, work done, water back.

Planned works, from the first line to the release of the valves, are in planning.py. Crews by
telephone and control by radio come through the same doors here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.network.models import Pipe, Valve
from server.outages import minutes, plans, reach, states
from server.outages.drafting import cancel_draft as cancel_draft
from server.outages.drafting import keep_hydraulics as keep_hydraulics
from server.outages.drafting import plan_again, simulate_soon
from server.outages.drafting import plan_for_incident as plan_for_incident
from server.outages.drafting import sweep as sweep
from server.outages.models import PremiseOff, ShutOff, ValveTask
from server.outages.settling import check, follow, save, tell
from server.outages.settling import is_isolated as is_isolated
from server.outages.settling import still_closed as still_closed
from server.outages.states import Verb
from server.tickets import services as tickets

T = ValveTask.State
TURNED = (T.CLOSED, T.REOPENED, T.LEFT_CLOSED)


def _task(shut_off: ShutOff, asset: str) -> ValveTask:
    task = shut_off.valves.filter(asset=asset).first()
    if task is None:
        raise Refused(
            "valve", "not_in_plan",
            _("Valve %(valve)s is not part of this shut-off.") % {"valve": asset},
        )  # fmt: skip
    return task


def valve_closed(
    shut_off: ShutOff, asset: str, *, at: datetime, by: str, turns: int | None = None,
    role: str = "crew", said_by: str = "",
) -> bool:  # fmt: skip
    """The valve is closed, says a crew or control for it. True when nothing is left to close."""
    with transaction.atomic():
        shut_off, rows = reach.lock_open(shut_off)
        task = _task(shut_off, asset)
        if task.state in (T.CLOSED, T.LEFT_CLOSED):
            return is_isolated(shut_off)
        check(shut_off, Verb.CLOSE_VALVE, role)
        if not _may_close(shut_off, task):
            raise Conflict(
                "valve", "not_to_close",
                _("Valve %(valve)s is not to be closed.") % {"valve": asset},
            )  # fmt: skip
        if shut_off.planned and task.state == T.REQUESTED:
            raise Conflict(
                "valve", "not_released",
                _("Valve %(valve)s has not been released yet.") % {"valve": asset},
            )  # fmt: skip
        task.state, task.done_at, task.turns, task.by = T.CLOSED, at, turns, by
        task.reversed_at, task.said_by = None, said_by
        task.save()
        Valve.objects.filter(asset=asset).update(
            position=Valve.Position.CLOSED, last_operated_at=at
        )
        minutes.turned(asset, "closed", at=at, by=by, cause=shut_off.number or "")
        record(
            "valve.close", f"valve:{asset}", from_state="open", to_state="closed", by=by,
            note=said_by,
        )  # fmt: skip
        if shut_off.state in states.AHEAD:
            _start(shut_off, at=at, by=by)
        done = is_isolated(shut_off)
        if done and shut_off.isolated_at is None:
            shut_off.isolated_at = at
        follow(shut_off, rows, at=at, by=by, source=f"valve {asset} closed")
        tell("valve.closed", shut_off, by=by, valve=asset, isolated=done)
        return done


def _may_close(shut_off: ShutOff, task: ValveTask) -> bool:
    """To be closed still, turned after all, or opened too early while the water is yet off.

    A valve the plan let go of meanwhile counts as well: the crew worked by the list it had. It is
    closed in the street, and has to be opened again with the others.
    """
    if task.state in (T.REOPENED, T.DROPPED):
        return shut_off.state in (*states.OPEN, ShutOff.State.DRAFT)
    return task.state in (*ValveTask.WAITING, T.CANNOT_CLOSE)


def _start(shut_off: ShutOff, *, at: datetime, by: str) -> None:
    before, shut_off.state, shut_off.started_at = shut_off.state, ShutOff.State.ACTIVE, at
    if shut_off.planned:
        shut_off.expected_back_at = shut_off.notice_to
    else:
        pipe = Pipe.objects.filter(asset=shut_off.target).first()
        hours = plans.repair_hours(pipe.diameter_mm if pipe else 150)
        shut_off.expected_back_at = at + timedelta(hours=hours)
    record(
        "shutoff.start", f"shutoff:{shut_off.number}", from_state=before,
        to_state=shut_off.state, by=by,
    )  # fmt: skip
    tell("shutoff.started", shut_off, by=by, premises=shut_off.plan["premises"])


def cannot_close(
    shut_off: ShutOff, asset: str, *, reason: str, at: datetime, by: str, role: str = "crew"
) -> list[str]:
    """The valve will not turn: plan again without it, and tell only who is newly inside.

    Returns the codes of the premises newly inside the shut-off.
    """
    if not reason.strip():
        raise Refused("reason", "required", _("Say why the valve cannot be closed."))
    with transaction.atomic():
        shut_off, rows = reach.lock_open(shut_off)
        task = _task(shut_off, asset)
        if task.state in TURNED:
            raise Conflict("valve", "turned", _("That valve has been turned already."))
        if task.state == T.CANNOT_CLOSE:
            return []
        check(shut_off, Verb.CANNOT_CLOSE, role)
        task.state, task.reason, task.done_at, task.by = T.CANNOT_CLOSE, reason[:120], at, by
        task.save()
        Valve.objects.filter(asset=asset).update(operable="no", last_operated_at=at)
        minutes.turned(
            asset, "cannot_close", at=at, by=by, cause=shut_off.number or "", reason=reason[:200]
        )
        record("valve.cannot_close", f"valve:{asset}", note=reason, by=by)
        stuck = shut_off.valves.filter(state=T.CANNOT_CLOSE).values_list("asset", flat=True)
        fresh = plan_again(shut_off, set(stuck))
        if shut_off.state in states.OPEN:
            # The wider plan may need no further valve: the water is off for everybody in it now.
            if is_isolated(shut_off) and shut_off.isolated_at is None:
                shut_off.isolated_at = at
            follow(shut_off, rows, at=at, by=by, source=f"valve {asset} cannot be closed")
        else:
            save(shut_off)
        tell(
            "shutoff.replanned", shut_off, by=by, valve=asset, newly=fresh,
            started=shut_off.started_at is not None,
        )  # fmt: skip
        if shut_off.incident is not None:
            tickets.note_impact(shut_off.incident, len(shut_off.plan["premises"]), by=by)
        simulate_soon(shut_off)
        return fresh


def valve_opened(
    shut_off: ShutOff, asset: str, *, at: datetime, by: str, role: str = "crew",
    turns: int | None = None, said_by: str = "",
) -> bool:  # fmt: skip
    """The valve is open again. True when every valve this shut-off closed is accounted for."""
    with transaction.atomic():
        shut_off, rows = reach.lock_open(shut_off)
        task = _task(shut_off, asset)
        if task.state == T.REOPENED:
            return not still_closed(shut_off)
        if task.state not in (T.CLOSED, T.LEFT_CLOSED):
            raise Conflict(
                "valve", "not_closed", _("Valve %(valve)s was not closed.") % {"valve": asset}
            )
        check(shut_off, Verb.OPEN_VALVE, role)
        task.state, task.reversed_at, task.by, task.said_by = T.REOPENED, at, by, said_by
        task.turns = turns if turns is not None else task.turns
        task.save()
        Valve.objects.filter(asset=asset).update(position=Valve.Position.OPEN, last_operated_at=at)
        minutes.turned(asset, "open", at=at, by=by, cause=shut_off.number or "")
        record(
            "valve.open", f"valve:{asset}", from_state="closed", to_state="open", by=by,
            note=said_by,
        )  # fmt: skip
        back = not still_closed(shut_off)
        if back and shut_off.work_done_at is None:
            # Nobody opens the last valve onto an open pipe: the work is done, unsaid.
            shut_off.work_done_at = at
        follow(shut_off, rows, at=at, by=by, source=f"valve {asset} opened")
        tell("valve.opened", shut_off, by=by, valve=asset, back=back)
        return back


def leave_closed(shut_off: ShutOff, asset: str, *, reason: str, by: str, role: str) -> None:
    """An engineer answers for a valve that stays shut: it is accounted for. A reason is needed."""
    if not reason.strip():
        raise Refused("reason", "required", _("Say why the valve stays closed."))
    with transaction.atomic():
        shut_off, rows = reach.lock_open(shut_off)
        check(shut_off, Verb.LEAVE_CLOSED, role)
        task = _task(shut_off, asset)
        if task.state != T.CLOSED:
            raise Conflict(
                "valve", "not_closed", _("Valve %(valve)s was not closed.") % {"valve": asset}
            )
        task.state, task.reason, task.by = T.LEFT_CLOSED, reason[:120], by
        task.save()
        record("valve.left_closed", f"valve:{asset}", to_state="closed", note=reason, by=by)
        now = timezone.now()
        follow(shut_off, rows, at=now, by=by, source=f"valve {asset} left closed")
        tell("shutoff.changed", shut_off, by=by, change="left_closed")


def work_done(shut_off: ShutOff, *, at: datetime, by: str, role: str = "crew") -> None:
    """The pipe holds water again: from now on the valves alone decide who is dry.

    Where the crew worked with valves still open, those inside are off from now at the latest.
    """
    with transaction.atomic():
        shut_off, rows = reach.lock_open(shut_off)
        if shut_off.state not in states.OPEN or shut_off.work_done_at is not None:
            return
        check(shut_off, Verb.WORK_DONE, role)
        shut_off.work_done_at = at
        record("shutoff.work_done", f"shutoff:{shut_off.number}", by=by)
        if shut_off.isolated_at is None and still_closed(shut_off):
            reach.all_off(
                shut_off, at=max(at, shut_off.started_at or at), by=by,
                source="repaired with valves open",
            )  # fmt: skip
            save(shut_off)
        else:
            follow(shut_off, rows, at=at, by=by, source="work done")
        tell("shutoff.changed", shut_off, by=by, change="work_done")


def isolated_as_far_as_possible(shut_off: ShutOff, *, at: datetime, by: str = "system") -> None:
    """No more valves will be closed, though some are open: those inside are off from now at least.

    The pipe is open from here until the work is done.
    """
    with transaction.atomic():
        shut_off, _rows = reach.lock_open(shut_off)
        if still_closed(shut_off) and shut_off.state in states.OPEN:
            moment = max(at, shut_off.started_at or at)
            shut_off.isolated_at = shut_off.isolated_at or moment
            reach.all_off(shut_off, at=moment, by=by, source="isolated as far as possible")
            save(shut_off)


def confirm_off(premise: str, *, at: datetime, by: str, source: str) -> bool:
    """Somebody inside an open shut-off says the tap is dry: their word goes to the ledger.

    `premise` is a code. False where it stands in no open shut-off: nothing is recorded then.
    """
    with transaction.atomic():
        entry = (
            PremiseOff.objects.select_for_update(of=("self",))
            .filter(premise__code=premise, on_at=None, shut_off__state__in=states.OPEN)
            .select_related("shut_off")
            .order_by("-shut_off_id")
            .first()
        )
        if entry is None:
            return False
        if entry.confirmed_at is None:
            entry.confirmed_at, entry.confirmed_by = at, by
            # Dry before the model says so: believed; dry later: they only noticed later.
            entry.off_at = min(entry.off_at, at) if entry.off_at else at
            entry.save(update_fields=["confirmed_at", "confirmed_by", "off_at"])
            minutes.confirmed(entry.shut_off, premise, at=entry.off_at, by=by, source=source)
        return True


def restore(shut_off: ShutOff, *, at: datetime, by: str, role: str) -> None:
    """Everybody is back: refused with the list while somebody is dry or a valve unaccounted for."""
    with transaction.atomic():
        shut_off, rows = reach.lock_open(shut_off)
        check(shut_off, Verb.RESTORE, role)
        left = still_closed(shut_off)
        if left:
            raise Conflict(
                "valve", "valves_closed",
                _("Still closed: %(valves)s. Open them first.") % {"valves": ", ".join(left)},
                valves=left,
            )  # fmt: skip
        shut_off.work_done_at = shut_off.work_done_at or at
        follow(shut_off, rows, at=at, by=by, source="restored")
        if shut_off.state != ShutOff.State.RESTORED:
            dry = shut_off.premises.filter(off_at__isnull=False, on_at=None).count()
            raise Conflict(
                "state", "still_dry",
                _("%(count)s customers are still without water.") % {"count": dry}, dry=dry,
            )  # fmt: skip
