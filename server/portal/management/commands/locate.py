"""`standpipe locate TEXT [--near LON,LAT] [--json]`: which places a text may mean, or why none."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandError

from server.places.api import read_near
from server.places.found import Found
from server.places.search import find_places
from server.portal.asking import Asking


class Command(Asking):
    json_help = "as GET /api/places answers"
    help = "Places that TEXT may mean, best first: address, crossing, name, number, coordinates."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("text", nargs="+", help="what a caller says; quotes are not needed")
        parser.add_argument("--near", default="", metavar="LON,LAT",
                            help="the nearer of equals comes first")  # fmt: skip

    def answer(self, options: dict[str, Any]) -> None:
        answer = find_places(" ".join(options["text"]), read_near(options["near"]))
        if options["json"]:
            self.stdout.write(json.dumps(answer.as_json(), ensure_ascii=False))
            if answer.refused:
                sys.exit(1)
            return
        if answer.refused:
            raise CommandError(answer.refused)
        self.stdout.write("\n".join(_line(f) for f in answer.results))


def _line(found: Found) -> str:
    place = f"{found.grade:<11} {found.lon:.6f},{found.lat:.6f}  {found.confidence:.2f}"
    return f"{place}  {found.text}" + (f"  ({found.note})" if found.note else "")
