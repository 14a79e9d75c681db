"""What the product gives as the source of a fact, in the reader's words."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Written in the ledger in English and for good; anything not listed is shown as it was written.
_SOURCES: tuple[tuple[str, Promise], ...] = (
    ("last valve closed", _("last valve closed")),
    ("last valve dropped", _("last valve not needed any more")),
    ("last valve opened", _("last valve opened")),
    ("valve (?P<valve>.+) closed", _("valve %(valve)s closed")),
    ("valve (?P<valve>.+) opened", _("valve %(valve)s opened")),
    ("valve (?P<valve>.+) cannot be closed", _("valve %(valve)s cannot be closed")),
    ("valve (?P<valve>.+) left closed", _("valve %(valve)s left closed")),
    ("repaired with valves (?:still )?open", _("repaired with valves still open")),
    ("isolated as far as possible", _("isolated as far as possible")),
    ("work done", _("work done")),
    ("restored", _("restored")),
    ("carried over", _("carried over from before the ledger")),
    ("customer", _("customer")),
    ("crew", _("crew")),
    ("meter", _("meter reading")),
)


def source_label(source: str) -> str:
    """`source` of a fact in the reader's language where it is one of ours."""
    for pattern, text in _SOURCES:
        if found := re.fullmatch(pattern, source):
            return str(text) % found.groupdict() if found.groupdict() else str(text)
    return source
