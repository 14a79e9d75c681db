"""What changes the streets for a while: closures and slow streets, with reason and times."""

from __future__ import annotations

from datetime import datetime

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class StreetChange(models.Model):
    """A street closed or slow for a while (封路): an area, or named edges of the street graph.

    In force from `starts_at` to `ends_at` (None: until lifted), once somebody has accepted it and
    while nobody has lifted it. Nothing else of it is kept: which edges an area crosses is asked of
    the street index by each process, so that a newer street file is right by itself.
    """

    class Kind(models.TextChoices):
        CLOSED = "closed", _("street closed")
        SLOWED = "slowed", _("slow street")

    class Reason(models.TextChoices):
        FLOOD = "flood", _("flooded")
        EXCAVATION = "excavation", _("our trench")
        EVENT = "event", _("event")
        ACCIDENT = "accident", _("accident")
        WORKS = "works", _("roadworks")
        OTHER = "other", _("other")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=12, choices=Reason.choices)
    note = models.CharField(max_length=300, blank=True)
    area = models.GeometryField(srid=4326, null=True)
    # Directed edges [from node, to node, key], and how they ran: a newer street file may have
    # other numbers there.
    edges = models.JSONField(default=list)
    course = models.MultiLineStringField(srid=4326, null=True)
    # Names of the streets when it was made, for the log and for people.
    streets = models.JSONField(default=list)
    kph = models.FloatField(null=True)
    factor = models.FloatField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    # The work order whose trench it is; '' for any other.
    order_number = models.CharField(max_length=20, blank=True, db_index=True)
    by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    # None: only suggested, by the system, and in force nowhere.
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.CharField(max_length=150, blank=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    lift_reason = models.CharField(max_length=300, blank=True)
    # What listeners were told last of its beginning and end: '', 'began', 'ended'.
    told = models.CharField(max_length=8, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(area__isnull=True) ^ Q(course__isnull=True),
                name="a_street_change_is_an_area_or_streets",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="a_street_change_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(kind="closed", kph__isnull=True, factor__isnull=True)
                | Q(kind="slowed", kph__gt=0, factor__isnull=True)
                | Q(kind="slowed", kph__isnull=True, factor__gt=0, factor__lt=1),
                name="a_slow_street_has_one_speed",
            ),
            # A trench is suggested once, however often the news of it is read.
            models.UniqueConstraint(
                fields=["order_number"],
                condition=~Q(order_number="") & Q(lifted_at__isnull=True),
                name="one_open_change_of_a_trench",
            ),
        ]
        indexes = [
            models.Index(fields=["lifted_at", "ends_at"], name="street_change_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def state(self, at: datetime) -> str:
        """suggested, planned, in_force, ended (by its time) or lifted (by somebody)."""
        if self.lifted_at is not None:
            return "lifted"
        if self.accepted_at is None:
            return "suggested"
        if self.ends_at is not None and self.ends_at <= at:
            return "ended"
        return "planned" if self.starts_at > at else "in_force"


class StreetEpoch(models.Model):
    """One row that a trigger gives another value with every write to the changes.

    Each process asks for it at most every half second, and reads the changes when it differs. A
    random value and no counter: a number that was rolled back would come again with other content.
    """

    id = models.PositiveSmallIntegerField(primary_key=True)
    value = models.UUIDField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_street_epoch"),
        ]
