"""How urgent: the highest of kind, impact and hazard. Pure. P1 sorts before P4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.tickets.models import Kind

BASE: dict[str, str] = {
    Kind.BURST: "P1",
    Kind.LEAK: "P2",
    Kind.NO_WATER: "P2",
    Kind.LOW_PRESSURE: "P3",
    Kind.DISCOLOURED: "P2",
    Kind.METER: "P4",
    Kind.SEWER: "P2",
    Kind.HYDRANT: "P3",
    Kind.CONSTRUCTION: "P2",
    Kind.DEFECT: "P3",
    Kind.PLANNED: "P3",
    Kind.ENQUIRY: "P4",
}
# Answers to the symptom questions that make it an emergency.
# Their names are those of the desk's questions (server/static/js/desk/questions.js).
HAZARDS = (
    "flooding", "road_open", "cavity", "illness", "chemical", "inside", "open_cover",
    "undermining", "still_digging", "inside_building", "cover_missing",
)  # fmt: skip
# What a crew is warned of before it gets out of the van.
WARNINGS = (*HAZARDS, "spouting")
# Premises without water from which the impact alone sets the priority.
IMPACT = ((1000, "P1"), (100, "P2"))


def of_incident(kind: str, symptoms: Mapping[str, Any], *, customers_off: int = 0) -> str:
    """'P1' to 'P4'."""
    levels = [BASE[kind]]
    if any(symptoms.get(h) in (True, "yes") for h in HAZARDS):
        levels.append("P1")
    levels += [level for least, level in IMPACT if customers_off >= least][:1]
    return min(levels)
