"""`standpipe route --from LON,LAT --to LON,LAT`: the way to drive, with its turns."""

from __future__ import annotations

from typing import Any

import orjson
from django.utils.translation import gettext as _

from server.portal.asking import Asking
from server.portal.wording import duration, length, turn, west_of_greenwich
from server.streets import reading
from server.streets.nearest import route


class Command(Asking):
    help = "The quickest way between two places, as the streets are now."

    def add_arguments(self, parser: Any) -> None:
        west_of_greenwich(parser)
        super().add_arguments(parser)
        parser.add_argument("--from", dest="start", required=True, metavar="LON,LAT")
        parser.add_argument("--to", dest="end", required=True, metavar="LON,LAT")
        parser.add_argument(
            "--alternatives", default="1", metavar="N", help="how many ways, 1 to 5"
        )

    def answer(self, options: dict[str, Any]) -> None:
        found = route(
            reading.position(options["start"], "from"), reading.position(options["end"], "to"),
            alternatives=reading.whole(options["alternatives"], "alternatives", 1, 5, 1),
        )  # fmt: skip
        if options["json"]:
            self.stdout.write(orjson.dumps(found).decode())
            return
        text = lines(found)
        for number, other in enumerate(found["alternatives"], start=2):
            text += ["", _("Another way (%(number)s):") % {"number": number}, *lines(other)]
        self.stdout.write("\n".join(text))


def lines(way: dict[str, Any]) -> list[str]:
    """Length and time, then one line per turn."""
    rows = [f"{length(way['metres'])}, {duration(way['seconds'])}"]
    for number, step in enumerate(way["steps"], start=1):
        far = length(step["metres"]) if step["metres"] else ""
        street = step["street"] or _("a street without a name")
        rows.append(f"{number:>3}  {turn(step['turn'])}: {street} {far}".rstrip())
    return rows
