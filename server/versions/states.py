"""The life of a draft of the network, as one table. Pure.

received -> read -> building -> ready -> approving -> approved
                        |         |          |
                     refused   discarded   ready (it could not be put in force)
"""

from __future__ import annotations

# (state, verb) -> state after it. What is not here is refused.
STEPS: dict[tuple[str, str], str] = {
    ("received", "read"): "read",
    ("received", "refuse"): "refused",
    ("read", "map"): "read",
    ("ready", "map"): "read",
    ("refused", "map"): "read",
    ("read", "build"): "building",
    ("ready", "build"): "building",
    ("refused", "build"): "building",
    # A worker may die in the middle: the service asks how long ago it gave a sign of life.
    ("building", "build"): "building",
    ("building", "finish"): "ready",
    ("building", "refuse"): "refused",
    ("ready", "approve"): "approving",
    ("approving", "approve"): "approving",
    ("approving", "apply"): "approved",
    ("ready", "apply"): "approved",
    ("approving", "fail"): "ready",
    ("received", "discard"): "discarded",
    ("read", "discard"): "discarded",
    ("ready", "discard"): "discarded",
    ("refused", "discard"): "discarded",
    ("building", "discard"): "discarded",
}


def after(state: str, verb: str) -> str | None:
    """The state `verb` leads to, None where it is not allowed."""
    return STEPS.get((state, verb))


def allowed(state: str) -> list[str]:
    """What a person may do from here."""
    people = ("map", "build", "approve", "discard")
    return [verb for verb in people if (state, verb) in STEPS and state != "approving"]
