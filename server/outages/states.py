"""The life of a shut-off as one table. Pure: no database, no clock.

    planned:    draft -> approved -> noticed -> active -> partly_restored -> restored -> closed
    unplanned:  draft ---------------------> active -> partly_restored -> restored -> closed

`results(kind, state, verb)` is the only way through it: the states a verb may lead to. What the
table does not list is refused (409), and so is a role that `ALLOWED` does not name (403). Where
a verb has several results the valves and the water decide which.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    PLANNED = "planned"
    UNPLANNED = "unplanned"


class State(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    NOTICED = "noticed"
    ACTIVE = "active"
    PARTLY_RESTORED = "partly_restored"
    RESTORED = "restored"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    REVISE = "revise"  # another window, target or description; an approval lapses
    PERMIT = "permit"  # a permit is put on record
    APPROVE = "approve"
    NOTIFY = "notify"  # the notice goes out
    NOTICED = "noticed"  # given by the system when it has gone out
    REACHED = "reached"  # somebody was called, or the letters are put out
    RELEASE = "release"  # control lets the crew turn the valves
    DISPATCH = "dispatch"  # the works go on the dispatcher's list, for a crew
    CLOSE_VALVE = "close_valve"
    CANNOT_CLOSE = "cannot_close"
    OPEN_VALVE = "open_valve"
    LEAVE_CLOSED = "leave_closed"  # a valve stays shut on purpose, with a reason
    WORK_DONE = "work_done"
    EXPECT = "expect"  # another time at which the water is expected back
    RESTORE = "restore"
    CLOSE = "close"
    CANCEL = "cancel"


class Role(StrEnum):
    AGENT = "agent"
    DISPATCHER = "dispatcher"
    SUPERVISOR = "supervisor"
    ENGINEER = "engineer"
    MANAGER = "manager"
    AUDITOR = "auditor"
    CREW = "crew"
    SYSTEM = "system"


S, V, K, R = State, Verb, Kind, Role
_LIVE = frozenset({S.ACTIVE, S.PARTLY_RESTORED})
_OPEN_VALVE = frozenset({S.ACTIVE, S.PARTLY_RESTORED, S.RESTORED})

# What water being off has in common, planned or not.
_WITH_WATER_OFF: dict[tuple[State, Verb], frozenset[State]] = {
    (S.ACTIVE, V.PERMIT): frozenset({S.ACTIVE}),
    (S.ACTIVE, V.CLOSE_VALVE): _LIVE,
    (S.ACTIVE, V.CANNOT_CLOSE): _LIVE,
    (S.ACTIVE, V.OPEN_VALVE): _OPEN_VALVE,
    (S.ACTIVE, V.LEAVE_CLOSED): _OPEN_VALVE,
    (S.ACTIVE, V.WORK_DONE): _OPEN_VALVE,
    (S.ACTIVE, V.EXPECT): frozenset({S.ACTIVE}),
    (S.ACTIVE, V.RESTORE): frozenset({S.RESTORED}),
    (S.PARTLY_RESTORED, V.PERMIT): frozenset({S.PARTLY_RESTORED}),
    (S.PARTLY_RESTORED, V.CLOSE_VALVE): _LIVE,
    (S.PARTLY_RESTORED, V.CANNOT_CLOSE): _LIVE,
    (S.PARTLY_RESTORED, V.OPEN_VALVE): _OPEN_VALVE,
    (S.PARTLY_RESTORED, V.LEAVE_CLOSED): _OPEN_VALVE,
    (S.PARTLY_RESTORED, V.WORK_DONE): _OPEN_VALVE,
    (S.PARTLY_RESTORED, V.EXPECT): frozenset({S.PARTLY_RESTORED}),
    (S.PARTLY_RESTORED, V.RESTORE): frozenset({S.RESTORED}),
    (S.RESTORED, V.PERMIT): frozenset({S.RESTORED}),  # filed after an emergency
    (S.RESTORED, V.CLOSE): frozenset({S.CLOSED}),
}
TRANSITIONS: dict[Kind, dict[tuple[State, Verb], frozenset[State]]] = {
    K.UNPLANNED: {
        **_WITH_WATER_OFF,
        (S.DRAFT, V.PERMIT): frozenset({S.DRAFT}),
        (S.DRAFT, V.CLOSE_VALVE): _LIVE,
        (S.DRAFT, V.CANNOT_CLOSE): frozenset({S.DRAFT}),
        (S.DRAFT, V.CANCEL): frozenset({S.CANCELLED}),
    },
    K.PLANNED: {
        **_WITH_WATER_OFF,
        (S.DRAFT, V.REVISE): frozenset({S.DRAFT}),
        (S.DRAFT, V.PERMIT): frozenset({S.DRAFT}),
        (S.DRAFT, V.CANNOT_CLOSE): frozenset({S.DRAFT}),
        (S.DRAFT, V.APPROVE): frozenset({S.APPROVED}),
        (S.DRAFT, V.CANCEL): frozenset({S.CANCELLED}),
        (S.APPROVED, V.REVISE): frozenset({S.DRAFT}),
        (S.APPROVED, V.PERMIT): frozenset({S.APPROVED}),
        (S.APPROVED, V.CANNOT_CLOSE): frozenset({S.APPROVED}),
        (S.APPROVED, V.NOTIFY): frozenset({S.APPROVED}),
        (S.APPROVED, V.REACHED): frozenset({S.APPROVED}),
        (S.APPROVED, V.NOTICED): frozenset({S.NOTICED}),
        # Without a notice only in an emergency, by the supervisor and with a reason.
        (S.APPROVED, V.RELEASE): frozenset({S.APPROVED}),
        (S.APPROVED, V.DISPATCH): frozenset({S.APPROVED}),
        (S.NOTICED, V.DISPATCH): frozenset({S.NOTICED}),
        (S.ACTIVE, V.DISPATCH): frozenset({S.ACTIVE}),
        (S.APPROVED, V.CLOSE_VALVE): _LIVE,
        (S.APPROVED, V.CANCEL): frozenset({S.CANCELLED}),
        (S.NOTICED, V.REVISE): frozenset({S.DRAFT}),
        (S.NOTICED, V.PERMIT): frozenset({S.NOTICED}),
        (S.NOTICED, V.CANNOT_CLOSE): frozenset({S.NOTICED}),
        (S.NOTICED, V.NOTIFY): frozenset({S.NOTICED}),
        (S.NOTICED, V.REACHED): frozenset({S.NOTICED}),
        (S.NOTICED, V.RELEASE): frozenset({S.NOTICED}),
        (S.NOTICED, V.CLOSE_VALVE): _LIVE,
        (S.NOTICED, V.CANCEL): frozenset({S.CANCELLED}),
        # A plan that grows while the water is off has new people to call and valves to release.
        (S.ACTIVE, V.REACHED): frozenset({S.ACTIVE}),
        (S.ACTIVE, V.RELEASE): frozenset({S.ACTIVE}),
        (S.PARTLY_RESTORED, V.REACHED): frozenset({S.PARTLY_RESTORED}),
        (S.PARTLY_RESTORED, V.RELEASE): frozenset({S.PARTLY_RESTORED}),
    },
}

_CONTROL = frozenset({R.DISPATCHER, R.SUPERVISOR})
_PLANNERS = frozenset({R.ENGINEER, R.SUPERVISOR})
_FIELD = _CONTROL | {R.CREW, R.SYSTEM}
ALLOWED: dict[Verb, frozenset[Role]] = {
    V.REVISE: _PLANNERS,
    V.PERMIT: _PLANNERS | {R.DISPATCHER},
    V.APPROVE: _PLANNERS,
    V.NOTIFY: _PLANNERS | {R.DISPATCHER},
    V.NOTICED: frozenset({R.SYSTEM}),
    V.REACHED: _PLANNERS | {R.DISPATCHER, R.AGENT},
    V.RELEASE: _CONTROL,
    V.DISPATCH: _PLANNERS | {R.DISPATCHER},
    V.CLOSE_VALVE: _FIELD,
    V.CANNOT_CLOSE: _FIELD,
    V.OPEN_VALVE: _FIELD,
    V.LEAVE_CLOSED: frozenset({R.ENGINEER}),
    V.WORK_DONE: _FIELD,
    V.EXPECT: _CONTROL,
    V.RESTORE: _CONTROL | {R.SYSTEM},
    V.CLOSE: _CONTROL | {R.ENGINEER, R.SYSTEM},
    V.CANCEL: _PLANNERS | {R.SYSTEM},
}

# Water is off or valves are being turned.
OPEN = frozenset({S.ACTIVE, S.PARTLY_RESTORED})
# Still to come.
AHEAD = frozenset({S.DRAFT, S.APPROVED, S.NOTICED})
OVER = frozenset({S.RESTORED, S.CLOSED, S.CANCELLED})


def results(kind: str, state: str, verb: str) -> frozenset[State]:
    """Where `verb` may lead from `state`; empty when the table does not list it."""
    try:
        return TRANSITIONS[Kind(kind)].get((State(state), Verb(verb)), frozenset())
    except ValueError:
        return frozenset()


def may(verb: str, role: str) -> bool:
    """Whether people of this role take this step at all."""
    try:
        return Role(role) in ALLOWED[Verb(verb)]
    except ValueError:
        return False


def allowed(kind: str, state: str, role: str) -> list[Verb]:
    """What `role` may do from `state`, in the order of the verbs."""
    return [v for v in Verb if results(kind, state, v) and may(v, role)]
