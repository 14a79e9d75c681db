"""`manage load_demo`: the demo city and its people. Milliseconds where they are there already."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.geos import Point
from django.core.management.base import BaseCommand, CommandError

from server.accounts.demo import demo_password
from server.calls.queueing.demo import furnish
from server.cityload.loading import load_demo_city
from server.cityload.sources import CityLoadError
from server.customers.models import Premise
from server.forecast.demo import load_history
from server.places.models import City
from server.positions.devices import ensure_account
from server.workforce.demo import load_people
from server.workforce.models import Crew


def _bases() -> list[Point]:
    """Where the demo's crews stand at first: eight places spread over the city."""
    places = list(Premise.objects.order_by("street", "code").values_list("geom", flat=True))
    return places[:: max(1, len(places) // 8)][:8]


class Command(BaseCommand):
    help = "Load the demo city and its people."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--force", action="store_true", help="load the city again")
        parser.add_argument("--premises", type=int, default=2000)
        parser.add_argument("--seed", type=int, default=965113)

    def handle(self, *args: Any, **options: Any) -> None:
        password = demo_password()
        if not password:
            raise CommandError("There is no demo password: STANDPIPE_DEMO_PASSWORD is not set.")
        try:
            load_demo_city(
                self.stderr.write, seed=options["seed"], force=options["force"],
                premises=options["premises"],
            )  # fmt: skip
        except CityLoadError as error:
            raise CommandError(str(error)) from error
        city = City.objects.get()
        load_people(password, city.depot, _bases())
        furnish()
        for crew in Crew.objects.all():
            ensure_account(crew)
        load_history(options["seed"])
