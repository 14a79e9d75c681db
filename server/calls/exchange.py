"""What a web process asks of Asterisk directly: hold, transfer, listen, dial.

Everything that has to outlive the request, or that follows events, is asked of the telephony
process instead (`WISHES` in listeners.py).
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.calls import sites
from telephony.ami.client import AmiError
from telephony.ami.once import OutOfReach, ask
from telephony.ami.parser import FieldValue, Message

log = logging.getLogger("standpipe.telephony")


def act(name: str, *, site: str = "", **fields: FieldValue) -> Message:
    """Ask for the action `name` and return its response.

    `site` is the code of the site that holds the channel (`sites.of_channel` tells it from a
    channel's unique id); of an empty one the first that can be reached is asked.

    Raises Refused("telephone", ...) when Asterisk says no or is away; nothing is retried.
    """
    who = _account()
    places = [sites.named(site)] if site or not sites.several() else list(sites.known())
    try:
        for place in places[:-1]:
            try:
                return ask(place.ami, who, name, fields)[0]
            except OutOfReach as away:
                log.warning("site %s: %s", place.code, away)
        return ask(places[-1].ami, who, name, fields)[0]
    except AmiError as said:
        raise _not_done(name, said) from said
    except ValueError as bad:
        raise Refused("telephone", "shape", _("This cannot be dialled.")) from bad


def listed_at_each(name: str, **fields: FieldValue) -> dict[str, list[Message]]:
    """An action that lists (CoreShowChannels, QueueStatus), asked of all sites at the same time:
    code -> items, of those that answer.

    Raises Refused("telephone", ...) when none does.
    """
    places = sites.known()
    with ThreadPoolExecutor(len(places)) as pool:
        said = list(pool.map(lambda site: _listed_or_away(site, name, fields), places))
    answers = {
        site.code: items
        for site, items in zip(places, said, strict=True)
        if not isinstance(items, AmiError)
    }
    if not answers:
        raise _not_done(name, next(away for away in said if isinstance(away, AmiError)))
    return answers


def _listed_or_away(
    site: sites.Site, name: str, fields: dict[str, FieldValue]
) -> list[Message] | AmiError:
    try:
        return ask(site.ami, _account(), name, fields)[1:]
    except AmiError as away:
        log.warning("site %s: %s", site.code, away)
        return away


def _account() -> tuple[str, str]:
    account = settings.STANDPIPE["AMI"]
    return account["user"], account["password"]


def _not_done(name: str, said: AmiError) -> Refused:
    log.warning("%s was not done: %s", name, said)
    text = _("The telephone exchange did not do that. Please try again.")
    return Refused("telephone", "exchange", text, reason=str(said))
