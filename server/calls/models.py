"""Telephone calls: who rang, what we knew before saying hello, who answered, what was recorded."""

from __future__ import annotations

from django.conf import settings
from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class Call(models.Model):
    """One call with a customer. `call_id` is Asterisk's unique id with the system's name in it.

    Calls we make (`direction` out) are kept beside those that come in; figures about the queue
    count those that come in.
    """

    class State(models.TextChoices):
        RINGING = "ringing", _("ringing")
        IVR = "ivr", _("in the menu")
        QUEUED = "queued", _("waiting")
        TALKING = "talking", _("talking")
        MESSAGE = "message", _("leaving a message")
        ENDED = "ended", _("ended")

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("answered")
        ABANDONED = "abandoned", _("hung up before an answer")
        MESSAGE = "message", _("left a message")
        INFORMED = "informed", _("heard the notice and hung up")
        CALL_BACK = "call_back", _("keeps the place until we call")
        NOT_REACHED = "not_reached", _("not reached")
        SERVED = "served", _("answered by the menu")
        IVR = "ivr", _("hung up in the menu")

    class Direction(models.TextChoices):
        IN = "in", _("from a customer")
        OUT = "out", _("to a customer")

    call_id = models.CharField(max_length=64, unique=True)
    channel_id = models.CharField(max_length=64, blank=True, db_index=True)
    direction = models.CharField(
        max_length=3, choices=Direction.choices, default=Direction.IN, db_default=Direction.IN
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.RINGING)
    outcome = models.CharField(max_length=11, choices=Outcome.choices, blank=True)
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
    # The queue it was put into (queueing.Queue.code) and the skill it asks for.
    queue = models.CharField(max_length=20, blank=True, db_index=True)
    skill = models.CharField(max_length=20, blank=True)
    priority = models.PositiveSmallIntegerField(default=0)
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
    # The way through the menu: [{"at": seconds, "node", "key"}], and what came of it:
    # {"version", "to", "told", "late"}; empty for a call that met no menu.
    path = models.JSONField(default=list)
    menu = models.JSONField(default=dict)
    # The caller knew the account's number and its second factor.
    verified = models.BooleanField(default=False)
    # How often an agent handed it to somebody else.
    transfers = models.PositiveSmallIntegerField(default=0)
    # Rebuilt from Asterisk's own files after our side had been away.
    recovered = models.BooleanField(default=False)
    # The exchange died under it: nobody hung up.
    cut = models.BooleanField(default=False)

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
        HOLD = "hold", _("caller on hold")
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
    # The call it was spent on: handling times by queue, and how often callers were held.
    call = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL, related_name="intervals")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "started_at"], name="agent_interval_by_time")]


class DialAttempt(models.Model):
    """One time we rang a number. Written before Asterisk is asked, so that no crash rings twice.

    `key` names why it was rung (`callback:7:1`): asked for again, the same attempt is given back.
    A number is rung by one attempt at a time.
    """

    class Purpose(models.TextChoices):
        CLICK = "click", _("by an agent")
        CALLBACK = "callback", _("call-back")
        CAMPAIGN = "campaign", _("campaign")

    class Result(models.TextChoices):
        ANSWERED = "answered", _("answered")
        BUSY = "busy", _("busy")
        NO_ANSWER = "no_answer", _("no answer")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")

    key = models.CharField(max_length=120, unique=True)
    number = models.CharField(max_length=24, db_index=True)
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    # What it was about, for whoever asked: "target:12", "callback:7".
    subject = models.CharField(max_length=60, blank=True, db_index=True)
    by = models.CharField(max_length=150, blank=True)
    site = models.CharField(max_length=20, blank=True)
    # The channel's name, given by us; a talk with an agent has a Call of the same name.
    call_id = models.CharField(max_length=64, unique=True)
    then = models.JSONField(default=dict)
    ring_s = models.PositiveSmallIntegerField(default=25)
    placed_at = models.DateTimeField(db_index=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=9, choices=Result.choices, blank=True)
    # Asterisk's (Q.850) cause, 0 where it gave none.
    cause = models.PositiveSmallIntegerField(default=0)
    # What answered, where that was listened for: human, machine, notsure.
    heard = models.CharField(max_length=8, blank=True)
    # Keys pressed when asked: {"1": "1", "2": "5"} by the number of the question.
    keys = models.JSONField(default=dict)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["number"], condition=models.Q(ended_at=None), name="one_ringing_per_number"
            )
        ]


class DoNotCall(models.Model):
    """A number no campaign may ring (谢绝来电). Call-backs and agents by hand still may."""

    number = models.CharField(max_length=24, unique=True)
    reason = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]


class Rating(models.Model):
    """Whether a caller was asked how it went, and what they said: 1 (bad) to 5 (good)."""

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="rating")
    asked_at = models.DateTimeField()
    score = models.PositiveSmallIntegerField(null=True)
    rated_at = models.DateTimeField(null=True)


class Line(models.Model):
    """A telephone, or a group of lines to the public network, as the exchange sees it."""

    class Kind(models.TextChoices):
        TRUNK = "trunk", _("outside lines")
        PHONE = "phone", _("telephone")

    site = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    # How many calls at once; 1 for a telephone.
    channels = models.PositiveSmallIntegerField(default=1)
    # Reachable, registered.
    up = models.BooleanField(default=True)
    busy = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField()
    # When the exchange last said so; older than some seconds, nobody knows.
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="one_line_per_name_and_site")
        ]


class LineSpan(models.Model):
    """A stretch of time in which a line was up, or one of its channels had a call."""

    class What(models.TextChoices):
        UP = "up", _("up")
        BUSY = "busy", _("busy")

    line = models.ForeignKey(Line, on_delete=models.CASCADE, related_name="spans")
    what = models.CharField(max_length=4, choices=What.choices)
    # Asterisk's unique id of the channel; empty for "up".
    channel = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["line", "started_at"], name="line_span_by_time"),
            models.Index(
                fields=["line"], condition=models.Q(ended_at=None), name="line_span_open"
            ),
        ]


class BlockedSource(models.Model):
    """An address that was shut out of the telephone exchange, and until when."""

    address = models.GenericIPAddressField()
    since = models.DateTimeField()
    until = models.DateTimeField(db_index=True)
    tries = models.PositiveIntegerField()
    what = models.CharField(max_length=10)  # account, password, format, number
    account = models.CharField(max_length=80, blank=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=80, blank=True)
