"""The life cycle of a work order as one table. Pure: no database, no clock.

    dispatched -> accepted -> en_route -> on_site -> isolating -> isolated
               -> repaired -> restored -> completed -> verified -> closed

Beside that line the crew says when the trench was open, the main flushed, a sample taken and the
road made good.

`next_state(state, action)` is the only way through it; what the table does not list is refused.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    CREATED = "created"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ON_SITE = "on_site"
    ISOLATING = "isolating"
    ISOLATED = "isolated"
    REPAIRED = "repaired"
    RESTORED = "restored"
    COMPLETED = "completed"
    VERIFIED = "verified"
    CLOSED = "closed"
    PAUSED = "paused"
    DECLINED = "declined"
    RECALLED = "recalled"
    FAILED_VISIT = "failed_visit"


class Action(StrEnum):
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    DECLINE = "decline"
    DEPART = "depart"
    ARRIVE = "arrive"
    CLOSE_VALVE = "close_valve"
    CANNOT_CLOSE_VALVE = "cannot_close_valve"
    ISOLATED = "isolated"  # given by the system when no valve is left to close
    REPAIRED = "repaired"
    OPEN_VALVE = "open_valve"
    RESTORED = "restored"
    COMPLETE = "complete"
    VERIFY = "verify"
    CLOSE = "close"
    PAUSE = "pause"
    RESUME = "resume"
    RECALL = "recall"
    NO_ACCESS = "no_access"
    # Steps of the work that move nothing: each is timed, and asked for once.
    EXCAVATED = "excavated"
    FLUSHED = "flushed"
    SAMPLED = "sampled"
    REINSTATED = "reinstated"


class Who(StrEnum):
    CREW = "crew"  # the assigned crew, nobody else
    DISPATCHER = "dispatcher"
    SUPERVISOR = "supervisor"
    SYSTEM = "system"


S, A = State, Action

TRANSITIONS: dict[tuple[State, Action], State] = {
    (S.CREATED, A.DISPATCH): S.DISPATCHED,
    (S.DISPATCHED, A.ACCEPT): S.ACCEPTED,
    (S.DISPATCHED, A.DECLINE): S.DECLINED,
    (S.DISPATCHED, A.RECALL): S.RECALLED,
    (S.ACCEPTED, A.DEPART): S.EN_ROUTE,
    (S.ACCEPTED, A.DECLINE): S.DECLINED,
    (S.ACCEPTED, A.RECALL): S.RECALLED,
    (S.EN_ROUTE, A.ARRIVE): S.ON_SITE,
    (S.EN_ROUTE, A.RECALL): S.RECALLED,
    (S.ON_SITE, A.CLOSE_VALVE): S.ISOLATING,
    (S.ON_SITE, A.CANNOT_CLOSE_VALVE): S.ISOLATING,
    (S.ON_SITE, A.REPAIRED): S.REPAIRED,  # some repairs need no shut-off
    (S.ON_SITE, A.NO_ACCESS): S.FAILED_VISIT,
    (S.ON_SITE, A.PAUSE): S.PAUSED,
    (S.ISOLATING, A.CLOSE_VALVE): S.ISOLATING,
    (S.ISOLATING, A.CANNOT_CLOSE_VALVE): S.ISOLATING,
    (S.ISOLATING, A.OPEN_VALVE): S.ISOLATING,
    (S.ISOLATING, A.ISOLATED): S.ISOLATED,
    (S.ISOLATING, A.REPAIRED): S.REPAIRED,  # under reduced pressure: the crew says what it did
    (S.ISOLATED, A.REPAIRED): S.REPAIRED,
    (S.ISOLATED, A.CLOSE_VALVE): S.ISOLATED,  # closed by a plan that has changed meanwhile
    (S.ISOLATED, A.OPEN_VALVE): S.ISOLATING,
    (S.ISOLATED, A.COMPLETE): S.COMPLETED,  # who was sent to the valves alone; others dig on
    (S.REPAIRED, A.OPEN_VALVE): S.REPAIRED,
    (S.REPAIRED, A.RESTORED): S.RESTORED,
    (S.RESTORED, A.COMPLETE): S.COMPLETED,
    (S.COMPLETED, A.VERIFY): S.VERIFIED,
    (S.VERIFIED, A.CLOSE): S.CLOSED,
    (S.PAUSED, A.RESUME): S.ON_SITE,
    (S.PAUSED, A.RECALL): S.RECALLED,
    (S.ON_SITE, A.EXCAVATED): S.ON_SITE,
    (S.ISOLATING, A.EXCAVATED): S.ISOLATING,
    (S.ISOLATED, A.EXCAVATED): S.ISOLATED,
    (S.REPAIRED, A.FLUSHED): S.REPAIRED,
    (S.REPAIRED, A.SAMPLED): S.REPAIRED,
    (S.REPAIRED, A.REINSTATED): S.REPAIRED,
    (S.RESTORED, A.FLUSHED): S.RESTORED,
    (S.RESTORED, A.SAMPLED): S.RESTORED,
    (S.RESTORED, A.REINSTATED): S.RESTORED,
}
MILESTONES: frozenset[Action] = frozenset({A.EXCAVATED, A.FLUSHED, A.SAMPLED, A.REINSTATED})

FIELD = frozenset(
    {
        A.ACCEPT, A.DECLINE, A.DEPART, A.ARRIVE, A.CLOSE_VALVE, A.CANNOT_CLOSE_VALVE, A.REPAIRED,
        A.OPEN_VALVE, A.RESTORED, A.COMPLETE, A.PAUSE, A.RESUME, A.NO_ACCESS,
    }
)  # fmt: skip
FIELD |= MILESTONES
# A supervisor may take a crew's step for it, with a reason; nobody else may.
ALLOWED: dict[Who, frozenset[Action]] = {
    Who.CREW: FIELD,
    Who.DISPATCHER: frozenset({A.DISPATCH, A.RECALL, A.VERIFY, A.CLOSE}),
    Who.SUPERVISOR: FIELD | {A.DISPATCH, A.RECALL, A.VERIFY, A.CLOSE},
    Who.SYSTEM: frozenset({A.ISOLATED, A.VERIFY, A.CLOSE, A.RECALL}),
}

# States in which an order takes the whole crew.
HOLDING: frozenset[str] = frozenset(
    {
        S.DISPATCHED, S.ACCEPTED, S.EN_ROUTE, S.ON_SITE, S.ISOLATING, S.ISOLATED, S.REPAIRED,
        S.RESTORED,
    }
)  # fmt: skip
ENDED: frozenset[str] = frozenset(
    {S.COMPLETED, S.VERIFIED, S.CLOSED, S.DECLINED, S.RECALLED, S.FAILED_VISIT}
)
# How far along the main line a state is, so a late report never moves an order back.
PROGRESS = [
    S.CREATED, S.DISPATCHED, S.ACCEPTED, S.EN_ROUTE, S.ON_SITE, S.ISOLATING, S.ISOLATED,
    S.REPAIRED, S.RESTORED, S.COMPLETED, S.VERIFIED, S.CLOSED,
]  # fmt: skip


def next_state(state: str, action: str) -> State | None:
    """Where `action` leads from `state`; None when the table does not list the pair."""
    try:
        return TRANSITIONS.get((State(state), Action(action)))
    except ValueError:
        return None


def legal_actions(state: str, who: Who = Who.CREW) -> list[Action]:
    """What `who` may do from `state`, in the table's order."""
    return [a for (s, a) in TRANSITIONS if s == state and a in ALLOWED[who]]
