"""How long each stage may take, and who hears when it is in danger. Pure, one table each.

Seconds by clock and priority; all are defaults an operator may change. Where they come from:
answer 15 s and dispatch compare to GB/T 33358 and NFPA 1225 practice, arrival and stop-water are
pledges of utilities, repair by priority is a target of ours.
"""

from __future__ import annotations

MINUTE, HOUR = 60, 3600

ALLOWED_S: dict[str, dict[str, int]] = {
    "answer": dict.fromkeys(("P1", "P2", "P3", "P4"), 15),
    "dispatch": {"P1": 5 * MINUTE, "P2": 15 * MINUTE, "P3": 60 * MINUTE, "P4": 8 * HOUR},
    "arrival": {"P1": 60 * MINUTE, "P2": 90 * MINUTE, "P3": 4 * HOUR, "P4": 24 * HOUR},
    "stop_water": {"P1": 4 * HOUR, "P2": 4 * HOUR},
    "repair": {"P1": 24 * HOUR, "P2": 24 * HOUR, "P3": 48 * HOUR, "P4": 72 * HOUR},
}
# Per cent of the time allowed at which somebody is told, and who: roles on duty.
LEVELS: dict[int, dict[str, tuple[str, ...]]] = {
    80: {"P1": ("supervisor",), "P2": ("dispatcher",), "P3": ("dispatcher",), "P4": ()},
    100: {"P1": ("supervisor", "manager"), "P2": ("supervisor",), "P3": ("supervisor",),
          "P4": ("supervisor",)},
}  # fmt: skip
# Reasons for which a clock may stand still; the others may never be paused.
PAUSABLE: dict[str, tuple[str, ...]] = {
    "repair": ("permit_pending", "dangerous_site", "force_majeure", "customer_asked"),
    "arrival": ("customer_asked", "force_majeure"),
}
# Kinds of incident with a shut-off to reach.
STOP_WATER_KINDS = frozenset({"burst", "leak"})


def clocks_for(kind: str, priority: str) -> dict[str, int]:
    """Clock kind -> seconds allowed, for an incident. Planned works have a window of their own."""
    if kind == "planned":
        return {}
    names = ["dispatch", "arrival", "repair"]
    if kind in STOP_WATER_KINDS:
        names.append("stop_water")
    return {n: ALLOWED_S[n][priority] for n in names if priority in ALLOWED_S[n]}


def marks(allowed_s: int) -> list[tuple[int, int]]:
    """(level in per cent, seconds after the start) in order."""
    return [(level, allowed_s * level // 100) for level in sorted(LEVELS)]


def next_mark(allowed_s: int, fired: set[int]) -> tuple[int, int] | None:
    """The next level that has not fired; None when all have."""
    return next(((lv, s) for lv, s in marks(allowed_s) if lv not in fired), None)


def may_pause(kind: str, priority: str, reason: str) -> bool:
    """P1 arrival and stop-water never stand still, nor does any clock without a listed reason."""
    if priority == "P1" and kind in ("arrival", "stop_water"):
        return False
    return reason in PAUSABLE.get(kind, ())
