"""`standpipe locate TEXT [--near LON,LAT] [--json]`: which places a text may mean, or why none."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from server.accounts.refusals import Refused
from server.places.api import read_near
from server.places.found import Found
from server.places.search import find_places


class Command(BaseCommand):
    help = "Places that TEXT may mean, best first: address, crossing, name, number, coordinates."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("text", nargs="+", help="what a caller says; quotes are not needed")
        parser.add_argument("--near", default="", metavar="LON,LAT",
                            help="the nearer of equals comes first")  # fmt: skip
        parser.add_argument("--json", action="store_true", help="as GET /api/places answers")
        parser.add_argument("--language", default=settings.LANGUAGE_CODE,
                            choices=[code for code, _name in settings.LANGUAGES])  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"]):
            try:
                near = read_near(options["near"])
            except Refused as refused:
                raise CommandError(str(refused)) from refused
            answer = find_places(" ".join(options["text"]), near)
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
