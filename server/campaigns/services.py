"""Verbs for campaigns: written, listed, started, paused, stopped; what agents write down."""

from __future__ import annotations

import math
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.moments import parse_moment
from server.accounts.refusals import Conflict, NotAllowed, Refused
from server.calls import dialling
from server.calls.services import call_back_done
from server.campaigns import listing, states, wording
from server.campaigns.listing import whole
from server.campaigns.models import Campaign, Target
from server.campaigns.policy import EVERY_DAY, RETRIED
from server.events.services import publish
from server.tickets.models import CallBack

S = Target.State
LONGEST_TEXT = 600
MOST_QUESTIONS = 3
# Keys a question may be answered with; # ends an entry and * is kept for "once more".
KEYS = frozenset("0123456789")
CONFIRM = "understood"
# Reasons of those who are not called because the campaign is over, not because of themselves.
LEFT_OFF = STOPPED, WINDOW_OVER = "stopped", "window_over"


def write(what: dict[str, Any], *, by: str, campaign: Campaign | None = None) -> Campaign:
    """A new campaign, or another wording and other rules of one that does not run.

    Refused (422) names the field. A campaign's kind and source are not changed later.
    """
    new = campaign is None
    row = campaign or Campaign(by=by)
    if new:
        row.kind = _choice(what, "kind", Campaign.Kind.values, "")
        source = what.get("source") or {}
        if not isinstance(source, dict):
            raise Refused("source", "shape", _("Say where the numbers come from."))
        row.source = {str(k)[:20]: v for k, v in source.items()}
    elif row.state not in (Campaign.State.DRAFT, Campaign.State.PAUSED):
        raise Conflict("state", "running", _("Pause the campaign before you change it."))
    row.name = str(what.get("name", row.name) or "").strip()[:120]
    if not row.name:
        raise Refused("name", "required", _("Give the campaign a name."))
    if new or row.state == Campaign.State.DRAFT:
        row.mode = _choice(what, "mode", Campaign.Mode.values, row.mode)
    _words(row, what)
    _hours(row, what)
    _rules(row, what)
    with transaction.atomic():
        if new:
            people = listing.people_of(row)
            row.save()
            row.number = f"C-{row.pk:04d}"
            row.save(update_fields=["number"])
            counted = listing.fill(row, people)
            note = ", ".join(f"{n} {code}" for code, n in sorted(counted.items()))
        else:
            row.version += 1
            row.save()
            note = row.name
        record(
            "campaign.write" if new else "campaign.change", f"campaign:{row.number}", note=note,
            by=by,
        )  # fmt: skip
        _tell(row, "written" if new else "changed", by=by)
    return row


def _choice(what: dict[str, Any], field: str, values: list[str], default: str) -> str:
    found = str(what.get(field) or default)
    if found not in values:
        raise Refused(field, "unknown", _("Choose one of: %(list)s.") % {"list": ", ".join(values)})
    return found


def _words(row: Campaign, what: dict[str, Any]) -> None:
    texts = what.get("text", row.text)
    if not isinstance(texts, dict):
        raise Refused("text", "shape", _("Write the text for each language."))
    kept = {
        language: str(texts.get(language) or "").strip()[: LONGEST_TEXT + 1]
        for language in ("en", "zh-hans")
    }
    for language, text in kept.items():
        _check_text(row, f"text.{language}", text)
    row.text = {language: text for language, text in kept.items() if text}
    if row.mode == Campaign.Mode.NOTICE and not row.text:
        raise Refused("text.en", "required", _("Write what the call says."))
    asked = what.get("questions", row.questions)
    if not isinstance(asked, list) or len(asked) > MOST_QUESTIONS:
        raise Refused("questions", "shape", _("At most three questions can be asked."))
    row.questions = [_question(row, n, q) for n, q in enumerate(asked, 1)]


def _check_text(row: Campaign, field: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise Refused(field, "too_long", _("That is too long to be listened to."))
    names = wording.fields_in(text)
    known = wording.FIELDS[row.kind]
    if names is None or not names <= known:
        listed = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise Refused(
            field,
            "fields",
            _("In braces only these can be filled in: %(list)s.") % {"list": listed},
        )


def _question(row: Campaign, n: int, asked: Any) -> dict[str, str]:
    field = f"questions.{n}"
    if not isinstance(asked, dict):
        raise Refused(field, "shape", _("A question needs its text and its keys."))
    keys = "".join(sorted(set(str(asked.get("keys") or ""))))
    if not keys or not set(keys) <= KEYS:
        raise Refused(f"{field}.keys", "keys", _("Name the keys that answer it, of 0 to 9."))
    texts = {lang: str(asked.get(lang) or "").strip() for lang in ("en", "zh-hans")}
    if not any(texts.values()):
        raise Refused(f"{field}.en", "required", _("Write the question."))
    for language, text in texts.items():
        _check_text(row, f"{field}.{language}", text)
    code = "".join(c for c in str(asked.get("code") or f"q{n}") if c.isalnum() or c == "_")[:20]
    return {"code": code or f"q{n}", "keys": keys, **texts}


def _hours(row: Campaign, what: dict[str, Any]) -> None:
    row.opens = _time(what, "opens", row.opens)
    row.closes = _time(what, "closes", row.closes)
    if row.opens >= row.closes:
        raise Refused("closes", "order", _("The last hour must be after the first."))
    days = what.get("weekdays", row.weekdays)
    if (
        not isinstance(days, list)
        or not days
        or not all(isinstance(d, int) and not isinstance(d, bool) and d in EVERY_DAY for d in days)
    ):
        raise Refused("weekdays", "unknown", _("Choose at least one day of the week."))
    row.weekdays = sorted(set(days))
    row.starts_at = _moment(what, "starts_at", row.starts_at)
    row.ends_at = _moment(what, "ends_at", row.ends_at)
    if row.starts_at and row.ends_at and row.starts_at >= row.ends_at:
        raise Refused("ends_at", "order", _("The end must be after the beginning."))


def _time(what: dict[str, Any], field: str, default: time) -> time:
    value = what.get(field)
    if value in (None, ""):
        return default
    try:
        return time.fromisoformat(str(value)).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise Refused(field, "not_a_time", _("That is not a time of day.")) from None


def _moment(what: dict[str, Any], field: str, default: datetime | None) -> datetime | None:
    if field not in what:
        return default
    if what[field] in (None, ""):
        return None
    found = parse_moment(str(what[field]))
    if found is None:
        raise Refused(field, "not_a_date", _("That is not a date and time."))
    return found


def _rules(row: Campaign, what: dict[str, Any]) -> None:
    row.most_tries = whole(what.get("most_tries"), "most_tries", 1, 10, row.most_tries)
    row.gap_s = whole(what.get("gap_s"), "gap_s", 60, 7 * 86400, row.gap_s)
    row.ring_s = whole(what.get("ring_s"), "ring_s", 10, 60, row.ring_s)
    row.channels = whole(what.get("channels"), "channels", 1, 100, row.channels)
    row.priority = whole(what.get("priority"), "priority", 0, 9, row.priority)
    after = what.get("after_s", row.after_s)
    if not isinstance(after, dict) or not set(after) <= set(RETRIED):
        raise Refused("after_s", "unknown", _("Waits can be named for: %(list)s.")
                      % {"list": ", ".join(RETRIED)})  # fmt: skip
    row.after_s = {k: whole(v, f"after_s.{k}", 60, 7 * 86400, row.gap_s) for k, v in after.items()}
    try:
        ratio = float(what.get("ratio") or row.ratio)
    except (TypeError, ValueError, OverflowError):
        ratio = math.nan
    if not 0.1 <= ratio <= 3:
        raise Refused("ratio", "range", _("Lines per free agent: between 0.1 and 3."))
    row.ratio = ratio
    row.queue = "".join(c for c in str(what.get("queue", row.queue) or "") if c.isalnum())[:20]
    row.screen = what.get("screen", row.screen) is True
    row.machine_hears = what.get("machine_hears", row.machine_hears) is True


def act(campaign: Campaign, verb: str, *, by: str) -> Campaign:
    """start, pause, resume, stop, or refill: read the list again. Conflict in a wrong state."""
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(pk=campaign.pk)
        before = row.state
        if verb == "refill":
            if row.state in (Campaign.State.STOPPED, Campaign.State.DONE):
                raise Conflict("verb", "over", _("This campaign is over."))
            counted = listing.fill(row, listing.people_of(row))
            note = ", ".join(f"{n} {code}" for code, n in sorted(counted.items()))
        else:
            move(row, verb)
            note = ""
        record(
            f"campaign.{verb}", f"campaign:{row.number}", from_state=before, to_state=row.state,
            note=note, by=by,
        )  # fmt: skip
        _tell(row, verb, by=by)
    return row


def move(row: Campaign, verb: str) -> None:
    """Take a step of the table and what goes with it; the row is locked by the caller."""
    to = states.after(verb, row.state)
    if to is None:
        raise Conflict(
            "verb", "not_now", _("That cannot be done with this campaign now."),
            current=row.state, allowed=states.allowed(row.state),
        )  # fmt: skip
    now = timezone.now()
    row.state, row.why, row.version = to, "", row.version + 1
    if verb == "start":
        row.started_at = now
    if to in (Campaign.State.STOPPED, Campaign.State.DONE):
        row.ended_at = now
        _leave_off(row)
    row.save()


def _leave_off(row: Campaign) -> None:
    reason = STOPPED if row.state == Campaign.State.STOPPED else WINDOW_OVER
    row.targets.filter(state=S.WAITING).update(
        state=S.SKIPPED, reason=reason, settled_at=timezone.now()
    )


def leave_off_when_over(campaign: int) -> None:
    """Somebody waits again: not when their campaign has been stopped while they were called.

    To be asked after what made them wait is committed; a stop that comes later finds them itself.
    """
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(pk=campaign)
        if row.state in (Campaign.State.STOPPED, Campaign.State.DONE):
            _leave_off(row)


def finish(campaign: Campaign) -> None:
    """Nobody is left to be called, or its time is over."""
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if states.after("finish", row.state) is None:
            return
        move(row, "finish")
        record("campaign.finish", f"campaign:{row.number}", to_state=row.state, by="system")
        _tell(row, "finish", by="system")


# -- what agents do -------------------------------------------------------------------------------


def code(
    target: Target, agent: User, wrote: str, *, note: str = "", again_at: object = None
) -> Target:
    """What came of the talk. Only the agent who has, or had, the customer may say."""
    if wrote not in states.CODES:
        raise Refused("code", "unknown", _("Say how the call went."))
    with transaction.atomic():
        row = Target.objects.select_for_update(of=("self",)).select_related(
            "campaign", "callback"
        ).get(pk=target.pk)  # fmt: skip
        if row.agent_id != agent.pk:
            raise NotAllowed("target", "not_yours", _("Another agent has this customer."))
        if not row.tries and wrote not in ("do_not_call", "wrong_number"):
            raise Conflict("code", "not_called", _("Call first."))
        row.code, row.note = wrote, note.strip()[:500]
        now = timezone.now()
        settles = states.CODES[wrote]
        if settles:
            row.state, row.reason, row.settled_at = settles, row.reason or "answered", now
            if wrote in ("wrong_number", "do_not_call"):
                row.reason = "do_not_call" if wrote == "do_not_call" else "not_a_number"
        else:
            _again(row, again_at, now)
        row.save()
        if wrote == "do_not_call":
            dialling.do_not_call(row.number, reason=_("asked during a campaign"), by=agent.username)
        if row.callback is not None and settles == S.REACHED:
            _call_back_made(row.callback, agent.username)
        record(
            "campaign.code", f"target:{row.pk}", to_state=wrote, note=row.note, by=agent.username
        )
        _tell(row.campaign, "code", by=agent.username)
    if row.state == S.WAITING:
        leave_off_when_over(row.campaign_id)
        row.refresh_from_db()
    return row


def _again(row: Target, again_at: object, now: datetime) -> None:
    """Back into the list, not sooner than the gap after the last ring."""
    last = row.tries_made.aggregate(last=Max("at"))["last"] or now
    soonest = last + timedelta(seconds=row.campaign.gap_s)
    wish = parse_moment(str(again_at)) if again_at else None
    if again_at and wish is None:
        raise Refused("again_at", "not_a_date", _("That is not a date and time."))
    if row.tries >= row.campaign.most_tries and wish is None:
        row.state, row.reason, row.settled_at = S.EXHAUSTED, "no_answer", now
        return
    row.state, row.next_at, row.settled_at = S.WAITING, max(soonest, wish or soonest), None
    row.agent, row.claimed_at = None, None


def _call_back_made(owed: CallBack, by: str) -> None:
    fresh = CallBack.objects.get(pk=owed.pk)
    if fresh.done_at is None:
        call_back_done(fresh, "reached", by=by)


def release(target: Target, agent: User) -> None:
    """The agent does not want to call this customer now; somebody else may."""
    with transaction.atomic():
        row = Target.objects.select_for_update().get(pk=target.pk)
        if row.agent_id != agent.pk or row.state != S.WAITING:
            raise Conflict("target", "not_yours", _("Another agent has this customer."))
        row.agent, row.claimed_at = None, None
        # Behind the others, or the same agent would be given it again at once.
        row.next_at = timezone.now()
        row.save(update_fields=["agent", "claimed_at", "next_at"])


def waiting(campaign: Campaign, now: datetime) -> Any:
    """Targets that may be called now, the new ones before those to be tried again."""
    return campaign.targets.filter(state=S.WAITING).filter(Q(next_at=None) | Q(next_at__lte=now))


def _tell(campaign: Campaign, change: str, *, by: str) -> None:
    publish(
        "campaign.changed", f"campaign:{campaign.pk}", topic="calls", by=by,
        campaign=campaign.number, state=campaign.state, change=change,
    )  # fmt: skip
