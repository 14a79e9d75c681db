"""The life cycle of a ticket and of an incident, as tables. Pure: no database, no clock."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    DRAFT = "draft"
    REGISTERED = "registered"
    TRIAGED = "triaged"
    MERGED = "merged"
    ANSWERED = "answered"
    ASSIGNED = "assigned"
    RETURNED = "returned"
    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    RESOLVED = "resolved"
    CALL_BACK = "call_back"
    CLOSED = "closed"
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    AUDITED = "audited"


class Action(StrEnum):
    REGISTER = "register"
    TRIAGE = "triage"
    MERGE = "merge"
    ANSWER = "answer"
    ASSIGN = "assign"
    RETURN = "return"
    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESOLVE = "resolve"
    CALL_BACK = "call_back"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    AUDIT = "audit"


S, A = State, Action
# Roles as in accounts.models.Role, and "system".
AGENT, DISPATCHER, SUPERVISOR, AUDITOR, CREW, SYSTEM = (
    "agent", "dispatcher", "supervisor", "auditor", "crew", "system",
)  # fmt: skip

TRANSITIONS: dict[tuple[State, Action], tuple[State, frozenset[str]]] = {
    (S.DRAFT, A.REGISTER): (S.REGISTERED, frozenset({AGENT, SYSTEM, SUPERVISOR})),
    (S.REGISTERED, A.TRIAGE): (S.TRIAGED, frozenset({AGENT, DISPATCHER, SUPERVISOR, SYSTEM})),
    (S.REGISTERED, A.ANSWER): (S.ANSWERED, frozenset({AGENT})),
    (S.REGISTERED, A.MERGE): (S.MERGED, frozenset({DISPATCHER, SUPERVISOR})),
    (S.TRIAGED, A.MERGE): (S.MERGED, frozenset({DISPATCHER, SUPERVISOR})),
    (S.TRIAGED, A.ASSIGN): (S.ASSIGNED, frozenset({DISPATCHER, SUPERVISOR, SYSTEM})),
    (S.ASSIGNED, A.RETURN): (S.RETURNED, frozenset({DISPATCHER, SUPERVISOR})),
    (S.RETURNED, A.ASSIGN): (S.ASSIGNED, frozenset({DISPATCHER, SUPERVISOR, SYSTEM})),
    (S.ASSIGNED, A.START): (S.IN_PROGRESS, frozenset({DISPATCHER, SYSTEM})),
    (S.IN_PROGRESS, A.SUSPEND): (S.SUSPENDED, frozenset({DISPATCHER, SUPERVISOR})),
    (S.SUSPENDED, A.RESUME): (S.IN_PROGRESS, frozenset({DISPATCHER, SUPERVISOR, SYSTEM})),
    (S.IN_PROGRESS, A.RESOLVE): (S.RESOLVED, frozenset({DISPATCHER, CREW, SYSTEM})),
    (S.REOPENED, A.ASSIGN): (S.ASSIGNED, frozenset({DISPATCHER, SUPERVISOR, SYSTEM})),
    (S.RESOLVED, A.CALL_BACK): (S.CALL_BACK, frozenset({SYSTEM, AGENT})),
    (S.RESOLVED, A.CLOSE): (S.CLOSED, frozenset({AGENT, SUPERVISOR})),
    (S.CALL_BACK, A.CLOSE): (S.CLOSED, frozenset({AGENT, SUPERVISOR})),
    (S.ANSWERED, A.CLOSE): (S.CLOSED, frozenset({AGENT, SUPERVISOR})),
    (S.RESOLVED, A.REOPEN): (S.REOPENED, frozenset({AGENT, SUPERVISOR})),
    (S.CALL_BACK, A.REOPEN): (S.REOPENED, frozenset({AGENT, SUPERVISOR})),
    (S.CLOSED, A.REOPEN): (S.REOPENED, frozenset({AGENT, SUPERVISOR})),
    (S.CLOSED, A.AUDIT): (S.AUDITED, frozenset({AUDITOR})),
    **{
        (state, A.CANCEL): (S.CANCELLED, frozenset({AGENT, SUPERVISOR}))
        for state in (S.DRAFT, S.REGISTERED, S.TRIAGED, S.ASSIGNED, S.RETURNED, S.IN_PROGRESS)
    },
}

OPEN: frozenset[str] = frozenset(
    {
        S.DRAFT, S.REGISTERED, S.TRIAGED, S.ASSIGNED, S.RETURNED, S.IN_PROGRESS, S.SUSPENDED,
        S.RESOLVED, S.CALL_BACK, S.REOPENED,
    }
)  # fmt: skip
# What was written down can be put right until the work is done.
AMENDABLE: frozenset[str] = OPEN - {S.RESOLVED, S.CALL_BACK}
NEEDS_REASON = frozenset({A.RETURN, A.SUSPEND, A.REOPEN, A.CANCEL})

# An incident follows its work: it only moves along this line, and never back.
INCIDENT_LINE = [
    "open", "dispatched", "on_site", "isolated", "repaired", "restored", "closed",
]  # fmt: skip


def next_state(state: str, action: str) -> State | None:
    """Where `action` leads from `state`; None when the table does not list the pair."""
    try:
        found = TRANSITIONS.get((State(state), Action(action)))
    except ValueError:
        return None
    return found[0] if found else None


def may(state: str, action: str, role: str) -> bool:
    """Whether `role` may take `action` from `state`."""
    try:
        found = TRANSITIONS.get((State(state), Action(action)))
    except ValueError:
        return False
    return found is not None and role in found[1]


def legal_actions(state: str, role: str) -> list[str]:
    """What `role` may do from `state`, in the table's order."""
    return [str(a) for (s, a), (_, roles) in TRANSITIONS.items() if s == state and role in roles]


def incident_may_move(from_state: str, to_state: str) -> bool:
    """An incident goes forward only (a second crew's later report never takes it back)."""
    return INCIDENT_LINE.index(to_state) > INCIDENT_LINE.index(from_state)
