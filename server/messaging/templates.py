"""The words of every text, in both languages. A missing value blocks the text, never a gap."""

from __future__ import annotations

from string import Formatter
from typing import Any

TEXTS: dict[str, dict[str, str]] = {
    "responsible": {
        "en": "{number} {priority} {kind} at {address}. {customers} customers affected. {link}",
        "zh-hans": "{number} {priority} {kind},{address}。影响用户{customers}户。{link}",
    },
    "registered": {
        "en": "{utility}: we have your report {number} about {address}. We keep you informed.",
        "zh-hans": "{utility}:您关于{address}的报修已登记,服务单号{number},进展将短信告知。",
    },
    "crew_sent": {
        "en": "{utility}: a crew is on its way to {address}, there about {eta}. Ticket {number}.",
        "zh-hans": "{utility}:抢修人员正赶往{address},预计{eta}到达。服务单号{number}。",
    },
    "crew_sent_link": {
        "en": "{utility}: a crew is on its way to {address}, there about {eta}. Ticket {number}. "
        "Follow it: {link}",
        "zh-hans": "{utility}:抢修人员正赶往{address},预计{eta}到达。服务单号{number}。"
        "查看位置:{link}",
    },
    "crew_later": {
        "en": "{utility}: the crew for {address} is now expected about {eta}. Ticket {number}.",
        "zh-hans": "{utility}:前往{address}的抢修人员预计到达时间改为{eta}。服务单号{number}。",
    },
    "water_off": {
        "en": "{utility}: your water is off since {since} for an urgent repair near {address}.",
        "zh-hans": "{utility}:因{address}附近抢修,您处自{since}起停水,恢复后另行通知。",
    },
    "water_back": {
        "en": "{utility}: the water is back at {address}. Let it run a little. No. {number}.",
        "zh-hans": "{utility}:{address}已恢复供水,请先放水片刻。编号{number}。",
    },
    "works_off": {
        "en": "{utility}: your water is off since {since} for works near {address}.",
        "zh-hans": "{utility}:因{address}附近施工,您处自{since}起停水,恢复后另行通知。",
    },
    "works_notice": {
        "en": "{utility}: planned works. No water at {address} from {start} to {end}. "
        "Please keep some water ready. No. {number}.",
        "zh-hans": "{utility}:计划停水通知,{address}将于{start}至{end}停水,"
        "请提前储水。编号{number}。",
    },
    "works_moved": {
        "en": "{utility}: planned works are moved. No water at {address} from {start} to {end} "
        "instead. No. {number}.",
        "zh-hans": "{utility}:计划停水改期,{address}改为{start}至{end}停水。编号{number}。",
    },
    "works_cancelled": {
        "en": "{utility}: the planned works are called off. The water stays on at {address}. "
        "No. {number}.",
        "zh-hans": "{utility}:计划停水取消,{address}照常供水。编号{number}。",
    },
    "escalation": {
        "en": "{number} {priority}: {clock} at {percent} % of the time allowed, {address}.",
        "zh-hans": "{number} {priority}:{clock}时限已用{percent}%,{address}。",
    },
    "no_candidate": {
        "en": "{number} {priority} {kind} at {address}: nobody can go ({why}). {link}",
        "zh-hans": "{number} {priority} {kind},{address}:无班组可派({why})。{link}",
    },
    "called_out": {
        "en": "You are called out: {number} {priority} {kind} at {address}. {order}, {what}. "
        "Please take it on in the app.",
        "zh-hans": "请出动:{number} {priority} {kind},{address}。"
        "派工单{order}({what}),请在应用中接单。",
    },
    "called_off": {
        "en": "{order} is taken back ({number} {kind} at {address}): you need not come.",
        "zh-hans": "派工单{order}已撤回({number} {kind},{address}),无需出动。",
    },
    "run_card": {
        "en": "{number} {priority} {kind} at {address}: several crews are wanted. {customers} "
        "customers affected.",
        "zh-hans": "{number} {priority} {kind},{address}:需多班组出动,影响用户{customers}户。",
    },
    "arrears_reminder": {
        "en": "{utility}: {amount} of account {account} is overdue since {since}. Please pay, or "
        "call us if you cannot. If you have paid, ignore this.",
        "zh-hans": "{utility}:账户{account}有{amount}元水费自{since}起逾期,请尽快缴纳;"
        "如有困难请来电。已缴请忽略。",
    },
    "cut_off_notice": {
        "en": "{utility}: account {account} still owes {amount}. If it is not paid, the water may "
        "be cut off from {start}. Call us if you dispute the bill or cannot pay.",
        "zh-hans": "{utility}:账户{account}仍欠费{amount}元,如不缴纳,自{start}起可能停止供水。"
        "如有异议或困难,请来电联系。",
    },
    "written_reply": {
        "en": "{utility}: {text}",
        "zh-hans": "{utility}回复:{text}",
    },
    "location_link": {
        "en": "{utility}: tap to show us where you are, once: {link}",
        "zh-hans": "{utility}:点击链接一次性分享您的位置:{link}",
    },
}


class MissingValue(ValueError):
    """A template needs a value that was not given."""


def render(template: str, language: str, values: dict[str, Any]) -> str:
    """The text in `language` (falls back to English for a language we do not write)."""
    texts = TEXTS[template]
    text = texts["zh-hans" if language.startswith("zh") else "en"]
    needed = {name for _, name, _, _ in Formatter().parse(text) if name}
    missing = sorted(n for n in needed if values.get(n) in (None, ""))
    if missing:
        raise MissingValue(f"{template}: no value for {', '.join(missing)}")
    return text.format(**values)
