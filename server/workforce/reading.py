"""What the doors of this app read from a body: one sentence for each thing that may be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from server.accounts.moments import read_moment
from server.accounts.refusals import Refused
from server.workforce.models import Crew, Member, Vehicle

Row = TypeVar("Row", bound=models.Model)
BIGGEST = 2**31 - 1


def text(data: Mapping[str, Any], field: str) -> str:
    return str(data.get(field) or "")


def whole(data: Mapping[str, Any], field: str, default: int | None = None) -> int:
    """A whole number. Refused ('not_a_number') for anything else."""
    raw = data.get(field)
    if raw in (None, "") and default is not None:
        return default
    try:
        number = int(str(raw))
    except ValueError:
        number = BIGGEST + 1
    if isinstance(raw, bool) or not -BIGGEST <= number <= BIGGEST:
        raise Refused(field, "not_a_number", _("That is not a number."))
    return number


def moment(data: Mapping[str, Any], field: str) -> datetime:
    """A time in ISO 8601, of the utility's clock where it names no zone."""
    raw = text(data, field)
    if not raw:
        raise Refused(field, "required", _("Give a time."))
    return read_moment(raw, field, timezone.now())


def day(raw: Any, field: str) -> date | None:
    """A day; None for nothing."""
    if raw in (None, ""):
        return None
    try:
        found = parse_date(str(raw))
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2200:
        said = _("That is not a date: %(raw)s") % {"raw": str(raw)[:40]}
        raise Refused(field, "not_a_date", said)
    return found


def row(model: type[Row], raw: Any, field: str) -> Row:
    """The row with this number. Refused ('unknown') for none."""
    try:
        return model._default_manager.get(pk=int(raw))
    except (TypeError, ValueError, OverflowError, ObjectDoesNotExist):
        raise Refused(field, "unknown", _("There is no such thing.")) from None


def crew(data: Mapping[str, Any]) -> Crew:
    return row(Crew, data.get("crew"), "crew")


def vehicle(data: Mapping[str, Any]) -> Vehicle | None:
    return row(Vehicle, data["vehicle"], "vehicle") if data.get("vehicle") else None


def several(data: Mapping[str, Any], field: str) -> list[Any]:
    raw = data.get(field) or []
    if not isinstance(raw, list) or len(raw) > 1000:
        raise Refused(field, "not_a_list", _("That is not a list."))
    return raw


def members(data: Mapping[str, Any]) -> tuple[Member, ...]:
    return tuple(row(Member, pk, "members") for pk in several(data, "members"))
