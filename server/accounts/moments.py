"""Dates and times as they come in an address."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused


def read_moment(raw: str | None, field: str, default: datetime) -> datetime:
    """A date (its midnight in the utility's zone) or a time in ISO 8601; `default` for nothing.

    Refused (`field`, 'not_a_date') for anything else.
    """
    if not raw:
        return default
    try:
        found = parse_datetime(raw)
        if found is None and (day := parse_date(raw)) is not None:
            found = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - made aware below
        if found is not None and not found.tzinfo:
            found = timezone.make_aware(found)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise Refused(field, "not_a_date", _("That is not a date: %(raw)s") % {"raw": raw[:40]})
    return found
