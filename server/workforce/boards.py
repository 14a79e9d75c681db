"""What the page of crews reads: roster of a week, people, vehicles, stock, state now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.moments import midnight
from server.workforce.availability import availability, coverage
from server.workforce.models import (
    Crew,
    CrewStatus,
    Depot,
    Leave,
    Member,
    OnCallCrew,
    Reservation,
    Shift,
    Skill,
    Stock,
    Vehicle,
)

WARN_DAYS = 30


def roster(first: date, days: int) -> dict[str, Any]:
    """Shifts, times on call and leave of some days, crew by crew."""
    start, end = midnight(first), midnight(first + timedelta(days=days))
    span = {"ends__gt": start, "starts__lt": end}
    crews = Crew.objects.filter(disbanded_at=None).order_by("code").prefetch_related(
        Prefetch(
            "shifts",
            Shift.objects.filter(**span).select_related("vehicle").prefetch_related("members"),
            to_attr="some_shifts",
        ),
        Prefetch("on_call", OnCallCrew.objects.filter(**span), to_attr="some_on_call"),
        Prefetch("leave", Leave.objects.filter(**span).select_related("member"),
                 to_attr="some_leave"),
        Prefetch("members", Member.objects.filter(active=True), to_attr="some_members"),
    )  # fmt: skip
    return {
        "from": first, "days": [first + timedelta(days=n) for n in range(days)],
        "crews": [_crew_week(c) for c in crews],
        "kinds": _choices(Shift.Kind.choices), "leave_kinds": _choices(Leave.Kind.choices),
    }  # fmt: skip


def _choices(rows: Iterable[tuple[Any, Any]]) -> list[dict[str, str]]:
    return [{"code": str(code), "label": str(label)} for code, label in rows]


def _crew_week(crew: Any) -> dict[str, Any]:
    return {
        "id": crew.pk, "code": crew.code, "name": crew.shown,
        "members": [{"id": m.pk, "name": m.name, "lead": m.lead} for m in crew.some_members],
        "shifts": [shift_json(s) for s in crew.some_shifts],
        "on_call": [on_call_json(o) for o in crew.some_on_call],
        "leave": [leave_json(row) for row in crew.some_leave],
    }  # fmt: skip


def shift_json(s: Shift) -> dict[str, Any]:
    return {
        "id": s.pk, "crew": s.crew_id, "kind": s.kind, "kind_label": str(s.get_kind_display()),
        "starts": s.starts, "ends": s.ends, "note": s.note, "called_out_for": s.called_out_for,
        "vehicle": s.vehicle and {"id": s.vehicle.pk, "plate": s.vehicle.plate},
        "members": [{"id": m.pk, "name": m.name} for m in s.members.all()],
    }  # fmt: skip


def on_call_json(o: OnCallCrew) -> dict[str, Any]:
    return {
        "id": o.pk, "crew": o.crew_id, "starts": o.starts, "ends": o.ends,
        "call_out_min": o.call_out_min,
    }  # fmt: skip


def leave_json(row: Leave) -> dict[str, Any]:
    return {
        "id": row.pk, "crew": row.crew_id, "kind": row.kind,
        "kind_label": str(row.get_kind_display()), "starts": row.starts, "ends": row.ends,
        "note": row.note, "member": row.member and {"id": row.member.pk, "name": row.member.name},
    }  # fmt: skip


def cover(first: date, days: int) -> dict[str, Any]:
    """How many crews on shift can do what, for every hour of some days.

    Hours are of the clock on the wall, so a day has 23 or 25 when the clocks change.
    """
    utc = ZoneInfo("UTC")
    start = midnight(first).astimezone(utc)
    end = midnight(first + timedelta(days=days)).astimezone(utc)
    hours = [
        start + timedelta(hours=n) for n in range(int((end - start).total_seconds() // 3600))
    ]
    found = coverage(hours)
    return {
        "hours": hours,
        "skills": [
            {"code": str(code), "label": str(label),
             "counts": [found[h].get(str(code), 0) for h in hours]}
            for code, label in Skill.choices
        ],
    }  # fmt: skip


def now() -> dict[str, Any]:
    """Every crew as it stands: state, since when, who said so, until when, who is there."""
    latest = {
        s.crew_id: s
        for s in CrewStatus.objects.order_by("crew_id", "-since", "-id").distinct("crew_id")
    }
    rows = []
    for a in availability():
        status = latest.get(a.crew.pk)
        same = status is not None and status.state == a.state
        rows.append(
            {
                "id": a.crew.pk, "code": a.crew.code, "name": a.crew.shown, "state": a.state,
                "state_label": str(Crew.State(a.state).label),
                "since": status.since if status and same else None,
                "by": status.by if status and same else "",
                "reason": status.reason if status and same else "",
                "state_until": a.break_until,
                "on_shift": a.on_shift, "on_call": a.on_call, "kind": a.kind, "until": a.until,
                "call_out_min": round(a.call_out_s / 60), "leave": a.leave,
                "leave_until": a.leave_until, "gone": list(a.gone),
                "here": None if a.here is None else len(a.here),
                "plate": a.vehicle.plate if a.vehicle else "",
                "vehicle_out": a.vehicle.out_of_service if a.vehicle else "",
                "worked_h": round(a.hours.worked_s / 3600, 1) if a.hours else None,
                "rest_h": round(a.hours.rest_s / 3600, 1)
                if a.hours and a.hours.rest_s is not None else None,
                "nights": a.hours.nights if a.hours else None,
            }
        )  # fmt: skip
    return {"now": timezone.now(), "crews": rows}


def history(crew: Crew, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """What a crew did as intervals: each row lasts until the next one."""
    before = CrewStatus.objects.filter(crew=crew, since__lte=start).order_by("-since", "-id")[:1]
    after = CrewStatus.objects.filter(crew=crew, since__gt=start, since__lt=end)
    rows = [*before, *after.order_by("since", "id")]
    ends = [*(r.since for r in rows[1:]), min(end, timezone.now())]
    return [
        {"state": r.state, "state_label": str(r.get_state_display()),
         "from": max(r.since, start), "to": to, "reason": r.reason, "by": r.by}
        for r, to in zip(rows, ends, strict=True)
    ]  # fmt: skip


def people() -> dict[str, Any]:
    """Crews with members and certificates; what has run out or will within thirty days."""
    today = timezone.localdate()
    soon = today + timedelta(days=WARN_DAYS)
    team = Member.objects.filter(active=True).prefetch_related("certificates")
    crews = Crew.objects.filter(disbanded_at=None).order_by("code")
    crews = crews.prefetch_related("skills", Prefetch("members", team))
    warnings: list[dict[str, Any]] = []

    def certificate(who: str, crew: Crew, c: Any) -> dict[str, Any]:
        level = ""
        if c.expires_on is not None and c.expires_on <= soon:
            level = "out" if c.expires_on < today else "soon"
        row = {
            "id": c.pk, "skill": c.skill, "label": str(c.get_skill_display()),
            "number": getattr(c, "number", ""), "expires_on": c.expires_on, "level": level,
        }  # fmt: skip
        if level:
            warnings.append({**row, "who": who, "crew": crew.shown})
        return row

    rows = [
        {
            "id": crew.pk, "code": crew.code, "name": crew.shown,
            "own": [certificate(crew.shown, crew, k) for k in crew.skills.all()]
            if not crew.members.all() else [],
            "members": [
                {"id": m.pk, "name": m.name, "mobile": m.mobile, "lead": m.lead,
                 "certificates": [certificate(m.name, crew, c) for c in m.certificates.all()]}
                for m in crew.members.all()
            ],
        }
        for crew in crews
    ]  # fmt: skip
    warnings.sort(key=lambda w: (w["expires_on"], w["who"]))
    return {"crews": rows, "warnings": warnings, "skills": _choices(Skill.choices)}


def fleet() -> dict[str, Any]:
    """Vehicles with what is on them, whose they are, and what is due."""
    today = timezone.localdate()
    soon = today + timedelta(days=WARN_DAYS)
    rows = []
    for v in Vehicle.objects.select_related("crew"):
        due = v.inspection_due
        level = "" if due is None or due > soon else "out" if due < today else "soon"
        rows.append(
            {
                "id": v.pk, "plate": v.plate, "kind": v.kind, "unit": v.unit or "",
                "crew": v.crew and {"id": v.crew.pk, "name": v.crew.shown},
                "equipment": v.equipment, "valve_keys_mm": v.valve_keys_mm,
                "equipment_labels": [str(Vehicle.Equipment(e).label) for e in v.equipment],
                "inspection_due": due, "level": level, "out_of_service": v.out_of_service,
            }
        )  # fmt: skip
    return {"vehicles": rows, "equipment": _choices(Vehicle.Equipment.choices)}


def stock() -> dict[str, Any]:
    """What lies where and how much of it is promised; who waits for what; what is used up."""
    held: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = Reservation.objects.filter(state=Reservation.State.HELD).select_related("crew")
    for r in rows:
        held[r.stock_id].append(
            {"id": r.pk, "order": r.order, "quantity": r.quantity,
             "crew": r.crew.shown if r.crew else "", "at": r.at}
        )  # fmt: skip

    def piece(s: Stock) -> dict[str, Any]:
        return {
            "id": s.pk, "item": s.item, "label": str(s.get_item_display()),
            "diameter_mm": s.diameter_mm, "to_mm": s.to_mm, "materials": s.materials,
            "quantity": s.quantity, "reserved": s.reserved, "free": s.free,
            "held": held[s.pk],
        }  # fmt: skip

    places = [
        {"kind": "depot", "id": d.pk, "name": d.shown, "stock": [piece(s) for s in d.stock.all()]}
        for d in Depot.objects.prefetch_related("stock")
    ]
    places += [
        {"kind": "vehicle", "id": v.pk,
         "name": f"{v.plate} · {v.crew.shown}" if v.crew else v.plate,
         "stock": [piece(s) for s in v.stock.all()]}
        for v in Vehicle.objects.select_related("crew").prefetch_related("stock")
    ]  # fmt: skip
    return {"places": places, "items": _choices(Stock.Item.choices), "empty": _empty(places)}


def _empty(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sizes kept somewhere of which nothing is free anywhere."""
    free: dict[tuple[str, str, int, int | None], int] = defaultdict(int)
    for place in places:
        for s in place["stock"]:
            free[s["item"], s["label"], s["diameter_mm"], s["to_mm"]] += s["free"]
    return [
        {"item": item, "label": label, "diameter_mm": mm, "to_mm": to}
        for (item, label, mm, to), n in sorted(free.items(), key=lambda x: (x[0][0], x[0][2]))
        if n == 0
    ]


def track_views(crew: Crew, most: int = 50) -> list[dict[str, Any]]:
    """Who looked at where this crew was, when and why; newest first."""
    rows = AuditRow.objects.filter(action="track.view", subject=f"crew:{crew.pk}")
    return [
        {"at": r.at, "by": r.by, "role": r.role, "reason": r.note}
        for r in rows.order_by("-id")[:most]
    ]
