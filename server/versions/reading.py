"""Files into a draft: what is in them, how it is to be read, and what would come of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from gis_data import readiness
from gis_data.importing import (
    ATTRIBUTES,
    Built,
    ImportRefused,
    Layers,
    MapProblem,
    SchemaMap,
    build,
    problems,
    read_layers,
    suggest_map,
)
from gis_data.model import Service
from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.cityload.copying import copy_rows
from server.network import graph
from server.network.models import ServiceLine
from server.places.models import City
from server.versions import diffing, files, meaning, merged, services, wording
from server.versions.models import NetworkImport, QuarantinedRecord, SchemaMapMemory
from server.versions.proposing import propose

# More is not looked at by anybody; the counts say how many there are.
MOST_FINDINGS = 2000
MOST_QUARANTINED = 50_000


def refused(error: ImportRefused) -> Refused:
    """The library's refusal in the reader's language; `line` and `candidates` beside the errors."""
    more: dict[str, Any] = {"line": error.line} if error.line else {}
    if error.candidates:
        more["candidates"] = list(error.candidates)
    text = wording.say(error.code, error.params, error.message)
    return Refused(error.field, error.code, text, **more)


def read(draft: NetworkImport) -> NetworkImport:
    """Look into the files of a draft just received, and suggest what they mean.

    A file nobody can read makes the draft refused, with the reason in `problems`.
    """
    services.tell(draft, "read", 10)
    try:
        layers = read_layers(files.path_of(draft), crs=draft.crs)
        suggested = suggest_map(layers)
    except ImportRefused as error:
        return refuse(draft, [wording.problem(error)])
    known = SchemaMapMemory.objects.filter(source=draft.source).first() if draft.source else None
    with transaction.atomic():
        draft = services.locked(draft)
        if draft.state == NetworkImport.State.DISCARDED:
            return draft
        services.step_to(draft, "read")
        draft.layers = [
            {**layer.as_json(), "format": layers.format} for layer in layers.layers
        ]
        draft.notes = [note.as_json() for note in layers.notes]
        schema_map, origin = remembered(suggested, known, layers)
        draft.schema_map, draft.suggested = schema_map.as_json(), origin
        if draft.crs is None and known is not None and _silent(layers):
            draft.crs = known.crs
        draft.step, draft.percent, draft.problems = "", 0, []
        draft.save()
    return draft


def _silent(layers: Layers) -> bool:
    """Whether some layer does not say in which system it is drawn."""
    return any(layer.crs is None or layer.crs.epsg is None for layer in layers)


def remembered(
    suggested: SchemaMap, known: SchemaMapMemory | None, layers: Layers
) -> tuple[SchemaMap, dict[str, str]]:
    """The map to begin with and, by layer, where it is from: "remembered" or "suggested".

    A layer the source had the last time is read as then, as far as it has the columns.
    """
    origin = dict.fromkeys(suggested.layers, "suggested")
    if known is None or layers.format == "inp":
        return suggested, origin
    before = SchemaMap.from_json(known.schema_map)
    found = dict(suggested.layers)
    for layer in layers:
        if (m := before.layers.get(layer.name)) is None:
            continue
        names = {f.name for f in layer.fields}
        columns = {a: c for a, c in m.columns.items() if c in names}
        found[layer.name] = replace(m, columns=columns)
        origin[layer.name] = "remembered"
    return replace(suggested, layers=found, headloss=before.headloss), origin


def set_map(draft: NetworkImport, data: Any, crs: int | None, *, by: str) -> NetworkImport:
    """Say how the files are to be read. Refused naming the field, such as
    'layers.pipes.columns.diameter'."""
    try:
        schema_map = SchemaMap.from_json(data)
    except ImportRefused as error:
        raise refused(error) from error
    layers = {layer["name"]: layer for layer in draft.layers}
    for name, m in schema_map.layers.items():
        at = f"layers.{name}"
        if name not in layers:
            raise Refused(at, "no_such_layer", wording.say("no_such_layer", {"layer": name}, name))
        columns = {f["name"] for f in layers[name]["fields"]}
        for attribute, column in m.columns.items():
            if attribute not in ATTRIBUTES[m.role]:
                raise Refused(
                    f"{at}.columns.{attribute}", "no_such_attribute",
                    wording.say("no_such_attribute", {"role": m.role, "attribute": attribute},
                                attribute),
                )  # fmt: skip
            if column not in columns:
                raise Refused(
                    f"{at}.columns.{attribute}", "no_such_column",
                    wording.say("no_such_column", {"layer": name, "column": column}, column),
                )  # fmt: skip
    with transaction.atomic():
        draft = services.locked(draft)
        services.step_to(draft, "map")
        draft.schema_map, draft.crs = schema_map.as_json(), crs
        draft.suggested, draft.problems = {}, []
        draft.edition += 1
        draft.save()
        record("network.map", f"network-import:{draft.number}", by=by)
    return draft


def ask_build(draft: NetworkImport, *, by: str) -> NetworkImport:
    """Have the worker build and compare the draft. Conflict where it is being done."""
    from server.versions.tasks import build_draft

    with transaction.atomic():
        draft = services.begin_build(draft)
        edition = draft.edition
        transaction.on_commit(lambda: build_draft.enqueue(draft.pk, edition))
    return draft


def build_and_compare(draft: NetworkImport) -> NetworkImport:
    """Build the network of the files, set bad records aside, compare, judge. The worker's part.

    Ends in ready or refused; a result nobody waits for any more is dropped.
    """
    edition = draft.edition
    services.tell(draft, "read", 5)
    try:
        layers = read_layers(files.path_of(draft), crs=draft.crs)
        schema_map = SchemaMap.from_json(draft.schema_map)
        found = problems(schema_map, layers)
        errors = [wording.map_problem(p) for p in found if p.severity == "error"]
        if errors:
            return refuse(draft, errors, edition)
        services.tell(draft, "build", 20)
        built = build(
            layers, schema_map, crs=draft.crs, city_bounds=_city_bounds(),
            crs_measure=_measuring(), name=draft.name,
        )  # fmt: skip
    except ImportRefused as error:
        return refuse(draft, [wording.problem(error)], edition)
    _set_aside(draft, built)
    if not built.usable:
        counts = {"bad": len(built.quarantine), "all": built.records}
        problem = {"field": "files", "code": "too_dirty", "params": counts, "message": "too dirty"}
        return refuse(draft, [problem], edition)
    based_on = graph.version()
    summary = _compare(draft, schema_map, layers, built)
    services.tell(draft, "judge", 90)
    with transaction.atomic():
        draft = services.locked(draft)
        if draft.edition != edition or draft.state != NetworkImport.State.BUILDING:
            return draft
        draft.header = _header(built, layers.format)
        draft.readiness = judge(draft, built)
        services.step_to(draft, "finish")
        draft.summary, draft.based_on = summary, based_on
        draft.notes = [n.as_json() for n in (*layers.notes, *built.notes)] + _warnings(found)
        draft.step, draft.percent, draft.problems = "", 100, []
        draft.save()
    return draft


def _warnings(found: list[MapProblem]) -> list[dict[str, Any]]:
    return [
        wording.map_problem(p) for p in found if p.severity != "error"
    ]  # fmt: skip


def _city_bounds() -> tuple[float, float, float, float] | None:
    city = City.objects.order_by("-loaded_at").first()
    return None if city is None else city.bounds.extent


def _measuring() -> int | None:
    city = City.objects.order_by("-loaded_at").first()
    return None if city is None else city.measure_epsg


def _compare(
    draft: NetworkImport, schema_map: SchemaMap, layers: Layers, built: Built
) -> dict[str, dict[str, int]]:
    services.tell(draft, "compare", 60)
    meant = meaning.of(schema_map, layers.format, built)
    kept = {q.element for q in built.quarantine if q.element}
    network = replace(built.network, services=_lines(built, meant, kept))
    proposal = propose(
        network, given=meant.given, drainage=built.drainage, premises=built.premises,
        kept=kept,
        complete_nodes=meant.complete_nodes, only_adds=meant.only_adds,
        tell=lambda step, percent: services.tell(draft, step, percent),
    )  # fmt: skip
    with transaction.atomic():
        return diffing.make(draft, proposal)


def _lines(built: Built, meant: meaning.Meaning, kept: set[str]) -> dict[str, Service]:
    """The service lines the files bring.

    Where a premise has none in the files the reader makes one up, to the nearest main. Not wanted
    where the premise has a line in force that stays: then it would have two feeds.
    """
    stays: set[str] = set()
    known: set[str] = set()
    for asset, premise in ServiceLine.objects.values_list("asset", "premise"):
        known.add(asset)
        if "service" in meant.only_adds or asset in kept:
            stays.add(premise)
    return {
        k: s for k, s in built.network.services.items() if k in known or s.premise not in stays
    }


def _header(built: Built, file_format: str) -> dict[str, Any]:
    """Patterns and rules of an EPANET file; files without any keep those in force ({})."""
    if file_format != "inp":
        return {}
    header = graph.header_of(built.network)
    header.pop("name", None)
    if graph.version():
        header.pop("crs_measure", None)
    return header


def judge(draft: NetworkImport, built: Built | None = None) -> dict[str, Any]:
    """What the network would be fit for once `draft` is in force, as JSON."""
    network, drainage = merged.after(draft)
    if built is None:
        return as_json(readiness.report(network, drainage))
    return as_json(
        readiness.report(network, drainage, built.premises, quarantine=built.quarantine,
                         records=built.records)
    )  # fmt: skip


def as_json(report: readiness.Readiness) -> dict[str, Any]:
    """A readiness report, with the first findings; counts and verdicts are of all."""
    found = report.as_json()
    for finding in found["findings"]:
        finding["params"] = wording.plain(finding["params"])
    return {**found, "findings": found["findings"][:MOST_FINDINGS]}


def _set_aside(draft: NetworkImport, built: Built) -> None:
    QuarantinedRecord.objects.filter(of=draft).delete()
    copy_rows(
        QuarantinedRecord,
        ("of", "layer", "line", "asset", "field", "code", "text", "params", "raw", "geom"),
        ((draft.pk, q.layer, q.line, q.element, q.field, q.reason_code, q.reason,
          wording.plain(q.params), wording.plain(q.raw), _point(q.lon, q.lat))
         for q in built.quarantine[:MOST_QUARANTINED]),
    )  # fmt: skip


def _point(lon: float | None, lat: float | None) -> Any:
    from shapely.geometry import Point

    return None if lon is None or lat is None else Point(lon, lat)


def refuse(
    draft: NetworkImport, found: list[dict[str, Any]], edition: int | None = None
) -> NetworkImport:
    """Nothing can come of these files as they are read now; `found` says why."""
    with transaction.atomic():
        draft = services.locked(draft)
        if edition not in (None, draft.edition):
            return draft
        if draft.state == NetworkImport.State.DISCARDED:
            return draft
        services.step_to(draft, "refuse")
        draft.problems, draft.step, draft.percent = found, "", 0
        draft.save()
    return draft
