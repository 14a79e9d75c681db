"""The telephone menu in versions, and the recordings of its prompts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TreeVersion(models.Model):
    """One version of the menu. A draft is edited; what was published once never changes."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        DISCARDED = "discarded", _("discarded")

    number = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    # Its JSON form is described in telephony/ivr_tree.py.
    tree = models.JSONField()
    note = models.CharField(max_length=200, blank=True)
    # Where it was begun from: a version's number, or the name of a template.
    base = models.CharField(max_length=20, blank=True)
    # Counts what was saved; two who edit at once notice by it.
    edition = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="draft"), name="one_menu_draft"
            )
        ]


class Publication(models.Model):
    """From when on a version is in force; the last one counts. Rolling back is publishing again."""

    version = models.ForeignKey(TreeVersion, on_delete=models.PROTECT, related_name="publications")
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150)
    why = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]


class PromptVersion(models.Model):
    """One recording of one prompt in one language. Version 0, the built-in one, has no row."""

    class Source(models.TextChoices):
        RECORDED = "recorded", _("recorded here")
        UPLOADED = "uploaded", _("uploaded")
        SPOKEN = "spoken", _("spoken by the machine")

    name = models.CharField(max_length=40)
    language = models.CharField(max_length=2)
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=10, choices=Source.choices)
    text = models.CharField(max_length=600, blank=True)
    file = models.CharField(max_length=120)
    seconds = models.FloatField()
    sha256 = models.CharField(max_length=64)
    in_use = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["name", "language", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "language", "number"], name="one_prompt_version"
            ),
            models.UniqueConstraint(
                fields=["name", "language"], condition=models.Q(in_use=True),
                name="one_prompt_in_use",
            ),
        ]  # fmt: skip


class PromptAlarm(models.Model):
    """A prompt that was to be played and is not there: callers hear the default one meanwhile."""

    name = models.CharField(max_length=40)
    language = models.CharField(max_length=2)
    first_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(auto_now=True)
    count = models.PositiveIntegerField(default=1)
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "language"], condition=models.Q(cleared_at=None),
                name="one_open_prompt_alarm",
            )
        ]  # fmt: skip
