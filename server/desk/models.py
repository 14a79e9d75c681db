"""Who talked with a caller: one row for each telephone of ours that was in the call."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Leg(models.Model):
    """A stretch in which an agent's telephone was in a call. All agents of a call are credited."""

    class How(models.TextChoices):
        QUEUE = "queue", _("from the queue")
        TRANSFER = "transfer", _("handed over")
        BACK = "back", _("came back")
        RESUME = "resume", _("page loaded again")
        CONSULT = "consult", _("asked")

    call = models.ForeignKey("calls.Call", on_delete=models.CASCADE, related_name="legs")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="legs"
    )
    extension = models.CharField(max_length=8)
    channel = models.CharField(max_length=80)
    how = models.CharField(max_length=8, choices=How.choices)
    answered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["answered_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["call", "channel"], name="one_leg_a_channel")
        ]
