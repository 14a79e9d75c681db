"""Incident, contact, ticket: what happened, who told us, what we promised.

An incident is what happened on the network. A contact is one call, message, letter or visit. A
ticket is the promise to one customer. What a crew does is a work order (server.dispatch).
"""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    BURST = "burst", _("Burst main")
    LEAK = "leak", _("Leak")
    NO_WATER = "no_water", _("No water")
    LOW_PRESSURE = "low_pressure", _("Low pressure")
    DISCOLOURED = "discoloured", _("Discoloured water")
    METER = "meter", _("Meter")
    SEWER = "sewer", _("Sewer blockage")
    HYDRANT = "hydrant", _("Hydrant or cover")
    CONSTRUCTION = "construction", _("Digging near a main")
    DEFECT = "defect", _("Defect of an asset")
    PLANNED = "planned", _("Planned works")
    ENQUIRY = "enquiry", _("Enquiry")


class Priority(models.TextChoices):
    P1 = "P1", "P1"
    P2 = "P2", "P2"
    P3 = "P3", "P3"
    P4 = "P4", "P4"


class Incident(models.Model):
    """What happened on the network, at a place."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DISPATCHED = "dispatched", _("crew sent")
        ON_SITE = "on_site", _("crew on site")
        ISOLATED = "isolated", _("isolated")
        REPAIRED = "repaired", _("repaired")
        RESTORED = "restored", _("water back")
        CLOSED = "closed", _("closed")

    number = models.CharField(max_length=20, unique=True, null=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    confirmed_kind = models.CharField(max_length=16, choices=Kind.choices, blank=True)
    priority = models.CharField(max_length=2, choices=Priority.choices, default=Priority.P3)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    address = models.CharField(max_length=200, blank=True)
    # No place is allowed: an unlocated report is still a report.
    geom = models.PointField(srid=4326, null=True)
    pipe = models.CharField(max_length=60, blank=True)
    segment = models.IntegerField(null=True, db_index=True)
    # Trouble in the drains stands on a sewer and on no pipe: no valve can be asked for it.
    sewer = models.CharField(max_length=60, blank=True)
    area = models.ForeignKey("accounts.Area", null=True, on_delete=models.SET_NULL)
    customers_off = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(auto_now_add=True)
    restored_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0)

    # What selectors.open_incidents adds to a row.
    ticket_count: int

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["segment"],
                condition=~models.Q(state="closed"),
                name="open_incident_by_segment",
            )
        ]

    def __str__(self) -> str:
        return self.number or f"incident {self.pk}"


class Contact(models.Model):
    """One time somebody told us something."""

    class Channel(models.TextChoices):
        PHONE = "phone", _("phone")
        SMS = "sms", _("SMS")
        WEB = "web", _("web")
        LETTER = "letter", _("letter")
        VISIT = "visit", _("visit")
        MESSAGE = "message", _("left message")

    channel = models.CharField(max_length=8, choices=Channel.choices, default=Channel.PHONE)
    call_id = models.CharField(max_length=64, blank=True, db_index=True)
    name = models.CharField(max_length=80, blank=True)
    phone = models.CharField(max_length=24, blank=True)
    account = models.ForeignKey("customers.Account", null=True, on_delete=models.SET_NULL)
    premise = models.ForeignKey("customers.Premise", null=True, on_delete=models.SET_NULL)
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.SET_NULL, related_name="contacts"
    )
    verdict = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-id"]


class Ticket(models.Model):
    """The promise to one customer (服务单). Its life cycle is the table in states.py."""

    number = models.CharField(max_length=20, unique=True, null=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    priority = models.CharField(max_length=2, choices=Priority.choices, default=Priority.P3)
    state = models.CharField(max_length=16, default="registered", db_index=True)
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.PROTECT, related_name="tickets"
    )
    contact = models.OneToOneField(
        Contact, null=True, on_delete=models.PROTECT, related_name="ticket"
    )
    account = models.ForeignKey("customers.Account", null=True, on_delete=models.SET_NULL)
    premise = models.ForeignKey("customers.Premise", null=True, on_delete=models.SET_NULL)
    customer_name = models.CharField(max_length=80, blank=True)
    customer_phone = models.CharField(max_length=24, blank=True)
    language = models.CharField(max_length=10, default="en")
    address = models.CharField(max_length=200, blank=True)
    geom = models.PointField(srid=4326, null=True)
    symptoms = models.JSONField(default=dict)
    note = models.TextField(blank=True)
    result = models.TextField(blank=True)
    cause = models.CharField(max_length=60, blank=True)
    handler = models.CharField(max_length=150, blank=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)
    # Counts what was put right since; two who write at once notice by it.
    edition = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(auto_now_add=True)
    opened_by = models.CharField(max_length=150, blank=True)
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number or f"ticket {self.pk}"


class HistoryRow(models.Model):
    """One step in the life of an incident or ticket; state can be rebuilt from these alone."""

    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.CASCADE, related_name="history"
    )
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="history")
    at = models.DateTimeField(auto_now_add=True)
    action = models.CharField(max_length=40)
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16, blank=True)
    by = models.CharField(max_length=150)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(incident__isnull=False) | models.Q(ticket__isnull=False),
                name="history_of_something",
            ),
        ]


class CallBack(models.Model):
    """Somebody we owe a call: after a missed call, a message, or when the water is back."""

    class Reason(models.TextChoices):
        MISSED = "missed", _("missed call")
        MESSAGE = "message", _("left a message")
        HUNG_UP = "hung_up", _("hung up while registering")
        WATER_BACK = "water_back", _("is the water back?")
        ASKED = "asked", _("asked to be called")

    reason = models.CharField(max_length=10, choices=Reason.choices)
    phone = models.CharField(max_length=24)
    call_id = models.CharField(max_length=64, blank=True)
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.CASCADE, related_name="callbacks"
    )
    due_at = models.DateTimeField(db_index=True)
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["call_id", "reason"],
                condition=~models.Q(call_id=""),
                name="one_call_back_per_call",
            )
        ]
