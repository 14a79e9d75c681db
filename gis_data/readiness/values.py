"""What a readiness report is made of, and the sentences of its codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as fresh
from typing import Any, Literal

from gis_data.model import Severity

Purpose = Literal["locating", "tracing", "hydraulics"]
Fit = Literal["yes", "with_care", "no"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong (`error`) or doubtful (`warning`), with its place for the map if it has one.

    `code` and `params` are stable; `message` is the English sentence about `element`.
    """

    severity: Severity
    code: str
    element: str
    message: str
    lon: float | None = None
    lat: float | None = None
    params: Mapping[str, Any] = fresh(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a network is not simply fit; `code` and `params` are stable, `message` is English."""

    code: str
    message: str
    params: Mapping[str, Any] = fresh(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the network serves a purpose; `why` is empty for a plain yes."""

    ok: Fit
    why: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Readiness:
    """`findings` hold at most `most` of one code, errors first; `counts` hold them all."""

    findings: list[Finding]
    verdicts: Mapping[Purpose, Verdict]
    counts: Mapping[str, int]
    most: int

    def as_json(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "most": self.most,
            "verdicts": {
                purpose: {
                    "ok": verdict.ok,
                    "why": [
                        {"code": r.code, "params": dict(r.params), "message": r.message}
                        for r in verdict.why
                    ],
                }
                for purpose, verdict in self.verdicts.items()
            },
            "findings": [
                {
                    "severity": f.severity,
                    "code": f.code,
                    "element": f.element,
                    "message": f.message,
                    "lon": f.lon,
                    "lat": f.lat,
                    "params": dict(f.params),
                }
                for f in self.findings
            ],
        }


#: Code -> (severity, sentence about the element). Findings of `quality.validate` keep their own
#: sentence as the parameter `detail`.
SENTENCES: dict[str, tuple[Severity, str]] = {
    "dangling_end": ("warning", "ends here with no hydrant, valve or customer"),
    "near_miss": ("warning", "ends {gap_m} m from {other} without meeting it"),
    "crossing_without_node": ("warning", "crosses {other} without a node: a bridge, or a junction "
                              "that is missing?"),
    "duplicate_id": ("error", "was left out: its id stands already in {layer}, line {line}"),
    "id_shared": ("warning", "is the name of a {kind} and of a {other_kind}"),
    "valve_off_pipe": ("warning", "stands {gap_m} m from its pipe {pipe}"),
    "pipe_without_source": ("error", "and {pipes} more pipes ({length_m} m) are joined to no "
                            "source"),
    "pipe_shut_off": ("warning", "has no water with all valves as they normally stand"),
    "premise_without_main": ("warning", "hangs on no main"),
    "premise_twice": ("error", "is the name of {times} premises"),
    "zone_without_source": ("error", "gets no water from any source ({pipes} pipes)"),
    "diameter_jump": ("warning", "has {diameter_mm} mm between {before_mm} mm and {after_mm} mm"),
    "sewer_uphill": ("warning", "runs uphill: {rise_m} m higher at its end"),
    "sewer_end_missing": ("warning", "ends at {node}, where no manhole is"),
    "manhole_without_sewer": ("warning", "has no sewer"),
    "sewer_against_ground": ("warning", "lies above the ground at {node}"),
}  # fmt: skip

#: Code -> sentence of a reason.
REASONS: dict[str, str] = {
    "no_pipes": "there are no pipes",
    "no_source": "there is no reservoir or tank",
    "no_valves": "there are no valves: nothing can be shut off",
    "errors": "{count} records contradict each other",
    "quarantined": "{count} records ({share} %) were left out",
    "premises_without_main": "{count} premises ({share} %) hang on no main",
    "no_premises": "there are no premises: nobody can be named as cut off",
    "without_source": "{count} pipes ({share} %) are joined to no source",
    "shut_off": "{count} pipes ({share} %) have no water with valves as they normally stand",
    "near_misses": "{count} ends nearly touch something they are not joined to",
    "crossings": "{count} pipes cross without a node",
    "valves_off_pipe": "{count} valves stand beside their pipes",
    "valves_unknown": "of {count} valves ({share} %) nobody knows whether they turn",
    "lengths_differ": "{count} lengths ({share} %) differ from the drawing",
    "diameter_jumps": "{count} pipes have a diameter that fits neither neighbour",
    "no_heights": "no heights are known",
    "no_demands": "no demands are known",
    "zones_without_source": "{count} zones get no water from any source",
}
