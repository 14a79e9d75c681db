"""The supervisor changes queues, skills and reasons; Asterisk reads them without a restart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import Area, Role, User
from server.accounts.refusals import Conflict, Refused
from server.calls import agents
from server.calls.models import AgentState
from server.calls.queueing.models import GENERAL, AgentProfile, AgentSkill, PauseReason, Queue
from server.calls.queueing.seating import LEVELS
from server.events.services import publish

_CODE = re.compile(r"[a-z][a-z0-9]{0,19}")
# Seconds and callers a queue may be set to: least, most.
LIMITS = {
    "rank": (0, 1000), "sla_s": (1, 600), "ring_s": (5, 60), "max_wait_s": (10, 7200),
    "max_waiting": (0, 1000), "overflow_after_s": (0, 7200), "overflow_waiting": (0, 1000),
    "announce_after_s": (0, 3600), "announce_every_s": (15, 3600), "wrap_s": (0, 1800),
    "wrap_limit_s": (10, 7200),
}  # fmt: skip


def save_queue(code: str, data: Mapping[str, Any], *, by: str) -> Queue:
    """Make or change the queue `code`; what is not given stays as it is."""
    if not _CODE.fullmatch(code):
        raise Refused("code", "shape", _("1 to 20 lower-case letters or digits, a letter first."))
    with transaction.atomic():
        queue = Queue.objects.select_for_update().filter(code=code).first() or Queue(code=code)
        for field, (least, most) in LIMITS.items():
            if field in data:
                setattr(queue, field, whole(data, field, least, most))
        for field in ("active", "call_back"):
            if field in data:
                setattr(queue, field, truth(data, field))
        for field in ("name", "name_zh"):
            if field in data:
                setattr(queue, field, text(data, field, 60, empty=field == "name_zh"))
        if not queue.name:
            raise Refused("name", "required", _("Give it a name."))
        if "skill" in data or not queue.skill:
            queue.skill = _skill(data.get("skill"))
        if "area" in data:
            queue.area = _area("area", data["area"])
        if "overflow_to" in data:
            queue.overflow_to = _helper(queue, data["overflow_to"])
        if code == GENERAL and (not queue.active or queue.area is not None):
            raise Refused(
                "active", "general", _("Calls of every kind fall back to this queue: it stays.")
            )
        queue.save()
        record("queue.save", f"queue:{code}", note=str(dict(data))[:500], by=by)
        publish("queues.changed", f"queue:{code}", topic="calls", queue=code)
    return queue


def save_agent(user: User, data: Mapping[str, Any], *, by: str) -> None:
    """What an agent may take and how well, which districts they know, how much written work."""
    if user.role not in (Role.AGENT, Role.SUPERVISOR):
        raise Refused("user", "role", _("Only agents and supervisors take calls."))
    with transaction.atomic():
        profile, _made = AgentProfile.objects.select_for_update().get_or_create(user=user)
        if "skills" in data:
            wanted = data["skills"]
            if not isinstance(wanted, dict) or len(wanted) > 50:
                raise Refused("skills", "shape", _("Give a level for each skill."))
            rows = [
                AgentSkill(user=user, skill=_skill(skill), level=_level(level))
                for skill, level in wanted.items()
            ]
            AgentSkill.objects.filter(user=user).delete()
            AgentSkill.objects.bulk_create(rows)
        if "areas" in data:
            codes = data["areas"]
            if not isinstance(codes, list):
                raise Refused("areas", "shape", _("Name the districts."))
            profile.areas.set([a for code in codes if (a := _area("areas", code)) is not None])
        if "text_limit" in data:
            profile.text_limit = whole(data, "text_limit", 0, 20)
        if "text_while_talking" in data:
            profile.text_while_talking = truth(data, "text_while_talking")
        profile.save()
        record("agent.skills", f"user:{user.pk}", note=str(dict(data))[:500], by=by)
        publish("queues.changed", f"user:{user.pk}", topic="calls", agent=user.username)


def save_reason(code: str, data: Mapping[str, Any], *, by: str) -> PauseReason:
    """Make or change a reason to pause."""
    if not re.fullmatch(r"[a-z][a-z0-9_ -]{0,39}", code):
        raise Refused("code", "shape", _("1 to 40 lower-case letters, digits, _ or -."))
    with transaction.atomic():
        row = PauseReason.objects.select_for_update().filter(code=code).first()
        if row is not None and row.system:
            raise Conflict("code", "system", _("This reason is given by the system."))
        row = row or PauseReason(code=code)
        for field in ("name", "name_zh"):
            if field in data:
                setattr(row, field, text(data, field, 60, empty=field == "name_zh"))
        if not row.name:
            raise Refused("name", "required", _("Give it a name."))
        for field in ("away", "active"):
            if field in data:
                setattr(row, field, truth(data, field))
        if "limit_s" in data:
            row.limit_s = whole(data, "limit_s", 0, 86400)
        row.save()
        record("pause_reason.save", f"reason:{code}", note=str(dict(data))[:500], by=by)
        publish("queues.changed", f"reason:{code}", topic="calls", reason=code)
    return row


def check_reason(code: str) -> str:
    """A reason that an agent may give. Refused ("reason") otherwise."""
    if not code:
        raise Refused("reason", "required", _("Say why you pause."))
    if not PauseReason.objects.filter(code=code, active=True, system=False).exists():
        raise Refused("reason", "unknown", _("There is no such reason to pause."))
    return code


def set_state_of(user: User, state: str, reason: str, *, by: str) -> AgentState:
    """A supervisor ends an agent's wrap-up or pause, pauses them, or signs them out.

    Conflict while the agent is ringing or talking: that is not cut short.
    """
    if state not in (AgentState.State.READY, AgentState.State.PAUSED, AgentState.State.SIGNED_OUT):
        raise Refused("state", "unknown", _("Choose ready, paused or signed out."))
    if state == AgentState.State.PAUSED:
        check_reason(reason)
    with transaction.atomic():
        row = AgentState.objects.select_for_update().filter(user=user).first()
        now_state = row.state if row else AgentState.State.SIGNED_OUT
        if now_state in (
            AgentState.State.RINGING, AgentState.State.TALKING, AgentState.State.HOLD
        ):  # fmt: skip
            raise Conflict("state", "busy", _("The agent has a call."))
        if now_state == AgentState.State.SIGNED_OUT and state != AgentState.State.SIGNED_OUT:
            raise Conflict("state", "signed_out", _("The agent is not signed in."))
        row = agents.set_state(
            user, state, reason=reason if state == AgentState.State.PAUSED else ""
        )
        agents.ask_queue(user, state, row.reason)
        record("agent.state", f"user:{user.pk}", from_state=now_state, to_state=state,
               note=reason, by=by)  # fmt: skip
    return row


# -- reading what was sent ------------------------------------------------------------------------


def whole(data: Mapping[str, Any], field: str, least: int, most: int) -> int:
    """A whole number within limits. Refused naming the field."""
    value = data.get(field)
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        number = int(value)
    except ValueError:
        raise Refused(field, "not_a_number", _("That is no whole number.")) from None
    if not least <= number <= most:
        raise Refused(
            field, "range",
            _("Between %(least)s and %(most)s, please.") % {"least": least, "most": most},
        )  # fmt: skip
    return number


def truth(data: Mapping[str, Any], field: str) -> bool:
    """Yes or no. Refused naming the field."""
    value = data.get(field)
    if not isinstance(value, bool):
        raise Refused(field, "not_a_truth", _("Yes or no, please."))
    return value


def text(data: Mapping[str, Any], field: str, length: int, *, empty: bool = False) -> str:
    """Text of at most `length` characters, without line breaks. Refused naming the field."""
    value = " ".join(str(data.get(field) or "").split())
    if not value and not empty:
        raise Refused(field, "required", _("This cannot be empty."))
    if len(value) > length:
        raise Refused(
            field, "too_long", _("At most %(length)s characters, please.") % {"length": length}
        )
    return value


def _skill(value: Any) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise Refused("skill", "shape", _("1 to 20 lower-case letters or digits, a letter first."))
    return value


def _level(value: Any) -> int:
    if value not in LEVELS or isinstance(value, bool):
        raise Refused("skills", "level", _("A level is 1, 2 or 3."))
    return int(value)


def _area(field: str, code: Any) -> Area | None:
    if code in (None, ""):
        return None
    area = Area.objects.filter(code=str(code)).first()
    if area is None:
        raise Refused(field, "unknown", _("There is no such district."))
    return area


def _helper(queue: Queue, code: Any) -> Queue | None:
    if code in (None, ""):
        return None
    helper = Queue.objects.filter(code=str(code)).first()
    if helper is None or helper.code == queue.code:
        raise Refused("overflow_to", "unknown", _("There is no such queue to help."))
    return helper
