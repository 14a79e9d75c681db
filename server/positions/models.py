"""Devices, their tracks, where each was last, fences and what was refused."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _

from server.workforce.models import Crew, Vehicle


class Device(models.Model):
    """What sends positions under one account: a crew's phone, a unit built into a vehicle.

    A row follows every `Crew.device` and `Vehicle.unit` by itself (roster.adopt); others are
    registered. The account's name at the broker is `name`.
    """

    class Kind(models.TextChoices):
        PHONE = "phone", _("Crew phone")
        TRACKER = "tracker", _("Vehicle tracker")
        OTHER = "other", _("Other device")

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    crew = models.ForeignKey(Crew, null=True, on_delete=models.SET_NULL, related_name="devices")
    vehicle = models.ForeignKey(
        Vehicle, null=True, on_delete=models.SET_NULL, related_name="devices"
    )
    # Mosquitto's line for the secret ($7$...): the broker's file can be written again from it, and
    # the HTTP door asks it too. Empty for crew phones, whose secret is the crew's.
    credential = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True)
    revoked_why = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Fix(models.Model):
    """One position as reported: the track, in one partition for each day (UTC) of `fix_time`.

    `flag` says why it was not used for dispatch ('' it was). Never written through this class:
    storing.py does, and partitions.py makes and drops the days.
    """

    pk = models.CompositePrimaryKey("device", "fix_time", "seq")
    device = models.ForeignKey(Device, on_delete=models.DO_NOTHING, db_constraint=False)
    fix_time = models.DateTimeField()  # the satellites' clock
    seq = models.BigIntegerField()
    device_time = models.DateTimeField()  # the device's clock
    received_at = models.DateTimeField()  # ours
    lon = models.FloatField()
    lat = models.FloatField()
    accuracy_m = models.FloatField()
    speed_mps = models.FloatField(null=True)
    heading = models.FloatField(null=True)
    battery = models.FloatField(null=True)
    engine = models.BooleanField(null=True)
    flag = models.CharField(max_length=20)

    class Meta:
        managed = False
        db_table = "positions_fix"


class Last(models.Model):
    """The newest trusted fix of each device, and what the next one is judged by."""

    device = models.OneToOneField(
        Device, primary_key=True, on_delete=models.CASCADE, related_name="last"
    )
    fix_time = models.DateTimeField()
    device_time = models.DateTimeField()
    received_at = models.DateTimeField()
    lon = models.FloatField()
    lat = models.FloatField()
    accuracy_m = models.FloatField()
    speed_mps = models.FloatField(null=True)
    heading = models.FloatField(null=True)
    battery = models.FloatField(null=True)
    engine = models.BooleanField(null=True)
    # Seconds by which the device's clock is ahead of ours.
    skew_s = models.FloatField(default=0)
    # "Impossible" fixes that agree with each other may be right after all; see mqtt/positions.py.
    suspect_time = models.DateTimeField(null=True)
    suspect_lon = models.FloatField(null=True)
    suspect_lat = models.FloatField(null=True)
    suspects = models.PositiveSmallIntegerField(default=0)


class Refusal(models.Model):
    """How many messages of a device were refused, by reason: nothing is dropped silently."""

    device = models.CharField(max_length=64)
    reason = models.CharField(max_length=60)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    last_text = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "reason"], name="one_row_a_reason")
        ]


class TrackDay(models.Model):
    """A day whose track was thinned out, with the rows before and after."""

    day = models.DateField(primary_key=True)
    thinned_at = models.DateTimeField(auto_now_add=True)
    before = models.PositiveBigIntegerField()
    after = models.PositiveBigIntegerField()


class Fence(models.Model):
    """An area whose borders are watched. Open incidents have one of their own, without a row."""

    class Kind(models.TextChoices):
        DEPOT = "depot", _("Depot")
        DISTRICT = "district", _("District")
        DANGER = "danger", _("Danger area")
        OTHER = "other", _("Other area")

    name = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    geom = models.PolygonField(srid=4326)
    # Whoever stays longer is told of; null: nobody is.
    dwell_s = models.PositiveIntegerField(null=True)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Presence(models.Model):
    """Who is inside which fence now. `subject` is "crew:3", or "device:7" where nobody drives."""

    subject = models.CharField(max_length=40)
    fence = models.CharField(max_length=40)  # "fence:3" or "incident:9"
    entered_at = models.DateTimeField()
    dwelt_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "fence"], name="inside_a_fence_once")
        ]


class Motion(models.Model):
    """Whether a subject drives or stands, and since when."""

    class State(models.TextChoices):
        MOVING = "moving", _("Moving")
        STANDING = "standing", _("Standing")
        IDLING = "idling", _("Standing with the engine on")

    subject = models.CharField(max_length=40, primary_key=True)
    state = models.CharField(max_length=10, choices=State.choices)
    since = models.DateTimeField()
