"""The event log as stretches of time, so that any moment is one look into an index."""

from __future__ import annotations

from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Func, Q


class Span(models.Model):
    """What held of a subject from `begins` until `ends` (open while it still does).

    Derived from the events alone, in their order, by replay.subscribers; never written by others.
    """

    kind = models.CharField(max_length=10)  # of folding.ENDED, and valve
    subject = models.CharField(max_length=80)
    begins = models.DateTimeField()
    ends = models.DateTimeField(null=True)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [
            GistIndex(Func(F("begins"), F("ends"), function="TSTZRANGE"), name="spans_at_a_moment"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(ends=None), name="one_open_span"
            ),
        ]
