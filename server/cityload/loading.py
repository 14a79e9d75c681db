"""Load a city: read and compute first, then one transaction; never half a city."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.text import slugify

from gis_data.street_table import is_table, read_street_table
from routing.errors import RoutingError
from routing.index import StreetIndex
from routing.streets import Line, build_streets, streets_from_lines
from server.cityload import filling
from server.cityload.people import Living, invent
from server.cityload.sources import (
    CityLoadError,
    Source,
    demo_extract,
    demo_source,
    file_source,
)
from server.network import general, graph
from server.network.models import NetworkVersion
from server.places.models import City

SEED = 965113
Say = Callable[[str], None]
# Any number that no other part of the product locks with.
_LOCK = 0x5349_5459


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: the city's code and name, how much of what, and how long it took."""

    code: str
    name: str
    version: int
    counts: dict[str, int]
    seconds: float
    skipped: bool = False
    #: What the network is fit for: purpose -> "yes", "with_care" or "no"; {} where nobody asked.
    verdicts: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def load_demo_city(
    say: Say | None = None, *, seed: int = SEED, force: bool = False, premises: int = 2000
) -> Loaded:
    """Central Helsinki. Does nothing, in milliseconds, where it is loaded; `force` loads again.

    `say` hears one line for each step that takes time. Errors: CityLoadError; nothing is changed.
    """
    progress = _Progress(say)
    if not force and (there := _already("helsinki")) is not None:
        if not any(_street_dir().glob("*")):
            # The database came from a backup, the index can be made again.
            with progress.step("Compiling the street index"), _disk():
                _save_index(_street_index(demo_extract()))
        return there
    with progress.step("Growing a water network along the streets of Helsinki"):
        source = demo_source(seed, premises)
    return _load(source, seed, progress)


def load_city(
    *, streets: str | Path | None = None,
    network: str | Path | Sequence[str | Path] | None = None, crs: str | int | None = None,
    grow: bool = False, name: str = "", seed: int = SEED, premises: int = 2000,
    schema_map: str | Path | None = None, say: Say | None = None,
) -> Loaded:
    """A city from any street extract (.osm.pbf, .osm, .osm.gz, .osm.bz2), network or both.

    `network`: an EPANET file, or one or several files of GIS layers (GeoPackage, Shapefile,
    GeoJSON, CSV, zip), read as `schema_map` (a JSON file) says or as they look.
    `crs` is the network's system ("EPSG:26917"); `grow` grows a network along the streets.
    Replaces the city that is loaded. Errors: CityLoadError naming the file and what is wrong;
    nothing is changed.
    """
    paths = [network] if isinstance(network, str | Path) else list(network or ())
    if grow and paths:
        raise CityLoadError("grow_network", "Give a network file or have one grown, not both.")
    if streets is not None and not paths and not grow:
        raise CityLoadError("grow_network", "Streets alone carry no water: add --grow-network, or "
                                            "name a network with --network and --crs.")
    progress = _Progress(say)
    with progress.step("Reading the files"):
        source = file_source(
            streets=Path(streets) if streets is not None else None,
            network=[Path(p) for p in paths],
            schema_map=Path(schema_map) if schema_map else None,
            crs=read_crs(crs), name=" ".join(name.split())[:80], seed=seed, premises=premises,
        )
    for line in source.said:
        progress.say(line)
    return replace(_load(source, seed, progress), verdicts=source.verdicts)


def read_crs(crs: str | int | None) -> int | None:
    """"EPSG:26917" or 26917 as a number. Errors: CityLoadError ('crs')."""
    if crs is None or crs == "":
        return None
    text = str(crs).strip().upper().removeprefix("EPSG:")
    if not (text.isdecimal() and len(text) <= 6):
        raise CityLoadError("crs", f"{str(crs)[:40]!r} is no coordinate system: write it as "
                                   "EPSG:26917.")
    return int(text)


def _already(code: str) -> Loaded | None:
    city = City.objects.filter(code=code).first()
    version = NetworkVersion.objects.order_by("-number").first()
    if city is None or version is None:
        return None
    return Loaded(city.code, city.name, version.number, version.summary, 0.0, skipped=True)


def _street_dir() -> Path:
    return Path(settings.STANDPIPE["STREETS"])


class _Progress:
    """Says which step is being done, and how long it took if that was noticeable."""

    def __init__(self, say: Say | None) -> None:
        self.say = self._say = say or (lambda _line: None)
        self.started = time.monotonic()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        self._say(f"{what} ...")
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        if took > 2:
            self._say(f"{what}: done in {took:.0f} s")


def _load(source: Source, seed: int, progress: _Progress) -> Loaded:
    index = None
    if source.street_file is not None:
        with progress.step("Compiling the street index"):
            index = _street_index(source.street_file, source.described.get("crs"))
    with progress.step("Writing the city to the database"):
        try:
            with _disk():
                loaded = _write(source, seed, index, progress)
        except ProtectedError as error:
            raise CityLoadError(
                "city", "The city in use has shut-offs on record, which point to its premises. "
                        "Load another city into a state directory of its own (--state)."
            ) from error
        except DatabaseError as error:
            first = str(error).strip().splitlines()[0]
            raise CityLoadError("database", f"The database refused the city: {first}") from error
    if index is None:
        # Routes of the city that was here before would be wrong in this one.
        shutil.rmtree(_street_dir(), ignore_errors=True)
    graph.forget()
    return loaded


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or _street_dir()
        raise CityLoadError(
            "streets", f"The street index cannot be written: {error.strerror} ({where})."
        ) from error


def _save_index(index: StreetIndex) -> None:
    _street_dir().mkdir(parents=True, exist_ok=True)
    index.save(_street_dir())


def _street_index(path: Path, crs: int | None = None) -> StreetIndex:
    try:
        if is_table(path) and crs is not None:
            rows = read_street_table(path, crs).rows
            return StreetIndex.compile(streets_from_lines(
                (Line(r.line.coords[0], r.line.coords[-1], r.name, r.klass, r.speed_kph, r.oneway)
                 for r in rows), path.name,
            ))  # fmt: skip
        return StreetIndex.compile(build_streets(path))
    except RoutingError as error:
        raise CityLoadError("streets", str(error)) from error


def _write(
    source: Source, seed: int, index: StreetIndex | None, progress: _Progress
) -> Loaded:
    city = source.city
    code = source.code or slugify(city.name)[:50] or "city"
    living = [Living(p.use, p.name, p.persons) for p in city.premises]
    invented = invent(living, seed=seed, now=timezone.now())
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        filling.clear()
        version = filling.fill_network(city.network, str(source.described))
        filling.fill_zones(city)
        drained = filling.fill_drainage(city.drainage)
        filling.fill_places(city)
        filling.fill_customers(city, invented)
        filling.fill_areas(city.districts)
        filling.fill_city(city, code, source.name_zh, source.described)
        graph.store_segments(graph.compile_network(city.network, version.number))
        general.refresh()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        counts = {
            **version.summary, **drained, "streets": len(city.streets),
            "premises": len(city.premises), "accounts": len(invented),
            "buildings": len(city.places.buildings),
            "addresses": len(city.places.addresses), "places": len(city.places.pois),
        }
        version.summary = counts
        version.save(update_fields=["summary"])
        if index is not None:
            # Last, so that a full disk undoes everything above; whole or not at all by itself.
            _save_index(index)
    seconds = round(time.monotonic() - progress.started, 1)
    return Loaded(code, city.name, version.number, counts, seconds)
