"""Texts to customers and to the people responsible."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SmsMessage(models.Model):
    """One text to one number. `dedupe` makes telling somebody the same thing twice impossible."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")
        # The gateway did not answer in time: it may have gone out. Never re-sent blindly.
        UNKNOWN = "unknown", _("unknown")

    to = models.CharField(max_length=24)
    body = models.TextField()
    language = models.CharField(max_length=10, default="en")
    template = models.CharField(max_length=40)
    dedupe = models.CharField(max_length=160, unique=True)
    ticket = models.CharField(max_length=20, blank=True)
    audience = models.CharField(max_length=12, default="customer")  # customer, staff
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    gateway_id = models.CharField(max_length=80, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    next_try_at = models.DateTimeField(null=True, db_index=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
