"""Campaigns: whom to ring about what, when, and what came of it; and the ladder for arrears."""

from __future__ import annotations

from datetime import time

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from server.campaigns.policy import EVERY_DAY


def every_day() -> list[int]:
    return list(EVERY_DAY)


class Campaign(models.Model):
    """Calls about one thing (外呼任务). Its life is the table in states.py."""

    class Kind(models.TextChoices):
        OUTAGE = "outage", _("water off")
        DUNNING = "dunning", _("unpaid bills")
        SURVEY = "survey", _("survey")
        CALLBACK = "callback", _("call-backs")
        LIST = "list", _("list of numbers")

    class Mode(models.TextChoices):
        # A recorded text, no agent.
        NOTICE = "notice", _("notice")
        # The number is rung when an agent is free.
        PROGRESSIVE = "progressive", _("progressive")
        # The agent reads first and rings by key.
        PREVIEW = "preview", _("preview")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("calls are made")
        PAUSED = "paused", _("halted")
        STOPPED = "stopped", _("stopped")
        DONE = "done", _("done")

    number = models.CharField(max_length=20, unique=True, null=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    mode = models.CharField(max_length=11, choices=Mode.choices, default=Mode.NOTICE)
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFT)
    # Why it paused by itself: a code of wording.WHY.
    why = models.CharField(max_length=20, blank=True)
    # Where the numbers come from: {"shut_off": "A-0001"}, {"least": "20.00", "days": 30}, …
    source = models.JSONField(default=dict)
    # What is said, by language; {address} and the like are filled in for each customer.
    text = models.JSONField(default=dict)
    # Asked afterwards: [{"code", "keys": "12345", "en", "zh-hans"}]; a confirmation is one too.
    questions = models.JSONField(default=list)
    opens = models.TimeField(default=time(9))
    closes = models.TimeField(default=time(20))
    weekdays = models.JSONField(default=every_day)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    most_tries = models.PositiveSmallIntegerField(default=3)
    gap_s = models.PositiveIntegerField(default=3600)
    # Longer waits by result: {"busy": 900}.
    after_s = models.JSONField(default=dict)
    ring_s = models.PositiveSmallIntegerField(default=25)
    channels = models.PositiveSmallIntegerField(default=5)
    ratio = models.FloatField(default=1.0)
    queue = models.CharField(max_length=20, blank=True)
    priority = models.PositiveSmallIntegerField(default=4)
    # Ask Asterisk whether a person answered (AMD): costs a second or two of silence.
    screen = models.BooleanField(default=False)
    machine_hears = models.BooleanField(default=True)
    by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number or f"campaign {self.pk}"


class Target(models.Model):
    """One customer of a campaign: to be rung, reached, left out and why (外呼对象)."""

    class State(models.TextChoices):
        WAITING = "waiting", _("to be called")
        DIALLING = "dialling", _("being called")
        REACHED = "reached", _("reached")
        EXHAUSTED = "exhausted", _("not reached")
        SKIPPED = "skipped", _("no longer concerned")
        DROPPED = "dropped", _("left out")

    # Nothing more will happen to these.
    SETTLED = (State.REACHED, State.EXHAUSTED, State.SKIPPED, State.DROPPED)

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="targets")
    # As it came, where it is no number that can be dialled.
    raw = models.CharField(max_length=80, blank=True)
    number = models.CharField(max_length=24, blank=True, db_index=True)
    account = models.ForeignKey("customers.Account", null=True, on_delete=models.SET_NULL)
    ticket = models.ForeignKey("tickets.Ticket", null=True, on_delete=models.SET_NULL)
    callback = models.ForeignKey("tickets.CallBack", null=True, on_delete=models.SET_NULL)
    case = models.ForeignKey(
        "campaigns.ArrearsCase", null=True, on_delete=models.SET_NULL, related_name="targets"
    )
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=10, default="en")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    # Why it was dropped or skipped, or the last result: codes of wording.REASONS.
    reason = models.CharField(max_length=24, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True)
    # The person pressed the key that says "understood".
    confirmed_at = models.DateTimeField(null=True)
    answers = models.JSONField(default=dict)
    # What the agent wrote down: codes of states.CODES.
    code = models.CharField(max_length=16, blank=True)
    note = models.CharField(max_length=500, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["campaign", "state", "next_at"], name="target_next")]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "number"],
                condition=~models.Q(number="") & ~models.Q(state="dropped"),
                name="one_target_per_number",
            )
        ]


class Try(models.Model):
    """One ring of a target. Written before the number is rung, in the transaction that takes the
    target: a dialler that dies here leaves a try that counts.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="tries_made")
    number_of = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    # None until the telephone has been asked; for ever where the dialler died before.
    attempt = models.OneToOneField(
        "calls.DialAttempt", null=True, on_delete=models.SET_NULL, related_name="campaign_try"
    )
    result = models.CharField(max_length=12, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["target", "number_of"], name="one_try_per_number")
        ]


class ArrearsCase(models.Model):
    """An account on the ladder for unpaid bills (催缴): text, call, visit."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        # Disputed: nobody is asked for it until that is settled.
        HELD = "held", _("held")
        PAID = "paid", _("paid")
        CLOSED = "closed", _("taken off")

    class Step(models.TextChoices):
        LISTED = "listed", _("listed")
        SMS = "sms", _("text sent")
        CALL = "call", _("call")
        VISIT = "visit", _("visit by a crew")
        NOTICE = "notice", _("cut-off announced")

    account = models.ForeignKey(
        "customers.Account", on_delete=models.CASCADE, related_name="arrears_cases"
    )
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    step = models.CharField(max_length=8, choices=Step.choices, default=Step.LISTED)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    since = models.DateField()
    priority = models.BooleanField(default=False)
    opened_at = models.DateTimeField(auto_now_add=True)
    stepped_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True, db_index=True)
    # The text that announced the cut-off; it counts from when it left.
    notice = models.ForeignKey(
        "messaging.SmsMessage", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Announced at this moment (by text, or handed over by somebody).
    noticed_at = models.DateTimeField(null=True)
    cut_at = models.DateTimeField(null=True)
    visit = models.ForeignKey("tickets.Ticket", null=True, on_delete=models.SET_NULL)
    reason = models.CharField(max_length=200, blank=True)
    held_by = models.CharField(max_length=150, blank=True)
    checked_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(state__in=["open", "held"]),
                name="one_open_arrears_case",
            )
        ]


class ArrearsStep(models.Model):
    """What was done on the ladder, with the balance read just before it."""

    case = models.ForeignKey(ArrearsCase, on_delete=models.CASCADE, related_name="steps")
    step = models.CharField(max_length=8)
    at = models.DateTimeField()
    balance = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    what = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["id"]
