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


class Care(models.TextChoices):
    """Who is looked after with more care than the premise's use says."""

    KEY = "key", _("Key customer")
    MEDICAL = "medical", _("Medical need of water")
    VULNERABLE = "vulnerable", _("Needs help at home")


class Account(models.Model):
    number = models.CharField(max_length=20, unique=True)
    premise = models.ForeignKey(Premise, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=10, default="en")
    active = models.BooleanField(default=True)
    sms_consent = models.BooleanField(default=True)
    care = models.CharField(max_length=12, choices=Care.choices, blank=True)
    # The customer's own second factor, hashed; and how often somebody guessed wrong lately.
    pin_hash = models.CharField(max_length=128, blank=True)
    wrong_factors = models.PositiveSmallIntegerField(default=0)
    wrong_factor_at = models.DateTimeField(null=True)

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
        # The number used last is the one people answer; never the row the database met first.
        ordering = (models.F("last_used_at").desc(nulls_last=True), "id")
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


class Bill(models.Model):
    """One bill. What is open of it is `amount` less `paid`; the balance is the sum of that."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="bills")
    number = models.CharField(max_length=24, unique=True)
    period = models.CharField(max_length=7)  # the month it is for, 2026-10
    issued_on = models.DateField()
    due_on = models.DateField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    paid = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    used_m3 = models.FloatField(default=0)

    class Meta:
        ordering = ["-issued_on", "-id"]
        indexes = [
            models.Index(
                fields=["due_on"], condition=models.Q(paid__lt=models.F("amount")),
                name="open_bill_by_due_day",
            )
        ]  # fmt: skip


class Reading(models.Model):
    """What the meter showed. `estimated` readings were reckoned because nobody could read it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="readings")
    read_on = models.DateField()
    value_m3 = models.FloatField()
    used_m3 = models.FloatField()  # since the reading before
    estimated = models.BooleanField(default=False)

    class Meta:
        ordering = ["read_on"]
        constraints = [
            models.UniqueConstraint(fields=["account", "read_on"], name="one_reading_a_day")
        ]


class BillingCopy(models.Model):
    """What the utility's own billing system last said of an account, for when it does not answer.

    Empty where the bills are kept here.
    """

    account = models.OneToOneField(
        Account, on_delete=models.CASCADE, primary_key=True, related_name="billing_copy"
    )
    statement = models.JSONField()
    taken_at = models.DateTimeField()
