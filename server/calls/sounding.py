"""The telephone's voice as the settings have it, and the alarm when a prompt is missing."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from server.ivr import prompts
from telephony.prompts import Speech

log = logging.getLogger("standpipe.telephony")
_alarms = ThreadPoolExecutor(1, thread_name_prefix="prompts")


def speech() -> Speech:
    """The built-in prompts, the utility's own ones before them."""
    return Speech(
        settings.STANDPIPE["PROMPTS"], own=settings.STANDPIPE["OWN_PROMPTS"],
        missing=prompt_missing,
    )  # fmt: skip


def prompt_missing(name: str, language: str) -> None:
    """Told on the event loop while a caller waits: a thread of its own writes the alarm."""
    _alarms.submit(_write, name, language)


def _write(name: str, language: str) -> None:
    close_old_connections()
    try:
        prompts.missing(name, language)
    except DatabaseError as error:
        log.error("the prompt %s (%s) is missing: %s", name, language, error)
