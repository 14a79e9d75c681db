"""Reports of trouble put on the mains, and the bursts they make probable."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class Alert(models.Model):
    """A burst that nobody has reported as one, but that the calls make probable (疑似爆管)."""

    class State(models.TextChoices):
        OPEN = "open", _("to be decided")
        CONFIRMED = "confirmed", _("taken up")
        DISMISSED = "dismissed", _("dismissed")
        EXPIRED = "expired", _("died down")

    class Method(models.TextChoices):
        TOPOLOGY = "topology_only", _("from the mains alone")
        HYDRAULICS = "hydraulics", _("with simulated pressures")

    number = models.CharField(max_length=20, unique=True, null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    # Premises that called, and how many would have at the usual rate.
    calls = models.PositiveIntegerField(default=0)
    expected = models.FloatField(default=0)
    chance = models.FloatField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    address = models.CharField(max_length=200, blank=True)
    geom = models.PointField(srid=4326)
    # Mains in reach of its calls: who lives there is told that it is known.
    reach = models.JSONField(default=list)
    # Ranked mains: [{"pipe", "probability", "reasons": [{"code", "values"}]}], best first.
    candidates = models.JSONField(default=list)
    method = models.CharField(max_length=16, choices=Method.choices, default=Method.TOPOLOGY)
    # Why there is no simulation, where there is none.
    method_note = models.CharField(max_length=200, blank=True)
    # How many calls the order of the mains was reckoned from, and the simulation.
    ranked_calls = models.PositiveIntegerField(default=0)
    simulated_calls = models.PositiveIntegerField(default=0)
    incident = models.ForeignKey(
        "tickets.Incident", null=True, on_delete=models.PROTECT, related_name="burst_alerts"
    )
    pipe = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    raised_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["state"], condition=models.Q(state="open"), name="open_burst_alerts"
            )
        ]

    def __str__(self) -> str:
        return self.number or f"alert {self.pk}"


class Report(models.Model):
    """A ticket as the clusters see it: where on the mains, when, and with whom it belongs.

    `cluster` is the id of the earliest core report of its cluster (gis_data.bursts.clusters).
    One from inside an open shut-off confirms that shut-off and counts for no cluster.
    """

    ticket = models.OneToOneField(
        "tickets.Ticket", on_delete=models.CASCADE, related_name="burst_report"
    )
    kind = models.CharField(max_length=16)
    premise = models.CharField(max_length=60, blank=True)
    pipe = models.CharField(max_length=60)
    measure = models.FloatField()
    geom = models.PointField(srid=4326)
    at = models.DateTimeField(db_index=True)
    core = models.BooleanField(default=False)
    cluster = models.BigIntegerField(null=True, db_index=True)
    alert = models.ForeignKey(Alert, null=True, on_delete=models.SET_NULL, related_name="reports")
    # Number of the shut-off it confirms; '' where it is trouble of its own.
    confirms = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["id"]
