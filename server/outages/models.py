"""Shut-offs: the plan, the valves as turned in the field, and the ledger of minutes."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class ShutOff(models.Model):
    """A stretch of network without water, planned or not (停水)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("planned on paper")
        ACTIVE = "active", _("off")
        PARTLY_RESTORED = "partly_restored", _("partly back")
        RESTORED = "restored", _("back")
        CANCELLED = "cancelled", _("cancelled")

    number = models.CharField(max_length=20, unique=True, null=True)
    # One that is open; trouble that comes back needs another, with minutes of its own.
    incident = models.ForeignKey(
        "tickets.Incident", null=True, on_delete=models.PROTECT, related_name="shut_offs"
    )
    planned = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    target = models.CharField(max_length=60)
    # The plan in force, as gis_data computed it: ids only (see plans.py for the shape).
    plan = models.JSONField(default=dict)
    hydraulics = models.JSONField(default=dict)
    network_version = models.PositiveIntegerField(default=0)
    notice_from = models.DateTimeField(null=True)
    notice_to = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    expected_back_at = models.DateTimeField(null=True)
    restored_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                condition=~models.Q(state__in=["restored", "cancelled"]),
                name="one_open_shut_off_per_incident",
            )
        ]

    def __str__(self) -> str:
        return self.number or f"shut-off {self.pk}"


class ValveTask(models.Model):
    """One valve of a shut-off and what really happened to it in the field (阀门操作)."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("to close")
        CLOSED = "closed", _("closed")
        CANNOT_CLOSE = "cannot_close", _("cannot close")
        REOPENED = "reopened", _("reopened")
        DROPPED = "dropped", _("no longer needed")

    shut_off = models.ForeignKey(ShutOff, on_delete=models.CASCADE, related_name="valves")
    asset = models.CharField(max_length=60)
    sequence = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=14, choices=State.choices, default=State.REQUESTED)
    minimal = models.BooleanField(default=True)
    reason = models.CharField(max_length=120, blank=True)
    turns = models.PositiveSmallIntegerField(null=True)
    done_at = models.DateTimeField(null=True)
    reversed_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["sequence", "id"]
        constraints = [
            models.UniqueConstraint(fields=["shut_off", "asset"], name="one_task_per_valve")
        ]


class PremiseOff(models.Model):
    """A premise inside a shut-off: since when it is without water and when it came back.

    Customer-minutes lost are the union of these intervals per premise, never an estimate.
    """

    shut_off = models.ForeignKey(ShutOff, on_delete=models.CASCADE, related_name="premises")
    premise = models.ForeignKey("customers.Premise", on_delete=models.PROTECT)
    off_at = models.DateTimeField(null=True)
    on_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shut_off", "premise"], name="one_row_per_premise")
        ]
        indexes = [
            models.Index(
                fields=["premise"],
                condition=models.Q(off_at__isnull=False, on_at__isnull=True),
                name="premise_off_now",
            )
        ]
