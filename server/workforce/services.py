"""Verbs for crews: what a crew is doing, breaks, what stock is promised to an order."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.workforce.models import Crew, CrewStatus
from server.workforce.stocking import release_stock, reserve_stock, use_stock

__all__ = [
    "end_announced", "out_of_service", "release_stock", "reserve_stock", "return_to_work",
    "set_state", "take_break", "use_stock",
]  # fmt: skip

S = Crew.State
WITH_AN_ORDER = frozenset({S.ASSIGNED, S.EN_ROUTE, S.ON_SITE})
LONGEST_BREAK_MIN = 240


def set_state(
    crew: Crew, state: str, *, by: str, until: datetime | None = None, reason: str = ""
) -> None:
    """A crew is available, on its way, on site, on a break until then…; its history is kept."""
    if crew.state == state and crew.state_until == until:
        return
    before, crew.state, crew.state_until = crew.state, state, until
    with transaction.atomic():
        crew.save(update_fields=["state", "state_until"])
        CrewStatus.objects.create(
            crew=crew, state=state, since=timezone.now(), until=until, reason=reason[:120], by=by
        )
        publish(
            "crew.changed", f"crew:{crew.pk}", topic="crews", by=by, crew=crew.pk,
            name=crew.name, state=state, before=before,
            until=until.isoformat() if until else None, reason=reason,
        )  # fmt: skip


def take_break(crew: Crew, minutes: int, *, by: str, reason: str = "") -> Crew:
    """A break with a known end: dispatch may plan with it, and the clock ends it."""
    if not 1 <= minutes <= LONGEST_BREAK_MIN:
        text = _("A break takes 1 to %(most)s minutes.") % {"most": LONGEST_BREAK_MIN}
        raise Refused("minutes", "out_of_range", text)
    return _step_aside(crew, S.BREAK, timezone.now() + timedelta(minutes=minutes), reason, by=by)


def out_of_service(
    crew: Crew, *, by: str, reason: str, until: datetime | None = None
) -> Crew:
    """The crew cannot go (accident, breakdown); a reason is asked for."""
    if not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    if until is not None and until <= timezone.now():
        raise Refused("until", "in_the_past", _("That time is over."))
    return _step_aside(crew, S.OUT_OF_SERVICE, until, reason, by=by)


def return_to_work(crew: Crew, *, by: str) -> Crew:
    """End a break or a time out of service before its end."""
    with transaction.atomic():
        crew = Crew.objects.select_for_update().get(pk=crew.pk)
        if crew.state not in (S.BREAK, S.OUT_OF_SERVICE, S.OFF_DUTY):
            raise Conflict("state", "at_work", _("This crew is at work already."))
        set_state(crew, S.AVAILABLE, by=by)
        record("crew.available", f"crew:{crew.pk}", to_state=S.AVAILABLE, by=by)
    return crew


def _step_aside(
    crew: Crew, state: str, until: datetime | None, reason: str, *, by: str
) -> Crew:
    with transaction.atomic():
        crew = Crew.objects.select_for_update().get(pk=crew.pk)
        if crew.state in WITH_AN_ORDER:
            raise Conflict(
                "state", "has_an_order",
                _("%(crew)s has an order in hand. Recall it first.") % {"crew": crew.shown},
            )  # fmt: skip
        record(f"crew.{state}", f"crew:{crew.pk}", from_state=crew.state, to_state=state,
               note=reason, by=by)  # fmt: skip
        set_state(crew, state, by=by, until=until, reason=reason.strip())
    return crew


def end_announced(at: datetime | None = None) -> int:
    """Breaks and times out of service that have come to their end; how many."""
    at = at or timezone.now()
    over = Crew.objects.filter(state_until__lte=at, state__in=[S.BREAK, S.OUT_OF_SERVICE])
    with transaction.atomic():
        rows = list(over.select_for_update(skip_locked=True).order_by("pk"))
        for crew in rows:
            set_state(crew, S.AVAILABLE, by="system")
    return len(rows)
