"""Verbs for defects of assets: found, put off, made a work order, put right."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.events.services import publish
from server.network import selectors as network
from server.network import sewers
from server.processes import rules
from server.processes.models import Defect
from server.tickets import services as tickets
from server.tickets.models import Incident, Kind
from server.tickets.placing import Place, area_of


def similar(asset: str, kind: str) -> list[Defect]:
    """Defects not settled yet that are perhaps the same: of this kind on this asset."""
    return list(
        Defect.objects.filter(asset=asset, kind=kind).exclude(state__in=rules.SETTLED)[:10]
    )


def report(
    asset: str, kind: str, severity: str, *, by: str, note: str = "",
    found_at: datetime | None = None, anyway: bool = False,
) -> Defect:  # fmt: skip
    """Write down a defect. Refused naming the field; Conflict('asset', 'similar') with those that
    look the same, unless `anyway`: the person decides whether it is one defect or two.
    """
    if kind not in Defect.Kind.values:
        raise Refused("kind", "unknown", _("Say what is wrong with it."))
    if severity not in Defect.Severity.values:
        raise Refused("severity", "unknown", _("Say how bad it is."))
    if len(note) > 4000:
        raise Refused("note", "too_long", _("A note may have 4,000 characters."))
    now = timezone.now()
    found_at = found_at or now
    if found_at > now + timedelta(minutes=5):
        raise Refused("found_at", "future", _("That moment is still to come."))
    asset_kind, _row = network.asset(asset)
    lon, lat = network.asset_place(asset)
    known = similar(asset, kind)
    if known and not anyway:
        raise Conflict(
            "asset", "similar",
            _("That defect is known already: add to it, or say that it is another one."),
            similar=[{"number": d.number, "found_at": d.found_at, "note": d.note} for d in known],
        )  # fmt: skip
    with transaction.atomic():
        defect = Defect.objects.create(
            asset=asset, asset_kind=asset_kind, kind=kind, severity=severity, note=note,
            found_at=found_at, found_by=by, geom=Point(lon, lat, srid=4326),
            due_on=_due(found_at, severity),
        )  # fmt: skip
        defect.number = f"D-{defect.pk:04d}"
        defect.save(update_fields=["number"])
        _written(defect, "report", before="", by=by, note=note)
    return defect


def _due(found_at: datetime, severity: str) -> date:
    return timezone.localdate(found_at) + timedelta(days=rules.DAYS[rules.Severity(severity)])


def step(
    defect: Defect, name: str, *, role: str, by: str, reason: str = "", until: date | None = None,
    into: str = "",
) -> Defect:  # fmt: skip
    """Move a defect along its table. Refuses what is not listed (409) or not yours (403)."""
    with transaction.atomic():
        defect = Defect.objects.select_for_update(of=("self",)).get(pk=defect.pk)
        to_state = rules.next_state(defect.state, name)
        if to_state is None:
            raise Conflict(
                "step", "illegal_transition", _("That step is not possible from here."),
                current=defect.state, allowed=rules.steps_from(defect.state, role),
            )  # fmt: skip
        if role not in rules.STEP_ROLES[name]:
            raise NotAllowed("step", "not_yours", _("Somebody else has to take that step."))
        if name in rules.NEEDS_REASON and not reason.strip():
            raise Refused("reason", "required", _("Say why."))
        before = defect.state
        if name == "ask_deferral":
            _ask_deferral(defect, until, reason, by=by)
        elif name == "approve_deferral":
            _approve(defect, by=by)
        elif name == "order":
            defect.incident = _incident(defect, by=by)
        elif name == "merge":
            defect.merged_into = _other(defect, into)
        elif name == "reopen":
            defect.deferred_to = None
        defect.state = to_state
        defect.settled_at = timezone.now() if to_state in rules.SETTLED else None
        defect.version += 1
        defect.save()
        _written(defect, name, before=before, by=by, note=reason)
    return defect


def _ask_deferral(defect: Defect, until: date | None, reason: str, *, by: str) -> None:
    if until is None:
        raise Refused("until", "required", _("Say until which day it may wait."))
    if until <= defect.due_on:
        raise Refused("until", "too_early", _("It is due later than that anyway."))
    if until > timezone.localdate() + timedelta(days=3 * 365):
        raise Refused("until", "too_late", _("Nothing may be put off by more than three years."))
    defect.deferred_to, defect.deferral_reason = until, reason.strip()[:300]
    defect.deferral_asked_by, defect.deferral_approved_by = by, ""


def _approve(defect: Defect, *, by: str) -> None:
    if by == defect.deferral_asked_by:
        raise NotAllowed("step", "own", _("Whoever asks to put it off cannot approve it as well."))
    assert defect.deferred_to is not None
    defect.deferral_approved_by = by
    defect.due_on = defect.deferred_to


def _other(defect: Defect, into: str) -> Defect:
    other = Defect.objects.filter(number=into).exclude(pk=defect.pk).first()
    if other is None or other.state == Defect.State.MERGED:
        raise Refused("into", "unknown", _("There is no such defect to join it to."))
    if other.asset != defect.asset:
        raise Refused("into", "other_asset", _("That is a defect of another asset."))
    return other


def _incident(defect: Defect, *, by: str) -> Incident:
    """The work order hangs on an incident of its own, at the asset."""
    pipe, segment = "", None
    sewer = defect.asset if sewers.is_main(defect.asset) else ""
    if not sewers.is_sewer(defect.asset):
        hit = network.snap(defect.geom.x, defect.geom.y)
        pipe, segment = hit.pipe or "", hit.segment
    place = Place(defect.geom, defect.asset, pipe, segment, area_of(defect.geom), sewer)
    incident = tickets.open_incident(Kind.DEFECT, place, symptoms={}, by=by)
    tickets.set_priority(
        incident, rules.PRIORITY[rules.Severity(defect.severity)], by=by, why=defect.number or ""
    )
    return incident


def of_valve_that_will_not_turn(asset: str, reason: str, *, by: str) -> Defect | None:
    """A crew could not turn it: that is a defect. None where it is known already."""
    if similar(asset, Defect.Kind.SEIZED):
        return None
    return report(asset, Defect.Kind.SEIZED, Defect.Severity.HIGH, by=by, note=reason)


def settle_with(incident: Incident, *, by: str) -> None:
    """The work is over: the defects it was given for are put right."""
    for defect in Defect.objects.filter(incident=incident, state=Defect.State.ORDERED):
        step(defect, "fix", role="engineer", by=by)


def _written(defect: Defect, name: str, *, before: str, by: str, note: str) -> None:
    record(
        f"defect.{name}", f"defect:{defect.number}", from_state=before, to_state=defect.state,
        by=by, note=note[:500],
    )  # fmt: skip
    publish(
        "defect.changed", f"defect:{defect.pk}", topic="incidents", by=by, defect=defect.number,
        asset=defect.asset, state=defect.state, change=name,
    )  # fmt: skip
