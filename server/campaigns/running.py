"""The dialler: takes whose turn it is, asks whether it is still true, rings, and settles.

Killed at any line it goes on where it was. Before a number is rung three things are committed, in
this order: the try (with the target, in one transaction), the attempt (server.calls.dialling), and
only then is Asterisk asked. So a try without an attempt rang nobody and is taken back; one with an
attempt counts, whether or not its end was heard.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from server.accounts.models import User
from server.accounts.refusals import Conflict, Refused
from server.calls import dialling, exchange
from server.calls.dialling import OnAnswer, ToAgent, ToQueue
from server.calls.models import Call, DialAttempt
from server.campaigns import listing, services, speaking
from server.campaigns.eligibility import NotNow, reason_against
from server.campaigns.models import Campaign, Target, Try
from server.campaigns.policy import Retry, Window, lines_wanted
from server.events.services import publish
from telephony.free import free_and_waiting

log = logging.getLogger("standpipe.campaigns")
S = Target.State
# A try without an attempt is younger than this while its dialler may still be between the two.
ORPHANED_AFTER = timedelta(seconds=20)
NOT_NOW = timedelta(minutes=5)
REFILL_EVERY = timedelta(seconds=60)
DEFAULT_QUEUE = "faults"
WRAP_GUARD_S = 3
# Whom we called is not kept waiting.
PATIENCE_S = 20
_refilled: dict[int, datetime] = {}


def window_of(campaign: Campaign) -> Window:
    return Window(
        campaign.opens, campaign.closes, campaign.weekdays, campaign.starts_at, campaign.ends_at
    )


def retry_of(campaign: Campaign) -> Retry:
    return Retry(campaign.most_tries, campaign.gap_s, campaign.after_s)


def step() -> int:
    """One round over everything; returns how many numbers were rung."""
    settle_all()
    rung = 0
    for campaign in Campaign.objects.filter(state=Campaign.State.RUNNING).order_by("id"):
        rung += run(campaign)
    return rung


def run(campaign: Campaign) -> int:
    """Ring as many as the pace allows; finish the campaign when there is nobody left."""
    now = timezone.localtime()
    window = window_of(campaign)
    if window.over(now):
        services.finish(campaign)
        return 0
    _refill(campaign, now)
    if not window.is_open(now) or campaign.mode == Campaign.Mode.PREVIEW:
        _finish_when_empty(campaign)
        return 0
    wanted = _wanted(campaign)
    rung = 0
    while rung < wanted:
        taken = _take(campaign)
        if taken is None:
            _finish_when_empty(campaign)
            break
        rung += _ring(taken)
    return rung


def _refill(campaign: Campaign, now: datetime) -> None:
    """A list that follows its source gets those who are new, once a minute."""
    if campaign.source.get("follow") is not True:
        return
    if now - _refilled.get(campaign.pk, now - REFILL_EVERY) < REFILL_EVERY:
        return
    _refilled[campaign.pk] = now
    try:
        listing.fill(campaign, listing.people_of(campaign))
    except Refused as refused:
        log.info("%s is not filled up: %s", campaign, refused)


def _finish_when_empty(campaign: Campaign) -> None:
    if campaign.source.get("follow") is True:
        return
    this_month = f"{timezone.localdate():%Y-%m}"
    if campaign.source.get("ladder") is True and campaign.source.get("month") == this_month:
        return  # the ladder puts people in as their turn comes
    if not campaign.targets.filter(state__in=(S.WAITING, S.DIALLING)).exists():
        services.finish(campaign)


def _wanted(campaign: Campaign) -> int:
    if not services.waiting(campaign, timezone.now()).exists():
        return 1  # one look whether it is over
    now = going_on(campaign)
    try:
        progressive = campaign.mode == Campaign.Mode.PROGRESSIVE
        free = free_agents(campaign.queue or DEFAULT_QUEUE) if progressive else 0
        wanted = lines_wanted(
            campaign.mode, free_agents=free, ratio=campaign.ratio, channels=campaign.channels,
            ringing=now["ringing"], talking=now["talking"], waiting=now["waiting"],
        )  # fmt: skip
        if wanted and not progressive:
            # Nobody loses a try to an Asterisk that is away.
            exchange.act("Ping")
    except Refused:
        _note(campaign, "telephone")
        return 0
    if campaign.why == "telephone":
        _note(campaign, "")
    return wanted


def going_on(campaign: Campaign) -> dict[str, int]:
    """{ringing, waiting, talking}: lines in use by the campaign. A notice has nobody waiting."""
    with_agent = Call.objects.filter(answered_at__isnull=False).values("call_id")
    open_tries = Try.objects.filter(target__campaign=campaign, settled_at=None)
    found = open_tries.aggregate(
        ringing=Count("id", filter=Q(attempt=None) | Q(attempt__answered_at=None)),
        taken=Count("id", filter=Q(attempt__answered_at__isnull=False)),
        talking=Count(
            "id",
            filter=Q(attempt__answered_at__isnull=False, attempt__call_id__in=with_agent),
        ),
    )
    if campaign.mode == Campaign.Mode.NOTICE:
        return {"ringing": found["ringing"], "waiting": 0, "talking": found["taken"]}
    return {
        "ringing": found["ringing"], "talking": found["talking"],
        "waiting": found["taken"] - found["talking"],
    }  # fmt: skip


def free_agents(queue: str) -> int:
    """Who could take a call of the queue now, less its waiting callers, at all sites that answer.

    Refused ("telephone") when none does.
    """
    listed = exchange.listed_at_each("QueueStatus", Queue=queue)
    free, callers = free_and_waiting(listed.values(), timezone.now().timestamp(), WRAP_GUARD_S)
    return max(0, free - callers)


def _note(campaign: Campaign, why: str) -> None:
    if campaign.why != why:
        campaign.why = why
        Campaign.objects.filter(pk=campaign.pk).update(why=why)


# -- taking and ringing ---------------------------------------------------------------------------


def _take(campaign: Campaign) -> Try | None:
    """The next target whose turn it is, with its try written; None when there is none."""
    while True:
        with transaction.atomic():
            # A pause that is committed is obeyed: no try is written after it.
            row = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
            if row.state != Campaign.State.RUNNING:
                return None
            target: Target | None = (
                services.waiting(row, timezone.now())
                .filter(agent=None)
                .order_by(F("next_at").asc(nulls_first=True), "id")
                .select_for_update(skip_locked=True, of=("self",))
                .first()
            )
            if target is None:
                return None
            made = begin(target, row)
            if made is not None:
                return made


def begin(target: Target, campaign: Campaign) -> Try | None:
    """Write the try of a locked target, or why it is not called now (None)."""
    now = timezone.now()
    target.campaign = campaign
    try:
        reason = reason_against(target)
    except NotNow as later:
        target.next_at, target.reason = now + NOT_NOW, ""
        target.save(update_fields=["next_at", "reason"])
        _note(campaign, later.why)
        return None
    if campaign.why == "billing":
        _note(campaign, "")  # it answers again
    if reason:
        target.state, target.reason, target.settled_at = S.SKIPPED, reason, now
        target.save(update_fields=["state", "reason", "settled_at"])
        return None
    free_at = _left_alone_until(target, campaign, now)
    if free_at is not None:
        target.next_at = free_at
        target.save(update_fields=["next_at"])
        return None
    target.state, target.tries = S.DIALLING, target.tries + 1
    target.save(update_fields=["state", "tries"])
    return Try.objects.create(target=target, number_of=target.tries, at=now)


def _left_alone_until(target: Target, campaign: Campaign, now: datetime) -> datetime | None:
    """When the number may be rung again, where any campaign rang it within the gap."""
    gap = timedelta(seconds=campaign.gap_s)
    rows = DialAttempt.objects.filter(number=target.number).exclude(note=dialling.AGENT_AWAY)
    last = (
        rows.filter(purpose=DialAttempt.Purpose.CAMPAIGN, placed_at__gt=now - gap)
        .order_by("-placed_at")
        .first()
    )
    if last is not None:
        return last.placed_at + gap
    # An agent, or a call-back, is on the line with them this moment.
    if rows.filter(ended_at=None, placed_at__gt=now - dialling.LONGEST_TALK).exists():
        return now + timedelta(minutes=1)
    return None


def key_of(made: Try) -> str:
    """The attempt's key: the same try never rings twice, whoever asks."""
    return f"campaign:{made.target_id}:{made.number_of}"


def _ring(made: Try) -> int:
    target = made.target
    try:
        on_answer = _on_answer(target)
    except speaking.CannotSpeak as why:
        log.warning("%s cannot be spoken: %s", target.campaign, why)
        take_back(made)
        _pause_for(target.campaign, "speech")
        return 0
    return int(ring(made, on_answer, by="system"))


def ring(made: Try, on_answer: OnAnswer, *, by: str) -> bool:
    """Ring a try's number, and settle it at once where that cannot be done."""
    target, campaign = made.target, made.target.campaign
    try:
        attempt = dialling.dial(
            target.number, by=by, purpose=DialAttempt.Purpose.CAMPAIGN, on_answer=on_answer,
            key=key_of(made), subject=f"target:{target.pk}", ring_s=campaign.ring_s,
            account=target.account,
        )  # fmt: skip
    except Conflict:
        take_back(made, again_at=timezone.now() + timedelta(minutes=1))
        return False
    except Refused as refused:
        if refused.field != "telephone":
            # Put on the do-not-call list between the question and the ring, for example.
            take_back(made)
            return False
        settle_all()
        return False
    Try.objects.filter(pk=made.pk).update(attempt=attempt)
    return True


def _on_answer(target: Target) -> OnAnswer:
    campaign = target.campaign
    if campaign.mode == Campaign.Mode.PROGRESSIVE:
        return ToQueue(campaign.queue or DEFAULT_QUEUE, campaign.priority, PATIENCE_S)
    return speaking.notice(target)


def to_agent(user: User) -> OnAnswer:
    """The agent's own telephone first."""
    return ToAgent(user.extension)


def _pause_for(campaign: Campaign, why: str) -> None:
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if row.state == Campaign.State.RUNNING:
            services.move(row, "pause")
            row.why = why
            row.save(update_fields=["why"])
            publish(
                "campaign.changed", f"campaign:{row.pk}", topic="calls", campaign=row.number,
                state=row.state, change="paused", why=why,
            )  # fmt: skip


# -- settling -------------------------------------------------------------------------------------


def settle_all(limit: int = 500) -> int:
    """Carry what became of attempts into their targets; returns how many were settled."""
    open_tries = Try.objects.filter(settled_at=None).order_by("id")
    return sum(_settle(pk) for pk in list(open_tries.values_list("pk", flat=True)[:limit]))


def _settle(pk: int) -> bool:
    now = timezone.now()
    with transaction.atomic():
        made = (
            Try.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("attempt")
            .filter(pk=pk, settled_at=None)
            .first()
        )
        if made is None:
            return False
        rows = Target.objects.select_for_update(of=("self",)).select_related("campaign")
        target = rows.get(pk=made.target_id)
        if made.attempt is None:
            made.attempt = DialAttempt.objects.filter(key=key_of(made)).first()
            if made.attempt is None:
                if now - made.at > ORPHANED_AFTER:
                    _undo(made, target, None)
                return False
            made.save(update_fields=["attempt"])
        attempt = made.attempt
        if attempt.ended_at is None:
            return False
        made.result, made.settled_at = _result(target, attempt), now
        made.save(update_fields=["result", "settled_at"])
        if not target.code and target.state == S.DIALLING:
            _apply(target, attempt, made.result, now)
    if target.state == S.WAITING:
        services.leave_off_when_over(target.campaign_id)
    return True


def _result(target: Target, attempt: DialAttempt) -> str:
    if attempt.note == dialling.NOT_ALLOWED:
        return "not_allowed"
    if attempt.note == dialling.AGENT_AWAY:
        return "agent_away"
    if attempt.result != DialAttempt.Result.ANSWERED:
        return attempt.result
    if target.campaign.mode == Campaign.Mode.NOTICE:
        return "machine" if attempt.heard == "machine" else "answered"
    if target.campaign.mode == Campaign.Mode.PREVIEW:
        return "answered"  # the agent was on the line before
    call = Call.objects.filter(call_id=attempt.call_id).select_related("agent").first()
    if call is None or call.answered_at is None:
        return "dropped"
    target.agent = call.agent or target.agent
    return "answered"


def _apply(target: Target, attempt: DialAttempt, result: str, now: datetime) -> None:
    target.reason = result
    if result == "answered":
        target.state, target.settled_at = S.REACHED, now
        _keep_answers(target, attempt, now)
    elif result == "agent_away":
        # The customer was not rung, and stays before the agent.
        target.state, target.next_at, target.claimed_at = S.WAITING, None, now
    else:
        again = retry_of(target.campaign).again_at(result, target.tries, attempt.placed_at)
        if again is None:
            target.state, target.settled_at = S.EXHAUSTED, now
        else:
            target.state, target.next_at = S.WAITING, again
            target.agent, target.claimed_at = None, None
    target.save()


def _keep_answers(target: Target, attempt: DialAttempt, now: datetime) -> None:
    for n, question in enumerate(target.campaign.questions, 1):
        key = attempt.keys.get(str(n), "")
        if not key or key not in question["keys"]:
            continue
        target.answers[question["code"]] = key
        if question["code"] == services.CONFIRM:
            target.confirmed_at, target.reason = now, "confirmed"


def take_back(made: Try, again_at: datetime | None = None) -> None:
    """Nobody was rung: the try is as if it had not been."""
    with transaction.atomic():
        target = Target.objects.select_for_update().get(pk=made.target_id)
        _undo(made, target, again_at)
    services.leave_off_when_over(target.campaign_id)


def _undo(made: Try, target: Target, again_at: datetime | None) -> None:
    made.delete()
    target.tries = max(0, target.tries - 1)
    if target.state == S.DIALLING:
        target.state, target.next_at = S.WAITING, again_at
    target.save(update_fields=["tries", "state", "next_at"])
