"""Crew phones sign in here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.utils import translation
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import CrewToken
from server.accounts.refusals import Refused
from server.accounts.throttle import too_many_tries
from server.network import graph
from server.positions.devices import ensure_account
from server.workforce.models import Crew


def sign_in(user: str, password: str, language: str, *, host: str, address: str) -> dict[str, Any]:
    """A token, who the crew is, and how to reach the broker. Refused with the reason otherwise."""
    chosen = language if language in dict(settings.LANGUAGES) else {"zh": "zh-hans"}.get(language)
    with translation.override(chosen or "en"):
        if too_many_tries(user, address):
            raise Refused(
                "password", "too_many_tries", _("Too many tries. Wait five minutes."), status=429
            )
        found = authenticate(username=user, password=password)
        crew = Crew.objects.filter(user=found).first() if found is not None else None
        if found is None:
            record("sign_in.refused", f"user:{user}", by=user[:150])
            raise Refused(
                "password", "wrong", _("User name or password is wrong."), status=401
            )
        if crew is None:
            raise Refused("user", "no_crew", _("This person belongs to no crew."), status=403)
        if chosen and found.language != chosen:
            found.language = chosen
            found.save(update_fields=["language"])
        token = CrewToken.objects.create(user=found, device=crew.device)
        record("sign_in", f"user:{user}", by=user)
    ensure_account(crew)
    m = settings.STANDPIPE["MQTT"]
    return {
        "token": token.key,
        "device": crew.device,
        "crew": {"id": str(crew.pk), "name": crew.name, "name_zh": crew.name_zh},
        "mqtt": {
            # Phones on the same machine reach the broker where they reached us.
            "host": host if m["host"] in ("127.0.0.1", "localhost") else m["host"],
            "port": m["port"],
            "user": crew.device,
            "password": crew.mqtt_password,
        },
        "district_url": "/api/crew/district",
        "district_version": graph.version(),
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
    }
