"""Sampled checks of finished work by somebody who did not do it (业务稽查)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Check(models.Model):
    class Result(models.TextChoices):
        PASS = "pass", _("pass")
        FAIL = "fail", _("fail")

    ticket = models.OneToOneField(
        "tickets.Ticket", on_delete=models.CASCADE, related_name="check_row"
    )
    chosen_at = models.DateTimeField(auto_now_add=True)
    why = models.CharField(max_length=40)  # random, late, reopened
    result = models.CharField(max_length=4, choices=Result.choices, blank=True)
    note = models.TextField(blank=True)
    by = models.CharField(max_length=150, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
