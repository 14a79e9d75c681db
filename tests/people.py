"""The cast: who works at the utility in every story.

Aino takes calls, Mika sends crews, Sari is on duty, Juho knows the pipes, Hui manages, Anu audits.
Crew North (valves and repair, at crossing A) and Crew South (the same, at crossing G) drive; Crew
Meter can only do meters. Crew Night is off shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tests import town

if TYPE_CHECKING:
    from server.accounts.models import User
    from server.workforce.models import Crew

PASSWORD = "open-sesame-42"


@dataclass(frozen=True)
class Cast:
    aino: User
    mika: User
    sari: User
    juho: User
    hui: User
    anu: User
    north: Crew
    south: Crew
    meter: Crew
    night: Crew


def hire() -> Cast:
    """Create everybody."""
    from django.contrib.gis.geos import Point
    from django.utils import timezone

    from server.accounts.models import OnCall, User
    from server.workforce.models import Crew, CrewSkill, Shift, Stock, Vehicle

    def user(name: str, role: str, **more: str) -> User:
        return User.objects.create_user(name, password=PASSWORD, role=role, **more)

    now = timezone.now()
    staff = {
        "aino": user("aino", "agent", first_name="Aino", extension="1001"),
        "mika": user("mika", "dispatcher", first_name="Mika", mobile="0401000001"),
        "sari": user("sari", "supervisor", first_name="Sari", mobile="0401000002",
                     extension="1004"),
        "juho": user("juho", "engineer", first_name="Juho"),
        "hui": user("hui", "manager", first_name="慧", language="zh-hans", mobile="0401000003"),
        "anu": user("anu", "auditor", first_name="Anu"),
    }  # fmt: skip
    OnCall.objects.create(
        user=staff["sari"], level=1, starts=now - timedelta(days=1), ends=now + timedelta(days=1)
    )

    def crew(
        code: str, name: str, at: str, skills: tuple[str, ...], clamps: tuple[int, ...],
        *, on_shift: bool = True,
    ) -> Crew:  # fmt: skip
        lon, lat = town.place(at)
        made = Crew.objects.create(
            code=code, name=name, name_zh=name, user=user(code, "crew", first_name=name),
            base=Point(lon, lat, srid=4326), device=f"phone-{code}", max_diameter_mm=600,
        )  # fmt: skip
        van = Vehicle.objects.create(plate=f"T-{code}", kind="van", crew=made)
        for skill in skills:
            CrewSkill.objects.create(crew=made, skill=skill)
        for dn in clamps:
            Stock.objects.create(vehicle=van, diameter_mm=dn, quantity=2)
        begin = now - timedelta(hours=2) if on_shift else now - timedelta(hours=12)
        Shift.objects.create(crew=made, starts=begin, ends=begin + timedelta(hours=10))
        return made

    return Cast(
        **staff,
        north=crew("north", "Crew North", "A", ("valve", "repair"), (150, 200)),
        south=crew("south", "Crew South", "G", ("valve", "repair"), (150, 200)),
        meter=crew("meter", "Crew Meter", "E", ("meter",), ()),
        night=crew("night", "Crew Night", "F", ("valve", "repair"), (200,), on_shift=False),
    )
