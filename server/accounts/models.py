"""People, the areas they answer for, and the log of who did what."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import AbstractUser
from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    AGENT = "agent", _("Agent")
    DISPATCHER = "dispatcher", _("Dispatcher")
    CREW = "crew", _("Crew")
    SUPERVISOR = "supervisor", _("Supervisor")
    ENGINEER = "engineer", _("Network engineer")
    MANAGER = "manager", _("Manager")
    AUDITOR = "auditor", _("Auditor")


class User(AbstractUser):
    """Somebody who signs in. `extension` is the telephone line of an agent."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.AGENT)
    language = models.CharField(max_length=10, default="en")
    extension = models.CharField(max_length=8, blank=True)
    mobile = models.CharField(max_length=24, blank=True)

    @property
    def name(self) -> str:
        return self.get_full_name() or self.username


class Department(models.Model):
    code = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80, blank=True)
    duty_mobile = models.CharField(max_length=24, blank=True)

    def __str__(self) -> str:
        return self.name


class Area(models.Model):
    """A part of the city and the department that answers for it (管辖片区)."""

    code = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80, blank=True)
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="areas")
    # Where areas overlap or touch, the smallest rank wins, so a point has one answer.
    rank = models.PositiveIntegerField(default=0)
    geom = models.MultiPolygonField(srid=4326)

    class Meta:
        ordering = ["rank", "id"]


class OnCall(models.Model):
    """Who is told by SMS for an area at a time: level 1 first, then up the ladder."""

    area = models.ForeignKey(Area, on_delete=models.CASCADE, null=True, blank=True)
    level = models.PositiveSmallIntegerField(default=1)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    starts = models.DateTimeField()
    ends = models.DateTimeField()

    class Meta:
        ordering = ["level", "id"]


def new_token() -> str:
    return secrets.token_urlsafe(32)


class CrewToken(models.Model):
    """What a crew phone shows instead of a session cookie. Revoked by deleting the row."""

    key = models.CharField(max_length=64, unique=True, default=new_token)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    device = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)


class AuditRow(models.Model):
    """One change: who, as what, when, from where, from which state to which. Append-only.

    UPDATE and DELETE are refused by a trigger, for the application's own role too.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    by = models.CharField(max_length=150)
    role = models.CharField(max_length=16, blank=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=80, db_index=True)
    from_state = models.CharField(max_length=30, blank=True)
    to_state = models.CharField(max_length=30, blank=True)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=36, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]


class IdempotencyKey(models.Model):
    """The first answer to a write, given again when the same request comes twice."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    key = models.CharField(max_length=64)
    path = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "path", "key"], name="one_answer_per_key")
        ]
