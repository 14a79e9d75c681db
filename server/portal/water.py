"""Is my water on? One box for anybody, without signing in and without JavaScript.

An address, an account number or a ticket number is answered with a sentence about the water there:
hours, cause and streets, never a household or a person. Who asks too often is told to wait.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from server.accounts.refusals import Refused
from server.customers.models import Account
from server.outages import nearby, notices, states
from server.outages.models import ShutOff
from server.portal.limits import too_often
from server.tickets.models import Ticket

LISTED = 20
_TICKET = re.compile(r"^T-?\d{1,9}$", re.IGNORECASE)
_ACCOUNT = re.compile(r"^[A-Za-z]{0,4}-?\d{4,20}$")


@never_cache
@require_GET
def water(request: HttpRequest) -> HttpResponse:
    """The page, with an answer where something was asked (`?q=`)."""
    asked = " ".join(request.GET.get("q", "").replace("\x00", " ").split())[:200]
    context: dict[str, Any] = {
        "page": None, "page_data": None, "asked": asked,
        "hotline": settings.STANDPIPE["SERVICE_NUMBER"],
        "utility": settings.STANDPIPE["UTILITY"],
    }  # fmt: skip
    status = 200
    if asked and too_often("water", request):
        context["problem"] = _("Asked too often. Wait a minute, or call us.")
        status = 429
    elif asked:
        context.update(_answer(asked))
    context["listed"] = [_row(o) for o in _going()]
    return render(request, "water.html", context, status=status)


def _going() -> list[ShutOff]:
    rows = ShutOff.objects.filter(
        state__in=(*states.OPEN, states.State.APPROVED, states.State.NOTICED)
    ).select_related("incident")
    far = timezone.now()
    return sorted(
        rows, key=lambda o: (o.state not in states.OPEN, o.notice_from or o.started_at or far)
    )[:LISTED]


def _answer(asked: str) -> dict[str, Any]:
    try:
        place = _place(asked)
    except Refused as no:
        return {"problem": str(no), "near": []}
    covering = nearby.covering(place)
    now_off = [o for o in covering if o.state in states.OPEN]
    coming = [o for o in covering if o.state not in states.OPEN]
    found: dict[str, Any] = {"state": "off" if now_off else "on", "place": ""}
    if now_off:
        found["sentence"] = sentence(now_off[0])
    else:
        found["sentence"] = _("Your water is on, as far as we know.")
    if coming:
        found["planned"] = _("Planned: no water from %(start)s to %(end)s. %(why)s") % {
            "start": _moment(coming[0].notice_from), "end": _moment(coming[0].notice_to),
            "why": nearby.cause(coming[0]),
        }  # fmt: skip
    if not covering:
        found["near"] = [
            {**_row(o), "distance": _distance(metres)} for o, metres in nearby.nearest(place, 3)
        ]
    if _is_address(asked):
        # What was typed comes back as it was understood: an address is no secret of anybody.
        found["place"] = place.text
    return found


def _is_address(asked: str) -> bool:
    return not _TICKET.match(asked) and not _ACCOUNT.match(asked)


def _place(asked: str) -> nearby.Place:
    if _TICKET.match(asked):
        digits = re.sub(r"\D", "", asked)
        ticket = Ticket.objects.filter(number__in=(f"T-{digits}", f"T-{int(digits):05d}")).first()
        if ticket is None:
            raise Refused("q", "unknown", _("We have no ticket with this number."))
        if ticket.premise is not None:
            return nearby.Place(
                ticket.premise.geom.x, ticket.premise.geom.y, ticket.premise.code
            )
        if ticket.incident is None or ticket.incident.geom is None:
            raise Refused("q", "unlocated", _("The place of this ticket is not known yet."))
        return nearby.of_point(ticket.incident.geom.x, ticket.incident.geom.y)
    if _ACCOUNT.match(asked):
        account = Account.objects.filter(number__iexact=asked).select_related("premise").first()
        if account is None:
            raise Refused("q", "unknown", _("We have no account with this number."))
        return nearby.Place(account.premise.geom.x, account.premise.geom.y, account.premise.code)
    return nearby.of_address(asked)


def sentence(off: ShutOff) -> str:
    """The one sentence for whoever is inside: since when, whether somebody is there, until when."""
    short = nearby.short(off)
    parts = [_("Your water is off since %(time)s") % {"time": _moment(off.started_at)}]
    if short["crew_there"]:
        parts.append(_("a crew is on site"))
    elif off.planned:
        parts.append(_("planned works are going on"))
    back = off.expected_back_at
    if back is None:
        parts.append(_("we do not know yet until when"))
    elif back < timezone.now():
        parts.append(_("it takes longer than we thought"))
    else:
        parts.append(_("we expect it back about %(time)s") % {"time": _moment(back)})
    return ";".join(parts) + "。" if _chinese() else "; ".join(parts) + "."


def _row(off: ShutOff) -> dict[str, Any]:
    going = off.state in states.OPEN
    return {
        "streets": "、".join(nearby.streets(off)) if _chinese() else ", ".join(nearby.streets(off)),
        "cause": nearby.cause(off), "off": going,
        "start": _moment(off.started_at if going else off.notice_from),
        "end": _moment(off.expected_back_at if going else off.notice_to),
    }  # fmt: skip


def _chinese() -> bool:
    return (translation.get_language() or "en").startswith("zh")


def _moment(at: datetime | None) -> str:
    """"14:05" for today, with the day for another; "?" where nobody knows."""
    if at is None:
        return "?"
    local = timezone.localtime(at)
    if local.date() == timezone.localtime().date():
        return f"{local:%H:%M}"
    return notices.moment(at, translation.get_language() or "en")


def _distance(metres: float) -> str:
    if metres < 1000:
        return _("%(n)s m away") % {"n": max(10, int(round(metres, -1)))}
    return _("%(n)s km away") % {"n": f"{metres / 1000:.1f}"}
