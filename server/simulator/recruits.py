"""Crews hired for a rehearsal: as many as it asks for, gone home when it is over.

They are crews like all others (a person, a phone with an account at the broker, a vehicle, skills,
a shift), so that everything they meet is what real ones meet. Afterwards they are disbanded: in no
list any more, while what they did stays on record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone

from mobile_app.session import Session
from server.accounts.models import Area, CrewToken, Role, User
from server.places.models import Street
from server.positions.devices import ensure_account, revoke
from server.workforce.demo import CREWS, CrewPlan
from server.workforce.models import Crew, CrewSkill, Stock, Vehicle

PREFIX = "sim"
BY = "simulator"


@contextmanager
def recruited(count: int, *, until: datetime, seed: int) -> Iterator[list[Crew]]:
    """`count` crews on shift until `until`; afterwards off shift, without phone and account."""
    crews = [_hire(n, until, Random(f"{seed}:{n}")) for n in range(1, count + 1)]
    try:
        yield crews
    finally:
        for crew in crews:
            _send_home(crew)


def session_of(crew: Crew, server: str, host: str, port: int) -> Session:
    """What the phone would have got from a sign-in: nobody types two hundred passwords."""
    token = CrewToken.objects.create(user=crew.user, device=crew.device)
    return Session(
        server=server, token=token.key, device=crew.device, crew_id=str(crew.pk),
        crew_name=crew.name, mqtt_host=host, mqtt_port=port, mqtt_user=crew.device,
        mqtt_password=crew.mqtt_password, district_url="/api/crew/district",
    )  # fmt: skip


def _hire(number: int, until: datetime, chance: Random) -> Crew:
    plan = CREWS[(number - 1) % len(CREWS)]
    code = f"{PREFIX}{number:03d}"
    with transaction.atomic():
        crew = Crew.objects.filter(code=code).select_related("user").first()
        if crew is None:
            crew = _new(code, number, plan, _areas(), chance)
        crew.state, crew.disbanded_at = Crew.State.AVAILABLE, None
        crew.save(update_fields=["state", "disbanded_at"])
        now = timezone.now()
        crew.shifts.filter(ends__gt=now, starts__lte=now).update(ends=now)
        crew.shifts.filter(starts__gt=now).delete()
        crew.shifts.create(starts=now, ends=until)
    ensure_account(crew)
    return crew


def _areas() -> list[Area]:
    return list(Area.objects.order_by("rank", "pk"))


def _new(code: str, number: int, plan: CrewPlan, areas: Sequence[Area], chance: Random) -> Crew:
    # Without a password: nobody signs in as one of them.
    user = User.objects.create(username=code, role=Role.CREW, first_name=code)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    crew = Crew.objects.create(
        code=code, name=f"Crew S{number:03d}", name_zh=f"演练{number:03d}班", user=user,
        area=areas[number % len(areas)] if areas else None, base=_somewhere(chance),
        device=f"phone-{code}", max_diameter_mm=plan.max_dn,
    )  # fmt: skip
    vehicle = Vehicle.objects.create(plate=f"SIM-{number:03d}", kind=plan.vehicle, crew=crew)
    day = timezone.localdate() + timedelta(days=365)
    CrewSkill.objects.bulk_create(
        CrewSkill(crew=crew, skill=s, expires_on=day) for s in plan.skills
    )
    Stock.objects.bulk_create(
        Stock(vehicle=vehicle, diameter_mm=dn, quantity=3) for dn in plan.clamps
    )
    return crew


def _somewhere(chance: Random) -> Point:
    """The beginning of any street of the city."""
    numbers = list(Street.objects.order_by("pk").values_list("pk", flat=True))
    street = Street.objects.get(pk=chance.choice(numbers))
    lon, lat = street.geom.coords[0][:2]
    return Point(lon, lat, srid=4326)


def _send_home(crew: Crew) -> None:
    now = timezone.now()
    crew.refresh_from_db()
    crew.shifts.filter(ends__gt=now, starts__lt=now).update(ends=now)
    crew.state, crew.disbanded_at = Crew.State.OFF_DUTY, now
    crew.save(update_fields=["state", "disbanded_at"])
    revoke(crew.device, reason="the rehearsal is over", by=BY)
