"""Half a day of calls, replayed from a file: every figure equals a recount in SQL and on paper.

wall_day.txt holds what happened, by the second. It is told to the services as the switchboard
tells them, then each figure of docs/wallboard.md is counted again twice: by SQL from the rows, and
by reading the file with a pencil (a few lines of Python that know no service).
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from server.accounts.models import User
from server.calls import agents, services
from server.calls.models import Call
from server.forecast.models import AgentShift
from server.wallboard import counting, figures, tables
from server.wallboard.counting import CallFact, SpanFact

DAY = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)  # 08:00 in Helsinki
FILE = Path(__file__).with_name("wall_day.txt")


def told() -> Iterator[tuple[datetime, list[str]]]:
    """(moment, words) of each line."""
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        clock, *words = line.split()
        hours, minutes, seconds = (int(p) for p in clock.split(":"))
        yield DAY + timedelta(hours=hours - 8, minutes=minutes, seconds=seconds), words


END = max(at for at, _words in told()) + timedelta(seconds=1)


def replay(monkeypatch: pytest.MonkeyPatch) -> None:
    now = DAY
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    for extension in ("1002", "1003", "1005"):
        User.objects.create_user(f"agent{extension}", role="agent", extension=extension)
    # Sari takes calls too; her line is 1004, Aino's 1001.
    people = {u.extension: u for u in User.objects.exclude(extension="")}
    for now, words in told():
        match words:
            case ["agent", extension, state, *rest]:
                call = Call.objects.get(call_id=rest[0]) if state == "wrap" else None
                reason = rest[0] if state == "paused" else ""
                agents.set_state(people[extension], state, reason=reason, call=call)
            case [call_id, "rang", number]:
                services.rang(services.Ring(call_id, number, "", "965113", now))
            case [call_id, "queued", queue]:
                services.queued(call_id, at=now)
                Call.objects.filter(call_id=call_id).update(queue=queue)
            case [call_id, "offered", extension]:
                services.offered(call_id, extension)
            case [call_id, "answered", extension]:
                services.answered(call_id, extension, at=now)
            case [call_id, "held" | "resumed" as what, extension]:
                call = Call.objects.get(call_id=call_id)
                agents.set_state(
                    people[extension], "hold" if what == "held" else "talking", call=call
                )
            case [call_id, "handed", _giver, taker]:
                services.handed_on(call_id)
                call = Call.objects.get(call_id=call_id)
                agents.set_state(people[taker], "talking", call=call)
            case [call_id, "ended", outcome]:
                if outcome in ("served", "informed", "ivr"):
                    Call.objects.filter(call_id=call_id).update(outcome=outcome)
                services.ended(call_id, at=now, message_left=outcome == "message")
            case [call_id, "asked"]:
                services.asked_how_it_went(call_id, at=now)
            case [call_id, "rated", score]:
                services.rated(call_id, int(score), at=now)
            case _:
                raise AssertionError(words)


def by_sql(where: str = "TRUE") -> dict[str, Any]:
    """The figures of [DAY, END) again, in SQL."""
    c = f"""calls_call c LEFT JOIN accounts_user u ON u.id = c.agent_id
            WHERE c.queued_at >= %(start)s AND c.queued_at < %(end)s AND ({where})"""
    wait = "extract(epoch FROM coalesce(c.answered_at, c.ended_at) - c.queued_at)"
    gone = "c.answered_at IS NULL AND c.ended_at IS NOT NULL AND c.outcome = 'abandoned'"
    sql = f"""
    SELECT count(*) AS joined,
      count(*) FILTER (WHERE {gone} AND {wait} < 5) AS short_abandons,
      count(*) - count(*) FILTER (WHERE {gone} AND {wait} < 5) AS offered,
      count(c.answered_at) AS answered,
      count(*) FILTER (WHERE {gone} AND {wait} >= 5) AS abandoned,
      count(*) FILTER (WHERE c.outcome = 'message') AS overflowed,
      count(*) FILTER (WHERE c.answered_at IS NULL AND c.ended_at IS NULL) AS waiting_still,
      count(*) FILTER (WHERE c.answered_at IS NOT NULL AND {wait} <= 15) AS answered_within,
      count(*) FILTER (WHERE {gone} AND {wait} BETWEEN 5 AND 15) AS abandoned_within,
      avg({wait}) FILTER (WHERE c.answered_at IS NOT NULL) AS asa_s,
      max({wait}) FILTER (WHERE c.answered_at IS NOT NULL) AS longest_answered_s,
      coalesce(sum(c.transfers) FILTER (WHERE c.answered_at IS NOT NULL), 0) AS transfers
    FROM {c}"""
    found = _one(sql)
    found |= _one(
        f"""SELECT count(r.id) AS asked, count(r.score) AS rated,
                   count(*) FILTER (WHERE r.score >= 4) AS satisfied
            FROM calls_rating r JOIN calls_call k ON k.id = r.call_id
            WHERE k.id IN (SELECT c.id FROM {c})"""
    )
    return found


def _one(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"start": DAY, "end": END})
        names = [d[0] for d in cursor.description]
        row = cursor.fetchone()
    return {n: float(v) if v is not None else None for n, v in zip(names, row, strict=True)}


def seconds_by_sql(where: str = "TRUE") -> dict[str, float]:
    """Seconds of agents' time by state."""
    found: dict[str, float] = defaultdict(float)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT i.state, sum(extract(epoch FROM least(coalesce(i.ended_at, %(end)s), %(end)s)
                                                      - greatest(i.started_at, %(start)s)))
                FROM calls_agentinterval i JOIN accounts_user u ON u.id = i.user_id
                LEFT JOIN calls_call c ON c.id = i.call_id
                WHERE i.started_at < %(end)s AND coalesce(i.ended_at, %(end)s) > %(start)s
                  AND ({where}) GROUP BY 1""",
            {"start": DAY, "end": END},
        )  # fmt: skip
        found.update({state: float(s) for state, s in cursor.fetchall()})
    return found


def same(got: dict[str, Any], recount: dict[str, Any], what: str) -> None:
    for name, value in recount.items():
        assert got[name] == (pytest.approx(value) if value is not None else None), (what, name)


def on_paper() -> Counter[str]:
    """The file read with a pencil."""
    joined: dict[str, datetime] = {}
    got: Counter[str] = Counter()
    answered = set()
    for at, words in told():
        if words[0] == "agent":
            continue
        call, what = words[:2]
        got["came"] += what == "rang"
        if what == "queued":
            joined[call] = at
        elif what == "answered":
            answered.add(call)
            got["within"] += (at - joined[call]).total_seconds() <= 15
        elif what == "ended" and call in joined and call not in answered:
            wait = (at - joined[call]).total_seconds()
            got[words[2] if words[2] != "abandoned" or wait >= 5 else "short"] += 1
        elif what == "ended" and call not in joined:
            got[f"menu {words[2]}"] += 1
        got["held"] += what == "held"
        got["handed"] += what == "handed"
        if what == "rated":
            got["rated"] += 1
            got["content"] += int(words[2]) >= 4
    got["joined"], got["answered"] = len(joined), len(answered)
    return got


@pytest.mark.django_db
def test_a_day_replayed_gives_the_figures_counted_again_in_sql_and_on_paper(cast, monkeypatch):
    replay(monkeypatch)
    AgentShift.objects.create(user=cast.aino, starts=DAY, ends=DAY + timedelta(hours=2))
    got = figures.period(DAY, END)
    paper = on_paper()
    assert paper["came"] == 206

    # On paper.
    assert got["ivr_entered"] == 206
    assert got["joined"] == paper["joined"] and got["short_abandons"] == paper["short"] > 0
    assert got["answered"] == paper["answered"] and got["abandoned"] == paper["abandoned"]
    assert got["answered_within"] == paper["within"]
    assert got["messages"] == got["overflowed"] == paper["message"] > 0
    assert got["ivr_contained"] == paper["menu served"] + paper["menu informed"]
    assert (got["holds"], got["transfers"]) == (paper["held"], paper["handed"])
    assert (got["rated"], got["satisfied"]) == (paper["rated"], paper["content"])

    # In SQL: all together, by queue, by agent, by hour.
    same(got, by_sql(), "all")
    rows = tables.by_queue(DAY, END)
    assert [r["key"] for r in rows] == ["billing", "faults"]
    for row in rows:
        same(row, by_sql(f"c.queue = '{row['key']}'"), row["key"])
    people = tables.by_agent(DAY, END)
    assert len(people) == 5
    for row in people:
        recount = by_sql(f"u.username = '{row['key']}'")
        assert row["answered"] == recount["answered"], row["key"]
        assert row["asa_s"] == pytest.approx(recount["asa_s"])
        seconds = seconds_by_sql(f"u.username = '{row['key']}'")
        busy = seconds["talking"] + seconds["hold"] + seconds["wrap"]
        assert row["occupancy"] == pytest.approx(
            busy / (busy + seconds["ready"] + seconds["ringing"])
        )
        assert row["aht_s"] == pytest.approx(busy / recount["answered"])
    hours = tables.by_hour(DAY, END)
    for row in hours:
        same(row, by_sql(f"date_trunc('hour', c.queued_at) = '{row['at'].isoformat()}'"),
             str(row["at"]))  # fmt: skip

    # The identities.
    for one in (got, *rows, *hours):
        assert one["offered"] == (
            one["answered"] + one["abandoned"] + one["overflowed"] + one["waiting_still"]
        )
        assert one["joined"] == one["offered"] + one["short_abandons"]
    assert sum(r["answered"] for r in people) == got["answered"]
    for name in ("offered", "answered", "abandoned", "overflowed", "waiting_still", "holds"):
        assert sum(r[name] for r in rows) == got[name], name
        assert sum(r[name] for r in hours) == got[name], name

    # Rates, from the counts above by their formula; time from the stretches of the agents.
    seconds = seconds_by_sql()
    busy = seconds["talking"] + seconds["hold"] + seconds["wrap"]
    ready = seconds["ready"] + seconds["ringing"]
    offered, answered = got["offered"], got["answered"]
    for name, value in {
        "connect_rate": answered / offered, "abandon_rate": got["abandoned"] / offered,
        "service_level": got["answered_within"] / offered,
        "service_level_without_abandons":
            got["answered_within"] / (offered - got["abandoned_within"]),
        "occupancy": busy / (busy + ready),
        "utilisation": busy / (busy + ready + seconds["paused"]),
        "aht_s": busy / answered, "talk_s": seconds["talking"] / answered,
        "hold_s": seconds["hold"] / answered, "wrap_s": seconds["wrap"] / answered,
        "transfer_rate": got["transfers"] / answered, "hold_rate": got["holds"] / answered,
        "containment": got["ivr_contained"] / 206,
        "satisfaction": got["satisfied"] / got["rated"],
        "response_rate": got["rated"] / got["asked"],
    }.items():  # fmt: skip
        assert got[name] == pytest.approx(value), name
    # Aino's two planned hours: there all the time but for her pauses, which are shrinkage.
    aino = "u.username = 'aino' AND i.started_at < '2026-11-20 08:00+00'"
    own = seconds_by_sql(aino)
    assert got["adherence"] == pytest.approx(1.0)
    assert got["shrinkage"] == pytest.approx(own.get("paused", 0.0) / 7200, abs=1e-6)

    # Who called again, by a self-join.
    again = _one(
        """SELECT count(*) AS repeat_calls FROM calls_call c
           LEFT JOIN customers_premise p ON p.id = c.premise_id
           WHERE c.answered_at IS NOT NULL AND EXISTS (
             SELECT 1 FROM calls_call o WHERE o.queued_at IS NOT NULL AND o.id <> c.id
               AND (o.queued_at, o.call_id) < (c.queued_at, c.call_id)
               AND coalesce(o.premise_id::text, o.phone) = coalesce(p.id::text, c.phone))"""
    )
    assert got["repeat_calls"] == again["repeat_calls"] > 0
    solved = _one(
        """SELECT count(*) AS known, count(*) FILTER (WHERE NOT EXISTS (
             SELECT 1 FROM calls_call o WHERE o.premise_id = c.premise_id
               AND o.queued_at IS NOT NULL
               AND (o.queued_at, o.call_id) > (c.queued_at, c.call_id))) AS solved
           FROM calls_call c WHERE c.answered_at IS NOT NULL AND c.premise_id IS NOT NULL"""
    )
    assert (got["first_call_known"], got["first_call_solved"]) == (
        solved["known"], solved["solved"],
    )  # fmt: skip
    assert got["fcr"] == pytest.approx(solved["solved"] / solved["known"])

    # Now: two stand in the queue at the end, and the first of them has waited longest.
    now = figures.queue_now(END)
    assert now["waiting_now"] == got["waiting_still"] == 2
    first = Call.objects.filter(state="queued").order_by("queued_at").first()
    assert first is not None and first.queued_at is not None
    assert now["longest_wait_s"] == (END - first.queued_at).total_seconds()


def a_long_run(hours: float, seed: int = 4) -> tuple[list[CallFact], list[SpanFact]]:
    """M/M/4 with callers who give up, simulated; facts as the tables would hold them."""
    draw = random.Random(seed)
    free, line, calls, now = [0.0] * 4, [], [], 0.0
    while now < hours * 3600:
        now += draw.expovariate(1 / 40)
        line.append((now, now + draw.expovariate(1 / 90)))
    for n, (joined, limit) in enumerate(line):
        server = min(range(4), key=lambda k: free[k])
        begins = max(free[server], joined)
        at = [DAY + timedelta(seconds=s) for s in (joined, begins, min(begins, limit))]
        if begins > limit:
            calls.append(CallFact(str(n), at[0], at[0], None, at[2], "abandoned"))
            continue
        free[server] = begins + draw.expovariate(1 / 150)
        over = DAY + timedelta(seconds=free[server])
        calls.append(CallFact(str(n), at[0], at[0], at[1], over, "answered", agent=str(server)))
    return calls, []


def test_littles_law_holds_on_a_long_run():
    """Mean queue, sampled, is arrivals x mean wait within 5 %: 400 hours, some 36,000 calls."""
    calls, _spans = a_long_run(400)
    start, end = DAY + timedelta(hours=1), DAY + timedelta(hours=399)
    got = counting.figures(calls, [], [], start, end)
    mine = [c for c in calls if start <= c.queued < end]
    arrivals = len(mine) / (end - start).total_seconds()
    mean_wait = sum(c.wait_s for c in mine) / len(mine)
    # Sampled every minute by sweeping over the joins and leaves, not by the code under test.
    moves = sorted([(c.queued, 1) for c in calls] + [(c.answered or c.ended, -1) for c in calls])
    at, waiting, i, samples = start, 0, 0, []
    while at < end:
        while i < len(moves) and moves[i][0] <= at:
            waiting += moves[i][1]
            i += 1
        samples.append(waiting)
        at += timedelta(minutes=1)
    mean_queue = sum(samples) / len(samples)
    assert mean_queue == pytest.approx(arrivals * mean_wait, rel=0.05)
    # And the code's own queue, at some moments and over the whole, is the same.
    for k in range(0, len(samples), 4001):
        assert counting.waiting_at(calls, start + timedelta(minutes=k)) == samples[k]
    held = counting.waiting_s(calls, start, end) / (end - start).total_seconds()
    assert held == pytest.approx(mean_queue, rel=0.05)
    assert got["offered"] == got["answered"] + got["abandoned"]


def test_nobody_staffed_and_nobody_called_gives_dashes_not_zeros():
    got = counting.figures([], [], [], DAY, END)
    rates = ("connect_rate", "service_level", "abandon_rate", "asa_s", "occupancy", "utilisation",
             "adherence", "shrinkage", "aht_s", "fcr", "transfer_rate", "hold_rate", "repeat_rate",
             "containment", "satisfaction", "response_rate", "longest_answered_s")  # fmt: skip
    assert {n: got[n] for n in rates} == dict.fromkeys(rates)
