"""What a person has to put right: raised once, told at once, cleared when it is right again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.calls.recordings.models import Alarm
from server.events.services import publish


def text_of(code: str, detail: dict[str, Any]) -> str:
    """The alarm as a sentence in the reader's language."""
    values = {"n": detail.get("n", 0), "percent": detail.get("percent", 0),
              "call": detail.get("call", "")}  # fmt: skip
    texts = {
        "disk_full": _("The disk of recordings is %(percent)s %% full. Calls go on; the oldest "
                       "recordings that may go are removed."),
        "unmounted": _("The folder of recordings is not there. Calls go on and are not recorded: "
                       "mount it again."),
        "gaps": _("%(n)s answered calls have no recording, or one that is too short."),
        "plain": _("%(n)s recordings could not be encrypted for five minutes."),
        "keys": _("There is no key for recordings, or not the right one: nothing is encrypted."),
        "old_keys": _("%(n)s sealed files need a key that is not here. Import it: standpipe manage "
                      "recording_keys import FILE"),
        "damaged": _("The recording of call %(call)s cannot be opened."),
        "recorder": _("Recordings are not looked after just now: %(call)s"),
    }  # fmt: skip
    return texts.get(code, code) % values


def raised(code: str, **detail: Any) -> Alarm:
    """The alarm stands; told when it is new. A standing one takes the newer detail."""
    with transaction.atomic():
        row, made = Alarm.objects.get_or_create(
            code=code, closed_at=None, defaults={"opened_at": timezone.now(), "detail": detail}
        )
        if made:
            publish("recordings.alarm", f"alarm:{code}", topic="supervision", code=code, open=True,
                    text=text_of(code, detail))  # fmt: skip
        elif row.detail != detail:
            row.detail = detail
            row.save(update_fields=["detail"])
    return row


def cleared(code: str) -> None:
    """It is right again."""
    with transaction.atomic():
        if Alarm.objects.filter(code=code, closed_at=None).update(closed_at=timezone.now()):
            publish("recordings.alarm", f"alarm:{code}", topic="supervision", code=code, open=False,
                    text="")  # fmt: skip


def standing() -> list[dict[str, Any]]:
    """The alarms of now, the oldest first."""
    rows = Alarm.objects.filter(closed_at=None).order_by("opened_at")
    return [{"code": a.code, "text": text_of(a.code, a.detail), "since": a.opened_at} for a in rows]
