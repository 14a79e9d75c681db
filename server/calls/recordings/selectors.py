"""What the page of recordings reads: the list, one recording, the state of keeping."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.models import AuditRow
from server.accounts.moments import parse_moment
from server.accounts.refusals import Refused
from server.calls.models import Recording
from server.calls.recordings import alarms, disk, keeping, keyring, retention, vault
from server.calls.recordings.models import Gap, Hold, SoundFile
from server.calls.selectors import rating_of
from server.customers.selectors import read_number
from server.tickets import selectors as tickets
from server.tickets.models import Ticket

PAGE = 50


def found(asked: dict[str, str]) -> dict[str, Any]:
    """{"recordings": [...], "total", "page", "pages"}; `asked` as the query string has it.

    q (number of the telephone or the ticket, agent, call), from and to (days), kind, retention,
    held, page. Raises Refused naming the field.
    """
    rows = _filtered(asked)
    total = rows.count()
    page = _whole(asked.get("page"), 1)
    rows = rows.order_by("-call__started_at")[(page - 1) * PAGE : page * PAGE]
    shown = [row(r) for r in rows]
    numbers = dict(
        Ticket.objects.filter(contact__call__call_id__in=[r["call"] for r in shown]).values_list(
            "contact__call__call_id", "number"
        )
    )
    for one in shown:
        one["ticket"] = numbers.get(one["call"])
    return {"recordings": shown, "total": total, "page": page, "pages": -(-total // PAGE) or 1}


def _filtered(asked: dict[str, str]) -> QuerySet[Recording]:
    rows = Recording.objects.select_related("call__agent", "call__account", "keeping")
    rows = rows.prefetch_related("holds")
    if start := _day(asked, "from"):
        rows = rows.filter(call__started_at__gte=start)
    if end := _day(asked, "to"):
        rows = rows.filter(call__started_at__lt=end + timedelta(days=1))
    kind, name = asked.get("kind", ""), asked.get("retention", "")
    if kind:
        if kind not in ("call", "message"):
            raise Refused("kind", "unknown", _("Choose calls or messages."))
        rows = rows.filter(kind=kind)
    if name:
        if name not in retention.DAYS:
            raise Refused("retention", "unknown", _("There is no such class of retention."))
        rows = rows.filter(keeping__retention=name)
    if asked.get("held") == "1":
        rows = rows.filter(pk__in=Hold.objects.filter(lifted_at=None).values("recording"))
    if text := asked.get("q", "").strip()[:80]:
        number = read_number(text).number
        wanted = (
            Q(call__call_id=text) | Q(call__agent__username__iexact=text)
            | Q(call__agent__first_name__icontains=text)
            | Q(call__agent__last_name__icontains=text)
            | Q(call__contact__ticket__number__iexact=text)
        )  # fmt: skip
        if number:
            wanted |= Q(call__phone=number)
        rows = rows.filter(pk__in=Recording.objects.filter(wanted).values("pk"))
    return rows


def _day(asked: dict[str, str], field: str) -> datetime | None:
    text = asked.get(field, "")
    if not text:
        return None
    day = parse_moment(f"{text}T00:00")
    if day is None:
        raise Refused(field, "shape", _("A day is written like 2026-03-01."))
    return day


def _whole(text: str | None, default: int) -> int:
    try:
        return max(1, min(int(text or default), 100_000))
    except ValueError:
        raise Refused("page", "shape", _("A page is a whole number.")) from None


def row(recording: Recording) -> dict[str, Any]:
    """One line of the list."""
    call, kept = recording.call, getattr(recording, "keeping", None)
    return {
        "call": call.call_id, "kind": recording.kind, "started_at": call.started_at,
        "seconds": recording.seconds, "agent": call.agent.username if call.agent else None,
        "agent_name": call.agent.name if call.agent else "",
        "from_masked": tickets.masked(call.phone),
        "customer": call.account.name if call.account else "",
        "retention": kept.retention if kept else None,
        "keep_until": kept.keep_until if kept else None,
        "removed_at": kept.removed_at if kept else None,
        "held": any(h.lifted_at is None for h in recording.holds.all()),
    }  # fmt: skip


def detail(recording: Recording) -> dict[str, Any]:
    """One recording with its files, holds, pauses, and everybody who has asked for it."""
    call = recording.call
    ticket = Ticket.objects.filter(contact=call.contact_id).first() if call.contact_id else None
    told = AuditRow.objects.filter(
        subject=f"call:{call.call_id}", action__startswith="recording."
    ).order_by("-id")
    talk = getattr(call, "talk_time", None)
    return {
        **row(recording), "ticket": ticket.number if ticket else None,
        "talk_s": talk.seconds if talk else None, "rating": rating_of(call),
        "files": [
            {"leg": f.leg, "label": str(f.get_leg_display()), "seconds": f.seconds,
             "size": f.size, "sha256": f.sha256, "key": f.key_id, "repaired": f.repaired,
             "kept_at": f.kept_at}
            for f in recording.files.order_by("leg")
        ],
        "holds": [
            {"reason": h.reason, "by": h.by, "at": h.at, "lifted_at": h.lifted_at,
             "lifted_by": h.lifted_by, "lifted_why": h.lifted_why}
            for h in recording.holds.order_by("-at")
        ],
        "log": [
            {"at": a.at, "by": a.by, "role": a.role, "action": a.action, "note": a.note}
            for a in told[:100]
        ],
    }  # fmt: skip


def state() -> dict[str, Any]:
    """How keeping does: alarms, the disk, what is not sealed, gaps, files by key."""
    folder = keeping.folder()
    try:
        space: disk.Space | None = disk.measure(folder)
        plain = sum(1 for _call in keeping.plain_files())
    except OSError:
        space, plain = None, 0
    try:
        current: str | None = keyring.ring().current.id
    except vault.VaultError:
        current = None
    kept = SoundFile.objects.aggregate(files=Count("pk"), stored=Sum("stored"))
    keys = SoundFile.objects.values("key_id").annotate(files=Count("pk")).order_by("key_id")
    return {
        "alarms": alarms.standing(),
        "disk": {"percent": round(space.percent, 1), "free": space.free, "total": space.total}
        if space else None,
        "full_percent": float(settings.STANDPIPE["RECORDING_FULL_PERCENT"]),
        "plain": plain, "files": kept["files"], "stored": kept["stored"] or 0,
        "gaps": Gap.objects.filter(closed_at=None).count(),
        "keys": [
            {"id": k["key_id"], "files": k["files"], "current": k["key_id"] == current}
            for k in keys
        ],
        "retention": retention.parse(settings.STANDPIPE["RECORDING_DAYS"]),
    }  # fmt: skip


def gaps() -> list[dict[str, Any]]:
    """Gaps of the last month, the open ones first."""
    rows = Gap.objects.filter(found_at__gt=timezone.now() - timedelta(days=31))
    rows = rows.select_related("call__agent").order_by("closed_at", "-found_at")
    return sorted(
        (
            {"id": g.pk, "call": g.call.call_id, "kind": g.kind,
             "label": str(g.get_kind_display()), "seconds": g.seconds, "found_at": g.found_at,
             "started_at": g.call.started_at, "agent": g.call.agent.name if g.call.agent else "",
             "from_masked": tickets.masked(g.call.phone), "closed_at": g.closed_at,
             "closed_how": g.closed_how, "closed_by": g.closed_by, "note": g.note}
            for g in rows[:300]
        ),
        key=lambda g: g["closed_at"] is not None,
    )  # fmt: skip
