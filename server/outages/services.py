"""Verbs for shut-offs: plan, valve turned, valve will not turn, water back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.customers.models import Premise
from server.events.services import publish
from server.ledger import services as ledger
from server.network.models import Pipe, Valve
from server.outages import plans
from server.outages.models import PremiseOff, ShutOff, ValveTask
from server.tickets import services as tickets
from server.tickets.models import Incident

TURNED = (ValveTask.State.CLOSED, ValveTask.State.REOPENED)


def plan_for_incident(incident: Incident, *, by: str) -> ShutOff | None:
    """Draft the shut-off an incident on a pipe would need. None when it stands on no pipe.

    Where one is over and the trouble is back, a new one is drafted: the old minutes stay closed.
    A draft for another pipe than the incident's is dropped: the place was put right.
    """
    if not incident.pipe:
        return None
    with transaction.atomic():
        over = (ShutOff.State.RESTORED, ShutOff.State.CANCELLED)
        found = (
            ShutOff.objects.select_for_update()
            .filter(incident=incident)
            .exclude(state__in=over)
            .first()
        )
        if found is not None:
            if found.state != ShutOff.State.DRAFT or found.target == incident.pipe:
                return found
            cancel_draft(incident, by=by)
        plan = plans.make(incident.pipe)
        shut_off = ShutOff.objects.create(
            incident=incident, target=incident.pipe, plan=plan,
            network_version=plan["network_version"], hydraulics={"status": "pending"},
        )  # fmt: skip
        shut_off.number = f"A-{shut_off.pk:04d}"
        shut_off.save(update_fields=["number"])
        _lay_out(shut_off)
        record("shutoff.plan", f"shutoff:{shut_off.number}", to_state=shut_off.state, by=by)
        _tell("shutoff.planned", shut_off, by=by)
        tickets.note_impact(incident, len(plan["premises"]), by=by)
        _simulate_soon(shut_off)
        return shut_off


def _lay_out(shut_off: ShutOff) -> list[str]:
    """Bring valve tasks and premises in line with the plan; returns the premises newly inside."""
    plan = shut_off.plan
    wanted = {v["asset"]: v for v in plan["valves"]}
    for task in shut_off.valves.all():
        if task.asset not in wanted and task.state == ValveTask.State.REQUESTED:
            task.state = ValveTask.State.DROPPED
            task.save(update_fields=["state"])
    have = {t.asset: t for t in shut_off.valves.all()}
    for asset, valve in wanted.items():
        task = have.get(asset) or ValveTask(shut_off=shut_off, asset=asset)
        task.sequence, task.minimal = valve["sequence"], valve["minimal"]
        if task.state == ValveTask.State.DROPPED:
            task.state = ValveTask.State.REQUESTED
        task.save()
    known = set(shut_off.premises.values_list("premise__code", flat=True))
    fresh = [code for code in plan["premises"] if code not in known]
    rows = Premise.objects.filter(code__in=fresh)
    PremiseOff.objects.bulk_create([PremiseOff(shut_off=shut_off, premise=p) for p in rows])
    gone = known - set(plan["premises"])
    shut_off.premises.filter(premise__code__in=gone, off_at=None).delete()
    return fresh


def _locked(shut_off: ShutOff) -> ShutOff:
    return ShutOff.objects.select_for_update().get(pk=shut_off.pk)


def _task(shut_off: ShutOff, asset: str) -> ValveTask:
    task = shut_off.valves.filter(asset=asset).first()
    if task is None:
        raise Refused(
            "valve", "not_in_plan",
            _("Valve %(valve)s is not part of this shut-off.") % {"valve": asset},
        )  # fmt: skip
    return task


def valve_closed(
    shut_off: ShutOff, asset: str, *, at: datetime, by: str, turns: int | None = None
) -> bool:
    """A crew says the valve is closed. True when nothing is left to close: isolated."""
    with transaction.atomic():
        shut_off = _locked(shut_off)
        task = _task(shut_off, asset)
        if task.state == ValveTask.State.CLOSED:
            return is_isolated(shut_off)
        if not _may_close(shut_off, task):
            raise Conflict(
                "valve", "not_to_close",
                _("Valve %(valve)s is not to be closed.") % {"valve": asset},
            )  # fmt: skip
        task.state, task.done_at, task.turns, task.by = ValveTask.State.CLOSED, at, turns, by
        task.reversed_at = None
        task.save()
        Valve.objects.filter(asset=asset).update(
            position=Valve.Position.CLOSED, last_operated_at=at
        )
        ledger.valve_turned(
            asset, position="closed", at=at, by=by, cause=shut_off.number or ""
        )
        record("valve.close", f"valve:{asset}", from_state="open", to_state="closed", by=by)
        if shut_off.state == ShutOff.State.DRAFT:
            _start(shut_off, at=at, by=by)
        done = is_isolated(shut_off)
        if done:
            _dry(shut_off, at=at, by=by, source="last valve closed")
        _save(shut_off)
        _tell("valve.closed", shut_off, by=by, valve=asset, isolated=done)
        return done


def _may_close(shut_off: ShutOff, task: ValveTask) -> bool:
    """To be closed still, turned after all, or opened too early while the water is yet off.

    A valve the plan let go of meanwhile counts as well: the crew worked by the list it had. It is
    closed in the street, and has to be opened again with the others.
    """
    if task.state in (ValveTask.State.REOPENED, ValveTask.State.DROPPED):
        return shut_off.state in (ShutOff.State.DRAFT, ShutOff.State.ACTIVE)
    return task.state in (ValveTask.State.REQUESTED, ValveTask.State.CANNOT_CLOSE)


def _start(shut_off: ShutOff, *, at: datetime, by: str) -> None:
    shut_off.state = ShutOff.State.ACTIVE
    shut_off.started_at = at
    pipe = Pipe.objects.filter(asset=shut_off.target).first()
    hours = plans.repair_hours(pipe.diameter_mm if pipe else 150)
    shut_off.expected_back_at = at + timedelta(hours=hours)
    record("shutoff.start", f"shutoff:{shut_off.number}", to_state=shut_off.state, by=by)
    _tell("shutoff.started", shut_off, by=by, premises=shut_off.plan["premises"])


def cannot_close(
    shut_off: ShutOff, asset: str, *, reason: str, at: datetime, by: str
) -> list[str]:
    """The valve will not turn: plan again without it, and tell only who is newly inside.

    Returns the codes of the premises newly inside the shut-off.
    """
    if not reason.strip():
        raise Refused("reason", "required", _("Say why the valve cannot be closed."))
    with transaction.atomic():
        shut_off = _locked(shut_off)
        task = _task(shut_off, asset)
        if task.state in TURNED:
            raise Conflict("valve", "turned", _("That valve has been turned already."))
        if task.state == ValveTask.State.CANNOT_CLOSE:
            return []
        task.state, task.reason, task.done_at, task.by = (
            ValveTask.State.CANNOT_CLOSE, reason[:120], at, by,
        )  # fmt: skip
        task.save()
        Valve.objects.filter(asset=asset).update(operable="no", last_operated_at=at)
        ledger.valve_turned(
            asset, position="cannot_close", at=at, by=by, cause=shut_off.number or "",
            reason=reason,
        )  # fmt: skip
        record("valve.cannot_close", f"valve:{asset}", note=reason, by=by)
        inoperable = set(
            shut_off.valves.filter(state=ValveTask.State.CANNOT_CLOSE).values_list(
                "asset", flat=True
            )
        )
        shut_off.plan = _plan_again(shut_off, inoperable)
        shut_off.network_version = shut_off.plan["network_version"]
        shut_off.hydraulics = {"status": "pending"}
        fresh = _lay_out(shut_off)
        if is_isolated(shut_off):
            # The wider plan needs no further valve: the water is off for everybody in it now.
            _dry(shut_off, at=at, by=by, source="last valve dropped")
        _save(shut_off)
        _tell(
            "shutoff.replanned", shut_off, by=by, valve=asset, newly=fresh,
            started=shut_off.started_at is not None,
        )  # fmt: skip
        if shut_off.incident is not None:
            tickets.note_impact(shut_off.incident, len(shut_off.plan["premises"]), by=by)
        _simulate_soon(shut_off)
        return fresh


def _plan_again(shut_off: ShutOff, inoperable: Collection[str]) -> dict[str, Any]:
    # Our own closed valves are part of the plan, not a given: they are counted as still to close.
    ours = set(
        shut_off.valves.filter(state=ValveTask.State.CLOSED).values_list("asset", flat=True)
    )
    return plans.make(shut_off.target, inoperable=inoperable, still_ours=ours)


def valve_opened(shut_off: ShutOff, asset: str, *, at: datetime, by: str) -> bool:
    """A crew says the valve is open again. True when the water is back for everybody."""
    with transaction.atomic():
        shut_off = _locked(shut_off)
        task = _task(shut_off, asset)
        if task.state == ValveTask.State.REOPENED:
            return not still_closed(shut_off)
        if task.state != ValveTask.State.CLOSED:
            raise Conflict(
                "valve", "not_closed", _("Valve %(valve)s was not closed.") % {"valve": asset}
            )
        task.state, task.reversed_at, task.by = ValveTask.State.REOPENED, at, by
        task.save()
        Valve.objects.filter(asset=asset).update(position=Valve.Position.OPEN, last_operated_at=at)
        ledger.valve_turned(asset, position="open", at=at, by=by, cause=shut_off.number or "")
        record("valve.open", f"valve:{asset}", from_state="closed", to_state="open", by=by)
        back = not still_closed(shut_off)
        if back:
            _restore(shut_off, at=at, by=by)
        _save(shut_off)
        _tell("valve.opened", shut_off, by=by, valve=asset, back=back)
        return back


def _restore(shut_off: ShutOff, *, at: datetime, by: str) -> None:
    rows = shut_off.premises.filter(off_at__isnull=False, on_at=None)
    codes = list(rows.values_list("premise__code", flat=True))
    rows.update(on_at=at)
    ledger.water_on(
        codes, at=at, shut_off=shut_off.number or "", by=by, source="last valve opened"
    )
    shut_off.state = ShutOff.State.RESTORED
    shut_off.restored_at = at
    record("shutoff.restore", f"shutoff:{shut_off.number}", to_state=shut_off.state, by=by)
    _tell("shutoff.restored", shut_off, by=by, premises=shut_off.plan["premises"])


def _dry(shut_off: ShutOff, *, at: datetime, by: str, source: str) -> None:
    """From `at` every premise inside that was not without water yet is."""
    rows = shut_off.premises.filter(off_at=None)
    codes = list(rows.values_list("premise__code", flat=True))
    rows.update(off_at=at)
    ledger.water_off(
        codes, at=at, shut_off=shut_off.number or "", planned=shut_off.planned, by=by,
        source=source,
    )  # fmt: skip


def isolated_as_far_as_possible(shut_off: ShutOff, *, at: datetime) -> None:
    """The crew repaired with valves still open: those inside are off from the repair at least."""
    with transaction.atomic():
        shut_off = _locked(shut_off)
        if still_closed(shut_off):
            since = max(at, shut_off.started_at or at)
            _dry(shut_off, at=since, by="system", source="repaired with valves still open")
            _save(shut_off)


def is_isolated(shut_off: ShutOff) -> bool:
    """Whether no valve is left to close."""
    states = set(shut_off.valves.values_list("state", flat=True))
    return ValveTask.State.REQUESTED not in states and ValveTask.State.CLOSED in states


def still_closed(shut_off: ShutOff) -> list[str]:
    """Valves this shut-off closed that are not reopened: they must be accounted for."""
    return list(
        shut_off.valves.filter(state=ValveTask.State.CLOSED).values_list("asset", flat=True)
    )


def cancel_draft(incident: Incident, *, by: str) -> None:
    """The repair needed no shut-off: the draft goes."""
    with transaction.atomic():
        shut_off = ShutOff.objects.select_for_update().filter(
            incident=incident, state=ShutOff.State.DRAFT
        ).first()  # fmt: skip
        if shut_off is None:
            return
        shut_off.state = ShutOff.State.CANCELLED
        shut_off.premises.filter(off_at=None).delete()
        _save(shut_off)
        record("shutoff.cancel", f"shutoff:{shut_off.number}", to_state=shut_off.state, by=by)
        _tell("shutoff.cancelled", shut_off, by=by)


def keep_hydraulics(shut_off_id: int, version: int, result: dict[str, Any]) -> None:
    """Store what the simulation asked for at `version` says, unless another was asked since."""
    with transaction.atomic():
        shut_off = ShutOff.objects.select_for_update().get(pk=shut_off_id)
        # Valves turned meanwhile change the version, not the plan that was simulated.
        if shut_off.hydraulics.get("of") != version:
            return
        shut_off.hydraulics = result
        shut_off.save(update_fields=["hydraulics"])
        _tell("shutoff.simulated", shut_off, by="system")


def sweep() -> None:
    """Simulations whose worker died are asked for again."""
    old = timezone.now() - timedelta(minutes=2)
    waiting = ShutOff.objects.filter(hydraulics__status="pending", created_at__lt=old)
    for shut_off in waiting.exclude(state__in=["restored", "cancelled"])[:5]:
        if shut_off.hydraulics.get("asked", 0) < 3:
            _simulate_soon(shut_off)
        else:
            keep_hydraulics(
                shut_off.pk, shut_off.hydraulics.get("of", 0),
                {"status": "topology_only", "reason": "no result"},
            )  # fmt: skip


def _simulate_soon(shut_off: ShutOff) -> None:
    from server.outages.tasks import simulate

    asked = int(shut_off.hydraulics.get("asked", 0)) + 1
    shut_off.hydraulics = {"status": "pending", "asked": asked, "of": shut_off.version}
    shut_off.save(update_fields=["hydraulics"])
    simulate.enqueue(shut_off.pk, shut_off.version)


def _save(shut_off: ShutOff) -> None:
    shut_off.version += 1
    shut_off.save()


def _tell(name: str, shut_off: ShutOff, *, by: str, **more: Any) -> None:
    publish(
        name, f"shutoff:{shut_off.pk}", topic="incidents", by=by, shut_off=shut_off.pk,
        number=shut_off.number, state=shut_off.state, incident=shut_off.incident_id, **more,
    )  # fmt: skip
