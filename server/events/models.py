"""The one append-only list of what happened, and who has read it how far."""

from __future__ import annotations

from django.contrib.gis.db import models


class CurrentTransaction(models.Func):
    """The number of the writing transaction, filled in by the database itself."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class Event(models.Model):
    """Something that happened, written in the transaction that made it true.

    `xid` is the writing transaction (filled by the database). Readers order by (xid, id) and stop
    at the oldest transaction still running: with plain `id > last` four concurrent writers lost
    226 of 1,200 events, because ids are given out before they are committed.
    """

    xid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)
    name = models.CharField(max_length=40)
    # Which live stream carries it: calls, incidents, crews, messages, or '' for none.
    topic = models.CharField(max_length=20, blank=True)
    subject = models.CharField(max_length=80, blank=True)
    payload = models.JSONField(default=dict)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["xid", "id"]
        indexes = [
            models.Index(fields=["xid", "id"], name="event_reading_order"),
            models.Index(fields=["subject", "id"], name="event_by_subject"),
            # The time slider counts and jumps by time.
            models.Index(fields=["at"], name="event_by_time"),
        ]


class Cursor(models.Model):
    """How far a subscriber has read. Moved in the transaction of its effect: exactly once."""

    subscriber = models.CharField(max_length=120, primary_key=True)
    xid = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)


class FailedDelivery(models.Model):
    """An event a subscriber could not digest; kept with the reason and tried again."""

    subscriber = models.CharField(max_length=120)
    event = models.ForeignKey(Event, on_delete=models.CASCADE)
    attempts = models.PositiveIntegerField(default=1)
    error = models.TextField()
    next_try_at = models.DateTimeField(null=True, db_index=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "event"], name="one_failure_row")
        ]


class Beat(models.Model):
    """When a process last did something; /health and `standpipe status` read it."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)
