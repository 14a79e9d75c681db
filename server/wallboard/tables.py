"""The same figures by queue, by hour of the utility's clock, by agent: one reading for all rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from server.accounts.models import User
from server.calls.queueing import selectors as queueing
from server.wallboard.counting import CallFact, SpanFact, by_caller, figures
from server.wallboard.facts import Facts, facts

MOST_HOURS = 24 * 31
HOUR = timedelta(hours=1)


def by_queue(start: datetime, end: datetime, f: Facts | None = None) -> list[dict[str, Any]]:
    """A row for each queue that had a call: {"key", "name", all figures}."""
    f = f or facts(start, end)
    names = {q.code: q.shown for q in queueing.queues()}
    callers = by_caller([*f.calls, *f.others])
    queues = sorted({c.queue for c in f.calls if c.queued is not None})
    out = []
    for queue in queues:
        calls = [c for c in f.calls if c.queued is not None and c.queue == queue]
        spans = [s for s in f.spans if s.queue == queue and s.call]
        found = figures(calls, spans, [], start, end, callers=callers)
        # An agent sits in several queues: being ready belongs to none of them.
        found |= dict.fromkeys(("occupancy", "utilisation", "signed_in_s"))
        out.append({"key": queue, "name": names.get(queue, queue), **found})
    return out


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
    spans: dict[str, list[SpanFact]] = defaultdict(list)
    for span in f.spans:
        spans[span.agent].append(span)
    callers = by_caller([*f.calls, *f.others])
    out = []
    for agent in sorted({*answered, *spans, *(p.agent for p in f.plans)}):
        found = figures(
            answered[agent], spans[agent], [p for p in f.plans if p.agent == agent], start, end,
            callers=callers,
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
    during, of_call = _spans_by_hour(f.spans, at, end)
    callers = by_caller([*f.calls, *f.others])
    for n in range(MOST_HOURS):
        if at >= end:
            break
        first, last = max(at, start), min(at + HOUR, end)
        # Holds are counted with their calls, which may have been held in the hour after.
        which = {*during[n], *(k for c in calls[at] for k in of_call[c.id])}
        spans = [f.spans[k] for k in sorted(which)]
        if calls[at] or spans:
            found = figures(calls[at], spans, f.plans, first, last, callers=callers)
            out.append({"at": timezone.localtime(at), **found})
        at += HOUR
    return out


def _spans_by_hour(
    spans: Sequence[SpanFact], start: datetime, end: datetime
) -> tuple[dict[int, list[int]], dict[str, list[int]]]:
    """The places of `spans` in each hour from `start` on, and of each call."""
    during: dict[int, list[int]] = defaultdict(list)
    of_call: dict[str, list[int]] = defaultdict(list)
    for k, span in enumerate(spans):
        of_call[span.call].append(k)
        n, until = max(0, (span.start - start) // HOUR), min(span.end or end, end)
        while start + n * HOUR < until:
            during[n].append(k)
            n += 1
    return during, of_call


def _hour(moment: datetime) -> datetime:
    """The beginning of its hour by the local clock, in UTC, so that no hour is lost in spring."""
    local = timezone.localtime(moment)
    return (moment - timedelta(minutes=local.minute, seconds=local.second,
                               microseconds=local.microsecond)).astimezone(UTC)  # fmt: skip
