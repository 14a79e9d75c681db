"""What screens read of campaigns: the list, one with its report, its targets, the ladder."""

from __future__ import annotations

from typing import Any

from django.db.models import Avg, Case, Count, F, Q, When
from django.utils import timezone

from server.calls.models import DialAttempt, DoNotCall
from server.campaigns import ladder, rungs, running, services, states, wording
from server.campaigns.models import ArrearsCase, Campaign, Target, Try
from server.customers.phones import mask

S = Target.State
SHOWN = 200


def listed() -> list[dict[str, Any]]:
    """Every campaign with its counts, those that run first."""
    rows = Campaign.objects.annotate(
        total=Count("targets"),
        **{
            f"n_{state}": Count("targets", filter=Q(targets__state=state))
            for state in Target.State.values
        },
    ).order_by("-id")[:SHOWN]
    order = {"running": 0, "paused": 1, "draft": 2}
    return [
        {**_brief(row), "counts": {s: getattr(row, f"n_{s}") for s in Target.State.values},
         "total": row.total}
        for row in sorted(rows, key=lambda r: (order.get(r.state, 3), -r.pk))
    ]  # fmt: skip


def _brief(row: Campaign) -> dict[str, Any]:
    now = timezone.localtime()
    window = running.window_of(row)
    return {
        "number": row.number, "name": row.name, "kind": row.kind,
        "kind_label": str(row.get_kind_display()), "mode": row.mode,
        "mode_label": str(row.get_mode_display()), "state": row.state,
        "state_label": str(row.get_state_display()),
        "why": wording.WHY[row.why]() if row.why in wording.WHY else "",
        "open": window.is_open(now), "opens_at": window.next_opening(now),
        "allowed": states.allowed(row.state), "by": row.by, "created_at": row.created_at,
        "started_at": row.started_at, "ended_at": row.ended_at,
    }  # fmt: skip


def shown(row: Campaign) -> dict[str, Any]:
    """One campaign: its rules, who is on the line, its report."""
    return {
        **_brief(row), "source": row.source, "text": row.text, "questions": row.questions,
        "opens": row.opens.strftime("%H:%M"), "closes": row.closes.strftime("%H:%M"),
        "weekdays": row.weekdays, "starts_at": row.starts_at, "ends_at": row.ends_at,
        "most_tries": row.most_tries, "gap_s": row.gap_s, "after_s": row.after_s,
        "ring_s": row.ring_s, "channels": row.channels, "ratio": row.ratio, "queue": row.queue,
        "priority": row.priority, "screen": row.screen, "machine_hears": row.machine_hears,
        "version": row.version, "going_on": running.going_on(row), "report": report(row),
    }  # fmt: skip


def report(row: Campaign) -> dict[str, Any]:
    """Counted from the targets and the attempts themselves, so that each figure can be recounted.

    {total, by_state: {state: n}, by_reason: [{state, reason, text, n}], by_code: {code: n},
    confirmed, answers: {question: {key: n}}, tries, by_result: {result: n},
    ringing_s, talking_s (means, None without any), reached_share (of those that could be called)}
    """
    targets = row.targets.all()
    by_state = dict.fromkeys(Target.State.values, 0)
    by_state |= dict(targets.values_list("state").annotate(n=Count("id")))
    reasons = targets.exclude(reason="").values_list("state", "reason").annotate(n=Count("id"))
    tries = Try.objects.filter(target__campaign=row)
    attempts = DialAttempt.objects.filter(campaign_try__target__campaign=row)
    times = attempts.filter(answered_at__isnull=False).aggregate(
        ring=Avg(F("answered_at") - F("placed_at")), talk=Avg(F("ended_at") - F("answered_at"))
    )
    # Whom we left off ourselves, by a stop, could still have been called.
    concerned = targets.exclude(state=S.DROPPED).exclude(
        ~Q(reason__in=services.LEFT_OFF), state=S.SKIPPED
    )
    callable_ = concerned.count()
    return {
        "total": sum(by_state.values()),
        "by_state": by_state,
        "by_reason": [
            {"state": state, "reason": code, "text": wording.reason(code), "n": n}
            for state, code, n in reasons.order_by("state", "-n", "reason")
        ],
        "by_code": dict(
            targets.exclude(code="").values_list("code").annotate(n=Count("id")).order_by("code")
        ),
        "confirmed": targets.filter(confirmed_at__isnull=False).count(),
        "answers": _answers(row),
        "tries": tries.count(),
        "by_result": dict(
            tries.exclude(result="").values_list("result").annotate(n=Count("id"))
            .order_by("result")
        ),
        "ringing_s": times["ring"] and round(times["ring"].total_seconds(), 1),
        "talking_s": times["talk"] and round(times["talk"].total_seconds(), 1),
        "reached_share": round(by_state[S.REACHED] / callable_, 4) if callable_ else None,
    }  # fmt: skip


def _answers(row: Campaign) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for question in row.questions:
        name = f"answers__{question['code']}"
        found = row.targets.filter(**{f"{name}__isnull": False}).values_list(name)
        counted[question["code"]] = {
            str(key): n for key, n in found.annotate(n=Count("id")).order_by(name)
        }
    return counted


def targets_of(row: Campaign, state: str, *, limit: int = SHOWN) -> list[dict[str, Any]]:
    """The people of a campaign, those with news first. Numbers are masked."""
    rows = row.targets.select_related("account__premise", "agent", "ticket")
    if state in Target.State.values:
        rows = rows.filter(state=state)
    # Who was left out when the list was made is no news.
    left_out = Case(When(state=S.DROPPED, then=1), default=0)
    rows = rows.order_by(left_out, F("settled_at").desc(nulls_last=True), "id")[:limit]
    return [
        {
            "id": t.pk, "name": t.name, "number_masked": mask(t.number) or t.raw[:3],
            "address": t.account.premise.address if t.account else "", "state": t.state,
            "state_label": str(t.get_state_display()), "reason": t.reason,
            "reason_text": wording.reason(t.reason) if t.reason else "", "tries": t.tries,
            "next_at": t.next_at if t.state == S.WAITING else None,
            "confirmed_at": t.confirmed_at, "answers": t.answers, "code": t.code,
            "code_text": wording.CODE_WORDS[t.code]() if t.code in wording.CODE_WORDS else "",
            "note": t.note, "agent": t.agent.name if t.agent else "",
            "ticket": t.ticket.number if t.ticket else None, "settled_at": t.settled_at,
        }
        for t in rows
    ]  # fmt: skip


def arrears(state: str) -> dict[str, Any]:
    """The ladder: {counts: {step: n}, results: [...]}, who is next first."""
    rows = ArrearsCase.objects.select_related("account__premise", "notice", "visit")
    now = timezone.now()
    open_ = rows.filter(state__in=ladder.OPEN)
    counts = dict.fromkeys(ArrearsCase.Step.values, 0)
    counts |= dict(open_.values_list("step").annotate(n=Count("id")).order_by("step"))
    if state == "all":
        found = rows
    elif state in ArrearsCase.State.values:
        found = rows.filter(state=state)
    else:
        found = open_
    shown_ = found.order_by(F("next_at").asc(nulls_last=True), "-id")[:SHOWN]
    return {
        "counts": counts, "held": open_.filter(state=ArrearsCase.State.HELD).count(),
        "results": [_case(c, now) for c in shown_.prefetch_related("steps")],
    }  # fmt: skip


def _case(case: ArrearsCase, now: Any) -> dict[str, Any]:
    told = ladder.told_at(case)
    return {
        "id": case.pk, "account": case.account.number, "name": case.account.name,
        "address": case.account.premise.address, "amount": f"{case.amount:.2f}",
        "since": case.since, "state": case.state, "state_label": str(case.get_state_display()),
        "step": case.step, "step_label": str(case.get_step_display()),
        "priority": case.priority, "next_at": case.next_at,
        "next": rungs.following(case.step, priority=case.priority),
        "told_at": told, "cut_from": told + ladder.rules().notice_kept if told else None,
        "cut_at": case.cut_at, "visit": case.visit.number if case.visit else None,
        "reason": case.reason, "checked_at": case.checked_at,
        "steps": [
            {"step": s.step, "at": s.at, "what": s.what, "by": s.by,
             "balance": f"{s.balance:.2f}" if s.balance is not None else None}
            for s in case.steps.all()
        ],
    }  # fmt: skip


def do_not_call() -> list[dict[str, Any]]:
    return [
        {"id": r.pk, "number_masked": mask(r.number), "reason": r.reason, "by": r.by, "at": r.at}
        for r in DoNotCall.objects.all()[:SHOWN]
    ]
