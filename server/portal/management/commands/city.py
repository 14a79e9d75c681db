"""`manage city …`: load a city, bring a survey into it, look at versions, go back, take it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gis_data.exporting import FORMATS, ExportFormat, ExportRefused, export
from gis_data.model import NetworkError
from server.accounts.demo import demo_password
from server.accounts.refusals import Refused
from server.cityload.loading import load_city, read_crs
from server.cityload.sources import CityLoadError
from server.network import graph
from server.places import aliases, plates
from server.places.models import City
from server.positions.devices import ensure_account
from server.versions import merged, reading, selectors, services
from server.workforce.demo import load_people
from server.workforce.models import Crew

_BY = "command line"
_SUFFIX: dict[str, ExportFormat] = {".gpkg": "gpkg", ".inp": "inp"}


class Command(BaseCommand):
    help = "The city and the versions of its network."

    def add_arguments(self, parser: Any) -> None:
        sub = parser.add_subparsers(dest="what", required=True)
        load = sub.add_parser("load", help="read files and replace the city")
        load.add_argument("--streets", help="an OSM extract (.osm.pbf, .osm, .osm.gz, .osm.bz2), "
                          "or a register's table (.csv, .csv.gz) in the system of --crs")
        load.add_argument("--grow-network", action="store_true", help="grow pipes along streets")
        load.add_argument(
            "--network", nargs="+",
            help="an EPANET network (.inp), or files of layers (.gpkg, .shp, .zip, .geojson, .csv)",
        )
        load.add_argument("--map", help="what layers and columns mean, as JSON")
        load.add_argument("--crs", help="the network's coordinate system, as EPSG:26917")
        load.add_argument("--name", default="")
        load.add_argument("--seed", type=int, default=965113)
        load.add_argument("--premises", type=int, default=2000)
        draft = sub.add_parser("import", help="compare files with the network, as a draft")
        draft.add_argument("files", nargs="+")
        draft.add_argument("--map", help="what layers and columns mean, as JSON")
        draft.add_argument("--crs", help="the files' coordinate system, as EPSG:26917")
        draft.add_argument("--source", default="", help="whose files; their map is remembered")
        draft.add_argument("--name", default="")
        sub.add_parser("readiness", help="what the network in force is fit for")
        out = sub.add_parser("export", help="write the network in force")
        out.add_argument("file", help=".gpkg, .inp, or a .zip of --format geojson or csv")
        out.add_argument("--format", choices=FORMATS)
        sub.add_parser("versions", help="list the versions")
        back = sub.add_parser("rollback", help="bring an earlier version back, as a new one")
        back.add_argument("number", type=int)
        back.add_argument("--reason", default="")
        for name, text in (
            ("aliases", "what people call places: a CSV file with alias, means and perhaps kind"),
            ("plates", "numbers on lamp posts: a CSV file with number, lon, lat and perhaps kind"),
        ):
            sub.add_parser(name, help=text).add_argument("file")
        for command in (load, draft, out, back, *(sub.choices[n] for n in ("readiness", "versions",
                                                                          "aliases", "plates"))):
            command.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        verb = getattr(self, f"_{options['what']}")
        try:
            verb(options)
        except Refused as error:
            raise CommandError(str(error)) from error

    def _print(self, options: dict[str, Any], data: Any, *lines: str) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(data, ensure_ascii=False, default=str))
        else:
            self.stdout.write("\n".join(lines))

    def _load(self, options: dict[str, Any]) -> None:
        try:
            loaded = load_city(
                streets=options["streets"], network=options["network"], crs=options["crs"],
                grow=options["grow_network"], name=options["name"], seed=options["seed"],
                premises=options["premises"], schema_map=options["map"], say=self.stderr.write,
            )  # fmt: skip
        except CityLoadError as error:
            raise CommandError(str(error)) from error
        city = City.objects.get()
        if password := demo_password():
            load_people(password, city.depot)
            Crew.objects.update(base=city.depot)
            for crew in Crew.objects.all():
                ensure_account(crew)
        counts = ", ".join(f"{n} {what}" for what, n in loaded.counts.items())
        self._print(options, loaded.as_json(), f"{loaded.name}: {counts} ({loaded.seconds} s)")

    def _import(self, options: dict[str, Any]) -> None:
        """Read, build and compare here and now; approving is a person's act, on the page."""
        paths = [Path(p) for p in options["files"]]
        for path in paths:
            if not path.is_file():
                raise CommandError(f"There is no file {path}.")
        crs = read_crs(options["crs"])
        draft = services.receive_paths(
            paths, name=options["name"] or paths[0].stem, source=options["source"], crs=crs,
            by=_BY,
        )  # fmt: skip
        draft = reading.read(draft)
        if draft.state == "read" and options["map"]:
            try:
                said = json.loads(Path(options["map"]).read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise CommandError(f"The map {options['map']} cannot be read: {error}.") from error
            draft = reading.set_map(draft, said, draft.crs, by=_BY)
        if draft.state == "read":
            draft = reading.build_and_compare(services.begin_build(draft))
        shown = selectors.brief(draft)
        shown["quarantined"] = draft.quarantine.count()
        shown["verdicts"] = {
            k: v["ok"] for k, v in draft.readiness.get("verdicts", {}).items()
        }
        lines = [f"{draft.number}: {draft.get_state_display()}"]
        lines += [p["text"] for p in shown["problems"]]
        lines += _changes(draft.summary)
        lines += [
            f"  {q['layer']} line {q['line']}: {q['asset'] or '-'} {q['text']}"
            for q, _ in zip(selectors.quarantine(draft), range(20), strict=False)
        ]
        lines += [f"Fit for {k}: {v.replace('_', ' ')}" for k, v in shown["verdicts"].items()]
        self._print(options, shown, *lines)
        if draft.state == "refused":
            raise CommandError("Nothing came of these files.", returncode=2)

    def _aliases(self, options: dict[str, Any]) -> None:
        """Lines that cannot be taken are named; the others count."""
        found = aliases.load(Path(options["file"]), by=None)
        lines = [f"{found['added']} aliases added, {found['known']} known already."]
        lines += [f"  line {r['line']}: {r['text']}" for r in found["refused"]]
        self._print(options, found, *lines)

    def _plates(self, options: dict[str, Any]) -> None:
        count = plates.load(Path(options["file"]))
        self._print(options, {"plates": count}, f"{count} plates.")

    def _readiness(self, options: dict[str, Any]) -> None:
        report = selectors.readiness_in_force()
        lines = [f"Version {report['version']}"]
        for purpose, verdict in report["verdicts"].items():
            lines.append(f"Fit for {purpose}: {verdict['ok'].replace('_', ' ')}")
            lines += [f"  {why}" for why in verdict["why"]]
        lines += [f"{n} x {code}" for code, n in sorted(report["counts"].items())]
        self._print(options, report, *lines)

    def _export(self, options: dict[str, Any]) -> None:
        path = Path(options["file"])
        wanted: ExportFormat | None = options["format"] or _SUFFIX.get(path.suffix.lower())
        if wanted is None:
            raise CommandError(f"Say with --format what {path.name} is to be: "
                               f"{', '.join(FORMATS)}.")
        network = graph.network()
        try:
            written = export(
                network, path, wanted, merged.drainage_in_force(network.crs_measure),
                premises=merged.premises_in_force(), zones=merged.zones_in_force(),
            )  # fmt: skip
        except (ExportRefused, NetworkError) as error:
            raise CommandError(f"{error}.") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        names = [str(p) for p in written]
        self._print(options, {"version": graph.version(), "files": names}, *names)

    def _versions(self, options: dict[str, Any]) -> None:
        found = selectors.overview()
        lines = [
            f"{v['number']:>4} {'*' if v['in_force'] else ' '} {v['kind']:<9}"
            f" {v['at']:%Y-%m-%d %H:%M} {v['by']} {v['source']}"
            for v in found["versions"]
        ]
        self._print(options, found["versions"], *lines)

    def _rollback(self, options: dict[str, Any]) -> None:
        version = services.roll_back(options["number"], by=_BY, reason=options["reason"])
        data = {"version": version.number, "back_to": version.back_to}
        self._print(options, data, f"Version {version.number} is version {version.back_to} again.")


def _changes(summary: dict[str, dict[str, int]]) -> list[str]:
    return [
        f"{kind}: " + ", ".join(f"{n} {action}" for action, n in counts.items())
        for kind, counts in summary.items()
    ]
