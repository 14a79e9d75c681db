"""Display boards, and what people put on them by hand. What the network says goes on by itself."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Panel(models.Model):
    """A board of LEDs behind a controller that listens on a TCP port.

    `columns` in dots, a multiple of 8; `rows` of 16 dots each.
    """

    name = models.CharField(max_length=40, unique=True)
    host = models.CharField(max_length=120)
    port = models.PositiveIntegerField()
    columns = models.PositiveSmallIntegerField(default=192)
    rows = models.PositiveSmallIntegerField(default=2)
    language = models.CharField(max_length=8, default="zh-hans")
    # What it shows, as a digest of the bytes sent; empty when nobody knows.
    shows = models.CharField(max_length=64, blank=True)
    online = models.BooleanField(default=False)
    # Changes that came while it could not be reached; only the last of them will be sent.
    missed = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]


class Bulletin(models.Model):
    """A text put on the boards by hand, until a time."""

    class Kind(models.TextChoices):
        OUTAGE = "outage", _("water off")
        PRESSURE = "low_pressure", _("low pressure")
        REPAIR = "repair", _("repair")
        NOTICE = "notice", _("notice")

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.NOTICE)
    text = models.CharField(max_length=200)
    # 1 comes back after every two others.
    priority = models.PositiveSmallIntegerField(default=3)
    until = models.DateTimeField()
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["priority", "-at"]
