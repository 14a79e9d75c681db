"""Crews, what they can do, when they work, what they drive, and where they were last seen."""

from __future__ import annotations

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.contrib.postgres.indexes import BrinIndex
from django.db.models import F, Func
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class Skill(models.TextChoices):
    VALVE = "valve", _("Valves")
    REPAIR = "repair", _("Pipe repair")
    LARGE_PIPE = "large_pipe", _("Pipe over DN300")
    WELDING = "welding", _("Welding")
    CONFINED = "confined_space", _("Confined space")
    SAMPLING = "sampling", _("Water sampling")
    METER = "meter", _("Meters")
    JETTING = "jetting", _("Jetting")


class Crew(models.Model):
    class State(models.TextChoices):
        OFF_DUTY = "off_duty", _("Off duty")
        AVAILABLE = "available", _("Available")
        ASSIGNED = "assigned", _("Assigned")
        EN_ROUTE = "en_route", _("En route")
        ON_SITE = "on_site", _("On site")
        BREAK = "break", _("Break")
        OUT_OF_SERVICE = "out_of_service", _("Out of service")

    code = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="crew"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.AVAILABLE)
    area = models.ForeignKey("accounts.Area", null=True, on_delete=models.SET_NULL)
    base = models.PointField(srid=4326)
    # The device that speaks for the crew over MQTT.
    device = models.CharField(max_length=64, unique=True)
    mqtt_password = models.CharField(max_length=64, blank=True)
    # Version of the order list last sent; it only grows.
    orders_version = models.PositiveBigIntegerField(default=0)
    max_diameter_mm = models.PositiveIntegerField(default=300)

    # What queries add to a row: selectors.crews the first two, dispatch the others.
    on_shift: bool
    now_shifts: list[Shift]
    holding: int
    jobs_today: int

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name

    @property
    def shown(self) -> str:
        """The name in the reader's language."""
        chinese = (get_language() or "").startswith("zh")
        return self.name_zh if chinese and self.name_zh else self.name


class CrewSkill(models.Model):
    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="skills")
    skill = models.CharField(max_length=20, choices=Skill.choices)
    expires_on = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["crew", "skill"], name="one_skill_row")]


class Vehicle(models.Model):
    plate = models.CharField(max_length=16, unique=True)
    kind = models.CharField(max_length=30)
    crew = models.OneToOneField(
        Crew, null=True, on_delete=models.SET_NULL, related_name="vehicle"
    )


class Stock(models.Model):
    """Repair clamps and couplings by diameter on a crew's vehicle."""

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="stock")
    item = models.CharField(max_length=20, default="clamp")
    diameter_mm = models.PositiveIntegerField()
    quantity = models.PositiveIntegerField(default=0)


class Shift(models.Model):
    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="shifts")
    starts = models.DateTimeField()
    ends = models.DateTimeField()

    class Meta:
        ordering = ["starts"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends__gt=F("starts")), name="a_shift_ends_after_it_starts"
            ),
            ExclusionConstraint(
                name="no_overlapping_shifts",
                expressions=[
                    (
                        Func("starts", "ends", function="TSTZRANGE"),
                        RangeOperators.OVERLAPS,
                    ),
                    ("crew", RangeOperators.EQUAL),
                ],
            ),
        ]


class CrewPosition(models.Model):
    """The latest trusted fix of a crew: what the map shows and dispatch ranks by."""

    crew = models.OneToOneField(
        Crew, on_delete=models.CASCADE, primary_key=True, related_name="position"
    )
    fix_time = models.DateTimeField()
    device_time = models.DateTimeField()
    received_at = models.DateTimeField()
    accuracy_m = models.FloatField(default=0)
    speed_mps = models.FloatField(null=True)
    heading = models.FloatField(null=True)
    battery = models.FloatField(null=True)
    geom = models.PointField(srid=4326)


class Fix(models.Model):
    """One position as reported: the track. `flag` says why it was not used for dispatch."""

    device = models.CharField(max_length=64)
    message_id = models.UUIDField()
    seq = models.BigIntegerField()
    fix_time = models.DateTimeField()
    device_time = models.DateTimeField()
    received_at = models.DateTimeField()
    lon = models.FloatField()
    lat = models.FloatField()
    accuracy_m = models.FloatField(default=0)
    speed_mps = models.FloatField(null=True)
    heading = models.FloatField(null=True)
    flag = models.CharField(max_length=20, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["device", "fix_time"], name="fix_track"),
            BrinIndex(fields=["fix_time"], name="fix_by_time"),
        ]
        constraints = [
            # A repeat of an old fix is recognised too, not only of the last one.
            models.UniqueConstraint(fields=["device", "fix_time", "seq"], name="one_fix_once")
        ]


class IngestRefusal(models.Model):
    """How many messages of a device were refused, by reason: nothing is dropped silently."""

    device = models.CharField(max_length=64)
    reason = models.CharField(max_length=60)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    last_text = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "reason"], name="one_refusal_row")
        ]
