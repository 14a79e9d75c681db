"""The broker's accounts follow the crews: one credential per device."""

from __future__ import annotations

import logging
import os
import secrets

from django.conf import settings
from django.db import connection, transaction

from mqtt.broker import BrokerConfig, BrokerError
from server.accounts.audit import record
from server.workforce.models import Crew

log = logging.getLogger("standpipe.devices")
_LOCK = 0x4D51_5454


def ensure_account(crew: Crew) -> None:
    """Give a crew's device its password and make the broker know it.

    Where the broker runs elsewhere (its files are not in our state directory) only the password
    is made; whoever runs that broker puts it there.
    """
    with transaction.atomic():
        # One writer at a time: the account file is read, changed and written whole.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        fresh = not crew.mqtt_password
        if fresh:
            crew.mqtt_password = secrets.token_urlsafe(18)
            crew.save(update_fields=["mqtt_password"])
        config = BrokerConfig(
            state=settings.STATE / "mosquitto", port=settings.STANDPIPE["MQTT"]["port"],
            owner=os.environ.get("STANDPIPE_MQTT_OWNER") or None,
        )  # fmt: skip
        if not config.state.is_dir():
            return
        if fresh or crew.device not in config.account_names():
            config.add_account(crew.device, crew.mqtt_password)
            try:
                config.reload()
            except BrokerError as error:
                log.info("the broker reads the new account at its start: %s", error)


def revoke(crew: Crew, *, reason: str, by: str) -> None:
    """A lost phone: its account and tokens end at once, also in the connection it has open."""
    config = BrokerConfig(
        state=settings.STATE / "mosquitto", port=settings.STANDPIPE["MQTT"]["port"],
        owner=os.environ.get("STANDPIPE_MQTT_OWNER") or None,
    )  # fmt: skip
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        crew.user.tokens.all().delete()
        crew.mqtt_password = ""
        crew.save(update_fields=["mqtt_password"])
        record("device.revoke", f"device:{crew.device}", note=reason, by=by)
        if config.state.is_dir() and config.remove_account(crew.device):
            try:
                config.reload()
            except BrokerError as error:
                log.info("the broker is not running; it starts without the account: %s", error)
