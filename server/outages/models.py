"""Shut-offs: the plan, the valves as turned in the field, and the ledger of minutes."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class ShutOff(models.Model):
    """A stretch of network without water, planned or not (停水)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("planned on paper")
        APPROVED = "approved", _("approved")
        NOTICED = "noticed", _("customers told")
        ACTIVE = "active", _("off")
        PARTLY_RESTORED = "partly_restored", _("partly back")
        RESTORED = "restored", _("back")
        CLOSED = "closed", _("closed")
        CANCELLED = "cancelled", _("cancelled")

    number = models.CharField(max_length=20, unique=True, null=True)
    # One that is open; trouble that comes back needs another, with minutes of its own.
    incident = models.ForeignKey(
        "tickets.Incident", null=True, on_delete=models.PROTECT, related_name="shut_offs"
    )
    planned = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    target = models.CharField(max_length=60)
    # All that is taken out of service at once; `target` is the first of them.
    targets = models.JSONField(default=list)
    reason = models.CharField(max_length=200, blank=True)
    work = models.TextField(blank=True)
    # What the works need of the street: codes of permits.WORKS.
    works = models.JSONField(default=list)
    author = models.CharField(max_length=150, blank=True)
    approved_by = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True)
    # Other shut-offs in the way when it was approved, as overlaps.find gave them.
    overlaps = models.JSONField(default=list)
    # What was done against a rule: [{"what", "reason", "by", "at"}].
    overrides = models.JSONField(default=list)
    # The plan in force, as gis_data computed it: ids only (see plans.py for the shape).
    plan = models.JSONField(default=dict)
    hydraulics = models.JSONField(default=dict)
    network_version = models.PositiveIntegerField(default=0)
    # The window customers are told of.
    notice_from = models.DateTimeField(null=True)
    notice_to = models.DateTimeField(null=True)
    noticed_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    expected_back_at = models.DateTimeField(null=True)
    # From the last valve closed until the work is done the broken stretch holds no water.
    isolated_at = models.DateTimeField(null=True)
    work_done_at = models.DateTimeField(null=True)
    restored_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                condition=~models.Q(state__in=["restored", "closed", "cancelled"]),
                name="one_open_shut_off_per_incident",
            )
        ]

    def __str__(self) -> str:
        return self.number or f"shut-off {self.pk}"

    @property
    def kind(self) -> str:
        """"planned" or "unplanned": which half of the table of states it lives by."""
        return "planned" if self.planned else "unplanned"

    @property
    def all_targets(self) -> list[str]:
        return list(self.targets) or [self.target]


class ValveTask(models.Model):
    """One valve of a shut-off and what really happened to it in the field (阀门操作)."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("to close")
        AUTHORISED = "authorised", _("released to close")
        CLOSED = "closed", _("closed")
        CANNOT_CLOSE = "cannot_close", _("cannot close")
        REOPENED = "reopened", _("reopened")
        LEFT_CLOSED = "left_closed", _("left closed on purpose")
        DROPPED = "dropped", _("no longer needed")

    # Still to be turned.
    WAITING = (State.REQUESTED, State.AUTHORISED)

    shut_off = models.ForeignKey(ShutOff, on_delete=models.CASCADE, related_name="valves")
    asset = models.CharField(max_length=60)
    sequence = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=14, choices=State.choices, default=State.REQUESTED)
    minimal = models.BooleanField(default=True)
    reason = models.CharField(max_length=120, blank=True)
    turns = models.PositiveSmallIntegerField(null=True)
    done_at = models.DateTimeField(null=True)
    reversed_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=150, blank=True)
    # Whose word it was where control wrote it down: a crew by radio.
    said_by = models.CharField(max_length=80, blank=True)
    authorised_by = models.CharField(max_length=150, blank=True)
    authorised_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["sequence", "id"]
        constraints = [
            models.UniqueConstraint(fields=["shut_off", "asset"], name="one_task_per_valve")
        ]


class PremiseOff(models.Model):
    """A premise inside a shut-off: since when it is without water and when it came back.

    Where the water came back and went again the row spans both; the ledger has every interval.
    """

    shut_off = models.ForeignKey(ShutOff, on_delete=models.CASCADE, related_name="premises")
    premise = models.ForeignKey("customers.Premise", on_delete=models.PROTECT)
    off_at = models.DateTimeField(null=True)
    on_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    # Somebody inside said so: a caller, a crew at the tap.
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shut_off", "premise"], name="one_row_per_premise")
        ]
        indexes = [
            models.Index(
                fields=["premise"],
                condition=models.Q(off_at__isnull=False, on_at__isnull=True),
                name="premise_off_now",
            )
        ]


class Notice(models.Model):
    """One account to be told of planned works: how, and what became of it (通知回执)."""

    class Channel(models.TextChoices):
        SMS = "sms", _("text")
        CALL = "call", _("telephone call")
        LETTER = "letter", _("letter or poster")

    class State(models.TextChoices):
        WAITING = "waiting", _("to be told")
        TOLD = "told", _("told")
        FAILED = "failed", _("not reached")
        WITHDRAWN = "withdrawn", _("no longer concerned")

    shut_off = models.ForeignKey(ShutOff, on_delete=models.CASCADE, related_name="notices")
    premise = models.ForeignKey("customers.Premise", on_delete=models.PROTECT)
    # None: nobody has an account there; a letter is put up.
    account = models.ForeignKey("customers.Account", null=True, on_delete=models.PROTECT)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    priority = models.BooleanField(default=False)
    # The window it speaks of: another window asks for another notice.
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    message = models.ForeignKey("messaging.SmsMessage", null=True, on_delete=models.SET_NULL)
    told_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-priority", "channel", "id"]
        indexes = [models.Index(fields=["message"], name="notice_of_message")]
        constraints = [
            models.UniqueConstraint(
                fields=["shut_off", "premise", "account", "channel", "starts", "ends"],
                nulls_distinct=False, name="one_notice_per_account_and_window",
            )
        ]  # fmt: skip


class Permit(models.Model):
    """Leave of an authority for the works, or word given to the fire service (许可)."""

    shut_off = models.ForeignKey(ShutOff, on_delete=models.CASCADE, related_name="permits")
    kind = models.CharField(max_length=20)  # of permits.KINDS
    issuer = models.CharField(max_length=120)
    number = models.CharField(max_length=60)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)
    evidence = models.TextField(blank=True)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
