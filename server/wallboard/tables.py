"""The same figures by queue, by hour of the utility's clock, by agent: one reading for all rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from server.accounts.models import User
from server.wallboard.counting import CallFact, figures
from server.wallboard.facts import Facts, facts

MOST_HOURS = 24 * 31
HOUR = timedelta(hours=1)


def by_queue(start: datetime, end: datetime, f: Facts | None = None) -> list[dict[str, Any]]:
    """A row for each queue that had a call: {"key", "name", all figures}."""
    f = f or facts(start, end)
    names = _queue_names()
    queues = sorted({c.queue for c in f.calls if c.queued is not None})
    out = []
    for queue in queues:
        calls = [c for c in f.calls if c.queued is not None and c.queue == queue]
        spans = [s for s in f.spans if s.queue == queue and s.call]
        found = figures(calls, spans, [], start, end, others=[*f.others, *f.calls])
        # An agent sits in several queues: being ready belongs to none of them.
        found |= dict.fromkeys(("occupancy", "utilisation", "signed_in_s"))
        out.append({"key": queue, "name": names.get(queue, queue), **found})
    return out


def _queue_names() -> dict[str, str]:
    from server.calls.queueing import selectors

    return {q.code: q.shown for q in selectors.queues()}


def by_agent(start: datetime, end: datetime, f: Facts | None = None) -> list[dict[str, Any]]:
    """A row for each agent who answered or was signed in. Offered and abandoned belong to queues,
    not to agents: they are None here.
    """
    f = f or facts(start, end)
    names = {u.username: u.name for u in User.objects.all()}
    answered: dict[str, list[CallFact]] = defaultdict(list)
    for call in f.calls:
        if call.answered is not None and call.agent:
            answered[call.agent].append(call)
    out = []
    for agent in sorted({*answered, *(s.agent for s in f.spans), *(p.agent for p in f.plans)}):
        found = figures(
            answered[agent], [s for s in f.spans if s.agent == agent],
            [p for p in f.plans if p.agent == agent], start, end, others=[*f.others, *f.calls],
        )  # fmt: skip
        found |= dict.fromkeys(_OF_QUEUES)
        out.append({"key": agent, "name": names.get(agent, agent), **found})
    return out


_OF_QUEUES = (
    "joined", "offered", "short_abandons", "abandoned", "overflowed", "messages", "waiting_still",
    "connect_rate", "service_level", "service_level_without_abandons", "abandon_rate",
    "abandoned_within", "ivr_entered", "ivr_contained", "containment",
)  # fmt: skip


def by_hour(start: datetime, end: datetime, f: Facts | None = None) -> list[dict[str, Any]]:
    """A row for each hour in which a call joined or an agent was there: {"at", all figures}."""
    f = f or facts(start, end)
    calls: dict[datetime, list[CallFact]] = defaultdict(list)
    for call in f.calls:
        for hour in {_hour(call.started), *([_hour(call.queued)] if call.queued else [])}:
            calls[hour].append(call)
    at, out = _hour(start), []
    for _n in range(MOST_HOURS):
        if at >= end:
            break
        first, last = max(at, start), min(at + HOUR, end)
        names = {c.id for c in calls[at]}
        # Holds are counted with their calls, which may have been held in the hour after.
        spans = [
            s for s in f.spans
            if s.call in names or (s.start < last and (s.end is None or s.end > first))
        ]  # fmt: skip
        if names or spans:
            found = figures(calls[at], spans, f.plans, first, last, others=[*f.others, *f.calls])
            out.append({"at": timezone.localtime(at), **found})
        at += HOUR
    return out


def _hour(moment: datetime) -> datetime:
    """The beginning of its hour by the local clock, in UTC, so that no hour is lost in spring."""
    local = timezone.localtime(moment)
    return (moment - timedelta(minutes=local.minute, seconds=local.second,
                               microseconds=local.microsecond)).astimezone(UTC)  # fmt: skip
