"""Verbs of the ledger: a valve was turned, water went off, came back, or it was all a mistake.

Everything is added, nothing changed; saying the same thing twice writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.customers.models import Premise
from server.ledger.models import SupplyFact, ValveTurn

BATCH = 2000


def valve_turned(
    asset: str, *, position: str, at: datetime, by: str, cause: str = "", reason: str = ""
) -> ValveTurn:
    """Keep that `asset` was put in `position` ("open", "closed", "cannot_close") at `at`.

    `cause` is what it was turned for, as a rule the number of a shut-off. The same turn told twice
    is kept once. Refused ('position', 'unknown_position'), ('at', 'not_a_moment').
    """
    _check("position", position, ValveTurn.Position.values)
    _check_moment(at)
    told: dict[str, object] = {
        "asset": asset[:60], "position": position, "at": at, "cause": cause[:40],
    }  # fmt: skip
    with transaction.atomic():
        _alone(f"valve:{asset}")
        found = ValveTurn.objects.filter(**told).first()
        return found or ValveTurn.objects.create(**told, by=by[:150], reason=reason[:200])


def water_off(
    premises: Collection[str],
    *,
    at: datetime,
    shut_off: str,
    planned: bool,
    by: str,
    basis: str = SupplyFact.Basis.MODELLED,
    source: str = "",
) -> int:
    """Keep that the water of `premises` (codes) went off at `at`; returns the facts written.

    For a premise with a tank of its own `at` is when the tank is empty: the caller reckons it.
    Codes of no premise are passed over. Refused as `valve_turned`, and ('shut_off', 'required').
    """
    return _say(SupplyFact.Kind.OFF, premises, at, shut_off, planned, basis, by, source)


def water_on(
    premises: Collection[str],
    *,
    at: datetime,
    shut_off: str,
    by: str,
    basis: str = SupplyFact.Basis.MODELLED,
    source: str = "",
) -> int:
    """Keep that the water of `premises` (codes) came back at `at`; as `water_off` otherwise."""
    return _say(SupplyFact.Kind.ON, premises, at, shut_off, False, basis, by, source)


def void(premises: Collection[str], *, shut_off: str, by: str, reason: str) -> int:
    """Take back what was recorded of `premises` in this shut-off; returns how many had any.

    What was recorded stays readable as of then. Refused ('reason', 'required').
    """
    if not reason.strip():
        raise Refused("reason", "required", _("Say why this is taken back."))
    _check_shut_off(shut_off)
    with transaction.atomic():
        _alone(f"ledger:{shut_off}")
        rows = [
            SupplyFact(
                premise_id=premise, shut_off=shut_off, spell=facts[-1].spell, at=now,
                recorded_at=now, kind=SupplyFact.Kind.VOID, by=by[:150], source=reason[:200],
            )
            for now in (timezone.now(),)
            for premise, facts in _facts_of(premises, shut_off).items()
            if facts and facts[-1].kind != SupplyFact.Kind.VOID
        ]  # fmt: skip
        SupplyFact.objects.bulk_create(rows, batch_size=BATCH)
        if rows:
            record("ledger.void", f"shutoff:{shut_off}", note=f"{len(rows)}: {reason}", by=by)
        return len(rows)


def _say(
    kind: str, premises: Collection[str], at: datetime, shut_off: str, planned: bool, basis: str,
    by: str, source: str,
) -> int:  # fmt: skip
    _check("basis", basis, SupplyFact.Basis.values)
    _check_shut_off(shut_off)
    _check_moment(at)
    with transaction.atomic():
        # One at a time for a shut-off: the spell depends on what is there already.
        _alone(f"ledger:{shut_off}")
        now = timezone.now()
        rows = []
        for premise, facts in _facts_of(premises, shut_off).items():
            standing = since_void(facts)
            if any((f.kind, f.at, f.basis) == (kind, at, basis) for f in standing):
                continue
            spell = spell_for(standing, kind, at) or (facts[-1].spell + 1 if facts else 1)
            rows.append(
                SupplyFact(
                    premise_id=premise, shut_off=shut_off, spell=spell, kind=kind, at=at,
                    recorded_at=now, planned=planned, basis=basis, by=by[:150],
                    source=source[:200],
                )
            )  # fmt: skip
        SupplyFact.objects.bulk_create(rows, batch_size=BATCH)
        return len(rows)


def since_void(facts: Sequence[SupplyFact]) -> list[SupplyFact]:
    """Those of `facts` (one premise and shut-off, in the order recorded) that are not voided."""
    voids = [n for n, f in enumerate(facts) if f.kind == SupplyFact.Kind.VOID]
    return list(facts[voids[-1] + 1 :] if voids else facts)


def spell_for(standing: Sequence[SupplyFact], kind: str, at: datetime) -> int:
    """The spell that a word of `kind` at `at` is about; 0 where nothing stands yet.

    Water that goes off when the spells before have ended by then begins the next, or puts the
    beginning of a later one right. Water that comes back ends the last spell begun by then.
    """
    if not standing:
        return 0
    spells = sorted({f.spell for f in standing}, reverse=True)
    if kind == SupplyFact.Kind.OFF:
        for spell in spells:
            end = _word(standing, spell, SupplyFact.Kind.ON)
            if end is not None and end <= at:
                return spell + 1
        return spells[-1]
    for spell in spells:
        begun = _word(standing, spell, SupplyFact.Kind.OFF)
        if begun is not None and begun <= at:
            return spell
    return spells[-1]


def _word(standing: Sequence[SupplyFact], spell: int, kind: str) -> datetime | None:
    """The moment that counts in a spell, as sql.SPANS chooses it."""
    said = [f for f in standing if (f.spell, f.kind) == (spell, kind)]
    if not said:
        return None
    return max(said, key=lambda f: (f.basis == SupplyFact.Basis.CONFIRMED, f.recorded_at, f.pk)).at


def _facts_of(premises: Collection[str], shut_off: str) -> dict[int, list[SupplyFact]]:
    """Premise id -> its facts in this shut-off, as recorded; every known code has an entry."""
    codes = dict(Premise.objects.filter(code__in=list(premises)).values_list("pk", "code"))
    found: dict[int, list[SupplyFact]] = {pk: [] for pk in sorted(codes)}
    for fact in SupplyFact.objects.filter(shut_off=shut_off, premise_id__in=found).order_by("id"):
        found[fact.premise_id].append(fact)
    return found


def _alone(name: str) -> None:
    """Wait for whoever writes under the same name; released with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _check(field: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        text = _("Give one of: %(allowed)s.") % {"allowed": ", ".join(allowed)}
        raise Refused(field, f"unknown_{field}", text)


def _check_shut_off(shut_off: str) -> None:
    if not shut_off or len(shut_off) > 20:
        raise Refused("shut_off", "required", _("Name the shut-off by its number."))


def _check_moment(at: datetime) -> None:
    if at.tzinfo is None:
        raise Refused("at", "not_a_moment", _("A moment needs its time zone."))
