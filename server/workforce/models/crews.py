"""Crews, what they can do, what they drive, and where they were last seen."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField
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
    # When a break or a time out of service is to end; the clock ends it then.
    state_until = models.DateTimeField(null=True)
    area = models.ForeignKey("accounts.Area", null=True, on_delete=models.SET_NULL)
    base = models.PointField(srid=4326)
    # The device that speaks for the crew over MQTT.
    device = models.CharField(max_length=64, unique=True)
    mqtt_password = models.CharField(max_length=64, blank=True)
    # Version of the order list last sent; it only grows.
    orders_version = models.PositiveBigIntegerField(default=0)
    max_diameter_mm = models.PositiveIntegerField(default=300)
    # Whether it was on shift when that was last told (turns.py); of now the roster speaks.
    at_work = models.BooleanField(default=False)
    # From then on it is in no list any more; what it did stays on record.
    disbanded_at = models.DateTimeField(null=True)

    # What queries add to a row: selectors.crews the first two, dispatch the others.
    on_shift: bool
    now_shifts: list[Any]
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
    """What a crew may do whose members are not registered; with members, theirs count alone."""

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="skills")
    skill = models.CharField(max_length=20, choices=Skill.choices)
    expires_on = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["crew", "skill"], name="one_skill_row")]


class Vehicle(models.Model):
    """A service vehicle with what is on it. `crew` drives it unless a shift names another."""

    class Equipment(models.TextChoices):
        JETTING = "jetting", _("Jetting")
        EXCAVATOR = "excavator", _("Excavator")
        CRANE = "crane", _("Crane")
        SIGNS = "traffic_signs", _("Traffic signs")
        PUMP = "pump", _("Pump")
        GENERATOR = "generator", _("Generator")

    plate = models.CharField(max_length=16, unique=True)
    kind = models.CharField(max_length=30)
    crew = models.OneToOneField(
        Crew, null=True, on_delete=models.SET_NULL, related_name="vehicle"
    )
    # The tracker built into the vehicle, as it names itself; null where there is none.
    unit = models.CharField(max_length=64, null=True, unique=True)
    equipment = ArrayField(
        models.CharField(max_length=20, choices=Equipment.choices), default=list, blank=True
    )
    # The largest valve (DN) each key on board turns; empty where nobody has written it down.
    valve_keys_mm = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    inspection_due = models.DateField(null=True)
    # Why it cannot be driven; empty while it can.
    out_of_service = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["plate"]

    def __str__(self) -> str:
        return self.plate


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
    # Without an index: a city's crews are read in one go, and an index would cost every move.
    geom = models.PointField(srid=4326, spatial_index=False)
