"""What is told to a caller, made of what is known: water off, others calling, bills, tickets.

Whoever listens is not known to be who they say. So no sentence about a place holds a name, a
house number or an amount; bills and tickets are told only after a second factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from telephony.sentences import (
    EN_MONTHS,
    Language,
    Say,
    say_day_and_time,
    say_digits,
    say_number,
)

Crew = Literal["", "coming", "there"]
_CURRENCY: dict[str, dict[Language, tuple[str, str]]] = {
    # One, and many.
    "EUR": {"en": ("euro", "euros"), "zh": ("欧元", "欧元")},
    "CNY": {"en": ("yuan", "yuan"), "zh": ("元", "元")},
    "GBP": {"en": ("pound", "pounds"), "zh": ("英镑", "英镑")},
    "USD": {"en": ("dollar", "dollars"), "zh": ("美元", "美元")},
}


def _crew(crew: Crew, language: Language) -> str:
    if not crew:
        return ""
    if language == "zh":
        return "抢修人员已到现场。" if crew == "there" else "抢修人员正在赶往现场。"
    return " A crew is on site." if crew == "there" else " A crew is on its way."


def shutoff_notice(
    language: Language, *, since: datetime, until: datetime | None, now: datetime,
    planned: bool = False, crew: Crew = "",
) -> Say:  # fmt: skip
    """For a caller whose water is off, or will be. Aware times; spoken in the zone of `now`."""
    since = since.astimezone(now.tzinfo)
    until = until.astimezone(now.tzinfo) if until is not None else None
    began = say_day_and_time(since, now, language)
    back = say_day_and_time(until, now, language) if until is not None else ""
    coming = since > now
    if language == "zh":
        text = "因计划施工，" if planned else ""
        text += f"您所在的区域将从{began}起停水。" if coming else f"您所在的区域自{began}起停水。"
        text += f"预计{back}恢复供水。" if back else "恢复时间尚未确定。"
    else:
        text = "Because of planned work, the" if planned else "The"
        text += f" water where you are {'will be off from' if coming else 'has been off since'} "
        text += f"{began}. "
        text += (
            f"We expect it back by {back}." if back
            else "We do not know yet when it will be back."
        )  # fmt: skip
    return Say("known-planned" if planned else "known-shutoff", language,
               text + _crew(crew, language))  # fmt: skip


def nearby_notice(
    language: Language, *, since: datetime | None, now: datetime, crew: Crew = ""
) -> Say:
    """For a caller on whose stretch of pipe others have called: known, not proven."""
    when = say_day_and_time(since.astimezone(now.tzinfo), now, language) if since else ""
    if language == "zh":
        text = f"{'自' + when + '起，' if when else ''}您附近已有用户反映供水问题，我们正在处理。"
    else:
        text = "Others near you have called about trouble with the water"
        text += f" since {when}. " if when else ". "
        text += "We are looking into it."
    return Say("known-nearby", language, text + _crew(crew, language))


def burst_notice(language: Language) -> Say:
    """For a caller near a probable burst: nobody has been there yet, and it is said so.

    A prompt without numbers: in a flood of callers nothing has to be spoken anew for each.
    """
    return Say("known-burst", language)


def elsewhere_notice(language: Language, *, street: str) -> Say:
    """For a caller whose place is not known, while many call about one."""
    text = (
        f"{street}附近有供水故障，我们正在处理。如果您来电是为此事，不必等候。" if language == "zh"
        else f"We know of trouble with the water around {street} and are working on it. "
             "If you are calling about that, you need not wait."
    )  # fmt: skip
    return Say("known-elsewhere", language, text)


def whose_place(language: Language, places: Sequence[tuple[str, str]]) -> Say:
    """Offer the places behind one number: (key, name). A name is a street's, never a house's."""
    if language == "zh":
        text = "您的号码对应多个用水地点。"
        text += "".join(f"{name}，请按{say_digits(key, 'zh')}。" for key, name in places)
        text += "其他地点，请不要挂机。"
    else:
        text = "Several places have your telephone number. "
        text += " ".join(f"For {name}, press {say_digits(key, 'en')}." for key, name in places)
        text += " For any other place, stay on the line."
    return Say("whose-place", language, text)


def say_money(amount: Decimal, currency: str, language: Language) -> str:
    """An amount of 0 to 99,999,999.99 in words. Raises ValueError outside."""
    cents = int((abs(amount) * 100).to_integral_value())
    whole, rest = divmod(cents, 100)
    if amount < 0 or whole > 99_999_999:
        raise ValueError(f"amount: {amount} cannot be read out")
    one, many = _CURRENCY.get(currency, {}).get(language, (currency, currency))
    if language == "zh":
        text = _large(whole, "zh")
        if rest:
            text += "点" + say_digits(f"{rest:02d}".rstrip("0"), "zh")
        return f"{text}{one}"
    text = f"{_large(whole, 'en')} {one if whole == 1 else many}"
    return text + (f" and {say_number(rest, 'en')} cents" if rest else "")


def _large(number: int, language: Language) -> str:
    unit, word = (10_000, "万") if language == "zh" else (1000, " thousand")
    if number <= 9999:
        return say_number(number, language)
    head, rest = divmod(number, unit)
    text = _large(head, language) + word
    if rest:
        gap = "零" if rest < unit // 10 else ""
        text += gap + say_number(rest, "zh") if language == "zh" else f" {say_number(rest, 'en')}"
    return text


def say_date(day: date, language: Language) -> str:
    """A day of the year: "November thirty", "十一月三十日"."""
    if language == "zh":
        return f"{say_number(day.month, 'zh')}月{say_number(day.day, 'zh')}日"
    return f"{EN_MONTHS[day.month - 1]} {say_number(day.day, 'en')}"


def bill_notice(
    language: Language, *, balance: Decimal, as_of: date, currency: str, stale: bool = False
) -> Say:
    """What is owed and as of which day; `stale` when billing is away and this is what we kept."""
    day = say_date(as_of, language)
    paid = balance <= 0
    credit = say_money(abs(balance), currency, language) if balance < 0 else ""
    owed = "" if paid else say_money(balance, currency, language)
    if language == "zh":
        text = "暂时无法查询最新数据。" if stale else ""
        text += f"截至{day}，"
        text += f"您的账户欠费{owed}。" if owed else "您的账户没有欠费。"
        text += f"余额{credit}。" if credit else ""
    else:
        text = "We cannot ask for today's figure just now. " if stale else ""
        text += f"As of {day}, "
        text += f"{owed} are to be paid." if owed else "nothing is to be paid."
        text += f" You have a credit of {credit}." if credit else ""
    return Say("answer-unspoken", language, text)


# What is not here is "being handled".
_TICKET: dict[str, dict[Language, str]] = {
    "registered": {"en": "is written down and waits for its turn", "zh": "已登记，等待处理"},
    "triaged": {"en": "waits for a crew", "zh": "等待派工"},
    "answered": {"en": "was answered", "zh": "已答复"},
    "assigned": {"en": "is with a crew", "zh": "已派工"},
    "in_progress": {"en": "is being worked on", "zh": "正在处理"},
    "suspended": {"en": "has to wait for something else", "zh": "暂停处理"},
    "resolved": {"en": "is done; we will ask you whether all is well", "zh": "已处理，等待回访"},
    "call_back": {"en": "is done; we will ask you whether all is well", "zh": "已处理，等待回访"},
    "reopened": {"en": "was opened again", "zh": "已重新受理"},
    "closed": {"en": "is closed", "zh": "已结束"},
    "audited": {"en": "is closed", "zh": "已结束"},
    "cancelled": {"en": "was cancelled", "zh": "已取消"},
    "merged": {"en": "goes on together with another one", "zh": "已合并处理"},
}


def ticket_notice(
    language: Language, *, number: str, state: str, crew: Crew = "",
    back_at: datetime | None = None, now: datetime,
) -> Say:  # fmt: skip
    """Where a ticket stands. `state` is the ticket's; one without words is "being handled"."""
    digits = say_digits(number, language)
    words = _TICKET.get(state, {"en": "is being handled", "zh": "正在处理"})[language]
    back = say_day_and_time(back_at.astimezone(now.tzinfo), now, language) if back_at else ""
    if language == "zh":
        text = f"服务单{digits}{words}。" + _crew(crew, "zh")
        text += f"预计{back}恢复供水。" if back else ""
    else:
        text = f"Ticket {digits} {words}." + _crew(crew, "en")
        text += f" We expect the water back by {back}." if back else ""
    return Say("answer-unspoken", language, text)


def callback_notice(language: Language, *, due: datetime, now: datetime) -> Say:
    """When the caller will be called at the latest."""
    when = say_day_and_time(due.astimezone(now.tzinfo), now, language)
    text = (
        f"谢谢，我们会在{when}之前给您回电。" if language == "zh"
        else f"Thank you. We will call you by {when}."
    )  # fmt: skip
    return Say("callback-thanks", language, text)
