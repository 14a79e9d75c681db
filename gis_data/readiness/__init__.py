"""How good is a network? What is wrong and where, and what it may be used for.

    readiness = report(network, drainage, premises)
    readiness.verdicts["tracing"].ok          # "yes", "with_care" or "no"
    readiness.verdicts["tracing"].why         # reasons with code, params and sentence
    readiness.findings                        # each with element, place, code, params, sentence

Codes and parameters are stable, so that they can be translated: `SENTENCES` and `REASONS` list
them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from gis_data.crs import CoordinateError
from gis_data.drainage import Drainage
from gis_data.importing.values import PremiseRow, Quarantined
from gis_data.model import Network
from gis_data.quality import validate
from gis_data.readiness.drains import drainage_findings
from gis_data.readiness.topology import (
    Drawn,
    Fed,
    crossings,
    diameter_jumps,
    finding,
    loose_ends,
    valves_off_pipe,
)
from gis_data.readiness.values import (
    REASONS,
    SENTENCES,
    Finding,
    Purpose,
    Readiness,
    Reason,
    Verdict,
)

__all__ = ["REASONS", "SENTENCES", "Finding", "Readiness", "Reason", "Verdict", "report"]

_MANY, _TOO_MANY = 0.02, 0.2
#: Said better, or with more, by a finding of ours.
_SAID_BETTER = frozenset({"unconnected", "no_source"})


def report(
    network: Network,
    drainage: Drainage | None = None,
    premises: Iterable[PremiseRow] = (),
    *,
    quarantine: Iterable[Quarantined] = (),
    records: int = 0,
    most: int = 500,
) -> Readiness:
    """Findings (at most `most` of each code), verdicts and counts. Never raises.

    `quarantine` and `records` are those of the import, where the network comes from one.
    """
    premises, quarantine = list(premises), list(quarantine)
    fed: Fed | None = None
    structural = 0
    parts: list[Iterable[Finding]] = []
    said = [
        Finding(f.severity, f.code, f.element, f.message, f.lon, f.lat, {"detail": f.message})
        for f in validate(network)
        if f.code not in _SAID_BETTER
    ]
    structural = sum(f.severity == "error" for f in said)
    parts.append(said)
    parts.append(_ids(network, premises, quarantine))
    parts.append(_premises(network, premises))
    try:
        drawn = Drawn(network) if network.nodes and not _unplaced(said) else None
    except CoordinateError:
        drawn = None
    if drawn is not None:
        fed = Fed(drawn)
        parts += [fed.findings(), loose_ends(drawn), crossings(drawn), valves_off_pipe(drawn),
                  diameter_jumps(drawn)]  # fmt: skip
    if drainage is not None:
        parts.append(drainage_findings(drainage))
    counts: Counter[str] = Counter()
    kept: list[Finding] = []
    for found in chain.from_iterable(parts):
        counts[found.code] += 1
        if counts[found.code] <= most:
            kept.append(found)
    kept.sort(key=lambda f: f.severity != "error")
    facts = _Facts(network, counts, structural, fed, premises, len(quarantine), records)
    verdicts: dict[Purpose, Verdict] = {
        "locating": facts.locating(), "tracing": facts.tracing(), "hydraulics": facts.hydraulics(),
    }  # fmt: skip
    return Readiness(kept, verdicts, dict(counts), most)


def _unplaced(said: Iterable[Finding]) -> bool:
    return any(f.code in ("position", "crs") for f in said)


def _ids(
    network: Network, premises: list[PremiseRow], quarantine: list[Quarantined]
) -> Iterator[Finding]:
    kinds: dict[str, str] = {}
    groups: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("pipe", network.pipes), ("control", network.controls), ("valve", network.valves),
        ("hydrant", network.hydrants), ("service line", network.services),
    )  # fmt: skip
    # Nodes may share the name of a link, as in EPANET, and a hydrant that of its node.
    for kind, group in groups:
        for name, element in group.items():
            if name in kinds:
                lon, lat = getattr(element, "lon", None), getattr(element, "lat", None)
                yield finding("id_shared", name, lon, lat, kind=kinds[name], other_kind=kind)
            kinds.setdefault(name, kind)
    for q in quarantine:
        if q.reason_code == "duplicate_id":
            yield finding("duplicate_id", q.element, q.lon, q.lat, **q.params)
    for name, times in Counter(p.id for p in premises).items():
        if times > 1:
            row = next(p for p in premises if p.id == name)
            yield finding("premise_twice", name, row.lon, row.lat, times=times)


def _premises(network: Network, premises: list[PremiseRow]) -> Iterator[Finding]:
    fed = {s.premise for s in network.services.values() if s.pipe in network.pipes}
    for row in premises:
        if row.id not in fed:
            yield finding("premise_without_main", row.id, row.lon, row.lat)


def _reason(code: str, **params: Any) -> Reason:
    return Reason(code, REASONS[code].format(**params), params)


def _percent(share: float) -> float:
    return round(100 * share, 1)


class _Facts:
    """The figures that decide; each verdict lists what speaks against it, worst first."""

    def __init__(
        self,
        network: Network,
        counts: Counter[str],
        structural: int,
        fed: Fed | None,
        premises: list[PremiseRow],
        quarantined: int,
        records: int,
    ) -> None:
        self._network, self._counts, self._structural = network, counts, structural
        self._premises, self._quarantined = premises, quarantined
        self._records = max(records, quarantined)
        self._fed = fed
        self._pipes = len(network.pipes)

    def _judge(self, no: list[Reason], care: list[Reason]) -> Verdict:
        if no:
            return Verdict("no", (*no, *care))
        return Verdict("with_care", tuple(care)) if care else Verdict("yes")

    def _share(self, code: str, count: int, of: int) -> tuple[list[Reason], list[Reason]]:
        """(no, care) for a share that is worth a word from 2 % on and too much from 20 %."""
        if not count or not of:
            return [], []
        reason = [_reason(code, count=count, share=_percent(count / of))]
        if count > _TOO_MANY * of:
            return reason, []
        return [], reason

    def _common(self) -> tuple[list[Reason], list[Reason]]:
        no: list[Reason] = []
        care: list[Reason] = []
        if not self._pipes:
            no.append(_reason("no_pipes"))
        if self._structural:
            no.append(_reason("errors", count=self._structural))
        worse, bad = self._share("quarantined", self._quarantined, self._records)
        return no + worse, care + bad

    def locating(self) -> Verdict:
        no, care = self._common()
        network = self._network
        if not self._premises and not network.services:
            care.append(_reason("no_premises"))
        lost = self._counts["premise_without_main"]
        if lost > _MANY * len(self._premises):
            worse, bad = self._share("premises_without_main", lost, len(self._premises))
            no += worse
            care += bad
        return self._judge(no, care)

    def _supply(self) -> tuple[list[Reason], list[Reason]]:
        no: list[Reason] = []
        care: list[Reason] = []
        if not self._network.sources():
            no.append(_reason("no_source"))
        elif self._fed is not None:
            apart = int((~self._fed.joined).sum())
            off = int((self._fed.joined & ~self._fed.fed).sum())
            for code, count in (("without_source", apart), ("shut_off", off)):
                worse, bad = self._share(code, count, self._pipes)
                no += worse
                care += bad
            if self._counts["zone_without_source"]:
                care.append(
                    _reason("zones_without_source", count=self._counts["zone_without_source"])
                )
        return no, care

    def tracing(self) -> Verdict:
        no, care = self._common()
        network = self._network
        worse, bad = self._supply()
        no += worse
        care += bad
        if not network.valves:
            no.append(_reason("no_valves"))
        for code, reason in (
            ("near_miss", "near_misses"), ("crossing_without_node", "crossings"),
            ("valve_off_pipe", "valves_off_pipe"),
        ):  # fmt: skip
            if self._counts[code]:
                care.append(_reason(reason, count=self._counts[code]))
        unknown = sum(v.operable == "unknown" for v in network.valves.values())
        if unknown > 0.3 * len(network.valves):
            care.append(
                _reason("valves_unknown", count=unknown,
                        share=_percent(unknown / len(network.valves)))
            )  # fmt: skip
        return self._judge(no, care)

    def hydraulics(self) -> Verdict:
        no, care = self._common()
        network = self._network
        worse, bad = self._supply()
        no += worse
        care += bad
        heights = {round(n.elevation_m, 1) for n in network.nodes.values() if n.kind == "junction"}
        if len(heights) < 2 and len(network.nodes) > 2:
            no.append(_reason("no_heights"))
        if not any(n.base_demand_m3s for n in network.nodes.values()):
            no.append(_reason("no_demands"))
        wrong = self._counts["length_differs"]
        if wrong > _MANY * self._pipes:
            care.append(
                _reason("lengths_differ", count=wrong, share=_percent(wrong / self._pipes))
            )
        for code, reason in (
            ("diameter_jump", "diameter_jumps"), ("crossing_without_node", "crossings"),
            ("near_miss", "near_misses"),
        ):  # fmt: skip
            if self._counts[code]:
                care.append(_reason(reason, count=self._counts[code]))
        return self._judge(no, care)


