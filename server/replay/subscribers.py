"""Keep the spans in step with the events."""

from __future__ import annotations

from server.events.reading import Row
from server.events.subscribing import hears
from server.replay.folding import changes
from server.replay.models import Span


@hears("incident", "ticket", "order", "shutoff", "call", "crew", "valve")
def keep_spans(row: Row) -> None:
    """End what held and begin what holds now, at the event's own time."""
    for change in changes(row.name, row.subject, row.payload):
        held = Span.objects.filter(kind=change.kind, subject=change.subject, ends=None).first()
        if held is not None:
            if held.data == change.data:
                continue
            # Two writers' clocks may stand crosswise; the order of the list decides.
            held.ends = max(row.at, held.begins)
            if held.ends == held.begins:
                held.delete()
            else:
                held.save(update_fields=["ends"])
        if change.data is not None:
            begins = row.at if held is None else max(row.at, held.begins)
            Span.objects.create(
                kind=change.kind, subject=change.subject, begins=begins, data=change.data
            )
