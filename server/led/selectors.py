"""What the boards have to say now: water off, low pressure, repairs, and what was put on by hand.

Streets, never houses: a board hangs in public.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from server.dispatch.models import WorkOrder
from server.led.models import Bulletin
from server.led.text import Line
from server.outages.models import ShutOff
from server.outages.selectors import OPEN
from server.tickets.models import Incident

OUTAGE, PRESSURE, REPAIR = 1, 2, 3
MOST = 30
AT_WORK = ("on_site", "isolating", "isolated", "repaired")
_NUMBER = re.compile(r"[\s,]*\d+\s*[A-Za-z]?(?:[-–/]\d+[A-Za-z]?)?(?:号.*)?$")


def street(address: str) -> str:
    """An address without its house: `Church Street 21` -> `Church Street`."""
    first = address.split(",")[0].strip()
    return _NUMBER.sub("", first).strip() or first


def _clock(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M")


def current(now: datetime | None = None) -> list[Line]:
    """The bulletins of this moment in the active language, most urgent first."""
    now = now or timezone.now()
    return [*_outages(), *_pressure(), *_repairs(), *_by_hand(now)][:MOST]


def _outages() -> list[Line]:
    out = []
    rows = ShutOff.objects.filter(state__in=OPEN).select_related("incident").order_by("started_at")
    for off in rows[:MOST]:
        where = street(off.incident.address if off.incident else "") or off.target
        since = off.isolated_at or off.started_at
        text = _("Water off: %(where)s") % {"where": where}
        if since is not None:
            text += _(", since %(time)s") % {"time": _clock(since)}
        if off.expected_back_at is not None:
            text += _(", back about %(time)s") % {"time": _clock(off.expected_back_at)}
        out.append(Line("outage", OUTAGE, text, f"off:{off.pk}"))
    return out


def _pressure() -> list[Line]:
    rows = Incident.objects.filter(kind="low_pressure").exclude(state__in=("restored", "closed"))
    seen: dict[str, Line] = {}
    for incident in rows.order_by("opened_at")[:MOST]:
        where = street(incident.address)
        if where:
            text = _("Low pressure: %(where)s") % {"where": where}
            seen.setdefault(where, Line("low_pressure", PRESSURE, text, f"low:{incident.pk}"))
    return list(seen.values())


def _repairs() -> list[Line]:
    rows = (
        WorkOrder.objects.filter(state__in=AT_WORK, ended_at=None)
        .select_related("incident")
        .order_by("pk")
    )
    seen: dict[str, Line] = {}
    for order in rows[:MOST]:
        where = street(order.incident.address)
        if where:
            text = _("Repair under way: %(where)s") % {"where": where}
            seen.setdefault(where, Line("repair", REPAIR, text, f"repair:{order.pk}"))
    return list(seen.values())


def _by_hand(now: datetime) -> list[Line]:
    rows = Bulletin.objects.filter(until__gt=now)
    return [Line(b.kind, b.priority, b.text, f"hand:{b.pk}") for b in rows[:MOST]]
