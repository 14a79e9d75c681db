"""Plans on their way into a shut-off: for a burst, again without a stuck valve, or dropped."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from server.accounts.audit import record
from server.customers.models import Premise
from server.outages import notices, overlaps, plans, states
from server.outages.models import PremiseOff, ShutOff, ValveTask
from server.outages.settling import save, tell
from server.tickets import services as tickets
from server.tickets.models import Incident

T = ValveTask.State


def plan_for_incident(incident: Incident, *, by: str) -> ShutOff | None:
    """Draft the shut-off an incident on a pipe would need. None when it stands on no pipe.

    Where one is over and the trouble is back, a new one is drafted: the old minutes stay closed.
    A draft for another pipe than the incident's is dropped: the place was put right.
    """
    if not incident.pipe:
        return None
    with transaction.atomic():
        found = (
            ShutOff.objects.select_for_update()
            .filter(incident=incident)
            .exclude(state__in=states.OVER)
            .first()
        )
        if found is not None:
            if found.state != ShutOff.State.DRAFT or found.target == incident.pipe:
                return found
            cancel_draft(incident, by=by)
        plan = plans.make(incident.pipe)
        shut_off = ShutOff.objects.create(
            incident=incident, target=incident.pipe, targets=[incident.pipe], plan=plan,
            network_version=plan["network_version"], hydraulics={"status": "pending"}, author=by,
        )  # fmt: skip
        shut_off.number = f"A-{shut_off.pk:04d}"
        shut_off.save(update_fields=["number"])
        lay_out(shut_off)
        record("shutoff.plan", f"shutoff:{shut_off.number}", to_state=shut_off.state, by=by)
        tell("shutoff.planned", shut_off, by=by)
        tickets.note_impact(incident, len(plan["premises"]), by=by)
        simulate_soon(shut_off)
        return shut_off


def lay_out(shut_off: ShutOff) -> list[str]:
    """Bring valve tasks and premises in line with the plan; returns the premises newly inside."""
    plan = shut_off.plan
    wanted = {v["asset"]: v for v in plan["valves"]}
    for task in shut_off.valves.all():
        if task.asset not in wanted and task.state in ValveTask.WAITING:
            task.state = T.DROPPED
            task.save(update_fields=["state"])
    have = {t.asset: t for t in shut_off.valves.all()}
    for asset, valve in wanted.items():
        task = have.get(asset) or ValveTask(shut_off=shut_off, asset=asset)
        task.sequence, task.minimal = valve["sequence"], valve["minimal"]
        if task.state == T.DROPPED:
            task.state = T.REQUESTED
        task.save()
    known = set(shut_off.premises.values_list("premise__code", flat=True))
    fresh = [code for code in plan["premises"] if code not in known]
    rows = Premise.objects.filter(code__in=fresh)
    PremiseOff.objects.bulk_create([PremiseOff(shut_off=shut_off, premise=p) for p in rows])
    gone = known - set(plan["premises"])
    shut_off.premises.filter(premise__code__in=gone, off_at=None).delete()
    return fresh


def plan_again(shut_off: ShutOff, inoperable: Collection[str]) -> list[str]:
    """Make the plan anew, without `inoperable`; the premises newly inside. Not saved yet."""
    # Our own closed valves are part of the plan, not a given: they are counted as still to close.
    ours = set(shut_off.valves.filter(state=T.CLOSED).values_list("asset", flat=True))
    if shut_off.planned:
        window = overlaps.window_of(shut_off)
        others = overlaps.at_the_same_time(shut_off, *window) if window else []
        closing = {v for o in others if overlaps.firm(o) for v in overlaps.valves_of(o)}
        plan = plans.make_all(
            shut_off.all_targets, inoperable=inoperable, still_ours=ours, also_closed=closing
        )
    else:
        plan = plans.make(shut_off.target, inoperable=inoperable, still_ours=ours)
    before = set(shut_off.plan.get("premises", ()))
    shut_off.plan = plan
    shut_off.network_version = plan["network_version"]
    shut_off.hydraulics = {"status": "pending"}
    if shut_off.planned:
        notices.no_longer(shut_off, before - set(plan["premises"]))
    fresh = lay_out(shut_off)
    if shut_off.planned and notices.under_way(shut_off):
        notices.write(shut_off, fresh)
    return fresh


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
        save(shut_off)
        record("shutoff.cancel", f"shutoff:{shut_off.number}", to_state=shut_off.state, by=by)
        tell("shutoff.cancelled", shut_off, by=by)


def keep_hydraulics(shut_off_id: int, version: int, result: dict[str, Any]) -> None:
    """Store what the simulation asked for at `version` says, unless another was asked since."""
    with transaction.atomic():
        shut_off = ShutOff.objects.select_for_update().get(pk=shut_off_id)
        # Valves turned meanwhile change the version, not the plan that was simulated.
        if shut_off.hydraulics.get("of") != version:
            return
        shut_off.hydraulics = result
        shut_off.save(update_fields=["hydraulics"])
        tell("shutoff.simulated", shut_off, by="system")


def sweep() -> None:
    """Simulations whose worker died are asked for again."""
    old = timezone.now() - timedelta(minutes=2)
    waiting = ShutOff.objects.filter(hydraulics__status="pending", created_at__lt=old)
    for shut_off in waiting.exclude(state__in=states.OVER)[:5]:
        if shut_off.hydraulics.get("asked", 0) < 3:
            simulate_soon(shut_off)
        else:
            keep_hydraulics(
                shut_off.pk, shut_off.hydraulics.get("of", 0),
                {"status": "topology_only", "reason": "no result"},
            )  # fmt: skip


def simulate_soon(shut_off: ShutOff) -> None:
    """Ask the worker what the closure does to the pressures around it."""
    from server.outages.tasks import simulate

    asked = int(shut_off.hydraulics.get("asked", 0)) + 1
    shut_off.hydraulics = {"status": "pending", "asked": asked, "of": shut_off.version}
    shut_off.save(update_fields=["hydraulics"])
    simulate.enqueue(shut_off.pk, shut_off.version)


