"""Telephone calls: who rang, what we knew before saying hello, who answered, what was recorded."""

from __future__ import annotations

from django.conf import settings
from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class Call(models.Model):
    """One call from a customer. `call_id` is Asterisk's unique id with the system's name in it."""

    class State(models.TextChoices):
        RINGING = "ringing", _("ringing")
        IVR = "ivr", _("hearing the notice")
        QUEUED = "queued", _("waiting")
        TALKING = "talking", _("talking")
        MESSAGE = "message", _("leaving a message")
        ENDED = "ended", _("ended")

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("answered")
        ABANDONED = "abandoned", _("hung up before an answer")
        MESSAGE = "message", _("left a message")
        INFORMED = "informed", _("heard the notice and hung up")

    call_id = models.CharField(max_length=64, unique=True)
    channel_id = models.CharField(max_length=64, blank=True, db_index=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RINGING)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    # As it came; the normalised form is in `phone`. Hidden numbers leave both empty.
    raw_number = models.CharField(max_length=80, blank=True)
    phone = models.CharField(max_length=24, blank=True, db_index=True)
    name = models.CharField(max_length=80, blank=True)
    called = models.CharField(max_length=24, blank=True)
    keys = models.CharField(max_length=20, blank=True)
    identity = models.CharField(max_length=8, default="none")  # one, many, none, hidden
    account = models.ForeignKey("customers.Account", null=True, on_delete=models.SET_NULL)
    premise = models.ForeignKey("customers.Premise", null=True, on_delete=models.SET_NULL)
    segment = models.IntegerField(null=True)
    verdict = models.CharField(max_length=20, default="nothing_known")
    verdict_data = models.JSONField(default=dict)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="calls"
    )
    draft = models.JSONField(default=dict)
    # Where the caller's telephone says it is, shared once by the link we texted:
    # {"lon", "lat", "accuracy_m", "at"}; {"asked_at"} while it is awaited.
    location = models.JSONField(default=dict)
    contact = models.OneToOneField(
        "tickets.Contact", null=True, on_delete=models.SET_NULL, related_name="call"
    )
    started_at = models.DateTimeField(db_index=True)
    popped_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Rebuilt from Asterisk's own files after our side had been away.
    recovered = models.BooleanField(default=False)

    class Meta:
        ordering = ["-started_at"]


class Recording(models.Model):
    """The sound of a call, with its checksum. Every play is written to the audit log."""

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="recording")
    file = models.CharField(max_length=120)
    seconds = models.FloatField()
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, default="call")  # call, message
    created_at = models.DateTimeField(auto_now_add=True)


class AgentState(models.Model):
    """What an agent is doing now, as the queue knows it."""

    class State(models.TextChoices):
        READY = "ready", _("ready")
        RINGING = "ringing", _("ringing")
        TALKING = "talking", _("talking")
        WRAP_UP = "wrap", _("wrap-up")
        PAUSED = "paused", _("paused")
        SIGNED_OUT = "signed_out", _("signed out")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="agent_state",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.SIGNED_OUT)
    reason = models.CharField(max_length=40, blank=True)
    since = models.DateTimeField()
    call = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL)


class AgentInterval(models.Model):
    """A stretch of time an agent spent in one state; occupancy is recounted from these."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="agent_intervals"
    )
    state = models.CharField(max_length=10)
    reason = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "started_at"], name="agent_interval_by_time")]
