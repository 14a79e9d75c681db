"""What the beside-processes do when they hear of something."""

from __future__ import annotations

from server.events.reading import Row
from server.events.subscribing import hears
from server.outages.models import ValveTask
from server.processes import defects, digs
from server.tickets.models import Incident, Kind


@hears("shutoff", "incident")
def keep_defects_and_digs(row: Row) -> None:
    """A valve that will not turn is a defect, a dig is looked at, finished work settles defects."""
    if row.name == "shutoff.replanned" and row.payload.get("valve"):
        asset = str(row.payload["valve"])
        task = ValveTask.objects.filter(shut_off=row.payload["shut_off"], asset=asset).first()
        defects.of_valve_that_will_not_turn(asset, task.reason if task else "", by=row.by)
    elif row.name in ("incident.opened", "incident.changed"):
        incident = Incident.objects.get(pk=row.payload["incident"])
        change = row.payload.get("change")
        if incident.kind == Kind.CONSTRUCTION and (row.name == "incident.opened"
                                                   or change == "moved"):  # fmt: skip
            digs.check(incident, by="system")
        if change in ("restored", "closed"):
            defects.settle_with(incident, by="system")
