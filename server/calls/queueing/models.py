"""Queues, who may take what from them, why agents pause, and places kept for callers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

# What everybody can do who has no skill on record: the queue that every call can fall back to.
GENERAL = "faults"


def _in_language(english: str, chinese: str) -> str:
    return chinese if chinese and (get_language() or "").startswith("zh") else english


class Queue(models.Model):
    """One line of waiting callers: a skill, perhaps a district, and the rules for waiting in it.

    Times in seconds; 0 means "never" for overflow and wrap-up, "no limit" for `max_waiting`.
    """

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60, blank=True)
    skill = models.CharField(max_length=20)
    # A district's own queue takes its callers first; without one, callers from everywhere.
    area = models.ForeignKey("accounts.Area", null=True, blank=True, on_delete=models.SET_NULL)
    rank = models.PositiveSmallIntegerField(default=10)
    active = models.BooleanField(default=True)
    sla_s = models.PositiveIntegerField(default=15)
    ring_s = models.PositiveIntegerField(default=15)
    max_wait_s = models.PositiveIntegerField(default=300)
    max_waiting = models.PositiveIntegerField(default=0)
    overflow_to = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="helps"
    )
    overflow_after_s = models.PositiveIntegerField(default=0)
    overflow_waiting = models.PositiveIntegerField(default=0)
    call_back = models.BooleanField(default=True)
    announce_after_s = models.PositiveIntegerField(default=20)
    announce_every_s = models.PositiveIntegerField(default=45)
    wrap_s = models.PositiveIntegerField(default=0)
    wrap_limit_s = models.PositiveIntegerField(default=300)

    class Meta:
        ordering = ["rank", "code"]

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """Its name in the reader's language."""
        return _in_language(self.name, self.name_zh)


class AgentSkill(models.Model):
    """What an agent may take: 1 learning, 2 sound, 3 expert; experts ring first."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="agent_skills"
    )
    skill = models.CharField(max_length=20)
    level = models.PositiveSmallIntegerField(default=2)

    class Meta:
        ordering = ["user", "skill"]
        constraints = [
            models.UniqueConstraint(fields=["user", "skill"], name="one_level_per_agent_and_skill")
        ]


class AgentProfile(models.Model):
    """Districts an agent knows, and how much written work they do beside the telephone."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True,
        related_name="agent_profile",
    )  # fmt: skip
    areas: Any = models.ManyToManyField("accounts.Area", blank=True)
    text_limit = models.PositiveSmallIntegerField(default=3)
    text_while_talking = models.BooleanField(default=False)


class PauseReason(models.Model):
    """Why an agent takes no calls. `away`: as if signed out, so callers are not kept waiting."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60, blank=True)
    away = models.BooleanField(default=False)
    limit_s = models.PositiveIntegerField(default=0)
    rank = models.PositiveSmallIntegerField(default=10)
    active = models.BooleanField(default=True)
    # Given by the system (nobody answered, the telephone is gone); nobody can choose it.
    system = models.BooleanField(default=False)

    class Meta:
        ordering = ["rank", "code"]

    @property
    def shown(self) -> str:
        """Its name in the reader's language."""
        return _in_language(self.name, self.name_zh)


class KeptPlace(models.Model):
    """A caller who hung up and keeps the place in the queue until we call back, once."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for our call")
        DIALLING = "dialling", _("is being called")
        REACHED = "reached", _("reached")
        MISSED = "missed", _("not reached")
        CANCELLED = "cancelled", _("cancelled")

    call = models.OneToOneField("calls.Call", on_delete=models.CASCADE, related_name="kept_place")
    number = models.CharField(max_length=24)
    queue = models.CharField(max_length=20)
    priority = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField()
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    dialled_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-priority", "since", "pk"]


class WorkItem(models.Model):
    """Something written by a customer (an SMS, an e-mail, a message of the web page) to answer."""

    class Kind(models.TextChoices):
        SMS = "sms", _("SMS")
        EMAIL = "email", _("e-mail")
        WEB = "web", _("web")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        OFFERED = "offered", _("offered")
        OPEN = "open", _("in hand")
        DONE = "done", _("done")

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("answered")
        TICKET = "ticket", _("registered")
        NOTHING = "nothing", _("nothing to do")

    # The sender's own name of the message: taken once however often it is delivered.
    ref = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    sender = models.CharField(max_length=120)
    name = models.CharField(max_length=80, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField()
    account = models.ForeignKey("customers.Account", null=True, on_delete=models.SET_NULL)
    queue = models.CharField(max_length=20)
    priority = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(db_index=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="work_items"
    )
    offered_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    # Who let it pass, and when: {username: epoch seconds}.
    passed = models.JSONField(default=dict)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    reply = models.TextField(blank=True)
    ticket = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-priority", "received_at", "pk"]
        indexes = [models.Index(fields=["state", "received_at"], name="work_item_by_state")]
