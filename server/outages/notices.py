"""Who is told of planned works, how, and what became of it (通知).

An account with a number and consent gets a text; one without consent is called; one without a
number gets a letter, as does a premise without an account. Priority customers are always called.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.customers.models import Account, Premise
from server.customers.phones import mask
from server.customers.selectors import PRIORITY_CLASSES, called_at, texted_at
from server.messaging import services as messaging
from server.messaging.models import SmsMessage
from server.outages import law, states
from server.outages.models import Notice, PremiseOff, ShutOff
from server.outages.settling import check, save, tell
from server.outages.states import Verb

C, S = Notice.Channel, Notice.State
SHOWN = 200
TEMPLATES = frozenset({"works_notice", "works_moved"})


def rules() -> law.Notice:
    return law.Notice(**settings.STANDPIPE["NOTICE"])


def moment(at: datetime, language: str) -> str:
    """A day and hour as a text says it."""
    with translation.override(language):
        local = timezone.localtime(at)
        if language.startswith("zh"):
            return f"{local.month}月{local.day}日{local:%H:%M}"
        return f"{date_format(local, 'j M')} {local:%H:%M}"


def under_way(shut_off: ShutOff) -> bool:
    """Whether anybody has been told, or is about to be, of the present window."""
    return bool(_of_window(shut_off).exclude(state=S.WITHDRAWN).exists())


def _of_window(shut_off: ShutOff) -> Any:
    assert shut_off.notice_from is not None and shut_off.notice_to is not None
    return shut_off.notices.filter(starts=shut_off.notice_from, ends=shut_off.notice_to)


def send(shut_off: ShutOff, *, by: str) -> int:
    """Tell everybody in the plan of the present window; returns how many rows are new."""
    codes = list(shut_off.premises.values_list("premise__code", flat=True))
    made = write(shut_off, codes, by=by)
    record("shutoff.notify", f"shutoff:{shut_off.number}", note=f"{made} notices", by=by)
    tell("shutoff.changed", shut_off, by=by, change="notify")
    settle(shut_off)
    return made


def write(shut_off: ShutOff, codes: Collection[str], *, by: str = "system") -> int:
    """Notices for premises that have none of this window yet, texts queued with them."""
    assert shut_off.notice_from is not None and shut_off.notice_to is not None
    accounts = Account.objects.filter(active=True).order_by("id").prefetch_related("phones")
    premises = Premise.objects.filter(code__in=list(codes)).prefetch_related(
        Prefetch("accounts", queryset=accounts)
    )
    have = set(_of_window(shut_off).values_list("premise_id", "account_id", "channel"))
    before = set(
        shut_off.notices.filter(state=S.TOLD)
        .exclude(starts=shut_off.notice_from, ends=shut_off.notice_to)
        .values_list("premise_id", flat=True)
    )
    leaves = law.may_text_at(rules(), timezone.localtime())
    made = 0
    for premise in premises:
        for account, channel, number in _ways(premise):
            if (premise.pk, account.pk if account else None, channel) in have:
                continue
            row = Notice.objects.create(
                shut_off=shut_off, premise=premise, account=account, channel=channel,
                priority=premise.use in PRIORITY_CLASSES, by=by,
                starts=shut_off.notice_from, ends=shut_off.notice_to,
            )  # fmt: skip
            made += 1
            if channel == C.SMS and account is not None:
                template = "works_moved" if premise.pk in before else "works_notice"
                row.message = _text(row, account, number, template, leaves)
                row.save(update_fields=["message"])
    return made


def _ways(premise: Premise) -> Iterable[tuple[Account | None, str, str]]:
    """How the people of a premise are told: (account, channel, number)."""
    accounts = list(premise.accounts.all())
    if not accounts:
        yield None, C.LETTER, ""
    for account in accounts:
        if not (called := called_at(account)):
            yield account, C.LETTER, ""
            continue
        if account.sms_consent:
            yield account, C.SMS, texted_at(account)
        if premise.use in PRIORITY_CLASSES or not account.sms_consent:
            yield account, C.CALL, called


def _text(
    row: Notice, account: Account, number: str, template: str, leaves: datetime
) -> SmsMessage | None:
    return messaging.text(
        number, template, language=account.language, dedupe=f"{template}:{row.pk}",
        not_before=leaves, utility=settings.STANDPIPE["UTILITY"],
        address=row.premise.address, number=row.shut_off.number,
        start=moment(row.starts, account.language), end=moment(row.ends, account.language),
    )  # fmt: skip


def no_longer(shut_off: ShutOff, codes: Collection[str]) -> None:
    """Those premises keep their water after all: who has been told hears that, the rest nothing."""
    _take_back(_of_window(shut_off).filter(premise__code__in=list(codes)))


def call_off(shut_off: ShutOff) -> None:
    """The works do not take place. Who was told of an earlier window too hears it once."""
    _take_back(shut_off.notices.all())


def hold_back(shut_off: ShutOff) -> None:
    """The window is another now: texts about this one that have not left never leave."""
    rows = _of_window(shut_off).filter(state=S.WAITING)
    messaging.withdraw([pk for pk in rows.values_list("message_id", flat=True) if pk])
    rows.update(state=S.WITHDRAWN)


def _take_back(which: Any) -> None:
    rows = list(
        which.exclude(state=S.WITHDRAWN)
        .select_related("premise", "account", "shut_off", "message")
        .order_by("-id")
    )
    messaging.withdraw([r.message_id for r in rows if r.message_id])
    leaves = law.may_text_at(rules(), timezone.localtime())
    heard_it: set[tuple[int, str]] = set()
    for row in rows:
        if row.message is None or row.account is None:
            continue
        row.message.refresh_from_db()
        who = (row.premise_id, row.message.to)
        if row.message.state != SmsMessage.State.FAILED and who not in heard_it:
            _text(row, row.account, row.message.to, "works_cancelled", leaves)
            heard_it.add(who)
    Notice.objects.filter(pk__in=[r.pk for r in rows]).update(state=S.WITHDRAWN)


def heard(message_id: int) -> None:
    """A text of a notice left, or did not: the receipt is kept, and the shut-off moves on."""
    row = Notice.objects.select_related("shut_off").filter(message=message_id).first()
    if row is None or row.state == S.WITHDRAWN:
        return
    message = SmsMessage.objects.get(pk=message_id)
    if message.state in (SmsMessage.State.SENT, SmsMessage.State.DELIVERED):
        _told(row, message.sent_at or timezone.now(), by="system", note="")
    elif message.state in (SmsMessage.State.FAILED, SmsMessage.State.UNKNOWN):
        row.state, row.note = S.FAILED, (message.error or str(message.get_state_display()))[:200]
        row.save(update_fields=["state", "note"])
    off = ShutOff.objects.select_for_update().get(pk=row.shut_off_id)
    settle(off)


def reached(shut_off: ShutOff, which: Any, outcome: str, *, by: str, role: str, note: str) -> int:
    """Somebody was called, or the letters are out. `which`: the id of a notice, or "letters"."""
    check(shut_off, Verb.REACHED, role)
    if outcome not in ("reached", "not_reached"):
        raise Refused("outcome", "unknown", _("Say whether they were reached."))
    rows = _of_window(shut_off).exclude(state=S.WITHDRAWN)
    if which == "letters":
        rows = rows.filter(channel=C.LETTER).exclude(state=S.TOLD)
    else:
        rows = rows.filter(pk=which) if isinstance(which, int) else rows.none()
    found = list(rows)
    if not found:
        raise Refused("notice", "unknown", _("There is no such notice."))
    now = timezone.now()
    for row in found:
        if outcome == "reached":
            _told(row, now, by=by, note=note)
        else:
            row.state, row.note, row.by = S.FAILED, note[:200] or _("not reached"), by
            row.save(update_fields=["state", "note", "by"])
    record(f"shutoff.{outcome}", f"shutoff:{shut_off.number}", note=f"{len(found)} {note}", by=by)
    settle(shut_off)
    return len(found)


def _told(row: Notice, at: datetime, *, by: str, note: str) -> None:
    row.state, row.told_at, row.by, row.note = S.TOLD, at, by, note[:200]
    row.save(update_fields=["state", "told_at", "by", "note"])
    PremiseOff.objects.filter(
        shut_off=row.shut_off_id, premise=row.premise_id, told_at=None
    ).update(told_at=at)


def settle(shut_off: ShutOff) -> None:
    """Approved becomes noticed when every text has left, or failed, and somebody was told."""
    if shut_off.state != ShutOff.State.APPROVED:
        return
    rows = _of_window(shut_off).exclude(state=S.WITHDRAWN)
    if rows.filter(channel=C.SMS, state=S.WAITING).exists():
        return
    if rows.exists() and not rows.filter(state=S.TOLD).exists():
        return
    if not rows.exists() and shut_off.premises.exists():
        return
    check(shut_off, Verb.NOTICED, states.Role.SYSTEM)
    before, shut_off.state = shut_off.state, ShutOff.State.NOTICED
    shut_off.noticed_at = timezone.now()
    save(shut_off)
    record(
        "shutoff.noticed", f"shutoff:{shut_off.number}", from_state=before,
        to_state=shut_off.state, by="system",
    )  # fmt: skip
    tell("shutoff.changed", shut_off, by="system", change="noticed")


def standing(shut_off: ShutOff) -> dict[str, Any]:
    """{due_at, lead_h, total, told, in_time, failed, waiting, share, enough, calls_owed}.

    `in_time` counts who was told before `due_at`; `enough` whether the water may be shut off.
    A premise told by text and owed a call counts twice: both have to be done.
    """
    if shut_off.notice_from is None or shut_off.notice_to is None:
        return {}
    limits = rules()
    due = law.latest(limits, shut_off.notice_from, shut_off.notice_to)
    rows = list(
        _of_window(shut_off).exclude(state=S.WITHDRAWN).values_list(
            "state", "told_at", "channel", "priority"
        )
    )  # fmt: skip
    told = [r for r in rows if r[0] == S.TOLD]
    in_time = [r for r in told if r[1] and r[1] <= due]
    owed = [r for r in rows if r[2] == C.CALL and r[3] and r[0] != S.TOLD]
    enough = law.enough(limits, len(in_time), len(rows)) and not owed
    return {
        "due_at": due, "lead_h": law.lead(limits, shut_off.notice_from,
                                          shut_off.notice_to).total_seconds() / 3600,
        "total": len(rows), "told": len(told), "in_time": len(in_time),
        "failed": sum(r[0] == S.FAILED for r in rows),
        "waiting": sum(r[0] == S.WAITING for r in rows), "share": limits.share,
        "calls_owed": len(owed),
        "enough": enough and (bool(rows) or not shut_off.premises.exists()),
    }  # fmt: skip


def guard(shut_off: ShutOff, now: datetime) -> None:
    """Refuse (409) to shut off anybody who has not been told in time, or before the hour told."""
    assert shut_off.notice_from is not None
    state = standing(shut_off)
    if shut_off.state == ShutOff.State.APPROVED:
        raise Conflict("notice", "not_noticed", _("The notice has not gone out yet."))
    if not state["enough"]:
        raise Conflict(
            "notice", "notice_short",
            _("%(told)s of %(total)s were told in time, %(owed)s priority customers are still to "
              "be called. Move the start, or tell the rest.")
            % {"told": state["in_time"], "total": state["total"], "owed": state["calls_owed"]},
            notice=[_shown(r) for r in _unreached(shut_off)],
        )  # fmt: skip
    if now < shut_off.notice_from:
        raise Conflict(
            "notice", "too_early",
            _("Customers were told %(start)s. Nobody is cut off before.")
            % {"start": moment(shut_off.notice_from, translation.get_language() or "en")},
        )  # fmt: skip


def _unreached(shut_off: ShutOff) -> list[Notice]:
    rows = _of_window(shut_off).filter(state__in=(S.WAITING, S.FAILED))
    return list(rows.select_related("premise", "account")[:SHOWN])


def listed(shut_off: ShutOff) -> list[dict[str, Any]]:
    """The receipts as a screen shows them: who is still to be told first; numbers masked."""
    rows = list(_of_window(shut_off).exclude(state=S.WITHDRAWN).select_related(
        "premise", "account", "message"
    ).prefetch_related("account__phones"))  # fmt: skip
    rows.sort(key=lambda r: (r.state == S.TOLD, not r.priority, r.channel, r.pk))
    return [_shown(r) for r in rows[:SHOWN]]


def _shown(row: Notice) -> dict[str, Any]:
    return {
        "id": row.pk, "channel": row.channel, "state": row.state, "priority": row.priority,
        "name": row.account.name if row.account else "", "address": row.premise.address,
        "phone_masked": mask(_number(row)), "told_at": row.told_at,
        "by": row.by, "note": row.note, "to_do": _to_do(row),
    }  # fmt: skip


def _number(row: Notice) -> str:
    if row.account is None:
        return ""
    return texted_at(row.account) if row.channel == C.SMS else called_at(row.account)


def _to_do(row: Notice) -> str:
    """What somebody has to do about it now; '' for nothing."""
    if row.state == S.TOLD:
        return ""
    if row.channel == C.LETTER:
        return str(_("Put a letter in the box or a poster on the door."))
    if row.channel == C.CALL:
        return str(_("Call, and write down who answered."))
    if row.state == S.FAILED:
        return str(_("The text did not arrive: call, or put up a poster."))
    return str(_("The text is on its way."))
