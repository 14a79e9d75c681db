"""The floor now, for whoever supervises it: each agent, each queue, calls inside shut-offs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from server.accounts.models import User
from server.accounts.moments import today
from server.calls import lines, verdict
from server.calls.models import AgentState, Call
from server.calls.queueing import selectors as queueing
from server.outages.models import ShutOff
from server.tickets import selectors as tickets


def agents(now: datetime) -> list[dict[str, Any]]:
    """Everybody with a telephone line who has ever signed in, the longest in their state first.

    `call` is the call an agent rings, talks or writes about: {"id", "from_masked", "name",
    "verdict", "queued_at", "answered_at"}.
    """
    rows = AgentState.objects.select_related("user", "call__account").order_by("since", "pk")
    return [
        {
            "username": r.user.username, "name": r.user.name, "extension": r.user.extension,
            "role": r.user.role, "state": r.state, "reason": r.reason, "since": r.since,
            "seconds": max(0.0, (now - r.since).total_seconds()),
            "call": _call(r.call) if r.call is not None and r.state in BY_CALL else None,
        }
        for r in rows
        if r.user.is_active
    ]  # fmt: skip


BY_CALL = ("ringing", "talking", "hold", "wrap")


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.call_id, "from_masked": tickets.masked(call.phone),
        "name": call.account.name if call.account else call.name, "verdict": call.verdict,
        "queued_at": call.queued_at, "answered_at": call.answered_at,
    }  # fmt: skip


def without_line() -> int:
    """Agents who cannot take calls because they have no telephone line."""
    return User.objects.filter(role="agent", is_active=True, extension="").count()


def inside_shut_offs(now: datetime) -> list[dict[str, Any]]:
    """Callers of today who stood inside a shut-off that was open or announced, by shut-off.

    Most callers of now first. `now` counts the calls going on, `today` all since midnight,
    `informed` those who heard the notice and needed nobody.
    """
    day = today(now)
    rows = Call.objects.filter(
        started_at__gte=day, verdict__in=(verdict.INSIDE, verdict.PLANNED)
    ).values_list("verdict_data", "verdict", "state", "outcome")
    found: dict[str, dict[str, Any]] = {}
    for data, code, state, outcome in rows:
        number = (data.get("data") or {}).get("shut_off") or ""
        line = found.setdefault(
            number, {"shut_off": number, "planned": code == verdict.PLANNED,
                     "now": 0, "today": 0, "informed": 0},
        )  # fmt: skip
        line["today"] += 1
        line["now"] += state != Call.State.ENDED
        line["informed"] += outcome == Call.Outcome.INFORMED
    known = {
        off.number: off
        for off in ShutOff.objects.filter(number__in=list(found)).select_related("incident")
    }
    for number, line in found.items():
        off = known.get(number)
        back = (off.notice_to if off.planned else off.expected_back_at) if off else None
        line |= {
            "address": (off.incident.address if off.incident else off.target) if off else "",
            "back_at": back, "state": off.state if off else "",
        }  # fmt: skip
    return sorted(found.values(), key=lambda line: (-line["now"], -line["today"]))


def supervisor() -> dict[str, Any]:
    """Everything on the supervisor's page that changes from second to second."""
    now = timezone.now()
    return {
        "at": now, "agents": agents(now), "without_line": without_line(),
        "queues": queueing.now(now), "inside": inside_shut_offs(now), "lines": lines.lines_now(now),
    }  # fmt: skip
