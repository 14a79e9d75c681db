"""`manage city load …`: a city from any OSM extract, any EPANET network, or both."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from server.accounts.demo import demo_password
from server.cityload.loading import load_city
from server.cityload.sources import CityLoadError
from server.dispatch.devices import ensure_account
from server.places.models import City
from server.workforce.demo import load_people
from server.workforce.models import Crew


class Command(BaseCommand):
    help = "Load another city."

    def add_arguments(self, parser: Any) -> None:
        sub = parser.add_subparsers(dest="what", required=True)
        load = sub.add_parser("load", help="read files and replace the city")
        load.add_argument("--streets", help="an OSM extract (.osm.pbf, .osm, .osm.gz, .osm.bz2)")
        load.add_argument("--grow-network", action="store_true", help="grow pipes along streets")
        load.add_argument("--network", help="an EPANET network (.inp)")
        load.add_argument("--crs", help="the network's coordinate system, as EPSG:26917")
        load.add_argument("--name", default="")
        load.add_argument("--seed", type=int, default=965113)
        load.add_argument("--premises", type=int, default=2000)
        load.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = load_city(
                streets=options["streets"], network=options["network"], crs=options["crs"],
                grow=options["grow_network"], name=options["name"], seed=options["seed"],
                premises=options["premises"], say=self.stderr.write,
            )  # fmt: skip
        except CityLoadError as error:
            raise CommandError(str(error)) from error
        city = City.objects.get()
        if password := demo_password():
            load_people(password, city.depot)
            Crew.objects.update(base=city.depot)
            for crew in Crew.objects.all():
                ensure_account(crew)
        if options["json"]:
            self.stdout.write(json.dumps(loaded.as_json()))
        else:
            counts = ", ".join(f"{n} {what}" for what, n in loaded.counts.items())
            self.stdout.write(f"{loaded.name}: {counts} ({loaded.seconds} s)")
