"""Premises, accounts, meters, and the telephone numbers they call from."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.utils.translation import gettext_lazy as _

from server.network.models import tiled


class UseClass(models.TextChoices):
    HOME = "home", _("Home")
    HOSPITAL = "hospital", _("Hospital")
    DIALYSIS = "dialysis", _("Dialysis")
    SCHOOL = "school", _("School")
    CARE = "care", _("Care home")
    SHOP = "shop", _("Shop")
    OFFICE = "office", _("Office")


class Premise(models.Model):
    """A place where water is used. Its class puts it on the priority register or not."""

    code = models.CharField(max_length=60, unique=True)
    address = models.CharField(max_length=200)
    street = models.CharField(max_length=120, blank=True)
    number = models.CharField(max_length=20, blank=True)
    use = models.CharField(max_length=12, choices=UseClass.choices, default=UseClass.HOME)
    name = models.CharField(max_length=120, blank=True)
    persons = models.PositiveIntegerField(default=1)
    floors = models.PositiveSmallIntegerField(default=1)
    # Hours the premise can live on its own storage; 0 where there is none.
    storage_hours = models.FloatField(default=0)
    geom = models.PointField(srid=4326)
    geom_3857 = tiled(models.PointField(srid=3857, spatial_index=False))

    class Meta:
        indexes = [GistIndex(fields=["geom_3857"], name="premise_tile")]

    def __str__(self) -> str:
        return self.address


class Account(models.Model):
    number = models.CharField(max_length=20, unique=True)
    premise = models.ForeignKey(Premise, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=10, default="en")
    balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    balance_at = models.DateField(null=True)
    active = models.BooleanField(default=True)
    sms_consent = models.BooleanField(default=True)
    # Monthly use in cubic metres, oldest first, at most 24.
    usage_m3 = models.JSONField(default=list)

    class Meta:
        indexes = [
            GinIndex(fields=["name"], name="account_name", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Phone(models.Model):
    """A number an account calls from, normalised (see phones.py)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="phones")
    number = models.CharField(max_length=24, db_index=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="one_number_per_account")
        ]


class Meter(models.Model):
    serial = models.CharField(max_length=40, unique=True)
    premise = models.ForeignKey(Premise, on_delete=models.PROTECT, related_name="meters")
    diameter_mm = models.FloatField(default=20)
    installed_on = models.DateField(null=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["premise"], condition=models.Q(active=True), name="one_active_meter"
            )
        ]
