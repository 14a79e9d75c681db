"""Verbs for clocks: start, stop, pause, resume, and fire what is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.events.services import publish
from server.service_level import policy
from server.service_level.models import Clock, Escalation
from server.tickets.models import Incident


def start(
    kind: str, subject: str, *, priority: str, allowed_s: int, at: datetime,
    incident: Incident | None = None,
) -> Clock:  # fmt: skip
    """Start a promise; starting it again changes nothing."""
    clock, made = Clock.objects.get_or_create(
        kind=kind, subject=subject,
        defaults={
            "incident": incident, "priority": priority, "started_at": at, "allowed_s": allowed_s,
            "due_at": at + timedelta(seconds=allowed_s),
        },
    )  # fmt: skip
    if made:
        _set_next(clock)
        clock.save()
    return clock


def tighten(clock: Clock, priority: str, allowed_s: int) -> None:
    """The incident became more urgent: the promise is shorter, reckoned from the same start."""
    with transaction.atomic():
        clock = Clock.objects.select_for_update().get(pk=clock.pk)
        if clock.state not in (Clock.State.RUNNING, Clock.State.PAUSED):
            return
        if allowed_s < clock.allowed_s:
            clock.priority, clock.allowed_s = priority, allowed_s
            clock.due_at = clock.started_at + timedelta(seconds=allowed_s + clock.paused_s)
            if clock.state == Clock.State.RUNNING:
                _set_next(clock)
            clock.save()


def stop(kind: str, subject: str, *, at: datetime, void: bool = False) -> Clock | None:
    """The promise is kept, or was missed; None when there is no such clock running.

    `void`: it no longer means anything, so it counts as neither, unless it is broken already.
    """
    with transaction.atomic():
        clock = (
            Clock.objects.select_for_update()
            .filter(kind=kind, subject=subject, state__in=["running", "paused"])
            .first()
        )
        if clock is None:
            return None
        if clock.state == Clock.State.PAUSED:
            _count_pause(clock, at)
        clock.stopped_at, clock.next_at = at, None
        kept = Clock.State.CANCELLED if void else Clock.State.MET
        clock.state = kept if at <= clock.due_at else Clock.State.MISSED
        clock.save()
        return clock


def pause(clock: Clock, reason: str, *, by: str) -> None:
    with transaction.atomic():
        clock = Clock.objects.select_for_update().get(pk=clock.pk)
        if clock.state != Clock.State.RUNNING:
            raise Refused("clock", "not_running", _("That clock is not running."))
        if not policy.may_pause(clock.kind, clock.priority, reason):
            raise Refused("reason", "not_allowed", _("That clock may not stand still for this."))
        clock.state, clock.paused_at = Clock.State.PAUSED, timezone.now()
        clock.pause_reason, clock.next_at = reason, None
        clock.save()
        record("clock.pause", clock.subject, note=f"{clock.kind}: {reason}", by=by)


def resume(clock: Clock, *, by: str) -> None:
    with transaction.atomic():
        clock = Clock.objects.select_for_update().get(pk=clock.pk)
        if clock.state != Clock.State.PAUSED:
            raise Refused("clock", "not_paused", _("That clock is running already."))
        _count_pause(clock, timezone.now())
        clock.state = Clock.State.RUNNING
        _set_next(clock)
        clock.save()
        record("clock.resume", clock.subject, note=clock.kind, by=by)


def _count_pause(clock: Clock, at: datetime) -> None:
    assert clock.paused_at is not None
    stood = max(0, round((at - clock.paused_at).total_seconds()))
    clock.paused_s += stood
    clock.due_at += timedelta(seconds=stood)
    clock.paused_at = None


def _set_next(clock: Clock) -> None:
    fired = set(clock.escalations.values_list("level", flat=True)) if clock.pk else set()
    mark = policy.next_mark(clock.allowed_s, fired)
    clock.next_at = _moment(clock, mark) if mark is not None else None


def _moment(clock: Clock, mark: tuple[int, int]) -> datetime:
    return clock.started_at + timedelta(seconds=mark[1] + clock.paused_s)


def fire_due(now: datetime | None = None, limit: int = 100) -> int:
    """Fire every mark that is due, each once; returns how many. Marks missed while nobody was
    watching fire on return, marked with how late they are.
    """
    now = now or timezone.now()
    fired = 0
    while fired < limit and _fire_one(now):
        fired += 1
    return fired


def _fire_one(now: datetime) -> bool:
    with transaction.atomic():
        clock = (
            Clock.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=Clock.State.RUNNING, next_at__lte=now)
            .select_related("incident")
            .order_by("next_at")
            .first()
        )
        if clock is None:
            return False
        done = set(clock.escalations.values_list("level", flat=True))
        mark = policy.next_mark(clock.allowed_s, done)
        due = _moment(clock, mark) if mark is not None else now
        if mark is not None and due <= now:
            level = mark[0]
            step = Escalation.objects.create(
                clock=clock, level=level, late_s=max(0, round((now - due).total_seconds()))
            )
            publish(
                "clock.escalated", f"clock:{clock.pk}", topic="incidents", clock=clock.pk,
                escalation=step.pk, kind=clock.kind, level=level, priority=clock.priority,
                incident=clock.incident_id, late_s=step.late_s,
            )  # fmt: skip
        _set_next(clock)
        clock.save()
        return True


def acknowledge(step: Escalation, *, by: str) -> None:
    """Somebody has seen it; the clock runs on."""
    if step.acknowledged_at is None:
        step.acknowledged_at, step.acknowledged_by = timezone.now(), by
        step.save(update_fields=["acknowledged_at", "acknowledged_by"])
