"""The life of a campaign as one table, and what an agent may write down. Pure."""

from __future__ import annotations

# verb -> {from: to}
VERBS: dict[str, dict[str, str]] = {
    "start": {"draft": "running"},
    "pause": {"running": "paused"},
    "resume": {"paused": "running"},
    "stop": {"draft": "stopped", "running": "stopped", "paused": "stopped"},
    "finish": {"running": "done"},
}

# What came of a talk, by the agent: code -> (settles the target as, or "" to try again).
CODES: dict[str, str] = {
    "informed": "reached",
    "promised": "reached",
    "paid": "reached",
    "disputed": "reached",
    "refused": "reached",
    "wrong_number": "exhausted",
    "do_not_call": "exhausted",
    "later": "",
    "no_answer": "",
}


def after(verb: str, state: str) -> str | None:
    """The state `verb` leads to; None where the table does not list it."""
    return VERBS.get(verb, {}).get(state)


def allowed(state: str) -> list[str]:
    """Verbs a person may use now."""
    return [v for v, moves in VERBS.items() if state in moves and v != "finish"]
