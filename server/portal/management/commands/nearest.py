"""`standpipe nearest --at LON,LAT`: the crews on shift by street time, the first one's way."""

from __future__ import annotations

from typing import Any

import orjson
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from server.portal.asking import Asking
from server.portal.wording import duration, length, west_of_greenwich
from server.streets import reading
from server.streets.nearest import nearest
from server.workforce.models import Crew


class Command(Asking):
    help = "Which crews on shift would be at a place first, by street."

    def add_arguments(self, parser: Any) -> None:
        west_of_greenwich(parser)
        super().add_arguments(parser)
        parser.add_argument("--at", required=True, metavar="LON,LAT", help="the place, in degrees")
        parser.add_argument("-k", default="10", metavar="N", help="how many; 10 when not given")

    def answer(self, options: dict[str, Any]) -> None:
        found = nearest(
            reading.position(options["at"], "at"),
            k=reading.whole(options["k"], "k", 1, 5000, 10), geometry=True,
        )  # fmt: skip
        if options["json"]:
            self.stdout.write(orjson.dumps(found).decode())
        else:
            self.stdout.write("\n".join(lines(found)))


def lines(found: dict[str, Any]) -> list[str]:
    """The ranking for somebody who reads it in a hurry."""
    if not found["crews"]:
        return [_("No crew is on shift.")]
    count = found["on_shift"]
    street = found["street"] or _("a street without a name")
    head = ngettext(
        "%(count)s crew on shift, by street time to %(street)s:",
        "%(count)s crews on shift, by street time to %(street)s:", count,
    )  # fmt: skip
    states = dict(Crew.State.choices)
    rows = [head % {"count": count, "street": street}]
    for number, row in enumerate(found["crews"], start=1):
        there = "–" if row["seconds"] is None else duration(row["seconds"])
        far = "" if row["metres"] is None else length(row["metres"])
        why = row["note_text"] or str(states.get(row["state"], row["state"]))
        rows.append(f"{number:>3}  {row['crew']['name']:<20} {there:>8} {far:>8}  {why}")
    return rows
