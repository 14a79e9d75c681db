"""The exchange's sites: one, or several that keep one queue together (ADR 0026).

A call's id begins with the code of the site where it arrived (`sp-1795399603.0`), so that the
figures of all sites go into one list without a doubt about which is which.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused

FIRST = "sp"


@dataclass(frozen=True, slots=True)
class Site:
    """How one site's Asterisk is reached. `ws` is where a browser registers as a telephone."""

    code: str
    ari_url: str
    ami: tuple[str, int]
    log: Path
    ws: str


def known() -> tuple[Site, ...]:
    """All sites, the one that keeps the queue first."""
    own = settings.STANDPIPE
    first = Site(
        FIRST, own["ARI"]["url"], (own["AMI"]["host"], own["AMI"]["port"]), Path(own["CALL_LOG"]),
        own.get("SIP_WS_URL", ""),
    )  # fmt: skip
    return (first, *further(own.get("FURTHER_SITES", "")))


def further(text: str) -> tuple[Site, ...]:
    """The other sites from `STANDPIPE_FURTHER_SITES`: a JSON list of objects with `code`, `ari`,
    `ami` (host:port), `log` (a folder) and `ws`. Raises ValueError for another form.
    """
    if not text:
        return ()
    found = []
    for entry in json.loads(text):
        host, _colon, port = str(entry["ami"]).rpartition(":")
        found.append(Site(
            str(entry["code"]), str(entry["ari"]), (host, int(port)), Path(str(entry["log"])),
            str(entry.get("ws", "")),
        ))  # fmt: skip
    return tuple(found)


def several() -> bool:
    """More than one site."""
    return bool(settings.STANDPIPE.get("FURTHER_SITES"))


def named(code: str) -> Site:
    """The site of that code, the first one for an empty code. Raises Refused."""
    for site in known():
        if code in ("", site.code):
            return site
    raise Refused("site", "unknown", _("There is no such site."))


def of_channel(name: str) -> str:
    """The site whose Asterisk made this channel or call id, '' where it does not say."""
    code = name.partition("-")[0]
    return code if any(site.code == code for site in known()) else ""
