"""The demo's people: one user per desk, eight crews with vehicles, skills, stock and shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone

from server.accounts.models import Area, OnCall, Role, User
from server.workforce import demo_roster
from server.workforce.demo_roster import EQUIPMENT, clamp
from server.workforce.models import Crew, Depot, Skill, Stock, Vehicle

DAYS_AHEAD = 14


@dataclass(frozen=True)
class Person:
    username: str
    role: str
    first: str
    last: str
    language: str = "en"
    extension: str = ""
    mobile: str = ""


PEOPLE = (
    Person("agent1", Role.AGENT, "Aino", "Salmi", "en", "1001"),
    Person("agent2", Role.AGENT, "晓燕", "陈", "zh-hans", "1002"),
    Person("agent3", Role.AGENT, "Ella", "Koski", "en", "1003"),
    # The demo's own agent sits at a desk telephone and works when nobody else does.
    Person("agent4", Role.AGENT, "Demo", "Agent", "en", "1101"),
    Person("dispatcher1", Role.DISPATCHER, "Mika", "Laine", "en", "", "+358401000001"),
    Person("dispatcher2", Role.DISPATCHER, "国栋", "刘", "zh-hans", "", "+8613900000001"),
    Person("supervisor1", Role.SUPERVISOR, "Sari", "Niemi", "en", "1004", "+358401000002"),
    Person("engineer1", Role.ENGINEER, "Juho", "Ranta", "en"),
    Person("manager1", Role.MANAGER, "慧敏", "周", "zh-hans", "", "+8613900000002"),
    Person("auditor1", Role.AUDITOR, "Anu", "Heino", "en"),
)


@dataclass(frozen=True)
class CrewPlan:
    code: str
    name: str
    name_zh: str
    plate: str
    vehicle: str
    skills: tuple[str, ...]
    clamps: tuple[int, ...]
    max_dn: int
    language: str = "en"


_ALL_WATER = (Skill.VALVE, Skill.REPAIR)
CREWS = (
    CrewPlan("crew1", "Crew 1", "一班", "SP-101", "van", (*_ALL_WATER, Skill.LARGE_PIPE),
             (100, 150, 200, 300), 600),
    CrewPlan("crew2", "Crew 2", "二班", "SP-102", "van", (*_ALL_WATER, Skill.CONFINED),
             (100, 150), 300),
    CrewPlan("crew3", "Crew 3", "三班", "SP-103", "truck", (*_ALL_WATER, Skill.WELDING),
             (150, 200, 300, 400), 600, "zh-hans"),
    CrewPlan("crew4", "Crew 4", "四班", "SP-104", "van", (Skill.VALVE, Skill.METER),
             (), 300),
    CrewPlan("crew5", "Crew 5", "五班", "SP-105", "van", (*_ALL_WATER, Skill.SAMPLING),
             (100, 150), 300),
    CrewPlan("crew6", "Crew 6", "六班", "SP-106", "jetting truck", (Skill.JETTING,),
             (), 300),
    CrewPlan("crew7", "Crew 7", "七班", "SP-107", "van", (*_ALL_WATER, Skill.METER),
             (100, 150, 200), 300),
    CrewPlan("crew8", "Crew 8", "八班", "SP-108", "van", (Skill.VALVE, Skill.SAMPLING),
             (), 300),
)  # fmt: skip


def load_people(password: str, depot: Point, bases: Sequence[Point] = ()) -> dict[str, int]:
    """Create or refresh users and crews; running it again changes nothing but adds shifts.

    Crews start from `bases` in turn (the depot where there are none).
    """
    with transaction.atomic():
        for person in PEOPLE:
            _user(person, password)
        areas = list(Area.objects.order_by("rank", "pk"))
        fresh = not Depot.objects.exists()
        names = 0
        for n, plan in enumerate(CREWS):
            base = bases[n % len(bases)] if bases else depot
            names += _crew(plan, password, base, areas[n % len(areas)] if areas else None, names)
        far = bases[len(bases) // 2] if len(bases) > 1 else depot
        demo_roster.fill_depots(depot, far)
        if fresh:
            demo_roster.spoil()
        _on_call()
        shifts = top_up_shifts()
    return {"users": len(PEOPLE) + len(CREWS), "crews": len(CREWS), "shifts": shifts}


def _user(person: Person, password: str) -> User:
    user, made = User.objects.get_or_create(
        username=person.username,
        defaults={
            "role": person.role, "first_name": person.first, "last_name": person.last,
            "language": person.language, "extension": person.extension, "mobile": person.mobile,
        },
    )  # fmt: skip
    if made or not user.check_password(password):
        user.set_password(password)
        user.save()
    return user


def _crew(plan: CrewPlan, password: str, base: Point, area: Area | None, names: int) -> int:
    """A crew with vehicle, stock and members; how many names of the list they took."""
    user = _user(
        Person(plan.code, Role.CREW, plan.name, "", plan.language), password
    )
    crew, made = Crew.objects.get_or_create(
        code=plan.code,
        defaults={
            "name": plan.name, "name_zh": plan.name_zh, "user": user, "area": area, "base": base,
            "device": f"phone-{plan.code}", "max_diameter_mm": plan.max_dn,
        },
    )  # fmt: skip
    if not made:
        return 0
    keys = [150, 300, 600] if plan.max_dn > 300 else [150, 300]
    vehicle = Vehicle.objects.create(
        plate=plan.plate, kind=plan.vehicle, crew=crew, unit=f"unit-{plan.code}",
        equipment=EQUIPMENT[plan.vehicle], valve_keys_mm=keys,
        inspection_due=timezone.localdate() + timedelta(days=200),
    )  # fmt: skip
    Stock.objects.bulk_create(clamp(dn, 3, vehicle=vehicle) for dn in plan.clamps)
    return demo_roster.man(crew, plan.skills, names)


def _on_call() -> None:
    now = timezone.now()
    for level, name in ((1, "supervisor1"), (2, "manager1")):
        user = User.objects.get(username=name)
        if not OnCall.objects.filter(user=user, ends__gt=now + timedelta(days=1)).exists():
            OnCall.objects.create(
                user=user, level=level, starts=now - timedelta(days=1),
                ends=now + timedelta(days=365),
            )  # fmt: skip


def top_up_shifts(days: int = DAYS_AHEAD) -> int:
    """Give every demo crew its shifts of this week and `days` ahead; returns how many are new."""
    return demo_roster.top_up(days)
