"""Defects and digs: what is due when, who may do which step, how urgent a dig is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


#: Days until a defect should be put right. Targets of ours, not a regulation.
DAYS: dict[Severity, int] = {
    Severity.CRITICAL: 1, Severity.HIGH: 7, Severity.MEDIUM: 30, Severity.LOW: 180,
}  # fmt: skip
#: Priority of the work order a defect becomes.
PRIORITY: dict[Severity, str] = {
    Severity.CRITICAL: "P1", Severity.HIGH: "P2", Severity.MEDIUM: "P3", Severity.LOW: "P4",
}  # fmt: skip


class DefectState(StrEnum):
    OPEN = "open"
    DEFERRAL_ASKED = "deferral_asked"
    DEFERRED = "deferred"
    ORDERED = "ordered"
    FIXED = "fixed"
    REJECTED = "rejected"
    MERGED = "merged"


D = DefectState
#: (state, step) -> where it leads. What is not listed is refused.
DEFECT_STEPS: dict[tuple[DefectState, str], DefectState] = {
    (D.OPEN, "ask_deferral"): D.DEFERRAL_ASKED,
    (D.OPEN, "order"): D.ORDERED,
    (D.OPEN, "fix"): D.FIXED,
    (D.OPEN, "reject"): D.REJECTED,
    (D.OPEN, "merge"): D.MERGED,
    (D.DEFERRAL_ASKED, "approve_deferral"): D.DEFERRED,
    (D.DEFERRAL_ASKED, "refuse_deferral"): D.OPEN,
    (D.DEFERRED, "order"): D.ORDERED,
    (D.DEFERRED, "fix"): D.FIXED,
    (D.DEFERRED, "reopen"): D.OPEN,
    (D.ORDERED, "fix"): D.FIXED,
    (D.ORDERED, "reopen"): D.OPEN,
    (D.FIXED, "reopen"): D.OPEN,
}
#: Whether to put off what is wrong is decided by somebody else than who asks for it.
STEP_ROLES: dict[str, frozenset[str]] = {
    "ask_deferral": frozenset({"engineer", "dispatcher", "supervisor"}),
    "approve_deferral": frozenset({"supervisor", "engineer"}),
    "refuse_deferral": frozenset({"supervisor", "engineer"}),
    "order": frozenset({"engineer", "dispatcher", "supervisor"}),
    "fix": frozenset({"engineer", "dispatcher", "supervisor"}),
    "reject": frozenset({"engineer", "supervisor"}),
    "merge": frozenset({"engineer", "dispatcher", "supervisor"}),
    "reopen": frozenset({"engineer", "supervisor"}),
}
#: Steps that ask for a reason or a note.
NEEDS_REASON = frozenset({"ask_deferral", "refuse_deferral", "reject", "reopen"})
SETTLED = frozenset({D.FIXED, D.REJECTED, D.MERGED})


def next_state(state: str, step: str) -> DefectState | None:
    """Where `step` leads from `state`; None where the table does not list the pair."""
    try:
        return DEFECT_STEPS.get((DefectState(state), step))
    except ValueError:
        return None


def steps_from(state: str, role: str) -> list[str]:
    """What a person of `role` may do next, in the table's order."""
    return [s for (at, s) in DEFECT_STEPS if at == state and role in STEP_ROLES[s]]


#: A main this near to a dig is looked at; at arm's length of it somebody goes at once.
DIG_REACH_M = 50.0
DIG_DANGER_M = 5.0
TRUNK_MM = 300.0


@dataclass(frozen=True, slots=True)
class MainNear:
    """A main near a dig."""

    asset: str
    distance_m: float
    diameter_mm: float
    trunk: bool


@dataclass(frozen=True, slots=True)
class DigVerdict:
    """`code`: permitted, danger, near_main or clear; `priority` of the stop-work visit."""

    code: str
    priority: str


def judge_dig(mains: list[MainNear], *, permitted: bool) -> DigVerdict:
    """How urgent a dig is: not at all with a valid permit, at once at arm's length of a main.

    A trunk main within reach is as bad as any main at arm's length: it empties a district.
    """
    if permitted:
        return DigVerdict("permitted", "P4")
    if any(m.distance_m <= DIG_DANGER_M or m.trunk for m in mains):
        return DigVerdict("danger", "P1")
    if mains:
        return DigVerdict("near_main", "P2")
    return DigVerdict("clear", "P4")
