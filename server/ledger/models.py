"""What was said of valves and of water at premises: facts that are added to and never changed."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ValveTurn(models.Model):
    """A valve was found or put in a position. Append-only: a trigger refuses UPDATE and DELETE.

    `at` is when it happened in the street, `recorded_at` when we heard of it.
    """

    class Position(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")
        CANNOT_CLOSE = "cannot_close", _("cannot close")

    asset = models.CharField(max_length=60)
    position = models.CharField(max_length=14, choices=Position.choices)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=150, blank=True)
    # What it was turned for: the number of a shut-off, or a word of whoever asked.
    cause = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["asset", "at"], name="turns_of_a_valve")]


class SupplyFact(models.Model):
    """Somebody or something said that the water of a premise went off or came back.

    Append-only: a trigger refuses UPDATE and DELETE. A mistake is taken back with a `void`, which
    ends what was recorded of that premise and shut-off before it; both stay readable, so that any
    past moment can be asked what was known then.

    `spell` numbers the times a premise went dry within one shut-off: water that came back and went
    off again begins the next. Within a spell the confirmed word beats the modelled one, and of two
    words of one kind the later recorded.
    """

    class Kind(models.TextChoices):
        OFF = "off", _("water off")
        ON = "on", _("water back")
        VOID = "void", _("taken back")

    class Basis(models.TextChoices):
        MODELLED = "modelled", _("modelled")
        CONFIRMED = "confirmed", _("confirmed")

    premise = models.ForeignKey("customers.Premise", on_delete=models.PROTECT, related_name="+")
    # Its number, not the row: outages stand above the ledger.
    shut_off = models.CharField(max_length=20)
    spell = models.PositiveIntegerField(default=1)
    kind = models.CharField(max_length=4, choices=Kind.choices)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    planned = models.BooleanField(default=False)
    basis = models.CharField(max_length=10, choices=Basis.choices, default=Basis.MODELLED)
    by = models.CharField(max_length=150, blank=True)
    # Whose word: a crew, a customer, a meter, or the rule that was applied.
    source = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["premise", "shut_off", "id"], name="facts_of_a_premise"),
            models.Index(fields=["shut_off"], name="facts_of_a_shut_off"),
            # A day's minutes are asked all day: they read what was said of that day, and no more.
            models.Index(fields=["at"], name="facts_of_a_time"),
            models.Index(fields=["recorded_at"], name="facts_recorded_since"),
        ]
