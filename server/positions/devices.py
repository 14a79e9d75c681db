"""Devices and their credentials: one each, known to the broker and to the HTTP door, revocable."""

from __future__ import annotations

import hmac
import logging
import os
import secrets

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from mqtt.broker import BrokerConfig, BrokerError, check_password, hash_password
from mqtt.formats import load
from mqtt.topics import check_device
from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.positions import roster
from server.positions.models import Device
from server.workforce.models import Crew, Vehicle

log = logging.getLogger("standpipe.devices")
_LOCK = 0x4D51_5454


def config() -> BrokerConfig:
    """The broker of this installation."""
    return BrokerConfig(
        state=settings.STATE / "mosquitto", port=settings.STANDPIPE["MQTT"]["port"],
        server_user=settings.STANDPIPE["MQTT"]["user"] or "server",
        owner=os.environ.get("STANDPIPE_MQTT_OWNER") or None,
        formats=load(settings.STANDPIPE["POSITION_FORMATS"]),
    )  # fmt: skip


def _lock() -> None:
    # One writer at a time: the account file is read, changed and written whole.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _reload(broker: BrokerConfig) -> None:
    try:
        broker.reload()
    except BrokerError as error:
        log.info("the broker reads the accounts at its start: %s", error)


def ensure_account(crew: Crew) -> None:
    """Give a crew's phone its password and make the broker know it.

    Where the broker runs elsewhere (its files are not in our state directory) only the password
    is made; whoever runs that broker puts it there.
    """
    with transaction.atomic():
        _lock()
        fresh = not crew.mqtt_password
        if fresh:
            crew.mqtt_password = secrets.token_urlsafe(18)
            crew.save(update_fields=["mqtt_password"])
            # A new sign-in: what was revoked was the phone before.
            Device.objects.filter(name=crew.device).update(
                revoked_at=None, revoked_by="", revoked_why=""
            )
        broker = config()
        if not broker.state.is_dir():
            return
        if fresh or crew.device not in broker.account_names():
            broker.add_account(crew.device, crew.mqtt_password)
            _reload(broker)


def register(
    name: str, *, kind: str, by: str, crew: Crew | None = None, vehicle: Vehicle | None = None
) -> str:
    """A new device, or a new secret for a known one; the secret is told this once.

    Refused: a name that is none, a kind there is not, an owner missing, the phone of a crew (which
    signs in by itself).
    """
    try:
        check_device(name)
    except ValueError:
        raise Refused(
            "name", "invalid",
            _("A device name is 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter "
              "or digit."),
        ) from None  # fmt: skip
    if kind not in (Device.Kind.TRACKER, Device.Kind.OTHER):
        raise Refused("kind", "unknown", _("Choose what kind of device it is."))
    if (crew is None) == (vehicle is None):
        raise Refused("crew", "owner", _("Choose the crew or the vehicle it belongs to."))
    secret = secrets.token_urlsafe(18)
    with transaction.atomic():
        _lock()
        roster.adopt()
        broker = config()
        if name == broker.server_user:
            raise Conflict("name", "taken", _("This name is taken."))
        row = Device.objects.filter(name=name).first() or Device(name=name, created_by=by)
        if row.kind == Device.Kind.PHONE:
            raise Conflict(
                "name", "phone", _("This is a crew's phone. It gets its secret by signing in.")
            )
        row.kind, row.crew, row.vehicle = kind, crew, vehicle
        row.credential = hash_password(secret)
        row.revoked_at, row.revoked_by, row.revoked_why = None, "", ""
        row.save()
        record("device.register", f"device:{name}", by=by, note=kind)
        if broker.state.is_dir():
            broker.add_credential(name, row.credential)
            _reload(broker)
    return secret


def revoke(name: str, *, reason: str, by: str) -> None:
    """A lost phone, a sold vehicle: the account ends at once, also in the connection it has open.

    A crew's phone loses its tokens too. What it sends from now on is refused wherever it arrives.
    """
    if not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    with transaction.atomic():
        _lock()
        roster.adopt()
        row = Device.objects.select_for_update().filter(name=name).first()
        if row is None:
            raise Refused("name", "unknown", _("There is no such device."), status=404)
        row.revoked_at, row.revoked_by, row.revoked_why = timezone.now(), by, reason[:200]
        row.credential = ""
        row.save()
        crew = Crew.objects.filter(device=name).select_related("user").first()
        if crew is not None:
            crew.user.tokens.all().delete()
            crew.mqtt_password = ""
            crew.save(update_fields=["mqtt_password"])
        record("device.revoke", f"device:{name}", note=reason, by=by)
        broker = config()
        if broker.state.is_dir() and broker.remove_account(name):
            _reload(broker)


def authenticate(name: str, secret: str) -> Device | None:
    """The device whose secret this is; None for everybody else, and for the revoked."""
    row = Device.objects.select_related("crew").filter(name=name, revoked_at=None).first()
    if row is None:
        crew = Crew.objects.filter(device=name).first()
        if crew is None or not _same(secret, crew.mqtt_password):
            return None
        roster.adopt()
        return Device.objects.filter(name=name, revoked_at=None).first()
    if row.kind == Device.Kind.PHONE:
        if row.crew is None or row.crew.device != name:
            return None
        return row if _same(secret, row.crew.mqtt_password) else None
    return row if row.credential and check_password(secret, row.credential) else None


def _same(given: str, known: str) -> bool:
    return bool(known) and hmac.compare_digest(given.encode(), known.encode())
