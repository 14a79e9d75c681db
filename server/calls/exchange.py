"""What a web process asks of Asterisk directly: hold, transfer, listen, dial.

Everything that has to outlive the request, or that follows events, is asked of the telephony
process instead (`WISHES` in listeners.py).
"""

from __future__ import annotations

import logging

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
    return _ask(name, site, fields)[0]


def listed(name: str, *, site: str = "", **fields: FieldValue) -> list[Message]:
    """As `act`, for an action that lists (CoreShowChannels, QueueStatus): the items alone."""
    return _ask(name, site, fields)[1:]


def _ask(name: str, site: str, fields: dict[str, FieldValue]) -> list[Message]:
    account = settings.STANDPIPE["AMI"]
    who = (account["user"], account["password"])
    places = [sites.named(site)] if site or not sites.several() else list(sites.known())
    try:
        for place in places[:-1]:
            try:
                return ask(place.ami, who, name, fields)
            except OutOfReach as away:
                log.warning("site %s: %s", place.code, away)
        return ask(places[-1].ami, who, name, fields)
    except AmiError as said:
        log.warning("%s was not done: %s", name, said)
        text = _("The telephone exchange did not do that. Please try again.")
        raise Refused("telephone", "exchange", text, reason=str(said)) from said
    except ValueError as bad:
        raise Refused("telephone", "shape", _("This cannot be dialled.")) from bad
