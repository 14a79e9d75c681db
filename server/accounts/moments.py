"""Dates and times as they come in an address, and where a day begins."""

from __future__ import annotations

from datetime import date, datetime, time

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused

# Reckoning with times beyond these overflows.
_YEARS = range(1971, 9001)


def midnight(day: date) -> datetime:
    """When a day begins in the utility's time zone."""
    return datetime.combine(day, time(), tzinfo=timezone.get_default_timezone())


def today(now: datetime) -> datetime:
    """When the day of `now` began in the utility's time zone."""
    return midnight(timezone.localtime(now).date())


def parse_moment(raw: str) -> datetime | None:
    """A time in ISO 8601, of the utility's clock where it names no zone; None for what is none."""
    try:
        found = parse_datetime(raw)
    except ValueError:
        return None
    if found is None or found.year not in _YEARS:
        return None
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def read_moment(raw: str | None, field: str, default: datetime) -> datetime:
    """A date (its midnight in the utility's zone) or a time in ISO 8601; `default` for nothing.

    Refused (`field`, 'not_a_date') for anything else.
    """
    if not raw:
        return default
    # A day is its midnight.
    found = parse_moment(raw) or parse_moment(f"{raw}T00:00")
    if found is None:
        raise Refused(field, "not_a_date", _("That is not a date: %(raw)s") % {"raw": raw[:40]})
    return found
