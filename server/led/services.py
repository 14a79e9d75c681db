"""Verbs for boards and what is put on them by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.led.models import Bulletin, Panel

LONGEST = timedelta(days=31)


def put_up(kind: str, text: str, priority: int, until: datetime, *, by: str) -> Bulletin:
    """A text on all boards until a time. Refused names the field."""
    text = " ".join(text.split())
    if kind not in Bulletin.Kind.values:
        raise Refused("kind", "unknown", _("Choose water off, low pressure, repair or notice."))
    if not text or len(text) > 200:
        raise Refused("text", "length", _("A text of 1 to 200 signs is needed."))
    if priority not in (1, 2, 3, 4):
        raise Refused("priority", "range", _("The priority is 1 to 4."))
    if not timezone.now() < until <= timezone.now() + LONGEST:
        raise Refused("until", "range", _("It ends in the future, within a month."))
    with transaction.atomic():
        row = Bulletin.objects.create(kind=kind, text=text, priority=priority, until=until, by=by)
        record("led.put_up", f"bulletin:{row.pk}", note=text, by=by)
    return row


def take_down(row: Bulletin, *, by: str) -> None:
    with transaction.atomic():
        record("led.take_down", f"bulletin:{row.pk}", note=row.text, by=by)
        row.delete()


def check_size(columns: int, rows: int) -> None:
    """Refused for a board that there cannot be."""
    if columns % 8 or not 64 <= columns <= 1024:
        raise Refused("columns", "range", _("The width is 64 to 1024 dots, a multiple of 8."))
    if not 1 <= rows <= 8:
        raise Refused("rows", "range", _("A board has 1 to 8 rows of 16 dots."))


def add_panel(
    name: str, host: str, port: int, columns: int, rows: int, language: str, *, by: str
) -> Panel:
    """A board to drive. Refused names the field."""
    name, host = name.strip(), host.strip()
    if not 1 <= len(name) <= 40 or Panel.objects.filter(name=name).exists():
        raise Refused("name", "unique", _("A name of its own is needed, at most 40 signs."))
    if not host or len(host) > 120 or any(c.isspace() for c in host):
        raise Refused("host", "shape", _("The address of the controller is needed."))
    if not 1 <= port <= 65535:
        raise Refused("port", "range", _("A port is a number from 1 to 65535."))
    check_size(columns, rows)
    if language not in ("en", "zh-hans"):
        raise Refused("language", "unknown", _("Choose English or Chinese."))
    with transaction.atomic():
        panel = Panel.objects.create(
            name=name, host=host, port=port, columns=columns, rows=rows, language=language
        )
        record("led.panel", f"panel:{panel.pk}", note=f"{name} {host}:{port}", by=by)
    return panel


def remove_panel(panel: Panel, *, by: str) -> None:
    with transaction.atomic():
        record("led.panel_removed", f"panel:{panel.pk}", note=panel.name, by=by)
        panel.delete()
