"""The door for trackers that do not speak MQTT: the same formats, the same judging, an answer each.

A device signs in with its own secret: `Authorization: Basic`, its name and secret (what OwnTracks
does), or `Authorization: Device <name>:<secret>`.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from mqtt.fields import MAX_BYTES, BadMessage
from mqtt.formats import Format, OwnTracks, load
from mqtt.positions import Fix
from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.accounts.requests import too_large
from server.accounts.throttle import too_many_tries
from server.positions import devices
from server.positions.models import Device
from server.positions.pipeline import Pipeline
from server.positions.storing import count_refusals

# Fixes a device may bring in a minute: a day of one a second, in batches, in an hour and a half.
MOST_A_MINUTE = 1000
_taken: dict[str, tuple[float, int]] = {}
_lock = threading.Lock()


def signed_in(request: Request) -> Device:
    """The device that asks. Refused (401, 429) for everybody else."""
    name, secret = _secret(request)
    address = request.META.get("REMOTE_ADDR") or ""
    if too_many_tries(f"device:{name}", address):
        raise Refused("", "too_many_tries", _("Too many tries. Wait five minutes."), status=429)
    device = devices.authenticate(name, secret) if name else None
    if device is None:
        if name:
            record("sign_in.refused", f"user:device:{name}"[:80], by=name[:150])
        raise Refused("", "not_known", _("Name or secret of this device is wrong."), status=401)
    return device


def _secret(request: Request) -> tuple[str, str]:
    how, _space, rest = request.headers.get("Authorization", "").partition(" ")
    text = rest.strip()
    if how.lower() == "basic":
        try:
            text = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
    elif how.lower() != "device":
        return "", ""
    name, _colon, secret = text.partition(":")
    if "\0" in name:
        return "", ""
    return name[:64], secret


def format_named(name: str) -> Format:
    """The format of that name; Refused (404) when it is not in use here."""
    for one in load(settings.STANDPIPE["POSITION_FORMATS"]):
        if one.name == name:
            return one
    raise Refused("format", "unknown", _("There is no such format of positions."), status=404)


def take(device: Device, payload: bytes, form: Format) -> list[dict[str, Any]]:
    """Store what a device brings: one answer for each fix, in order.

    ``{"stored": true}``, ``{"stored": true, "flag": "late"}`` (kept, does not move the marker) or
    ``{"stored": false, "reason": …, "field": …}``. Refused: 413 too large, 422 unreadable, 429 too
    many.
    """
    now = timezone.now()
    if len(payload) > MAX_BYTES:
        raise too_large()
    try:
        readings = form.read(payload)
    except BadMessage as bad:
        count_refusals({(device.name, f"bad:{bad.field}"[:60]): 1}, text=bad.reason)
        raise Refused(bad.field, "unreadable", f"{bad.field}: {bad.reason}") from None
    _allow(device.name, len(readings))
    fixes = [
        Fix(device.name, one, now) for one in readings if not isinstance(one, BadMessage)
    ]
    # A new one knows nothing and asks the database who the device is and where it was.
    verdicts, stored = Pipeline().take(fixes)
    waiting = iter(verdicts)
    answers: list[dict[str, Any]] = []
    for one in readings:
        if isinstance(one, BadMessage):
            count_refusals({(device.name, "bad:position"): 1}, text=f"{one.field}: {one.reason}")
            answers.append({"stored": False, "reason": "unreadable", "field": one.field,
                            "text": one.reason})  # fmt: skip
            continue
        verdict = next(waiting)
        if not verdict.keep:
            answers.append({"stored": False, "reason": verdict.reason})
        elif (device.name, one.fix_time, one.seq) in stored.repeats:
            answers.append({"stored": False, "reason": "duplicate"})
        else:
            flag = {"flag": verdict.reason} if verdict.reason else {}
            answers.append({"stored": True, **flag})
    return answers


def _allow(name: str, count: int) -> None:
    now = time.monotonic()
    with _lock:
        since, taken = _taken.get(name, (now, 0))
        if now - since >= 60:
            since, taken = now, 0
        if taken and taken + count > MOST_A_MINUTE:
            raise Refused(
                "", "too_many", _("Too many positions. Send the rest in a minute."), status=429
            )
        if len(_taken) > 20_000:
            _taken.clear()
        _taken[name] = (since, taken + count)


def speaks_owntracks(form: Format) -> bool:
    """Whether the answer has to be OwnTracks' own: an empty list."""
    return isinstance(form, OwnTracks)
