"""A link by SMS with which a caller shows where they are, once.

The link names the call, is signed, and works for half an hour. A rough fix (more than 500 m) is
not taken as a place: it is shown to the agent as a circle to ask about, and the telephone may try
again.
"""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gis_data.crs import Position, convert, in_china
from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.calls.models import Call
from server.customers import selectors as customers
from server.events.services import publish
from server.messaging.models import SmsMessage
from server.messaging.services import text
from server.network import selectors as network

SALT = "standpipe.where"
VALID_S = 1800
ROUGH_M = 500.0
#: This near to where the caller lives a fix means that they are at home.
AT_HOME_M = 60.0


def send_link(call: Call, *, site: str, by: str) -> SmsMessage:
    """Text the caller a link. Refused for a hidden number, or when one is on its way already."""
    if not call.phone:
        raise Refused("phone", "hidden", _("The caller's number is hidden."))
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).get(pk=call.pk)
        token = signing.TimestampSigner(salt=SALT).sign(call.call_id)
        account = call.account
        sent = text(
            call.phone, "location_link", language=account.language if account else "en",
            dedupe=f"where:{call.call_id}", utility=settings.STANDPIPE["UTILITY"],
            link=f"{site}/where/{token}",
        )  # fmt: skip
        if sent is None:
            raise Conflict("phone", "sent", _("The link has been sent already."))
        call.location = {"asked_at": timezone.now().isoformat()}
        call.save(update_fields=["location"])
        record("call.ask_location", f"call:{call.call_id}", by=by)
    return sent


def call_of(token: str) -> Call:
    """The call a link belongs to. Refused when it is damaged or too old."""
    try:
        call_id = signing.TimestampSigner(salt=SALT).unsign(token, max_age=VALID_S)
    except signing.BadSignature:
        raise Refused("link", "expired", _("This link is no longer valid."), status=410) from None
    call = Call.objects.filter(call_id=call_id).first()
    if call is None:
        raise Refused("link", "expired", _("This link is no longer valid."), status=410)
    return call


def share(token: str, lon: Any, lat: Any, accuracy_m: Any) -> Call:
    """Take the position the caller's telephone gave. Works once; after a rough fix, once more."""
    call = call_of(token)
    try:
        x, y, accuracy = float(lon), float(lat), float(accuracy_m)
    except (TypeError, ValueError):
        raise Refused("place", "not_a_number", _("The position is not readable.")) from None
    if not (math.isfinite(x) and math.isfinite(y) and 0 <= accuracy < 1e7):
        raise Refused("place", "not_a_number", _("The position is not readable."))
    network.check_position(x, y)
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",)).get(pk=call.pk)
        rough = accuracy > ROUGH_M
        if "lon" in call.location and (rough or not call.location["rough"]):
            raise Conflict("link", "used", _("This link has been used."))
        x, y, datum = true_place(x, y, accuracy, _known_places(call))
        call.location = {
            **call.location, "lon": x, "lat": y, "accuracy_m": accuracy, "datum": datum,
            "at": timezone.now().isoformat(), "rough": rough,
        }  # fmt: skip
        call.save(update_fields=["location"])
        record("call.located", f"call:{call.call_id}", by="caller")
        publish("call.located", f"call:{call.call_id}", topic="calls", call=call.call_id,
                location=call.location)  # fmt: skip
    return call


def _known_places(call: Call) -> list[tuple[float, float]]:
    """Where the accounts behind the number live: the caller is often at home."""
    premises = [call.premise, call.account.premise if call.account else None]
    premises += [a.premise for a in customers.match_caller(call.raw_number).accounts[:20]]
    return [(p.geom.x, p.geom.y) for p in premises if p is not None]


def true_place(
    lon: float, lat: float, accuracy_m: float, known: list[tuple[float, float]]
) -> tuple[float, float, str]:
    """(lon, lat, datum) of a telephone's word. Some in China say GCJ-02 where WGS 84 is meant.

    A number does not show it. Beside a place where the caller may be it does: the point stands
    there as it is ('wgs84'), or once it is shifted back ('gcj02', put right). Else 'unsure';
    outside China always 'wgs84'.
    """
    if not in_china(lon, lat):
        return lon, lat, "wgs84"
    back = convert(Position(lon, lat, "gcj02"), "wgs84")
    near = AT_HOME_M + min(accuracy_m, AT_HOME_M)
    if any(_metres(lon, lat, *place) <= near for place in known):
        return lon, lat, "wgs84"
    if any(_metres(back.lon, back.lat, *place) <= near for place in known):
        return round(back.lon, 7), round(back.lat, 7), "gcj02"
    return lon, lat, "unsure"


def _metres(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    """Across a town the earth is flat enough."""
    east = (to_lon - lon) * math.cos(math.radians((lat + to_lat) / 2))
    return math.hypot(east, to_lat - lat) * 111_320.0
