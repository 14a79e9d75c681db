"""Clocks that run against a promise, and the ladder they climb when it is in danger."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Clock(models.Model):
    """One promise with a deadline. `next_at` is the next mark; the clock process asks what is due.

    A partial index over running clocks keeps that one question cheap.
    """

    class Kind(models.TextChoices):
        ANSWER = "answer", _("answer")
        DISPATCH = "dispatch", _("dispatch")
        ARRIVAL = "arrival", _("arrival")
        STOP_WATER = "stop_water", _("stop the water")
        REPAIR = "repair", _("repair")

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        MET = "met", _("met")
        MISSED = "missed", _("missed")
        CANCELLED = "cancelled", _("cancelled")

    kind = models.CharField(max_length=12, choices=Kind.choices)
    subject = models.CharField(max_length=80, db_index=True)  # incident:12 or call:abc
    incident = models.ForeignKey(
        "tickets.Incident", null=True, on_delete=models.CASCADE, related_name="clocks"
    )
    priority = models.CharField(max_length=2, default="P3")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField()
    allowed_s = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_s = models.PositiveIntegerField(default=0)
    pause_reason = models.CharField(max_length=60, blank=True)
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "kind"], name="one_clock_per_promise")
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(state="running"), name="clocks_due"
            )
        ]


class Escalation(models.Model):
    """A step of the ladder that was climbed. Each (clock, level) fires once."""

    clock = models.ForeignKey(Clock, on_delete=models.CASCADE, related_name="escalations")
    level = models.PositiveSmallIntegerField()  # per cent of the time allowed: 80, 100
    at = models.DateTimeField(auto_now_add=True)
    late_s = models.PositiveIntegerField(default=0)
    told = models.JSONField(default=list)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["clock", "level"], name="each_level_fires_once")
        ]
