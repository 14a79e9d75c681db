"""The warnings of an isolation plan in the reader's words: one table, by code.

gis_data speaks English and names the assets in its text. Each row here reads that text and says
the same again. A test compares the table with every warning that gis_data can give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_IDS = r"(?P<ids>.+)\."

# (code, what gis_data says, what the reader is told).
TABLE: tuple[tuple[str, str, Promise], ...] = (
    (
        "no_valve_before_source",
        r"Cannot isolate below source (?P<source>.+): no valve that can be turned stands between "
        r"it and (?P<target>.+)\.",
        _("Cannot isolate below source %(source)s: no valve that can be turned stands between it "
          "and %(target)s."),
    ),
    (
        "inoperable_valve",
        r"More is shut off because these valves cannot be turned: " + _IDS,
        _("More is shut off because these valves cannot be turned: %(ids)s."),
    ),
    (
        "valve_buried",
        r"More is shut off because the covers of these valves cannot be reached: " + _IDS,
        _("More is shut off because the covers of these valves cannot be reached: %(ids)s."),
    ),
    (
        "valve_buried",
        r"To be dug out before they can turn: " + _IDS,
        _("To be dug out before they can turn: %(ids)s."),
    ),
    (
        "valve_untested",
        r"Nobody knows whether these valves turn: " + _IDS,
        _("Nobody knows whether these valves turn: %(ids)s."),
    ),
    (
        "already_closed",
        r"Found shut, keep them shut: " + _IDS,
        _("Found shut, keep them shut: %(ids)s."),
    ),
    (
        "no_source",
        r"The network has no reservoir or tank; who loses supply beyond the segment cannot be "
        r"said\.",
        _("The network has no reservoir or tank; who loses supply beyond the segment cannot be "
          "said."),
    ),
    (
        "already_without_supply",
        r"(?P<target>.+) had no way to a source before\.",
        _("%(target)s had no way to a source before."),
    ),
    (
        "unintended",
        r"(?P<n>\d+) pipes beyond the closed valves lose their last way to a source\.",
        _("%(n)s pipes beyond the closed valves lose their last way to a source."),
    ),
    (
        "tank_only",
        r"(?P<n>\d+) pipes are fed from a tank alone until the valves are open again\.",
        _("%(n)s pipes are fed from a tank alone until the valves are open again."),
    ),
    (
        "valve_not_on_pipe",
        r"Left out, because the records do not place them on a pipe end: " + _IDS,
        _("Left out, because the records do not place them on a pipe end: %(ids)s."),
    ),
)  # fmt: skip


def warning_in_words(warning: Mapping[str, Any]) -> dict[str, Any]:
    """{"code", "text", "params"} of a warning ({"code", "text"} in English) in this language.

    `params` is what the text names (`ids` as a list). One that is not in the table keeps its text.
    """
    code, text = str(warning.get("code", "")), str(warning.get("text", ""))
    for known, pattern, words in TABLE:
        found = re.fullmatch(pattern, text) if known == code else None
        if found is None:
            continue
        named = found.groupdict()
        params: dict[str, Any] = dict(named)
        if "ids" in params:
            params["ids"] = named["ids"].split(", ")
        if "n" in params:
            params["n"] = int(named["n"])
        return {"code": code, "text": str(words) % named if named else str(words), "params": params}
    return {"code": code, "text": text, "params": {}}
