"""Which crew ranked first when the dispatcher looked: a signed slip that goes out with the ranking.

Vehicles move, and with them the ranking. Whoever sends the crew that stood first on their screen a
moment ago has not overridden anything and owes no reason.
"""

from __future__ import annotations

from django.core import signing

_SALT = "standpipe.dispatch.seen"
# Longer than anybody looks at one ranking before they act; shorter than a crew's next job.
GOOD_FOR_S = 120


def slip(incident: int, first: int) -> str:
    """What the ranking of `incident` carries: `first` is the id of the crew on top of it."""
    return signing.dumps([incident, first], salt=_SALT)


def was_first(text: str, incident: int, crew: int) -> bool:
    """Whether `text` is a slip of this incident, not too old, with this crew on top."""
    if not text:
        return False
    try:
        told = signing.loads(text, salt=_SALT, max_age=GOOD_FOR_S)
    except signing.BadSignature:
        return False
    return bool(told == [incident, crew])
