"""What every step has in common: may it be taken, who is dry after it, who hears of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, NotAllowed
from server.events.services import publish
from server.outages import reach, states
from server.outages.models import ShutOff, ValveTask
from server.outages.states import Verb

T = ValveTask.State


def check(shut_off: ShutOff, verb: Verb, role: str) -> None:
    """Refuse (403) who may not take this step, and (409) a step the table does not list."""
    if not states.may(verb, role):
        raise NotAllowed("action", "not_yours", _("Somebody else has to take that step."))
    if not states.results(shut_off.kind, shut_off.state, verb):
        raise Conflict(
            "action", "illegal_transition",
            _("From “%(state)s” that step is not possible.")
            % {"state": shut_off.get_state_display()},
            current=str(shut_off.state),
            allowed=[str(v) for v in states.allowed(shut_off.kind, shut_off.state, role)],
        )  # fmt: skip


def is_isolated(shut_off: ShutOff) -> bool:
    """Whether no valve is left to close."""
    now = set(shut_off.valves.values_list("state", flat=True))
    return not now & set(ValveTask.WAITING) and T.CLOSED in now


def still_closed(shut_off: ShutOff) -> list[str]:
    """Valves this shut-off closed that are not reopened: they must be accounted for."""
    return list(shut_off.valves.filter(state=T.CLOSED).values_list("asset", flat=True))


def follow(
    shut_off: ShutOff, rows: list[ShutOff], *, at: datetime, by: str, source: str
) -> None:
    """Save what was turned, ask the network who is dry, and settle every open shut-off."""
    save(shut_off)
    changes = reach.follow(shut_off, rows, at=at, by=by, source=source)
    for row in rows:
        change = changes.get(row.pk)
        if change is None:
            continue
        before = row.state
        settle(row, at=at, by=by)
        if row.state != before and row.pk != shut_off.pk:
            save(row)
        if change.back:
            tell("shutoff.water_back", row, by=by, premises=change.back)
        if change.newly:
            tell(
                "shutoff.replanned", row, by=by, valve="", newly=change.newly,
                started=row.started_at is not None,
            )  # fmt: skip
        if row.state == ShutOff.State.RESTORED != before:
            tell("shutoff.restored", row, by=by, premises=row.plan["premises"])
    save(shut_off, count=False)


def settle(shut_off: ShutOff, *, at: datetime, by: str) -> None:
    """Active, partly restored or restored, by who is dry and which valves are closed."""
    if shut_off.state not in states.OPEN:
        return
    entries = list(
        shut_off.premises.filter(off_at__isnull=False).values_list("on_at", flat=True)
    )
    dry, closed = entries.count(None), still_closed(shut_off)
    before = shut_off.state
    if not dry and not closed:
        shut_off.state, shut_off.restored_at = ShutOff.State.RESTORED, at
    elif len(entries) > dry:
        shut_off.state = ShutOff.State.PARTLY_RESTORED
    else:
        shut_off.state = ShutOff.State.ACTIVE
    if shut_off.state != before:
        step = "restore" if shut_off.state == ShutOff.State.RESTORED else "part"
        record(
            f"shutoff.{step}", f"shutoff:{shut_off.number}", from_state=before,
            to_state=shut_off.state, by=by,
        )  # fmt: skip


def save(shut_off: ShutOff, *, count: bool = True) -> None:
    shut_off.version += count
    shut_off.save()


def tell(name: str, shut_off: ShutOff, *, by: str, **more: Any) -> None:
    """Publish news of a shut-off."""
    publish(
        name, f"shutoff:{shut_off.pk}", topic="incidents", by=by, shut_off=shut_off.pk,
        number=shut_off.number, state=shut_off.state, incident=shut_off.incident_id, **more,
    )  # fmt: skip
