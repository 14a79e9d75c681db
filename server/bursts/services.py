"""Verbs for probable bursts: a report came in, an alert is taken up, dismissed, dies down."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.gis.geos import Point
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gis_data.bursts.alert import judge
from gis_data.bursts.reach import Spot
from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.bursts import clusters, mains, ranking, rates
from server.bursts.models import Alert, Report
from server.events.services import publish
from server.network import selectors as network
from server.network.models import Pipe
from server.outages import selectors as outages
from server.outages import services as shut_offs
from server.tickets import merging
from server.tickets import services as tickets
from server.tickets.models import Incident, Kind, Ticket
from server.tickets.placing import Place, area_of

# An alert nobody decided dies down this long after its last call.
QUIET = timedelta(hours=6)
OVER = ("cancelled", "merged")
TROUBLE_ON_A_MAIN = (Kind.BURST, Kind.LEAK)


def note(ticket: Ticket) -> Report | None:
    """Bring the report of a ticket in line with it: new, moved, of another kind, withdrawn.

    Saying it again changes nothing. Returns the report, None where the ticket is none of trouble
    on a main whose place is known.
    """
    with transaction.atomic():
        _alone()
        ticket = Ticket.objects.select_related("premise", "incident").get(pk=ticket.pk)
        found = Report.objects.filter(ticket=ticket).first()
        placed = _place(ticket)
        if found is not None and placed is not None and _same(found, ticket, placed):
            return found
        if found is not None:
            _withdraw(found)
        if placed is None:
            return None
        report = Report.objects.create(
            ticket=ticket, kind=ticket.kind, premise=_premise(ticket), pipe=placed.spot.pipe,
            measure=placed.spot.measure, geom=Point(placed.lon, placed.lat, srid=4326),
            at=ticket.opened_at,
        )  # fmt: skip
        if _confirms(report, ticket):
            return report
        clusters.added(report)
        _consider(report)
        return report


def _alone() -> None:
    """One at a time: what a report makes of the clusters depends on all before it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('bursts', 0))")


def _premise(ticket: Ticket) -> str:
    return ticket.premise.code if ticket.premise else ""


def _place(ticket: Ticket) -> mains.Placed | None:
    if ticket.kind not in tickets.JOINABLE or ticket.state in OVER:
        return None
    if ticket.premise is not None and ticket.kind not in TROUBLE_ON_A_MAIN:
        # Who has no water has none from their own main, wherever they stand.
        placed = mains.of_premise(ticket.premise.code)
        if placed is not None:
            return placed
    if ticket.geom is None:
        return None
    hit = network.snap(ticket.geom.x, ticket.geom.y, premise=_premise(ticket))
    return mains.on_pipe(hit.pipe, hit.lon, hit.lat) if hit.pipe else None


def _same(report: Report, ticket: Ticket, placed: mains.Placed) -> bool:
    return (report.kind, report.premise, report.pipe) == (
        ticket.kind, _premise(ticket), placed.spot.pipe,
    ) and abs(report.measure - placed.spot.measure) < 1e-9  # fmt: skip


def _withdraw(report: Report) -> None:
    alert = report.alert
    if not report.confirms:
        clusters.leaving(report)
    report.delete()
    if alert is not None and alert.state == Alert.State.OPEN:
        left = list(alert.reports.order_by("at", "pk"))
        if len({r.premise or r.pk for r in left}) < clusters.RULE.min_calls:
            _end(alert, Alert.State.EXPIRED, by="system", reason="withdrawn")
        else:
            _describe(alert, left)
            _tell("burst.changed", alert, by="system")


def _confirms(report: Report, ticket: Ticket) -> bool:
    """A call from inside an open shut-off is no new trouble: it says that the water is off there.

    The ticket goes to the incident of that shut-off, and the ledger has a confirmed time.
    """
    off = outages.inside(report.premise) if report.premise else None
    if off is None or report.kind in TROUBLE_ON_A_MAIN or off.since > report.at:
        return False
    shut_off = off.shut_off
    number = shut_off.number or ""
    report.confirms = number
    report.save(update_fields=["confirms"])
    if report.kind == Kind.NO_WATER:
        shut_offs.confirm_off(
            report.premise, at=report.at, by="system", source=ticket.number or ""
        )
    tickets.write_history(ticket=ticket, action="confirms", by="system", note=number)
    if ticket.incident is not None and shut_off.incident is not None:
        alone = not ticket.incident.tickets.exclude(pk=ticket.pk).exists()
        if alone and ticket.incident.pk != shut_off.incident.pk:
            merging.merge(
                ticket.incident, shut_off.incident, kind=ticket.kind, symptoms=ticket.symptoms,
                by="system",
            )  # fmt: skip
    publish(
        "burst.confirmation", f"ticket:{ticket.pk}", topic="incidents", ticket=ticket.number,
        shut_off=number,
    )  # fmt: skip
    return True


# --- from a cluster to an alert -----------------------------------------------------------------


def _consider(report: Report) -> None:
    """The cluster this report is in: does it belong to an alert, or is it one?"""
    if report.cluster is None or timezone.now() - report.at > QUIET:
        return  # old news, read late or for the first time: nobody can act on it any more
    members = list(
        Report.objects.filter(cluster=report.cluster)
        .select_related("alert", "ticket__incident")
        .order_by("at", "pk")
    )
    alert = _known(members)
    if alert is None or _louder(alert, members):
        _raise(members)
        return
    _take_in(alert, members)


def _known(members: list[Report]) -> Alert | None:
    """The alert its members belong to; where two have grown together the older one goes on."""
    found = {m.alert.pk: m.alert for m in members if m.alert is not None}
    living = [a for a in found.values() if a.state != Alert.State.EXPIRED]
    living.sort(key=lambda a: (a.state != Alert.State.CONFIRMED, a.pk))
    first = living[0] if living else None
    for other in living[1:]:
        assert first is not None
        if other.state == Alert.State.OPEN:
            other.reports.update(alert=first)
            _end(other, Alert.State.EXPIRED, by="system", reason=first.number or "")
    if first is not None and first.state == Alert.State.CONFIRMED and _settled(first):
        return None
    return first


def _settled(alert: Alert) -> bool:
    incident = alert.incident
    return incident is None or incident.state in ("restored", "closed")


def _louder(alert: Alert, members: list[Report]) -> bool:
    """Dismissed once, and yet twice as many call now: it has to be looked at again."""
    return alert.state == Alert.State.DISMISSED and _calls(members) >= 2 * alert.calls


def _calls(members: list[Report]) -> int:
    """Premises; brown water alone is no burst and does not count."""
    return len({m.premise or m.pk for m in members if m.kind != Kind.DISCOLOURED})


def _raise(members: list[Report]) -> None:
    incidents = {m.ticket.incident for m in members if m.ticket.incident is not None}
    if len(incidents) == 1 and next(iter(incidents)).kind in TROUBLE_ON_A_MAIN:
        return  # it is known for what it is
    alert = Alert(first_at=members[0].at, last_at=members[-1].at, geom=members[0].geom)
    if not _describe(alert, members, save=False):
        return
    alert.save()
    alert.number = f"B-{alert.pk:04d}"
    alert.save(update_fields=["number"])
    Report.objects.filter(pk__in=[m.pk for m in members]).update(alert=alert)
    _rank(alert, members)
    record("burst.suspect", f"burst:{alert.number}", to_state=alert.state, by="system")
    _tell("burst.suspected", alert, by="system")
    _simulate_soon(alert)


def _take_in(alert: Alert, members: list[Report]) -> None:
    """More of the same: the alert grows, or the incident it became gets another ticket."""
    fresh = [m for m in members if m.alert is None or m.alert.pk != alert.pk]
    if not fresh:
        return
    Report.objects.filter(pk__in=[m.pk for m in fresh]).update(alert=alert)
    if alert.state == Alert.State.CONFIRMED:
        for report in fresh:
            _join(report.ticket, alert)
    if alert.state != Alert.State.OPEN:
        return
    _describe(alert, members)
    seen = any(m.kind in TROUBLE_ON_A_MAIN for m in fresh)
    # Each call changes the picture at first; among hundreds one more does not.
    if seen or alert.calls >= 1.25 * alert.ranked_calls:
        _rank(alert, members)
    if alert.calls >= 2 * alert.simulated_calls:
        _simulate_soon(alert)
    _tell("burst.changed", alert, by="system")


def _describe(alert: Alert, members: list[Report], *, save: bool = True) -> bool:
    """Count, time, place and chance of a cluster; whether that is an alert."""
    spots = [Spot(m.pipe, m.measure) for m in members]
    graph = mains.graph_around([(m.geom.x, m.geom.y) for m in members], clusters.RULE.eps_m)
    reach = graph.pipes_within(spots, clusters.RULE.eps_m)
    first, last = members[0].at, members[-1].at
    hours = max((last - first).total_seconds(), clusters.RULE.tau_s) / 3600
    middle = members[len(members) // 2]
    area = area_of(middle.geom)
    usual = rates.usual(first).rate(str(area.pk) if area else "", rates.hour_of_week(last))
    judged = judge(
        _calls(members), premises=mains.premises_on(reach), hours=hours, rate=usual,
        min_calls=clusters.RULE.min_calls,
    )  # fmt: skip
    alert.calls, alert.expected, alert.chance = judged.calls, judged.expected, judged.p
    alert.first_at, alert.last_at = first, last
    alert.geom = middle.geom
    alert.reach = sorted(reach)
    alert.address = alert.address or middle.ticket.address[:200]
    if save:
        alert.save()
    return judged.alert


def _rank(alert: Alert, members: list[Report]) -> None:
    there = ranking.scene(members, usual=usual_each(alert))
    if alert.method == Alert.Method.TOPOLOGY or not alert.candidates:
        alert.candidates = ranking.from_the_mains(there)
        alert.address = _street(alert) or alert.address
    alert.ranked_calls = alert.calls
    alert.save(update_fields=["candidates", "address", "ranked_calls"])


def usual_each(alert: Alert) -> float:
    """Calls per premise to expect anyhow, from what was expected of all in reach."""
    return max(alert.expected, 1e-6) / max(mains.premises_on(alert.reach), 1)


def _street(alert: Alert) -> str:
    first = alert.candidates[0]["pipe"] if alert.candidates else ""
    row = Pipe.objects.filter(asset=first).values_list("street", flat=True).first()
    return (row or "")[:200]


def _simulate_soon(alert: Alert) -> None:
    from server.bursts.tasks import simulate

    alert.simulated_calls = alert.calls
    alert.save(update_fields=["simulated_calls"])
    simulate.enqueue(alert.pk, alert.calls)


def keep_simulation(
    alert_id: int, calls: int, candidates: list[dict[str, object]], note: str = ""
) -> None:
    """Store what the simulation asked for at `calls` says, unless a later one was asked since."""
    with transaction.atomic():
        alert = Alert.objects.select_for_update().get(pk=alert_id)
        if alert.state != Alert.State.OPEN or alert.simulated_calls != calls:
            return
        if candidates:
            alert.candidates, alert.method = candidates, Alert.Method.HYDRAULICS
            alert.address = _street(alert) or alert.address
        alert.method_note = note[:200]
        alert.save()
        _tell("burst.changed", alert, by="system")


# --- what people decide -------------------------------------------------------------------------


def confirm(alert: Alert, *, pipe: str = "", by: str) -> Alert:
    """Take it up: one incident on the chosen main (the first of the list), the tickets join it.

    Refused ('state', 'decided', 409) when somebody was first, ('pipe', 'unknown') for no main.
    """
    with transaction.atomic():
        _alone()
        alert = _open(alert)
        pipe = pipe or (alert.candidates[0]["pipe"] if alert.candidates else "")
        row = Pipe.objects.filter(asset=pipe).first()
        if row is None:
            raise Refused("pipe", "unknown", _("The network has no such main."))
        middle = mains.on_pipe(row.asset, alert.geom.x, alert.geom.y)
        point = Point(middle.lon, middle.lat, srid=4326) if middle else alert.geom
        place = Place(point, row.street or alert.address, row.asset, row.segment, area_of(point))
        incident = _incident(place, by=by)
        alert.state, alert.incident, alert.pipe = Alert.State.CONFIRMED, incident, row.asset
        alert.decided_at, alert.decided_by = timezone.now(), by
        alert.save()
        for report in alert.reports.select_related("ticket__incident").order_by("pk"):
            _join(report.ticket, alert)
        record(
            "burst.confirm", f"burst:{alert.number}", from_state="open", to_state=alert.state,
            note=f"{row.asset} {incident.number}", by=by,
        )  # fmt: skip
        _tell("burst.confirmed", alert, by=by)
        return alert


def _incident(place: Place, *, by: str) -> Incident:
    """The incident of that main's segment if there is one, as the burst it is; else a new one."""
    known = tickets.same_trouble(Kind.BURST, place)
    if known is None:
        return tickets.open_incident(Kind.BURST, place, symptoms={}, by=by)
    if known.kind in TROUBLE_ON_A_MAIN or known.state not in merging.MOVABLE:
        return known
    return merging.becomes(known, Kind.BURST, place, by=by)


def _join(ticket: Ticket, alert: Alert) -> None:
    incident = ticket.incident
    if incident is None or alert.incident is None or incident.pk == alert.incident.pk:
        return
    # One that a crew has, or that others than these told of, stays what it is.
    mine = alert.reports.values("ticket_id")
    if incident.tickets.exclude(pk__in=mine).exclude(state__in=OVER).exists():
        return
    merging.merge(
        incident, alert.incident, kind=ticket.kind, symptoms=ticket.symptoms,
        by=alert.decided_by or "system",
    )  # fmt: skip


def dismiss(alert: Alert, *, reason: str, by: str) -> Alert:
    """It is no burst, with the reason. Refused as `confirm`, and ('reason', 'required')."""
    if not reason.strip():
        raise Refused("reason", "required", _("Say why."))
    with transaction.atomic():
        _alone()
        alert = _open(alert)
        _end(alert, Alert.State.DISMISSED, by=by, reason=reason.strip()[:200])
        return alert


def _open(alert: Alert) -> Alert:
    """The alert, locked and still to be decided."""
    alert = Alert.objects.select_for_update().get(pk=alert.pk)
    if alert.state != Alert.State.OPEN:
        incident = alert.incident
        raise Conflict(
            "state", "decided",
            _("%(by)s has decided this already.") % {"by": alert.decided_by or "-"},
            current=alert.state, incident=incident.number if incident else None,
        )  # fmt: skip
    return alert


def _end(alert: Alert, state: str, *, by: str, reason: str) -> None:
    before, alert.state = alert.state, state
    alert.reason, alert.decided_at, alert.decided_by = reason, timezone.now(), by
    alert.save()
    record(
        f"burst.{'dismiss' if state == Alert.State.DISMISSED else 'expire'}",
        f"burst:{alert.number}", from_state=before, to_state=state, note=reason, by=by,
    )  # fmt: skip
    _tell(f"burst.{state}", alert, by=by)


def sweep() -> None:
    """Alerts nobody decided die down some hours after their last call."""
    old = timezone.now() - QUIET
    for alert in Alert.objects.filter(state=Alert.State.OPEN, last_at__lt=old)[:20]:
        with transaction.atomic():
            locked = Alert.objects.select_for_update().get(pk=alert.pk)
            if locked.state == Alert.State.OPEN:
                _end(locked, Alert.State.EXPIRED, by="system", reason="quiet")


def rebuild(as_of: datetime) -> int:
    """Reckon all clusters anew from the reports up to `as_of`; returns how many reports changed.

    Call by call gives the same: what changes shows mains or valves that are others now.
    """
    with transaction.atomic():
        _alone()
        labels = clusters.as_of(as_of)
        changed = 0
        for report in Report.objects.filter(pk__in=labels):
            if report.cluster != labels[report.pk]:
                Report.objects.filter(pk=report.pk).update(cluster=labels[report.pk])
                changed += 1
        return changed


def _tell(name: str, alert: Alert, *, by: str) -> None:
    publish(
        name, f"burst:{alert.pk}", topic="incidents", by=by, burst=alert.pk, number=alert.number,
        state=alert.state, calls=alert.calls, address=alert.address,
        incident=alert.incident.number if alert.incident else None,
    )  # fmt: skip
