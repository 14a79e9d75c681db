"""Verbs for people and vehicles: who belongs to a crew, what they may do, what they drive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.workforce.models import Certificate, Crew, Member, Skill, Vehicle


def add_member(crew: Crew, name: str, *, mobile: str = "", lead: bool = False, by: str) -> Member:
    """A person more. The new lead takes over from the old one."""
    member = Member(crew=crew, name=_name(name), mobile=mobile.strip()[:24], lead=lead)
    return _keep(member, "member.added", by=by)


def change_member(
    member: Member, *, crew: Crew, name: str, mobile: str, lead: bool, active: bool, by: str
) -> Member:
    """Another crew, name, number; `active` False: has left. Certificates go along."""
    member.crew, member.name, member.mobile = crew, _name(name), mobile.strip()[:24]
    member.lead, member.active = lead and active, active
    return _keep(member, "member.changed", by=by)


def _name(raw: str) -> str:
    name = raw.strip()
    if not name:
        raise Refused("name", "required", _("Give a name."))
    return name[:60]


def _keep(member: Member, action: str, *, by: str) -> Member:
    with transaction.atomic():
        if member.lead:
            others = Member.objects.filter(crew=member.crew, lead=True).exclude(pk=member.pk)
            others.update(lead=False)
        member.save()
        record(action, f"crew:{member.crew_id}", note=member.name, by=by)
        _tell(member.crew_id, action, by=by)
    return member


def certify(
    member: Member, skill: str, *, expires_on: date | None, number: str = "", by: str
) -> Certificate:
    """What a member may do until a day (that day included); the newer certificate counts."""
    if skill not in Skill.values:
        raise Refused("skill", "unknown", _("There is no such skill."))
    with transaction.atomic():
        row, _made = Certificate.objects.update_or_create(
            member=member, skill=skill,
            defaults={"expires_on": expires_on, "number": number.strip()[:40]},
        )  # fmt: skip
        said = f"{member.name}: {skill} {expires_on or '-'}"
        record("certificate.set", f"crew:{member.crew_id}", note=said, by=by)
        _tell(member.crew_id, "certificate.set", by=by)
    return row


def withdraw(row: Certificate, *, by: str) -> None:
    """A certificate that was taken away, or never was."""
    with transaction.atomic():
        record(
            "certificate.withdrawn", f"crew:{row.member.crew_id}",
            note=f"{row.member.name}: {row.skill}", by=by,
        )  # fmt: skip
        _tell(row.member.crew_id, "certificate.withdrawn", by=by)
        row.delete()


def save_vehicle(
    vehicle: Vehicle, *, plate: str, kind: str, crew: Crew | None, unit: str,
    equipment: Sequence[str], valve_keys_mm: Sequence[int], inspection_due: date | None,
    out_of_service: str, by: str,
) -> Vehicle:  # fmt: skip
    """A vehicle with what is on it. Conflict names what another vehicle has already."""
    if not plate.strip():
        raise Refused("plate", "required", _("Give the plate."))
    unknown = set(equipment) - set(Vehicle.Equipment.values)
    if unknown:
        raise Refused("equipment", "unknown", _("There is no such equipment."))
    if any(not 1 <= mm <= 5000 for mm in valve_keys_mm):
        raise Refused("valve_keys_mm", "out_of_range", _("That is no size of a valve."))
    vehicle.plate, vehicle.kind, vehicle.crew = plate.strip()[:16], kind.strip()[:30], crew
    vehicle.unit = unit.strip()[:64] or None
    vehicle.equipment, vehicle.valve_keys_mm = sorted(equipment), sorted(set(valve_keys_mm))
    vehicle.inspection_due = inspection_due
    vehicle.out_of_service = out_of_service.strip()[:120]
    try:
        with transaction.atomic():
            vehicle.save()
            record("vehicle.saved", f"vehicle:{vehicle.plate}", note=vehicle.out_of_service, by=by)
            _tell(vehicle.crew_id, "vehicle.saved", by=by)
    except IntegrityError as error:
        raise _taken(vehicle, str(error)) from error
    return vehicle


def _taken(vehicle: Vehicle, said: str) -> Conflict:
    others = Vehicle.objects.exclude(pk=vehicle.pk)
    for field, same, text in (
        ("plate", others.filter(plate=vehicle.plate), _("There is a vehicle %(plate)s already.")),
        ("unit", others.filter(unit=vehicle.unit), _("%(plate)s has this tracker.")),
        ("crew", others.filter(crew=vehicle.crew), _("This crew drives %(plate)s.")),
    ):
        other = same.first()
        if f"_{field}" in said and other is not None:
            return Conflict(field, "taken", text % {"plate": other.plate})
    return Conflict("", "taken", _("Another vehicle has this already."))


def _tell(crew: int | None, change: str, *, by: str) -> None:
    subject = f"crew:{crew}" if crew else ""
    publish("roster.changed", subject, topic="crews", by=by, crew=crew, change=change)
