"""The demo's rota, people, depots and stock: something of everything a roster has to cope with.

Crews 1 to 6 are manned around the clock by four teams of two each, who relieve each other two early
shifts, two late ones, two nights, two days off. Crew 7 works weekdays and is on call at home
otherwise; crew 8 works nights in two teams. One certificate runs out soon, one has run out, a
welder is on leave, somebody is sick.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.gis.geos import Point
from django.utils import timezone

from server.workforce import patterns
from server.workforce.models import (
    Certificate,
    Crew,
    Depot,
    Leave,
    Member,
    OnCallCrew,
    Shift,
    Skill,
    Stock,
    Vehicle,
)
from server.workforce.patterns import Planned, Turn

DAY = timedelta(days=1)
TEAM = 2  # members of a team
NAMES = (
    "Aleksi Aalto", "李强", "Antti Berg", "王磊", "Eero Dahl", "张伟", "Elias Eklund", "刘洋",
    "Hannu Fors", "陈杰", "Henrik Grahn", "杨帆", "Ilkka Hakala", "赵军", "Jari Ilves", "黄勇",
    "Juha Jokela", "周涛", "Kalle Kivi", "吴昊", "Lauri Lampi", "徐亮", "Marko Mäki", "孙鹏",
    "Matti Niska", "马超", "Niko Oja", "朱明", "Olli Palo", "胡斌", "Otto Rinne", "郭峰",
    "Pasi Salo", "何平", "Petri Toivo", "高山", "Risto Uusi", "林海", "Sami Virta", "罗刚",
    "Seppo Ylä", "郑凯", "Timo Ahola", "梁栋", "Tomi Erkki", "宋雨", "Ville Harju", "唐宁",
    "Väinö Kari", "许诺", "Yrjö Laakso", "韩冰", "Esa Manni", "冯刚",
)  # fmt: skip
NIGHT = Turn("night", time(19), time(7))
WEEKDAY = Turn("day", time(7), time(16))
# What crews do: the cycle, into how many teams they are split, days between one team and the next.
ROTAS: dict[str, tuple[tuple[Turn | None, ...], int, int]] = {
    **{f"crew{n}": (patterns.PATTERNS["four_team_8"], 4, 2) for n in range(1, 7)},
    "crew7": ((*(WEEKDAY,) * 5, None, None), 1, 0),
    "crew8": ((NIGHT, NIGHT, None, None), 2, 2),
}
EQUIPMENT = {
    "van": ["traffic_signs"], "truck": ["crane", "excavator", "traffic_signs"],
    "jetting truck": ["jetting", "pump"],
}  # fmt: skip


def man(crew: Crew, skills: Sequence[str], first_name: int) -> int:
    """Members of a new crew with certificates; returns how many names were used.

    The lead of each team may do everything but what only the second one can: welding.
    """
    _cycle, teams, _step = ROTAS[crew.code]
    good = timezone.localdate() + 365 * DAY
    rows: list[Certificate] = []
    for n in range(teams * TEAM):
        second = n % TEAM == 1
        member = Member.objects.create(
            crew=crew, name=NAMES[(first_name + n) % len(NAMES)], lead=n == 0,
            mobile=f"+35840200{first_name + n:04}",
        )  # fmt: skip
        held = {s for s in skills if (s == Skill.WELDING) == second} | {skills[0]}
        rows += [Certificate(member=member, skill=s, expires_on=good) for s in sorted(held)]
    Certificate.objects.bulk_create(rows)
    return teams * TEAM


def spoil() -> None:
    """What does not go smoothly: run once, after everybody is there."""
    today, now = timezone.localdate(), timezone.now()
    confined = Certificate.objects.filter(
        skill=Skill.CONFINED, member__crew__code="crew2"
    ).order_by("pk")
    for certificate, days in zip(confined, (12, -3), strict=False):
        certificate.expires_on = today + days * DAY
        certificate.save()
    welder = Member.objects.filter(
        crew__code="crew3", certificates__skill=Skill.WELDING
    ).order_by("pk").first()
    if welder is not None:
        Leave.objects.create(
            crew=welder.crew, member=welder, kind=Leave.Kind.HOLIDAY,
            starts=now - DAY, ends=now + 6 * DAY,
        )  # fmt: skip
    sick = Member.objects.filter(crew__code="crew7").order_by("-pk").first()
    if sick is not None:
        Leave.objects.create(
            crew=sick.crew, member=sick, kind=Leave.Kind.SICK,
            starts=now - 6 * timedelta(hours=1), ends=now + 2 * DAY,
        )  # fmt: skip
    Vehicle.objects.filter(crew__code="crew4").update(inspection_due=today + 9 * DAY)
    Vehicle.objects.get_or_create(
        plate="SP-190", defaults={"kind": "van", "out_of_service": "Gearbox"}
    )


def fill_depots(depot: Point, other: Point) -> None:
    """Two depots; of DN 500 there is nothing anywhere."""
    for code, name, name_zh, place in (
        ("west", "West depot", "西仓库", depot), ("east", "East depot", "东仓库", other)
    ):  # fmt: skip
        row, made = Depot.objects.get_or_create(
            code=code, defaults={"name": name, "name_zh": name_zh, "geom": place}
        )
        if not made:
            continue
        sizes = (100, 150, 200, 300) if code == "east" else (100, 150, 200, 300, 400, 500)
        Stock.objects.bulk_create(
            clamp(dn, 0 if dn == 500 else 8, depot=row) for dn in sizes
        )
        Stock.objects.bulk_create(
            Stock(depot=row, item=item, diameter_mm=dn, materials=materials, quantity=12)
            for item, dn, materials in (
                (Stock.Item.COUPLING, 150, []), (Stock.Item.COUPLING, 200, []),
                (Stock.Item.PIPE, 150, ["DI"]), (Stock.Item.PIPE, 110, ["PE"]),
            )
        )  # fmt: skip


def clamp(dn: int, quantity: int, **where: object) -> Stock:
    """Clamps of one size; each spans a few outer diameters."""
    return Stock(diameter_mm=dn, to_mm=dn + dn // 10, quantity=quantity, **where)


def top_up(days: int) -> int:
    """Shifts of this week and `days` ahead, and the nights on call; returns how many are new."""
    zone = ZoneInfo(settings.TIME_ZONE)
    today = timezone.localdate()
    first = min(today - DAY, today - today.weekday() * DAY)  # this week whole
    last = today + days * DAY
    made = 0
    for crew in Crew.objects.filter(code__in=ROTAS).prefetch_related("members"):
        cycle, teams, step = ROTAS[crew.code]
        planned = patterns.apply(cycle, teams, first, last, zone, step=step)
        made += _add(crew, teams, planned)
        if crew.code == "crew7":
            _on_call(crew, planned, first, last, zone)
    return made


def _add(crew: Crew, teams: int, planned: Sequence[Planned]) -> int:
    newest = crew.shifts.order_by("-ends").first()
    fresh = [p for p in planned if newest is None or p.starts >= newest.ends]
    shifts = Shift.objects.bulk_create(
        Shift(crew=crew, kind=p.kind, starts=p.starts, ends=p.ends) for p in fresh
    )
    people = sorted(crew.members.all(), key=lambda m: m.pk)
    if teams > 1 and people:
        Shift.members.through.objects.bulk_create(
            Shift.members.through(shift_id=shift.pk, member_id=member.pk)
            for shift, p in zip(shifts, fresh, strict=True)
            for member in people[p.crew * TEAM : (p.crew + 1) * TEAM]
        )
    return len(fresh)


def _on_call(
    crew: Crew, planned: Sequence[Planned], first: date, last: date, zone: ZoneInfo
) -> None:
    """Between its shifts the crew is on call at home."""
    newest = crew.on_call.order_by("-ends").first()
    start = datetime.combine(first, time(), tzinfo=zone)
    ends = [p.starts for p in planned] + [datetime.combine(last, time(), tzinfo=zone)]
    starts = [start] + [p.ends for p in planned]
    OnCallCrew.objects.bulk_create(
        OnCallCrew(crew=crew, starts=a, ends=b, call_out_min=30)
        for a, b in zip(starts, ends, strict=True)
        if b > a and (newest is None or a >= newest.ends)
    )
