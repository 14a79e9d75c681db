"""Which queues an agent sits in, and how early their telephone rings there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from server.accounts.models import User
from server.calls.models import AgentState
from server.calls.queueing import selectors
from server.calls.queueing.models import GENERAL, AgentProfile, AgentSkill, PauseReason, Queue
from telephony.announcer import Terms
from telephony.order import HELPER_PENALTY
from telephony.queues import QueueSettings
from telephony.router import Overflow, Seat

LEVELS = (1, 2, 3)
USUAL_LEVEL = 2


def penalty(queue: Queue, level: int, areas: Iterable[int]) -> int:
    """0 to 5, the lower the earlier: by level, then by whether the queue's district is theirs."""
    stranger = queue.area_id is not None and queue.area_id not in set(areas)
    return 2 * (max(LEVELS) - level) + int(stranger)


def places(skills: dict[str, int], areas: set[int], queues: list[Queue]) -> dict[str, int]:
    """Queue code -> penalty for an agent with these skills (skill -> level)."""
    own = {q.code: penalty(q, skills[q.skill], areas) for q in queues if q.skill in skills}
    helped = {
        q.code: HELPER_PENALTY + own[q.overflow_to.code]
        for q in queues
        if q.overflow_to is not None and q.overflow_to.code in own and q.code not in own
        and (q.overflow_after_s or q.overflow_waiting)
    }  # fmt: skip
    return own | helped


def skills_of(users: Iterable[int]) -> dict[int, dict[str, int]]:
    """User id -> their skills with levels; who has none on record can do the general work."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for user, skill, level in AgentSkill.objects.filter(user__in=list(users)).values_list(
        "user", "skill", "level"
    ):
        found[user][skill] = level
    general = selectors.by_code(GENERAL).skill
    return {user: found.get(user) or {general: USUAL_LEVEL} for user in users}


def seat(user: User, state: str, reason: str) -> Seat | None:
    """Where the agent belongs; None for nowhere (signed out, or away for a while)."""
    return seats([(user, state, reason)]).get(user.extension)


def all_seats() -> dict[str, Seat]:
    """Extension -> seat of everybody who is signed in to the queues."""
    rows = AgentState.objects.select_related("user").exclude(state=AgentState.State.SIGNED_OUT)
    return seats([(r.user, r.state, r.reason) for r in rows if r.user.extension])


def seats(wanted: list[tuple[User, str, str]]) -> dict[str, Seat]:
    """Seats of (user, state, reason); those who are nowhere are left out."""
    queues = selectors.queues()
    ids = [user.pk for user, _, _ in wanted]
    skills = skills_of(ids)
    areas: dict[int, set[int]] = defaultdict(set)
    for user_id, area in AgentProfile.objects.filter(user__in=ids).values_list("user", "areas"):
        if area is not None:
            areas[user_id].add(area)
    away = set(PauseReason.objects.filter(away=True).values_list("code", flat=True))
    found = {}
    for user, state, reason in wanted:
        paused = state in (AgentState.State.PAUSED, AgentState.State.WRAP_UP)
        if state == AgentState.State.SIGNED_OUT or (paused and reason in away):
            continue
        found[user.extension] = Seat(
            user.name, places(skills[user.pk], areas[user.pk], queues),
            (reason or state) if paused else "",
        )  # fmt: skip
    return found


def exchange_settings() -> list[QueueSettings]:
    """The queues as Asterisk is to keep them."""
    return [
        QueueSettings(
            code=q.code, ring_s=q.ring_s, service_level_s=q.sla_s, max_wait_s=q.max_wait_s,
            max_waiting=q.max_waiting,
            overflow_after_s=q.overflow_after_s if q.overflow_to_id else 0,
            overflow_waiting=q.overflow_waiting if q.overflow_to_id else 0,
            call_back=q.call_back,
        )
        for q in selectors.queues()
    ]  # fmt: skip


def overflow_rules() -> dict[str, Overflow]:
    """When each queue's helpers ring."""
    return {s.code: Overflow(s.overflow_after_s, s.overflow_waiting) for s in exchange_settings()}


def announcements() -> dict[str, Terms]:
    """What callers of each queue are told while they wait."""
    return {
        q.code: Terms(q.announce_after_s, q.announce_every_s, q.call_back)
        for q in selectors.queues()
    }
