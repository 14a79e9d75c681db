"""One question about the network, as a person or a program asks it, and the whole answer.

Names are those of the imported file: the id of a pipe that was cut at its valves stands for all
its parts, a premise or station for its service line. The command `trace` and GET /api/trace/<id>
print the same answer; the API adds what a map draws.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any, get_args

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from gis_data.isolation import IsolationPlan, Warning, alternatives
from gis_data.plan_ranking import Ranked, ranked
from gis_data.tracing import TraceKind
from server.accounts.refusals import Refused
from server.network import graph
from server.network.identify import assets_like
from server.network.models import (
    Control,
    Hydrant,
    Manhole,
    Node,
    Pipe,
    ServiceLine,
    Sewer,
    Station,
    Valve,
)
from server.network.plans import (
    condition_of,
    drawn,
    drawn_valves,
    multi_line,
    path_lines,
    who_is_off,
)
from server.network.wording import warning_in_words

KINDS = ("isolate", *get_args(TraceKind))
# Plan B is made for so many valves at most, in closing order.
MOST_ALTERNATIVES = 40
# A map draws so many pipes of a trace; the ids are all in the answer.
MOST_DRAWN = 20_000
_SHOWN_AS = 40
# What a plan B has to say that the first plan does not say as well.
_NEWS = ("no_valve_before_source", "tank_only", "unintended")


@dataclass(frozen=True, slots=True)
class Target:
    """What a name means: `element` is what the network is asked about, `parts` the cut pipes."""

    name: str
    kind: str
    element: str
    parts: tuple[str, ...] = ()


def find(name: str) -> Target:
    """The target called `name`; "node:<id>" names a node where a link has the same id.

    Refused ('target', 'unknown_asset', 404) with `suggestions`, ('target', 'is_sewer', 422).
    """
    name = _clean(name)
    graph.current()  # without a network that is what is wrong, not the name
    if not name:
        raise graph.unknown_asset("–")
    plain = name.removeprefix("node:")
    if name != plain and Node.objects.filter(asset=plain).exists():
        return Target(name, "node", name)
    if Pipe.objects.filter(asset=name).exists():
        return Target(name, "pipe", name)
    if parts := tuple(
        Pipe.objects.filter(origin=name).order_by("id").values_list("asset", flat=True)
    ):
        return Target(name, "pipe", parts[0], parts)
    for kind, model in (
        ("control", Control), ("node", Node), ("valve", Valve), ("hydrant", Hydrant),
        ("service", ServiceLine),
    ):  # fmt: skip
        if model._default_manager.filter(asset=name).exists():
            return Target(name, kind, name)
    station = Station.objects.filter(asset=name).values_list("service", flat=True).first()
    line = ServiceLine.objects.filter(Q(asset=station) if station else Q(premise=name))
    if found := line.order_by("id").values_list("asset", flat=True).first():
        return Target(name, "station" if station else "premise", found)
    if Sewer.objects.filter(asset=name).exists() or Manhole.objects.filter(asset=name).exists():
        text = _("%(asset)s is a sewer; water valves do not isolate it.") % {"asset": name}
        raise Refused("target", "is_sewer", text)
    raise _unknown(name)


def _clean(name: str) -> str:
    return name.replace("\x00", "�").strip()[:60]


def _unknown(name: str) -> Refused:
    error = graph.unknown_asset(name)
    near = nearest(name)
    text = str(error)
    if near:
        text += " " + _("Did you mean %(ids)s?") % {"ids": ", ".join(near)}
    return Refused("target", error.code, text, status=404, suggestions=near)


def nearest(name: str, limit: int = 5) -> list[str]:
    """Ids of assets written most like `name`, the best first.

    The beginning of the name is what the indexes know, so it is shortened until enough begin like
    it; a number is also tried with other leading zeros.
    """
    found: set[str] = set()
    letters = re.fullmatch(r"(.*?)0*(\d+)", name)
    if letters:
        head, number = letters.groups()
        found.update(
            row["id"]
            for width in range(len(number), 8)
            for row in assets_like(head + number.zfill(width), 3)
        )
    for cut in range(len(name), 0, -1):
        if len(found) >= limit:
            break
        found.update(row["id"] for row in assets_like(name[:cut], 40))
    alike = {other: SequenceMatcher(None, name.lower(), other.lower()).ratio() for other in found}
    return sorted(alike, key=lambda other: (-alike[other], len(other), other))[:limit]


def check_valves(field: str, names: Iterable[str]) -> list[str]:
    """The names, if each is a valve; Refused (`field`, 'unknown_valve') names the odd one."""
    wanted = [n for n in dict.fromkeys(_clean(n) if n else "" for n in names) if n][:200]
    known = set(Valve.objects.filter(asset__in=wanted).values_list("asset", flat=True))
    for name in wanted:
        if name not in known:
            text = _("%(name)s is no valve of this network.") % {"name": name[:_SHOWN_AS]}
            near = [n for n in nearest(name) if Valve.objects.filter(asset=n).exists()]
            if near:
                text += " " + _("Did you mean %(ids)s?") % {"ids": ", ".join(near)}
            raise Refused(field, "unknown_valve", text, suggestions=near)
    return wanted


def answer(
    name: str,
    kind: str = "isolate",
    *,
    inoperable: Collection[str] = (),
    closed: Collection[str] = (),
    usable: Collection[str] = (),
    geometry: bool = False,
    plan_b: bool = True,
) -> dict[str, Any]:
    """The whole answer to a question; Refused as `find` and `check_valves`, ('kind', …).

    `inoperable` are valves that will not turn, `closed` valves to take as shut, `usable` valves
    whose covers cannot be reached and that will be dug out.

    isolate: see `isolation`. Others: {"target", "kind", "pipes", "nodes", "controls", "parts",
    "length_m", "sources", "reached", "warnings"}. With `geometry` the map's part stands in "drawn".
    Without `plan_b` "alternatives" is empty.
    """
    if kind not in KINDS:
        text = _("A trace goes %(kinds)s.") % {"kinds": ", ".join(KINDS)}
        raise Refused("kind", "unknown_kind", text)
    target = find(name)
    stuck, shut = check_valves("inoperable", inoperable), check_valves("closed", closed)
    dug = check_valves("usable", usable)
    if kind == "isolate":
        return isolation(target, stuck, shut, dug, geometry=geometry, plan_b=plan_b)
    return path(target, kind, shut, geometry=geometry)


# --- isolation ----------------------------------------------------------------------------------


def plan_for(
    target: Target, inoperable: Sequence[str], closed: Sequence[str], usable: Sequence[str] = ()
) -> IsolationPlan:
    """The plan for a target; a pipe that was cut is emptied whole, through valves on its cuts."""
    within = _valves_within(target.parts)
    plan = graph.isolate(
        target.element, inoperable=[*inoperable, *within], also_closed=closed, usable=usable
    )
    return _without_cuts(plan, target, within)


def _valves_within(parts: Sequence[str]) -> list[str]:
    """Valves that stand where two parts of one pipe meet."""
    if len(parts) < 2:
        return []
    ends: dict[str, int] = {}
    for start, end in Pipe.objects.filter(asset__in=parts).values_list("start", "end"):
        for node in (start, end):
            ends[node] = ends.get(node, 0) + 1
    inner = [node for node, count in ends.items() if count > 1]
    valves = Valve.objects.filter(pipe__in=parts, node__in=inner)
    return list(valves.values_list("asset", flat=True))


def _without_cuts(plan: IsolationPlan, target: Target, within: Sequence[str]) -> IsolationPlan:
    """The plan as if the valves on the cuts had never been asked about."""
    said = []
    for warning in plan.warnings:
        ids = warning_in_words({"code": warning.code, "text": warning.text})["params"].get("ids")
        if warning.code == "inoperable_valve" and ids and within:
            left = [v for v in ids if v not in within]
            if not left:
                continue
            head = warning.text.partition(": ")[0]
            warning = Warning(warning.code, f"{head}: {', '.join(left)}.")
        if target.name != target.element:
            warning = Warning(
                warning.code, re.sub(rf"\b{re.escape(target.element)}\b", target.name, warning.text)
            )
        said.append(warning)
    return replace(plan, warnings=tuple(said))


def isolation(
    target: Target,
    inoperable: Sequence[str],
    closed: Sequence[str],
    usable: Sequence[str] = (),
    *,
    geometry: bool = False,
    plan_b: bool = True,
) -> dict[str, Any]:
    """What taking the target out of service means, as the valves stand now.

    {"target", "valves_to_close", "minimal_valves", "segment": {"pipes", "nodes"}, "unintended":
    {"pipes", "nodes"}, "premises": {"total", "by_class", "ids"}, "hydrants_lost", "alternatives",
    "warnings"} and beside it "kind", "parts", "valves", "already_closed", "by_zone",
    "priority_customers". Pipes have the ids of the imported file; "parts" says which of them are
    only parts of one. With `geometry` also what screens read of a plan.
    """
    plan = plan_for(target, inoperable, closed, usable)
    names = _Names([*plan.segment_pipes, *plan.unintended_pipes])
    who = who_is_off(list(plan.premises))
    found: dict[str, Any] = {
        "target": target.name,
        "kind": "isolate",
        "valves_to_close": list(plan.valves_to_close),
        "minimal_valves": list(plan.minimal_valves),
        "segment": {
            "pipes": names.of(plan.segment_pipes), "nodes": list(plan.segment_nodes),
        },
        "unintended": {
            "pipes": names.of(plan.unintended_pipes), "nodes": list(plan.unintended_nodes),
        },
        "parts": names.parts(),
        "premises": {
            "total": len(plan.premises), "by_class": who["by_class"], "ids": list(plan.premises),
        },
        "by_zone": who["by_zone"],
        "priority_customers": who["priority_customers"],
        "hydrants_lost": list(plan.hydrants_lost),
        "already_closed": list(plan.already_closed),
        "valves": _valves(plan),
        "alternatives": plans_b(target, plan, inoperable) if plan_b else [],
        "warnings": [warning_in_words({"code": w.code, "text": w.text}) for w in plan.warnings],
    }  # fmt: skip
    return {**found, **_for_screens(plan, who)} if geometry else found


def _valves(plan: IsolationPlan) -> list[dict[str, Any]]:
    minimal = set(plan.minimal_valves)
    keep = ("id", "sequence", "condition", "state", "minimal", "turns", "diameter_mm", "lon", "lat")
    rows = drawn_valves(list(plan.valves_to_close))
    for n, row in enumerate(rows, start=1):
        row["sequence"], row["minimal"] = n, row["id"] in minimal
    return [{key: row[key] for key in keep} for row in rows]


def _for_screens(plan: IsolationPlan, who: dict[str, Any]) -> dict[str, Any]:
    minimal = set(plan.minimal_valves)
    shown = drawn({
        "target": plan.target,
        "valves": [
            {"asset": name, "sequence": n, "minimal": name in minimal}
            for n, name in enumerate(plan.valves_to_close, start=1)
        ],
        "pipes": plan.segment_pipes[:MOST_DRAWN],
        "unintended_pipes": plan.unintended_pipes[:MOST_DRAWN],
        "premises": [], "hydrants_lost": [], "warnings": [],
    })  # fmt: skip
    return {
        "valves": shown["valves"],
        "customers_off": len(plan.premises),
        "by_class": who["by_class"],
        "hydraulics": shown["hydraulics"],
        "drawn": {
            "valves": shown["valves"], "pipes": shown["pipes"], "unintended": shown["unintended"],
            "truncated": max(len(plan.segment_pipes), len(plan.unintended_pipes)) > MOST_DRAWN,
        },
    }  # fmt: skip


def plans_b(
    target: Target, plan: IsolationPlan, inoperable: Sequence[str]
) -> list[dict[str, Any]]:
    """What if one of the valves will not turn: a plan for each, the least harm first.

    Ordered by people without water, priority customers, hydrants lost and doubt about the valves,
    never by the number of valves (`gis_data.plan_ranking`).
    """
    within = _valves_within(target.parts)
    first = replace(plan, valves_to_close=plan.valves_to_close[:MOST_ALTERNATIVES])
    others = [
        (b.valve, _without_cuts(b.plan, target, within))
        for b in alternatives(graph.current().index, first)
    ]
    everybody = sorted({p for _valve, b in others for p in b.premises} | set(plan.premises))
    persons, classes = _persons(everybody)
    valves = {v for valve, b in others for v in (valve, *b.valves_to_close)}
    conditions = _conditions(sorted(valves))
    order = ranked(
        (b for _valve, b in others), persons=persons, classes=classes, conditions=conditions
    )
    by_plan = {id(b): valve for valve, b in others}
    return [_plan_b(by_plan[id(r.plan)], r, plan, conditions, inoperable) for r in order]


def _plan_b(
    valve: str, other: Ranked, plan: IsolationPlan, conditions: dict[str, str],
    inoperable: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    b, cost = other.plan, other.cost
    had = set(plan.valves_to_close)
    more = sorted(set(b.premises) - set(plan.premises))
    news = [w for w in b.warnings if w.code in _NEWS]
    return {
        "valve": valve,
        "condition": conditions.get(valve, "unknown"),
        "isolates": not b.warned("no_valve_before_source"),
        "valves_to_close": list(b.valves_to_close),
        "minimal_valves": list(b.minimal_valves),
        "extra_valves": [v for v in b.valves_to_close if v not in had],
        "extra_premises": more,
        "extra_customers": len(more),
        "premises": len(b.premises),
        "people": cost.people,
        "critical_customers": cost.critical,
        "hydrants_lost": len(b.hydrants_lost),
        "doubtful_valves": [
            v for v in b.valves_to_close if conditions.get(v, "unknown") != "yes"
        ],
        "inoperable": [*inoperable, valve],
        "warnings": [warning_in_words({"code": w.code, "text": w.text}) for w in news],
    }  # fmt: skip


def _persons(codes: list[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Persons and use class by premise; by table name, as `plans.who_is_off`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, persons, use FROM customers_premise WHERE code = ANY(%s)", [codes]
        )
        rows = cursor.fetchall()
    return {code: n for code, n, _use in rows}, {code: use for code, _n, use in rows}


def _conditions(valves: list[str]) -> dict[str, str]:
    rows = Valve.objects.filter(asset__in=valves).values_list("asset", "operable", "accessible")
    return {asset: condition_of(operable, accessible) for asset, operable, accessible in rows}


class _Names:
    """Pipes by the ids of the imported file: a cut pipe, part by part, has that of the whole."""

    def __init__(self, pipes: Sequence[str]) -> None:
        rows = Pipe.objects.filter(asset__in=list(pipes)).exclude(origin="")
        self._origin = dict(rows.values_list("asset", "origin"))

    def of(self, pipes: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(self._origin.get(p, p) for p in pipes))

    def parts(self) -> list[dict[str, str]]:
        """[{"id", "origin"}] of the cut pipes among them."""
        return [{"id": part, "origin": whole} for part, whole in sorted(self._origin.items())]


# --- the other traces ---------------------------------------------------------------------------


def path(
    target: Target, kind: str, closed: Sequence[str], *, geometry: bool = False
) -> dict[str, Any]:
    """An upstream, downstream, connected or source_path trace; see `answer`.

    From a cut pipe it starts at its first part; nothing is said twice.
    """
    found = graph.trace(target.element, kind, also_closed=closed)  # type: ignore[arg-type]
    names = _Names(found.pipes)
    shown: dict[str, Any] = {
        "target": target.name,
        "kind": kind,
        "pipes": names.of(found.pipes),
        "nodes": list(found.nodes),
        "controls": list(found.controls),
        "parts": names.parts(),
        "length_m": round(found.length_m, 1),
        "sources": list(found.sources),
        "reached": found.reached,
        "warnings": [],
    }
    if not found.reached:
        text = _("No source reaches %(target)s as the valves stand.") % {"target": target.name}
        shown["warnings"] = [
            {"code": "not_reached", "text": text, "params": {"target": target.name}}
        ]
    if geometry:
        shown["drawn"] = {
            # A way is drawn as the water runs, whichever way its mains are.
            "pipes": (path_lines if kind == "source_path" else multi_line)(
                found.pipes[:MOST_DRAWN]
            ),
            "truncated": len(found.pipes) > MOST_DRAWN,
        }
    return shown
