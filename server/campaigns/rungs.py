"""The ladder for unpaid bills: which step comes next, and when. Pure.

listed ─► text ─► call ─► cut-off announced ─► visit (may cut off, 72 h after the announcement)
                     └──────── priority customers ───► visit (talks; never cuts off)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# No setting makes it shorter.
LEAST_NOTICE = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Rules:
    """How long each step is given before the next; `notice` is never below 72 hours."""

    after_text: timedelta = timedelta(days=3)
    after_call: timedelta = timedelta(days=3)
    notice: timedelta = LEAST_NOTICE

    @property
    def notice_kept(self) -> timedelta:
        return max(self.notice, LEAST_NOTICE)


def following(step: str, *, priority: bool) -> str | None:
    """The step after `step`; None after the last."""
    if step == "call":
        return "visit" if priority else "notice"
    return {"listed": "sms", "sms": "call", "notice": "visit"}.get(step)


def due_at(step: str, since: datetime, rules: Rules) -> datetime:
    """When the step after `step`, taken at `since`, is due."""
    waits = {
        "sms": rules.after_text, "call": rules.after_call, "notice": rules.notice_kept,
    }  # fmt: skip
    return since + waits.get(step, timedelta())


def why_no_cut_off(
    *, priority: bool, disputed: bool, owes: bool, noticed_at: datetime | None, rules: Rules,
    now: datetime,
) -> str:  # fmt: skip
    """Why nobody may be cut off now: a code, '' when it is allowed."""
    if priority:
        return "priority"
    if disputed:
        return "disputed"
    if not owes:
        return "paid"
    if noticed_at is None:
        return "not_noticed"
    return "too_early" if now < noticed_at + rules.notice_kept else ""
