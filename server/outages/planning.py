"""Planned works, from the first line to the release of the valves: written, approved, told, begun.

Two pairs of eyes: whoever wrote it does not approve it. What is in the way in time and place is
shown and has to be acknowledged; permits and the notice have to be there. An emergency may go
round the notice, and round permits that may be filed afterwards, by a supervisor with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.network.models import Valve
from server.outages import notices, overlaps, permits, plans, services, states
from server.outages.drafting import lay_out, simulate_soon
from server.outages.models import Permit, ShutOff, ValveTask
from server.outages.settling import check, save, tell
from server.outages.states import Role, Verb

MOST_TARGETS = 20
LONGEST = timedelta(days=14)
S, T = ShutOff.State, ValveTask.State


@dataclass(frozen=True)
class Works:
    """What somebody wants to do: which assets, when, why. Checked by `_checked`."""

    targets: Sequence[str]
    starts: datetime | None
    ends: datetime | None
    reason: str
    work: str = ""
    works: Sequence[str] = field(default_factory=tuple)


def _checked(what: Works) -> tuple[list[str], datetime, datetime]:
    targets = list(dict.fromkeys(t.strip() for t in what.targets if t.strip()))
    if not targets:
        raise Refused("targets", "required", _("Say which pipe, valve or hydrant."))
    if len(targets) > MOST_TARGETS:
        raise Refused(
            "targets", "too_many", _("At most %(n)s assets at a time.") % {"n": MOST_TARGETS}
        )
    if what.starts is None:
        raise Refused("from", "required", _("Say when the water goes off."))
    if what.ends is None:
        raise Refused("to", "required", _("Say when the water is back."))
    if what.ends <= what.starts:
        raise Refused("to", "before_start", _("The water must come back after it goes off."))
    if what.ends - what.starts > LONGEST:
        raise Refused("to", "too_long", _("No shut-off is planned for more than 14 days."))
    if what.starts < timezone.now() - timedelta(minutes=1):
        raise Refused("from", "past", _("The start lies in the past."))
    if not what.reason.strip():
        raise Refused("reason", "required", _("Say why the water goes off."))
    unknown = [w for w in what.works if w not in permits.WORKS]
    if unknown:
        raise Refused("works", "unknown", _("There is no such kind of works."))
    return targets, what.starts, what.ends


def create(what: Works, *, by: str, role: str) -> ShutOff:
    """Write down planned works: a draft with its plan. Refuses input by field."""
    if not states.may(Verb.REVISE, role):
        raise NotAllowed("action", "not_yours", _("Somebody else has to take that step."))
    targets, starts, ends = _checked(what)
    with transaction.atomic():
        off = ShutOff(
            planned=True, target=targets[0], targets=targets, reason=what.reason.strip()[:200],
            work=what.work.strip()[:4000], works=list(what.works), author=by,
            notice_from=starts, notice_to=ends, hydraulics={"status": "pending"},
        )  # fmt: skip
        off.plan = _plan(off)
        off.network_version = off.plan["network_version"]
        off.save()
        off.number = f"A-{off.pk:04d}"
        off.save(update_fields=["number"])
        lay_out(off)
        record("shutoff.plan", f"shutoff:{off.number}", to_state=off.state, note=off.reason, by=by)
        tell("shutoff.planned", off, by=by)
        simulate_soon(off)
        return off


def _plan(off: ShutOff, inoperable: Iterable[str] = ()) -> dict[str, Any]:
    """The plan for the targets, firm jobs of the same hours taken as done."""
    assert off.notice_from is not None and off.notice_to is not None
    others = overlaps.at_the_same_time(off, off.notice_from, off.notice_to)
    closing = {v for o in others if overlaps.firm(o) for v in overlaps.valves_of(o)}
    plan = plans.make_all(off.all_targets, inoperable=set(inoperable), also_closed=closing)
    below_source = any(w["code"] == "no_valve_before_source" for w in plan["warnings"])
    if below_source or not (plan["valves"] or plan["leans_on"]):
        raise Refused(
            "targets", "cannot_isolate",
            _("No valve stands between this and the source: it cannot be shut off alone."),
        )  # fmt: skip
    return plan


def _locked(off: ShutOff) -> ShutOff:
    return ShutOff.objects.select_for_update().get(pk=off.pk)


def revise(off: ShutOff, what: Works, *, by: str, role: str) -> ShutOff:
    """Another window, target or description. An approval lapses; who was told is told anew later.

    Those who fall out of the plan hear at once that their water stays on.
    """
    targets, starts, ends = _checked(what)
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.REVISE, role)
        before = off.state
        was_told = notices.under_way(off)
        old = set(off.plan["premises"])
        off.targets, off.target = targets, targets[0]
        off.reason, off.work = what.reason.strip()[:200], what.work.strip()[:4000]
        off.works = list(what.works)
        window = (off.notice_from, off.notice_to)
        off.notice_from, off.notice_to = starts, ends
        stuck = off.valves.filter(state=T.CANNOT_CLOSE).values_list("asset", flat=True)
        off.plan = _plan(off, stuck)
        off.network_version = off.plan["network_version"]
        new_window = (off.notice_from, off.notice_to)
        if was_told:
            off.notice_from, off.notice_to = window
            gone = old - set(off.plan["premises"])
            notices.no_longer(off, gone)
            if window != new_window:
                notices.hold_back(off)
            off.notice_from, off.notice_to = new_window
        off.state, off.approved_by, off.approved_at, off.noticed_at = S.DRAFT, "", None, None
        off.released_at, off.overlaps = None, []
        off.valves.filter(state=T.AUTHORISED).update(state=T.REQUESTED)
        lay_out(off)
        save(off)
        record(
            "shutoff.revise", f"shutoff:{off.number}", from_state=before, to_state=off.state,
            note=off.reason, by=by,
        )  # fmt: skip
        tell("shutoff.changed", off, by=by, change="revise")
        simulate_soon(off)
        return off


# -- permits --------------------------------------------------------------------------------------


def facts(off: ShutOff) -> permits.Facts:
    """What the rules for permits look at."""
    starts = off.notice_from or off.started_at or timezone.now()
    ends = off.notice_to or off.expected_back_at or starts
    chambers = Valve.objects.filter(asset__in=[v["asset"] for v in off.plan["valves"]])
    deepest, gas = 0.0, False
    for depth, gassy in chambers.values_list("chamber_depth_m", "gas"):
        deepest, gas = max(deepest, depth or 0.0), gas or gassy
    return permits.Facts(
        timezone.localtime(starts), timezone.localtime(max(starts, ends)),
        frozenset(off.works), len(off.plan["hydrants_lost"]), deepest, gas,
    )  # fmt: skip


def permits_of(off: ShutOff) -> list[dict[str, Any]]:
    """[{kind, needed, have: {...} | None, valid, file_by}]: what is needed, then the rest."""
    have: dict[str, Permit] = {p.kind: p for p in off.permits.all()}
    wanted = permits.needed(facts(off))
    starts = off.notice_from or off.started_at or timezone.now()
    ends = off.notice_to or off.expected_back_at or starts
    rows = []
    for kind in [*wanted, *(k for k in have if k not in wanted)]:
        permit = have.get(kind)
        valid = permit is not None and (
            (permit.valid_from is None or permit.valid_from <= starts)
            and (permit.valid_to is None or permit.valid_to >= ends)
        )
        begun = off.started_at
        rows.append({
            "kind": kind, "needed": kind in wanted, "valid": valid,
            "may_wait": permits.may_wait(kind),
            "file_by": permits.file_by(kind, begun) if begun and not valid else None,
            "have": permit and {
                "issuer": permit.issuer, "number": permit.number, "evidence": permit.evidence,
                "valid_from": permit.valid_from, "valid_to": permit.valid_to,
                "by": permit.by, "at": permit.at,
            },
        })  # fmt: skip
    return rows


def missing(off: ShutOff) -> list[str]:
    """Kinds of permits that are needed and not there, or not valid for these hours."""
    return [p["kind"] for p in permits_of(off) if p["needed"] and not p["valid"]]


def add_permit(
    off: ShutOff, kind: str, *, issuer: str, number: str, valid_from: datetime | None,
    valid_to: datetime | None, evidence: str, by: str, role: str,
) -> Permit:  # fmt: skip
    """Put a permit on record; the latest of a kind counts. Refuses input by field."""
    if kind not in permits.KINDS:
        raise Refused("kind", "unknown", _("There is no such kind of permit."))
    for name, value, text in (
        ("issuer", issuer, _("Say who gave it.")), ("number", number, _("Give its number.")),
    ):  # fmt: skip
        if not value.strip():
            raise Refused(name, "required", text)
    if valid_from and valid_to and valid_to <= valid_from:
        raise Refused("valid_to", "before_start", _("It must end after it begins."))
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.PERMIT, role)
        permit = Permit.objects.create(
            shut_off=off, kind=kind, issuer=issuer.strip()[:120], number=number.strip()[:60],
            valid_from=valid_from, valid_to=valid_to, evidence=evidence.strip()[:4000], by=by,
        )  # fmt: skip
        record("shutoff.permit", f"shutoff:{off.number}", note=f"{kind} {number}"[:200], by=by)
        tell("shutoff.changed", off, by=by, change="permit")
        return permit


def _guard_permits(off: ShutOff, override: str) -> None:
    lacking = missing(off)
    held = [k for k in lacking if not (override and permits.may_wait(k))]
    if held:
        raise Conflict(
            "permits", "permit_missing",
            _("Permits are missing: %(permits)s.")
            % {"permits": ", ".join(permit_name(k) for k in held)},
            permits=held,
        )  # fmt: skip


def permit_name(kind: str) -> str:
    """The reader's word for a kind of permit."""
    return {
        "road_opening": _("road opening"), "traffic": _("traffic"),
        "night_work": _("night work"), "fire_service": _("notice to the fire service"),
        "confined_space": _("confined space"), "hot_work": _("hot work"),
    }[kind]  # fmt: skip


# -- approval, release, end -----------------------------------------------------------------------


def _overridden(off: ShutOff, what: str, reason: str, *, by: str, role: str) -> None:
    """An emergency goes round a rule: by a supervisor, with a reason, on record."""
    if role != Role.SUPERVISOR:
        raise NotAllowed("override", "not_yours", _("Only a supervisor declares an emergency."))
    if len(reason.strip()) < 3:
        raise Refused("override", "required", _("Say why it cannot wait."))
    off.overrides = [
        *off.overrides,
        {"what": what, "reason": reason.strip()[:200], "by": by,
         "at": timezone.now().isoformat()},
    ]  # fmt: skip
    record("shutoff.override", f"shutoff:{off.number}", note=f"{what}: {reason}", by=by)


def approve(
    off: ShutOff, *, by: str, role: str, acknowledge: Sequence[str] = (), override: str = ""
) -> ShutOff:
    """A second pair of eyes agrees. Refused while what overlaps is not acknowledged by number."""
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.APPROVE, role)
        if by == off.author:
            raise NotAllowed(
                "action", "own_work", _("Somebody else than the author has to approve it.")
            )
        assert off.notice_from is not None
        if off.notice_from < timezone.now():
            raise Conflict("from", "past", _("The start lies in the past."))
        found = overlaps.find(off)
        unseen = [f["number"] for f in found if f["number"] not in acknowledge]
        if unseen:
            raise Conflict(
                "acknowledge", "overlaps",
                _("Other shut-offs are in the way: %(numbers)s. Look at them first.")
                % {"numbers": ", ".join(unseen)},
                overlaps=found,
            )  # fmt: skip
        _guard_permits(off, override)
        if override:
            _overridden(off, "approve", override, by=by, role=role)
        before, off.state = off.state, S.APPROVED
        off.approved_by, off.approved_at, off.overlaps = by, timezone.now(), found
        save(off)
        record(
            "shutoff.approve", f"shutoff:{off.number}", from_state=before, to_state=off.state,
            note=", ".join(f["number"] for f in found), by=by,
        )  # fmt: skip
        tell("shutoff.changed", off, by=by, change="approve")
        return off


def notify(off: ShutOff, *, by: str, role: str) -> int:
    """Send the notice to everybody who has none of this window; how many are new."""
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.NOTIFY, role)
        return notices.send(off, by=by)


def reached(off: ShutOff, which: Any, outcome: str, *, by: str, role: str, note: str = "") -> int:
    """A call was made, or the letters are out (see notices.reached)."""
    with transaction.atomic():
        return notices.reached(_locked(off), which, outcome, by=by, role=role, note=note)


def release(
    off: ShutOff, *, by: str, role: str, valves: Sequence[str] = (), override: str = ""
) -> list[str]:
    """Control lets the valves be turned, all or those named. Returns the valves released.

    Refused before notice and permits are there; see the head of this module.
    """
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.RELEASE, role)
        if off.planned and off.state not in states.OPEN:
            _guard_permits(off, override)
            if override:
                _overridden(off, "release", override, by=by, role=role)
            else:
                notices.guard(off, timezone.now())
        _guard_leaning(off)
        waiting = off.valves.filter(state=T.REQUESTED)
        if valves:
            waiting = waiting.filter(asset__in=list(valves))
        assets = list(waiting.values_list("asset", flat=True))
        if not assets:
            raise Conflict("valve", "nothing_to_release", _("There is no valve to release."))
        now = timezone.now()
        waiting.update(state=T.AUTHORISED, authorised_by=by, authorised_at=now)
        off.released_at = off.released_at or now
        save(off)
        record("shutoff.release", f"shutoff:{off.number}", note=", ".join(assets), by=by)
        tell("shutoff.changed", off, by=by, change="release")
        return assets


def _guard_leaning(off: ShutOff) -> None:
    """The plan leans on valves another job closes: they must be closed before ours are turned."""
    leaning = off.plan.get("leans_on", [])
    shut = set(
        Valve.objects.filter(asset__in=leaning, position=Valve.Position.CLOSED).values_list(
            "asset", flat=True
        )
    )
    loose = [v for v in leaning if v not in shut]
    if loose:
        raise Conflict(
            "valve", "leans_on_open",
            _("The plan counts on %(valves)s, which another job closes and has not. Plan again.")
            % {"valves": ", ".join(loose)},
            valves=loose,
        )  # fmt: skip


def leaning_on(asset: str) -> list[str]:
    """Numbers of open shut-offs with work going on behind a valve that is not their own."""
    rows = ShutOff.objects.filter(state__in=states.OPEN, work_done_at=None)
    return [
        o.number or "" for o in rows.filter(plan__leans_on__contains=[asset]).order_by("pk")
    ]


def expect(off: ShutOff, at: datetime | None, *, by: str, role: str, reason: str) -> ShutOff:
    """Another time at which the water is expected back, with the reason."""
    if at is None:
        raise Refused("at", "required", _("Say when the water is expected back."))
    if at < timezone.now():
        raise Refused("at", "past", _("That time is over."))
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.EXPECT, role)
        off.expected_back_at = at
        save(off)
        record(
            "shutoff.expect", f"shutoff:{off.number}", note=f"{at.isoformat()} {reason}", by=by
        )
        tell("shutoff.changed", off, by=by, change="expect")
        return off


def close(off: ShutOff, *, by: str, role: str) -> ShutOff:
    """The papers are done. Refused while a permit is still to be filed."""
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.CLOSE, role)
        owed = missing(off) if off.planned else []
        if owed:
            raise Conflict(
                "permits", "permit_missing",
                _("Still to be filed: %(permits)s.")
                % {"permits": ", ".join(permit_name(k) for k in owed)},
                permits=owed,
            )  # fmt: skip
        before, off.state, off.closed_at = off.state, S.CLOSED, timezone.now()
        save(off)
        record("shutoff.close", f"shutoff:{off.number}", from_state=before, to_state=off.state,
               by=by)  # fmt: skip
        tell("shutoff.changed", off, by=by, change="close")
        return off


def cancel(off: ShutOff, *, by: str, role: str, reason: str) -> ShutOff:
    """The works do not take place: everybody who was told hears it, with one text."""
    if not reason.strip():
        raise Refused("reason", "required", _("Say why it is cancelled."))
    with transaction.atomic():
        off = _locked(off)
        check(off, Verb.CANCEL, role)
        if off.planned:
            notices.call_off(off)
        before, off.state = off.state, S.CANCELLED
        save(off)
        record(
            "shutoff.cancel", f"shutoff:{off.number}", from_state=before, to_state=off.state,
            note=reason, by=by,
        )  # fmt: skip
        tell("shutoff.cancelled", off, by=by)
        return off


def open_by_radio(off: ShutOff, asset: str, **how: Any) -> bool:
    """Control opens a valve; refused while another job works behind it (see `plans`)."""
    held = [n for n in leaning_on(asset) if n != off.number]
    if held:
        raise Conflict(
            "valve", "leaned_on",
            _("%(numbers)s counts on this valve being closed.") % {"numbers": ", ".join(held)},
            numbers=held,
        )  # fmt: skip
    return services.valve_opened(off, asset, **how)
