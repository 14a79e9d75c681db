"""Whoever attacks the exchange is shut out and told of; whoever answers for them lets them in.

The counting is `telephony.guard`; here are the list that survives a restart, the news for the
supervisor, and the way back. Only the telephony process shuts out and lets in.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.calls import sites
from server.calls.models import BlockedSource
from server.events.services import publish
from telephony.ami import events as told
from telephony.console import ConsoleError, shut_out
from telephony.guard import ODD_NUMBERS, TRIES, Block, Guard

if TYPE_CHECKING:
    from server.calls.switchboard import Switchboard

log = logging.getLogger("standpipe.telephony")
# One of our own accounts counts double when it tries numbers outside: it has the password.
ODD_WEIGHT = TRIES // ODD_NUMBERS


class Watch:
    """The telephony process's guard, and whether Asterisk has the list as it is."""

    def __init__(self) -> None:
        trusted = {"127.0.0.1", "::1", *settings.STANDPIPE.get("TRUSTED_ADDRESSES", ())}
        self.guard = Guard(trusted=trusted)
        self.told: frozenset[str] | None = None
        now = timezone.now()
        for row in BlockedSource.objects.filter(until__gt=now, released_at=None):
            self.guard.blocks[row.address] = Block(
                row.address, row.since, row.until, row.tries, row.what
            )


_watch: Watch | None = None


def watch() -> Watch:
    """The one of this process, with the blocks of before."""
    global _watch
    if _watch is None:
        _watch = Watch()
    return _watch


def follow(event: told.AmiEvent, now: datetime) -> None:
    """Count who was refused, and shut out who was refused too often."""
    match event:
        case told.Knocked(address=address, what=what, account=account):
            weight = ODD_WEIGHT if what == "number" else 1
            block = watch().guard.failed(address, what, now, weight=weight)
            if block is not None:
                _note(block, account)
        case told.SignedIn(address=address):
            watch().guard.signed_in(address)
        case _:
            pass


def _note(block: Block, account: str) -> None:
    with transaction.atomic():
        row = BlockedSource.objects.create(
            address=block.address, since=block.since, until=block.until, tries=block.tries,
            what=block.what, account=account[:80],
        )  # fmt: skip
        record("exchange.blocked", f"address:{block.address}", note=f"{block.what} {account}"[:200])
        publish("exchange.blocked", f"address:{block.address}", topic="calls", **shown(row))
    log.warning("%s is shut out until %s: %s", block.address, block.until, block.what)


async def keep(board: Switchboard) -> None:
    """Every two seconds: Asterisk's list is ours, without what is over and what was released."""
    await board.in_order(bring_in_line)


def bring_in_line() -> None:
    """Tell every site of this machine who is shut out now, when that has changed."""
    w = watch()
    w.guard.expired(timezone.now())
    if w.guard.blocks:
        for row in BlockedSource.objects.filter(
            address__in=list(w.guard.blocks), released_at__isnull=False
        ):
            block = w.guard.blocks.get(row.address)
            if block is not None and row.released_at is not None and row.since >= block.since:
                w.guard.release(row.address)
    wanted = frozenset(w.guard.blocks)
    if wanted == w.told:
        return
    try:
        for site in sites.known():
            if site.log.parent.is_dir():
                shut_out(site.log.parent, sorted(wanted))
    except ConsoleError as error:
        # Asterisk may be starting; an empty list can wait without a word.
        level = logging.WARNING if wanted else logging.DEBUG
        log.log(level, "the exchange does not take the list of who is shut out: %s", error)
        return
    w.told = wanted


def shown(row: BlockedSource) -> dict[str, Any]:
    """A row as screens get it."""
    return {
        "address": row.address, "what": row.what, "account": row.account, "tries": row.tries,
        "since": row.since.isoformat(), "until": row.until.isoformat(),
    }  # fmt: skip


def blocked_now() -> list[dict[str, Any]]:
    """Who is shut out, latest first."""
    rows = BlockedSource.objects.filter(until__gt=timezone.now(), released_at=None)
    return [{"id": row.pk, **shown(row)} for row in rows.order_by("-since")[:200]]


def release(number: int, *, by: str) -> None:
    """Somebody answers for the address. The telephony process lets it in within seconds."""
    with transaction.atomic():
        row = BlockedSource.objects.select_for_update().filter(pk=number, released_at=None).first()
        if row is None:
            raise Refused("id", "unknown", _("That address is not shut out."), status=404)
        row.released_at, row.released_by = timezone.now(), by
        row.save(update_fields=["released_at", "released_by"])
        record("exchange.released", f"address:{row.address}", by=by)
        publish("exchange.released", f"address:{row.address}", topic="calls", address=row.address)
