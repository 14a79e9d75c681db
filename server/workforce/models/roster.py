"""Who works when: members and their certificates, shifts, crews on call, leave, what a crew did."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import Deferrable, F, Func, Q
from django.utils.translation import gettext_lazy as _

from server.workforce.models.crews import Crew, Skill, Vehicle

_SPAN = Func("starts", "ends", function="TSTZRANGE")


def _apart(name: str, whose: str, condition: Q | None = None) -> ExclusionConstraint:
    """No two rows of one `whose` may overlap; looked at when a swap of two is complete."""
    return ExclusionConstraint(
        name=name,
        expressions=[(_SPAN, RangeOperators.OVERLAPS), (whose, RangeOperators.EQUAL)],
        condition=condition,
        deferrable=Deferrable.IMMEDIATE,
    )


def _forward(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(ends__gt=F("starts")), name=name)


class Member(models.Model):
    """One person of a crew. What the crew can do is what those present can."""

    crew = models.ForeignKey(Crew, on_delete=models.PROTECT, related_name="members")
    name = models.CharField(max_length=60)
    mobile = models.CharField(max_length=24, blank=True)
    lead = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["-lead", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["crew"], condition=Q(lead=True, active=True), name="one_lead_a_crew"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Certificate(models.Model):
    """What a member may do and until when; `expires_on` is the last day it is good for."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="certificates")
    skill = models.CharField(max_length=20, choices=Skill.choices)
    number = models.CharField(max_length=40, blank=True)
    expires_on = models.DateField(null=True)

    class Meta:
        ordering = ["skill"]
        constraints = [
            models.UniqueConstraint(fields=["member", "skill"], name="one_certificate_row")
        ]


class Shift(models.Model):
    """When a crew works. `members` are those of it who do; none named means all of them."""

    class Kind(models.TextChoices):
        DAY = "day", _("Day shift")
        EVENING = "evening", _("Evening shift")
        NIGHT = "night", _("Night shift")
        STANDBY = "standby", _("Stand-by at the depot")
        EXTRA = "extra", _("Extra duty")

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="shifts")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.DAY)
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    # Another vehicle than the crew's own.
    vehicle = models.ForeignKey(
        Vehicle, null=True, on_delete=models.SET_NULL, related_name="shifts"
    )
    members = models.ManyToManyField(Member, related_name="shifts", blank=True)
    note = models.CharField(max_length=120, blank=True)
    # The work order a crew was called out or kept on for; its end ends the shift.
    called_out_for = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["starts"]
        constraints = [
            _forward("a_shift_ends_after_it_starts"),
            _apart("no_overlapping_shifts", "crew"),
            _apart("one_vehicle_one_shift", "vehicle", Q(vehicle__isnull=False)),
        ]


class OnCallCrew(models.Model):
    """A crew at home that comes when called, `call_out_min` minutes after the call."""

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="on_call")
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    call_out_min = models.PositiveSmallIntegerField(default=30)

    class Meta:
        ordering = ["starts"]
        constraints = [_forward("on_call_ends_after_it_starts"), _apart("on_call_once", "crew")]


class Leave(models.Model):
    """Somebody is away: one member, or the whole crew where `member` is null."""

    class Kind(models.TextChoices):
        HOLIDAY = "holiday", _("Leave")
        SICK = "sick", _("Sick")
        TRAINING = "training", _("Training")
        OTHER = "other", _("Away")

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="leave")
    member = models.ForeignKey(
        Member, null=True, on_delete=models.CASCADE, related_name="leave"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.HOLIDAY)
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    note = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["starts"]
        constraints = [
            _forward("leave_ends_after_it_starts"),
            _apart("one_leave_at_a_time", "member", Q(member__isnull=False)),
            _apart("one_leave_of_a_crew_at_a_time", "crew", Q(member__isnull=True)),
        ]


class CrewStatus(models.Model):
    """From when a crew was in a state, and who said so. Append-only: the next row ends it."""

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="statuses")
    state = models.CharField(max_length=16, choices=Crew.State.choices)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)  # as it was meant, of a break
    reason = models.CharField(max_length=120, blank=True)
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["crew", "-since", "-id"], name="crew_status_at")]


