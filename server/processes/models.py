"""What goes on beside the calls: defects of assets, digs of third parties, claims for damage."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class Defect(models.Model):
    """Something wrong with an asset that has to be put right by a day (缺陷)."""

    class Kind(models.TextChoices):
        SEIZED = "seized", _("will not turn")
        LEAKING = "leaking", _("leaks")
        BURIED = "buried", _("paved over")
        COVER = "cover", _("cover missing or broken")
        CORRODED = "corroded", _("corroded")
        FLOODED = "flooded", _("chamber flooded")
        MARKING = "marking", _("plate missing")
        BLOCKED = "blocked", _("silted up")
        OTHER = "other", _("something else")

    class Severity(models.TextChoices):
        CRITICAL = "critical", _("critical")
        HIGH = "high", _("high")
        MEDIUM = "medium", _("medium")
        LOW = "low", _("low")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DEFERRAL_ASKED = "deferral_asked", _("to be put off?")
        DEFERRED = "deferred", _("put off")
        ORDERED = "ordered", _("work order given")
        FIXED = "fixed", _("put right")
        REJECTED = "rejected", _("none found")
        MERGED = "merged", _("same as another")

    number = models.CharField(max_length=20, unique=True, null=True)
    asset = models.CharField(max_length=60, db_index=True)
    asset_kind = models.CharField(max_length=12)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    note = models.TextField(blank=True)
    found_at = models.DateTimeField()
    found_by = models.CharField(max_length=150, blank=True)
    due_on = models.DateField()
    deferred_to = models.DateField(null=True)
    deferral_reason = models.CharField(max_length=300, blank=True)
    deferral_asked_by = models.CharField(max_length=150, blank=True)
    deferral_approved_by = models.CharField(max_length=150, blank=True)
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    # The work it became hangs on an incident like all work of crews.
    incident = models.ForeignKey("tickets.Incident", null=True, on_delete=models.PROTECT)
    settled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=0)
    geom = models.PointField(srid=4326)

    class Meta:
        ordering = ["due_on", "id"]

    def __str__(self) -> str:
        return self.number or f"defect {self.pk}"


class DigPermit(models.Model):
    """Leave for a third party to dig in an area for a time."""

    number = models.CharField(max_length=40, unique=True)
    holder = models.CharField(max_length=120)
    purpose = models.CharField(max_length=200, blank=True)
    conditions = models.TextField(blank=True)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    geom = models.MultiPolygonField(srid=4326)

    class Meta:
        ordering = ["-valid_from", "id"]

    def __str__(self) -> str:
        return self.number


class Dig(models.Model):
    """Somebody digs near the mains (施工举报): what lies there, and whether they may."""

    incident = models.OneToOneField(
        "tickets.Incident", on_delete=models.CASCADE, related_name="dig"
    )
    permit = models.ForeignKey(DigPermit, null=True, on_delete=models.PROTECT)
    verdict = models.CharField(max_length=12)  # permitted, danger, near_main, clear
    # Mains within reach, nearest first: [{asset, distance_m, diameter_mm, trunk}].
    mains = models.JSONField(default=list)
    checked_at = models.DateTimeField()
    geom = models.GeometryField(srid=4326)

    class Meta:
        ordering = ["-id"]


class DamageClaim(models.Model):
    """What a third party's damage cost, item by item, until it is paid or dropped."""

    class State(models.TextChoices):
        OPEN = "open", _("being put together")
        SENT = "sent", _("sent")
        PAID = "paid", _("paid")
        DROPPED = "dropped", _("dropped")

    number = models.CharField(max_length=20, unique=True, null=True)
    incident = models.ForeignKey("tickets.Incident", on_delete=models.PROTECT)
    asset = models.CharField(max_length=60, blank=True)
    liable = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    # [{"what", "amount"}], amounts as text with two decimals in the utility's currency.
    items = models.JSONField(default=list)
    total = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    water_m3 = models.FloatField(null=True)
    note = models.TextField(blank=True)
    by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number or f"claim {self.pk}"
