"""Run cards in the database: read, checked field by field, written with a trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import Role
from server.accounts.refusals import Conflict, Refused
from server.dispatch import planning, runcards
from server.dispatch.models import RunCard
from server.tickets.models import Kind, Priority
from server.tickets.priorities import WARNINGS
from server.workforce.models import Skill

LARGEST_MM = 4000


def listed() -> list[dict[str, Any]]:
    """Rows of the table, then the defaults, which have no id and cannot be changed."""
    defaults = [
        {
            "id": None, "name": c.name, "kinds": sorted(c.kinds),
            "priorities": sorted(c.priorities), "from_mm": c.from_mm, "to_mm": c.to_mm,
            "hazards": sorted(c.hazards), "from_hour": c.from_hour, "to_hour": c.to_hour,
            "orders": [
                {"kind": w.kind, "crews": w.crews, "skills": sorted(w.skills), "target": w.target}
                for w in c.orders
            ],
            "tells": list(c.tells), "automatic": c.automatic, "active": True,
        }
        for c in runcards.DEFAULTS
    ]  # fmt: skip
    return [*(card_json(r) for r in RunCard.objects.all()), *defaults]


def card_json(r: RunCard) -> dict[str, Any]:
    return {
        "id": r.pk, "name": r.name, "kinds": r.kinds, "priorities": r.priorities,
        "from_mm": r.from_mm, "to_mm": r.to_mm, "hazards": r.hazards, "from_hour": r.from_hour,
        "to_hour": r.to_hour, "orders": r.orders, "tells": r.tells, "automatic": r.automatic,
        "active": r.active,
    }  # fmt: skip


def save(row: RunCard | None, data: Mapping[str, Any], *, by: str) -> RunCard:
    """Write a card; what `data` does not name stays. Refused, naming the field."""
    row = row or RunCard()
    if "name" in data or not row.name:
        row.name = str(data.get("name") or "").strip()[:80]
        if not row.name:
            raise Refused("name", "required", _("Give the card a name."))
    for field, known in (
        ("kinds", set(Kind.values)), ("priorities", set(Priority.values)),
        ("hazards", set(WARNINGS)), ("tells", set(Role.values)),
    ):  # fmt: skip
        if field in data:
            setattr(row, field, _names(field, data[field], known))
    for field, most in (
        ("from_mm", LARGEST_MM), ("to_mm", LARGEST_MM), ("from_hour", 23), ("to_hour", 23),
    ):  # fmt: skip
        if field in data:
            setattr(row, field, _number(field, data[field], most))
    if (row.from_hour is None) != (row.to_hour is None):
        raise Refused("to_hour", "half", _("Hours need a beginning and an end."))
    for field in ("automatic", "active"):
        if field in data:
            if not isinstance(data[field], bool):
                raise Refused(field, "not_yes_or_no", _("Say yes or no."))
            setattr(row, field, data[field])
    if "orders" in data or not row.orders:
        row.orders = _orders(data.get("orders"))
    row.by = by
    try:
        with transaction.atomic():
            row.save()
            record("run_card.save", f"run_card:{row.name}", by=by)
            planning.ask_again()
    except IntegrityError as error:
        raise Conflict("name", "taken", _("There is a card of this name.")) from error
    return row


def _names(field: str, value: Any, known: Collection[str]) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v in known for v in value):
        raise Refused(
            field, "unknown", _("One of these is not known: %(known)s.")
            % {"known": ", ".join(sorted(known))},
        )  # fmt: skip
    return sorted(set(value))


def _number(field: str, value: Any, most: int) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= most:
        raise Refused(field, "out_of_range", _("That is no number from 0 to %(n)s.") % {"n": most})
    return value


def _orders(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not 1 <= len(value) <= 10:
        raise Refused("orders", "required", _("A card asks for one to ten kinds of order."))
    found = []
    for row in value:
        row = row if isinstance(row, dict) else {}
        if row.get("kind") not in runcards.KINDS:
            raise Refused("orders", "unknown", _("There is no such kind of work order."))
        crews = row.get("crews", 1)
        if type(crews) is not int or not 1 <= crews <= runcards.MOST_CREWS:
            raise Refused(
                "orders", "crews", _("An order needs one to %(n)s crews.")
                % {"n": runcards.MOST_CREWS},
            )  # fmt: skip
        target = row.get("target", runcards.PLACE)
        if target not in runcards.TARGETS:
            raise Refused("orders", "target", _("An order leads to the place or the first valve."))
        skills = _names("orders", row.get("skills", []), set(Skill.values))
        found.append({"kind": row["kind"], "crews": crews, "skills": skills, "target": target})
    if len({r["kind"] for r in found}) < len(found):
        raise Refused("orders", "twice", _("A kind of order stands on a card once."))
    return found
