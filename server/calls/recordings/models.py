"""What is kept of the sound of a call, who stopped it, what is missing, who listened in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _

from server.calls.models import Call, Recording


class SoundFile(models.Model):
    """One sealed file: both voices, one of them, or a message. See vault.py for its form.

    `peaks` has the loudest sample of each tenth of a second, one byte of 0 to 255 each.
    """

    class Leg(models.TextChoices):
        BOTH = "both", _("both voices")
        CALLER = "caller", _("the caller alone")
        AGENT = "agent", _("the agent alone")
        MESSAGE = "message", _("the message")

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="files")
    leg = models.CharField(max_length=8, choices=Leg.choices)
    # Below the folder of recordings; never what somebody sent us.
    name = models.CharField(max_length=140)
    key_id = models.CharField(max_length=16, db_index=True)
    # Of the plain sound; `stored` is what the sealed file takes.
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    stored = models.PositiveBigIntegerField()
    seconds = models.FloatField()
    peaks = models.BinaryField(default=bytes)
    # Asterisk was killed while it wrote: the length in the header had to be put right.
    repaired = models.BooleanField(default=False)
    kept_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recording", "leg"], name="one_file_for_each_leg")
        ]


class Keeping(models.Model):
    """How long a recording is kept, and why it is gone."""

    recording = models.OneToOneField(
        Recording, on_delete=models.CASCADE, primary_key=True, related_name="keeping"
    )
    # A code of retention.py. Chosen by a person it stays; else it follows the call.
    retention = models.CharField(max_length=12, default="standard")
    chosen_by = models.CharField(max_length=150, blank=True)
    keep_until = models.DateTimeField(db_index=True)
    removed_at = models.DateTimeField(null=True)
    removed_why = models.CharField(max_length=40, blank=True)


class Hold(models.Model):
    """A legal hold: nothing of the recording is removed until it is lifted."""

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="holds")
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    lifted_why = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recording"], condition=models.Q(lifted_at=None), name="one_hold_at_a_time"
            )
        ]


class Pause(models.Model):
    """The recording was silent: payment data were spoken."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="pauses")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=150)
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["call"], condition=models.Q(ended_at=None), name="one_pause_at_a_time"
            )
        ]


class Gap(models.Model):
    """An answered call whose sound is missing, or shorter than the talk."""

    class Kind(models.TextChoices):
        MISSING = "missing", _("no recording")
        SHORT = "short", _("shorter than the talk")

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="gap")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    found_at = models.DateTimeField()
    # Seconds of talk without sound.
    seconds = models.FloatField()
    # found: the file turned up; seen: a person knows why it is missing.
    closed_at = models.DateTimeField(null=True)
    closed_how = models.CharField(max_length=8, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-found_at"]


class Alarm(models.Model):
    """Something a person has to put right; one row from its beginning to its end."""

    code = models.CharField(max_length=24)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["code"], condition=models.Q(closed_at=None), name="one_alarm_of_a_kind"
            )
        ]


class TalkTime(models.Model):
    """Seconds agents talked in a call, by Asterisk's own count."""

    call = models.OneToOneField(
        Call, on_delete=models.CASCADE, primary_key=True, related_name="talk_time"
    )
    seconds = models.FloatField(default=0)
    parts = models.PositiveSmallIntegerField(default=0)


class Supervision(models.Model):
    """A supervisor listens in, whispers to the agent, or speaks with both."""

    class Mode(models.TextChoices):
        LISTEN = "listen", _("listening")
        WHISPER = "whisper", _("whispering to the agent")
        BARGE = "barge", _("speaking with both")

    # The name of the supervisor's channel at Asterisk, chosen by us.
    channel = models.CharField(max_length=64, unique=True)
    supervisor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="supervisions"
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="supervised"
    )
    call = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL, related_name="+")
    mode = models.CharField(max_length=8, choices=Mode.choices)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    # Since when it goes on in this mode.
    mode_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["supervisor"],
                condition=models.Q(ended_at=None),
                name="one_supervision_at_a_time",
            )
        ]
