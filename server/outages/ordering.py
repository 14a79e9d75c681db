"""Planned works reach a crew: they go on the dispatcher's list, and from there like all work."""

from __future__ import annotations

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict
from server.network import graph
from server.network import selectors as network
from server.outages import nearby
from server.outages.models import ShutOff
from server.outages.settling import check, save, tell
from server.outages.states import Verb
from server.tickets import services as tickets
from server.tickets.models import Incident, Kind
from server.tickets.placing import Place, area_of


def send_to_dispatch(off: ShutOff, *, by: str, role: str) -> Incident:
    """An incident of planned works at the target: a crew is sent to it, and turns the valves that
    are released, from its own list. Conflict where it is on the dispatcher's list already.
    """
    with transaction.atomic():
        off = ShutOff.objects.select_for_update().get(pk=off.pk)
        check(off, Verb.DISPATCH, role)
        if off.incident_id is not None:
            raise Conflict(
                "incident", "on_the_list", _("It is on the dispatcher's list already."),
                incident=off.incident.number if off.incident else None,
            )  # fmt: skip
        lon, lat = network.asset_place(off.target)
        point = Point(lon, lat, srid=4326)
        where = ", ".join(nearby.streets(off)) or off.target
        place = Place(point, where, off.target, graph.segment_of(off.target), area_of(point))
        off.incident = tickets.open_incident(Kind.PLANNED, place, symptoms={}, by=by)
        save(off)
        record("shutoff.dispatch", f"shutoff:{off.number}", note=off.incident.number or "", by=by)
        tell("shutoff.changed", off, by=by, change="dispatch")
        return off.incident
