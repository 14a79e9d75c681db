"""What the forecast learns from and what it said: calls by half hour, days out of line, runs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class DayCounts(models.Model):
    """Offered calls of one local day in 48 half hours. `queue` is empty for all queues together."""

    class Source(models.TextChoices):
        CALLS = "calls", _("counted here")
        IMPORT = "import", _("imported")

    queue = models.CharField(max_length=20, blank=True)
    on = models.DateField()
    counts = models.JSONField()
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.CALLS)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["queue", "on"], name="one_count_for_queue_and_day")
        ]


class DayNote(models.Model):
    """What makes a day unlike others: a holiday, a make-up workday, frost, a storm of calls."""

    class Kind(models.TextChoices):
        PLAIN = "", _("as its weekday")
        HOLIDAY = "holiday", _("holiday")
        WORKDAY = "workday", _("works although it is a weekend")

    on = models.DateField(unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices, blank=True)
    name = models.CharField(max_length=80, blank=True)
    # Null: the rule decides. Whoever sets it overrules the rule.
    outlier = models.BooleanField(null=True)
    # storm, total; or "hand".
    outlier_why = models.CharField(max_length=10, blank=True)
    lowest_c = models.FloatField(null=True)
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["on"]


class Run(models.Model):
    """What was forecast for the days from `on`, before anything of them had happened.

    `days`: [{"on", "expected": [48], "low": [48], "high": [48]}]; null where nothing is known.
    """

    queue = models.CharField(max_length=20, blank=True)
    on = models.DateField()
    made_at = models.DateTimeField()
    show = models.CharField(max_length=5)  # model, naive
    why = models.CharField(max_length=14)
    weeks = models.FloatField()
    measures = models.JSONField(default=dict)
    day_spread = models.FloatField(default=0.05)
    days = models.JSONField(default=list)

    class Meta:
        ordering = ["-on"]
        constraints = [
            models.UniqueConstraint(fields=["queue", "on"], name="one_run_for_queue_and_day")
        ]


class AgentShift(models.Model):
    """When an agent is planned to be at the telephone; paid from start to end."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="agent_shifts"
    )
    starts = models.DateTimeField()
    ends = models.DateTimeField()

    class Meta:
        ordering = ["starts", "pk"]
        indexes = [models.Index(fields=["starts", "ends"], name="agent_shift_by_time")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends__gt=models.F("starts")), name="agent_shift_has_length"
            )
        ]
