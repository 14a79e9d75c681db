"""What open incidents still ask for: run cards in the database, orders missing, where they lead."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from server.dispatch import runcards, states
from server.dispatch.candidates import WORK_S, at_place, candidates, needs_of, place_of
from server.dispatch.models import RunCard, WorkOrder
from server.dispatch.ranking import Need, Ranked, rank
from server.dispatch.runcards import Card, Facts, Wanted
from server.network.models import Pipe, Valve
from server.outages.models import ShutOff, ValveTask
from server.tickets.models import HistoryRow, Incident, Kind, Ticket
from server.tickets.priorities import WARNINGS
from server.workforce.models import Shift

# An order in one of these states is no answer to what the incident asks for.
NO_ANSWER = "no_answer"
AHEAD = timedelta(hours=8)
GIVEN_UP = (states.State.DECLINED, states.State.RECALLED, states.State.FAILED_VISIT)


@dataclass(frozen=True)
class Target:
    """Where an order leads: (lon, lat), and the valve where it is one."""

    lon: float
    lat: float
    valve: str = ""


@dataclass(frozen=True)
class Missing:
    """One order an incident asks for and nobody has in hand. `row` names it in the plan."""

    row: str
    incident: Incident
    kind: str
    target: Target
    need: Need
    card: Card
    begins_at: datetime | None = None  # planned works: nobody is there before their window


def cards() -> list[Card]:
    """The rows of the table as cards, in the order they are asked."""
    return [
        Card(
            row.name,
            tuple(
                Wanted(o["kind"], o["crews"], frozenset(o["skills"]), o["target"])
                for o in row.orders
            ),
            frozenset(row.kinds), frozenset(row.priorities), row.from_mm, row.to_mm,
            frozenset(row.hazards), row.from_hour, row.to_hour, tuple(row.tells), row.automatic,
        )
        for row in RunCard.objects.filter(active=True)
    ]  # fmt: skip


def facts_of(incident: Incident) -> Facts:
    return all_facts([incident])[incident.pk]


def all_facts(incidents: Sequence[Incident]) -> dict[int, Facts]:
    """What run cards look at, for many incidents with three questions to the database."""
    keys = [i.pk for i in incidents]
    pipes = dict(
        Pipe.objects.filter(asset__in={i.pipe for i in incidents if i.pipe}).values_list(
            "asset", "diameter_mm"
        )
    )
    hazards: dict[int, set[str]] = defaultdict(set)
    for pk, symptoms in Ticket.objects.filter(incident__in=keys).values_list(
        "incident_id", "symptoms"
    ):
        if pk is not None:
            hazards[pk] |= {n for n, v in symptoms.items() if n in WARNINGS and v in (True, "yes")}
    valves = Counter(_waiting_valves(keys).values_list("shut_off__incident_id", flat=True))
    hour = timezone.localtime().hour
    return {
        i.pk: Facts(
            i.kind, i.priority, pipes.get(i.pipe, 0.0), frozenset(hazards[i.pk]),
            i.customers_off, valves[i.pk], hour,
        )
        for i in incidents
    }  # fmt: skip


def _waiting_valves(incidents: Sequence[int]) -> QuerySet[ValveTask]:
    return ValveTask.objects.filter(
        shut_off__in=ShutOff.objects.filter(incident__in=incidents).exclude(state="cancelled"),
        state__in=ValveTask.WAITING,
    )


def target_of(incident: Incident, kind: str) -> Target:
    """Where an order of `kind` leads: valves to the first one of the plan, the rest to the place.

    The place is where the water comes out; who closes valves has nothing to do there.
    """
    lon, lat = place_of(incident)
    if kind == WorkOrder.Kind.VALVES:
        first = _waiting_valves([incident.pk]).order_by("sequence", "pk").first()
        valve = Valve.objects.filter(asset=first.asset).first() if first else None
        if valve is not None:
            return Target(valve.geom.x, valve.geom.y, valve.asset)
    return Target(lon, lat)


def need_of(
    incident: Incident, kind: str, facts: Facts | None = None, card: Card | None = None
) -> Need:
    """What an order of `kind` asks of a crew, the run card's skills included."""
    facts = facts or facts_of(incident)
    card = card or runcards.choose(facts, cards())
    wanted = next((w for w in runcards.split(card, facts) if w.kind == kind), None)
    need = needs_of(incident, kind)
    work = runcards.work_s(kind, WORK_S[incident.priority], facts.valves)
    if wanted is not None and wanted.skills:
        return replace(need, skills=wanted.skills, work_s=work)
    if kind in (WorkOrder.Kind.NOTICES, WorkOrder.Kind.TRAFFIC):
        return replace(need, skills=frozenset(), work_s=work, valve_mm=0.0)
    return replace(need, work_s=work)


def rank_for(incident: Incident, kind: str = WorkOrder.Kind.REPAIR) -> list[Ranked]:
    """All crews for an order of `kind`, best first, by the way to where that order leads."""
    target, need = target_of(incident, kind), need_of(incident, kind)
    return rank(at_place(candidates(), need, (target.lon, target.lat)), need)


def asked(incidents: Collection[int]) -> dict[int, set[int]]:
    """Crews that have declined or not answered, by incident: nobody is asked twice for one thing.

    They are asked again when things have changed: the incident was moved, reopened or made more
    urgent, or the crew has begun another shift.
    """
    rows = WorkOrder.objects.filter(
        incident__in=incidents, ended_at__isnull=False, crew__isnull=False
    ).filter(Q(state=states.State.DECLINED) | Q(end_reason=NO_ANSWER))
    changed = dict(
        HistoryRow.objects.filter(
            incident__in=incidents, ticket=None, action__in=["moved", "reopen", "priority"]
        )
        .order_by()
        .values_list("incident_id")
        .annotate(Max("at"))
    )
    crews = {crew for crew in rows.values_list("crew_id", flat=True) if crew is not None}
    began = dict(
        Shift.objects.filter(crew__in=crews, starts__lte=timezone.now())
        .order_by().values_list("crew_id").annotate(Max("starts"))
    )  # fmt: skip
    found: dict[int, set[int]] = defaultdict(set)
    for pk, crew, ended in rows.values_list("incident_id", "crew_id", "ended_at"):
        since = max((t for t in (changed.get(pk), began.get(crew)) if t), default=None)
        if crew is not None and ended is not None and (since is None or ended > since):
            found[pk].add(crew)
    return found


def _windows(incidents: Sequence[Incident]) -> dict[int, datetime]:
    """When planned works may begin, by incident."""
    planned = [i.pk for i in incidents if i.kind == Kind.PLANNED]
    rows = ShutOff.objects.filter(incident__in=planned, notice_from__isnull=False)
    return {
        pk: begins
        for pk, begins in rows.exclude(state="cancelled").values_list(
            "incident_id", "notice_from"
        )
        if pk is not None and begins is not None
    }


def missing(incidents: Iterable[Incident]) -> list[Missing]:
    """What located incidents ask for and no order answers, in the incidents' order.

    Planned works come in when their window is near; the plan of today knows nothing of next week.
    """
    rows = [i for i in incidents if i.geom is not None]
    windows = _windows(rows)
    far = timezone.now() + AHEAD
    rows = [i for i in rows if windows.get(i.pk, far) <= far]
    have: Counter[tuple[int, str]] = Counter(
        WorkOrder.objects.filter(incident__in=rows)
        .exclude(state__in=GIVEN_UP)
        .values_list("incident_id", "kind")
    )
    known, facts, found = cards(), all_facts(rows), []
    for incident in rows:
        fact = facts[incident.pk]
        card = runcards.choose(fact, known)
        for wanted in runcards.split(card, fact):
            for n in range(have[incident.pk, wanted.kind], wanted.crews):
                found.append(
                    Missing(
                        f"{incident.pk}:{wanted.kind}:{n}", incident, wanted.kind,
                        target_of(incident, wanted.kind),
                        need_of(incident, wanted.kind, fact, card), card,
                        windows.get(incident.pk),
                    )
                )  # fmt: skip
    return found
