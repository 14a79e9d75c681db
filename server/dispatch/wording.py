"""What a reason for a crew's place in the list says, in the reader's language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import TextChoices
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from server.dispatch.ranking import Ranked, Reason
from server.workforce.models import Leave, Skill, Stock


def explain(reason: Reason) -> str:
    """A reason as a sentence's part, with its numbers."""
    d = reason.data
    seconds = float(d.get("seconds", 0))
    words = {
        "minutes": max(1, round(seconds / 60)),
        "hours": f"{seconds / 3600:.1f}",
        "limit": f"{float(d.get('limit', 0)):g}",
        "km": f"{float(d.get('metres', 0)) / 1000:.1f}",
        "dn": round(float(d.get("diameter_mm", 0))),
        "skill": _label(Skill, d.get("skill")),
        "item": _label(Stock.Item, d.get("item")),
        "leave": _label(Leave.Kind, d.get("kind")),
        "who": d.get("who", ""),
        "why": d.get("why", ""),
        "day": _day(d.get("day")),
        "depot": d.get("depot", ""),
        "back": max(1, round(float(d.get("back", 0)) / 60)),
        "jobs": d.get("jobs", 0),
        "nights": d.get("nights", 0),
    }
    texts = _texts(bool(d.get("depot")))
    if reason.code == "drive" and not d.get("metres"):
        # Metres are worked out for the first of the list only.
        return _("%(minutes)s min to drive") % words
    return texts[reason.code] % words


def _label(choices: type[TextChoices], code: Any) -> str:
    return str(dict(choices.choices).get(code, code or ""))


def _day(raw: Any) -> str:
    return date_format(date.fromisoformat(raw), "DATE_FORMAT") if isinstance(raw, str) else ""


def _texts(depot: bool) -> dict[str, str]:
    return {
        "off_shift": _("not on shift"),
        "on_leave": _("the whole crew is away: %(leave)s"),
        "nobody_here": _("everybody of the crew is away"),
        "not_available": _("not available"),
        "busy": _("has a job in hand"),
        "skill_missing": _("lacks the skill: %(skill)s"),
        "skill_lapsed": _("%(skill)s: the certificate ran out on %(day)s"),
        "skill_away": _("%(skill)s: %(who)s is away"),
        "vehicle_out": _("the vehicle is out of service: %(why)s"),
        "hours_over": _("has worked %(hours)s h in 24 h, the limit is %(limit)s h"),
        "no_rest": _("had %(hours)s h of rest, the least is %(limit)s h"),
        "nights_over": _("has worked %(nights)s nights in seven days"),
        "unreachable": _("no street leads there"),
        "drive": _("%(minutes)s min to drive, %(km)s km"),
        "finish": _("free in %(minutes)s min"),
        "call_out": _("on call: %(minutes)s min until it is on the road"),
        "break": _("on a break for %(minutes)s min more"),
        "no_clamp": _("no %(item)s for DN%(dn)s: by %(depot)s first, %(minutes)s min more")
        if depot
        else _("no %(item)s for DN%(dn)s: by the depot first, %(minutes)s min more"),
        "no_stock": _("no %(item)s for DN%(dn)s on the vehicle nor in a depot"),
        "pipe_too_large": _("DN%(dn)s is larger than the crew usually repairs"),
        "valve_key": _("has no key for a valve DN%(dn)s"),
        "inspection_overdue": _("the vehicle's inspection was due on %(day)s"),
        "shift_ends": _("shift ends in %(minutes)s min; %(back)s min to drive back"),
        "relieved": _("its next team takes over in %(minutes)s min"),
        "tired": _("has worked %(hours)s h in 24 h"),
        "rest_short": _("had %(hours)s h of rest instead of %(limit)s h"),
        "nights": _("has worked %(nights)s nights in seven days"),
        "no_fix": _("no position yet, reckoned from the base"),
        "old_fix": _("position is %(minutes)s min old"),
        "stale_fix": _("position is %(minutes)s min old"),
        "other_area": _("from another district"),
        "load": _("%(jobs)s jobs today"),
    }  # fmt: skip


def shown(row: Ranked) -> dict[str, Any]:
    """A crew of the list as screens and orders keep it."""
    c = row.candidate
    return {
        "crew": {"id": c.id, "name": c.name},
        "seconds": c.seconds,
        "metres": c.metres,
        "score": round(row.score, 1),
        "state": c.state,
        "fix_age_s": c.fix_age_s,
        "reasons": [
            {"code": r.code, "text": explain(r), "weight": round(r.weight, 1), "hard": r.hard}
            for r in row.reasons
        ],
    }


def why_nobody(ranked: Sequence[Ranked]) -> str:
    """Why no crew of the list can go; '' when one can."""
    if not ranked:
        return _("No crew is registered.")
    if any(not r.excluded for r in ranked):
        return ""
    counts = Counter(
        text for row in ranked for text in {_short(r) for r in row.reasons if r.hard}
    )
    parts = [f"{text}: {n}" for text, n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))]
    head = _("No crew can go: %(count)s are kept back.") % {"count": len(ranked)}
    return f"{head} {'; '.join(parts)}"


def _short(reason: Reason) -> str:
    """The reason without what differs from crew to crew."""
    if reason.code in ("skill_missing", "skill_lapsed", "skill_away"):
        skill = str(reason.data.get("skill", ""))
        return _("lacks the skill: %(skill)s") % {"skill": dict(Skill.choices).get(skill, skill)}
    return {
        "on_leave": _("on leave"),
        "vehicle_out": _("vehicle out of service"),
        "hours_over": _("worked too long"),
        "no_rest": _("not rested"),
        "nights_over": _("too many nights"),
    }.get(reason.code) or explain(reason)
