"""The ledger of minutes: facts are added, never changed, and any past moment can be asked.

    minute   0    10        95          250            400
             |    |         |            |              |
    120      ===============                                 95 min each
     40           =======================                   240 min each, over 3 h
     15           ======================================    390 min each, over 3 h and over 6 h
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.accounts.models import AuditRow
from server.accounts.refusals import Refused
from server.customers.models import Premise
from server.ledger import selectors, services
from server.ledger.models import SupplyFact, ValveTurn
from server.outages.models import PremiseOff, ShutOff, ValveTask

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
FROM, TO = START - timedelta(days=2), START + timedelta(days=3)
HYPOTHESIS = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


@contextmanager
def told_at(minute: float) -> Iterator[None]:
    """What is written inside was recorded at this minute."""
    with patch("server.ledger.services.timezone.now", return_value=at(minute)):
        yield


def off(codes: list[str], minute: float, number: str = "A-1", **more: object) -> int:
    words = {"planned": False, "by": "x", **more}
    return services.water_off(codes, at=at(minute), shut_off=number, **words)  # type: ignore[arg-type]


def on(codes: list[str], minute: float, number: str = "A-1", **more: object) -> int:
    return services.water_on(codes, at=at(minute), shut_off=number, **{"by": "x", **more})  # type: ignore[arg-type]


def lost(**more: object) -> selectors.Minutes:
    return selectors.minutes(FROM, TO, **{"until": TO, **more})  # type: ignore[arg-type]


def properties(n: int) -> list[str]:
    """So many premises more, none of them on the network."""
    first = Premise.objects.first()
    assert first is not None
    rows = [Premise(code=f"x{i}", address="x", geom=first.geom, use="home") for i in range(n)]
    return [p.code for p in Premise.objects.bulk_create(rows)]


def worked_example() -> None:
    """1,000 properties; (120, 0, 95), (40, 10, 250), (15, 10, 400)."""
    homes = properties(1000 - Premise.objects.count())
    for first, n, begin, end in ((0, 120, 0, 95), (120, 40, 10, 250), (160, 15, 10, 400)):
        off(homes[first : first + n], begin)
        on(homes[first : first + n], end)


def test_the_worked_example_comes_out_to_the_printed_digit(cast):
    worked_example()
    found = lost()
    assert found.properties == 1000
    assert found.total == 26_850
    assert found.per_property == 26.85
    assert found.over_3h_per_property == 15.45
    assert found.interruptions_per_property == 0.175
    assert found.mean_minutes is not None and round(found.mean_minutes, 2) == 153.43
    assert [(o.hours, o.interruptions, o.minutes) for o in found.sums.over] == [
        (3, 55, 15_450), (6, 15, 5_850), (12, 0, 0), (24, 0, 0),
    ]  # fmt: skip
    assert found.sums.planned == 0 and found.sums.modelled == 26_850


def test_a_period_cuts_the_minutes_but_not_the_length_of_an_interruption(cast):
    """An outage over midnight is one of four hours, not two of two: the minutes add up."""
    worked_example()
    whole = [selectors.minutes(at(a), at(b), until=TO) for a, b in ((0, 95), (95, 250), (250, 500))]
    assert whole[1].total == 55 * 155
    assert whole[1].over(6).minutes == 15 * 155 and whole[1].over(6).interruptions == 15
    assert sum(m.total for m in whole) == 26_850
    assert sum(m.over(3).minutes for m in whole) == 15_450


def test_every_grouping_adds_up_to_the_whole(cast):
    off(["anna", "clinic", "school", "bo"], 0)
    on(["anna", "bo"], 60)
    on(["clinic", "school"], 90)
    off(["cai"], 0, "A-2", planned=True)
    on(["cai"], 30, "A-2")
    found = lost()
    assert found.total == 2 * 60 + 2 * 90 + 30
    for by in (found.by_use, found.by_zone, found.by_dma, found.by_district):
        assert sum(s.minutes for s in by.values()) == found.total
        assert sum(s.planned for s in by.values()) == found.sums.planned == 30
    assert {k: s.minutes for k, s in found.by_use.items()} == {
        "home": 150, "dialysis": 90, "school": 90,
    }  # fmt: skip
    assert found.by_zone["low"].premises == 5 and set(found.by_dma) == {"D1"}
    assert {k: s.premises for k, s in found.by_district.items()} == {"east": 4, "west": 1}


def test_two_shut_offs_over_one_house_are_one_dry_house(cast):
    off(["anna"], 0)
    off(["anna"], 50, "A-2")
    on(["anna"], 60)
    on(["anna"], 200, "A-2")
    assert lost().total == 200
    assert lost().sums.interruptions == 1 and lost().over(3).interruptions == 1


def test_a_minute_is_planned_only_where_no_unplanned_shut_off_covers_it(cast):
    off(["anna"], 0, planned=True)
    on(["anna"], 100)
    off(["anna"], 60, "A-2")
    on(["anna"], 130, "A-2")
    found = lost()
    assert (found.total, found.sums.planned, found.sums.unplanned) == (130, 60, 70)
    assert lost(planned=True).total == 60 and lost(planned=False).total == 70


def test_the_word_of_somebody_who_saw_it_beats_the_model_and_both_are_kept(cast):
    """The model says 10 to 100; Anna says 5, her meter says 80, and the model again 120."""
    off(["anna"], 10)
    off(["anna"], 5, basis="confirmed", source="customer")
    on(["anna"], 80, basis="confirmed", source="meter")
    on(["anna"], 100)
    on(["anna"], 120)
    found = lost()
    assert found.total == 75 and found.sums.confirmed == 75
    assert SupplyFact.objects.count() == 5
    (one,) = selectors.intervals("anna")
    assert (one.start, one.end, one.confirmed) == (at(5), at(80), True)
    assert [f.source for f in one.facts] == ["", "customer", "meter", "", ""]


def test_minutes_are_confirmed_only_when_both_ends_are(cast):
    off(["anna", "bo"], 0, basis="confirmed")
    on(["anna"], 60, basis="confirmed")
    on(["bo"], 60)
    found = lost()
    assert (found.sums.confirmed, found.sums.modelled) == (60, 60)
    assert lost(basis="confirmed").total == 60 == lost(basis="modelled").total


def test_the_same_word_twice_is_one_fact(cast):
    assert off(["anna", "bo"], 0) == 2
    assert off(["anna", "bo", "clinic", "no-such-premise"], 0) == 1
    assert on(["anna"], 60) == 1 and on(["anna"], 60) == 0
    assert off(["anna"], 0) == 0
    assert SupplyFact.objects.count() == 4


def test_a_later_word_of_the_same_kind_puts_an_earlier_one_right(cast):
    off(["anna"], 0)
    off(["anna"], 15)
    on(["anna"], 60)
    on(["anna"], 75)
    assert lost().total == 60


def test_water_that_goes_off_again_in_one_shut_off_begins_another_spell(cast):
    for begin, end in ((0, 30), (50, 70)):
        off(["anna"], begin)
        on(["anna"], end)
    assert [(i.start, i.end) for i in selectors.intervals("anna")] == [
        (at(0), at(30)), (at(50), at(70)),
    ]  # fmt: skip
    # Reports that come late find the spell they are about.
    on(["anna"], 30)
    on(["anna"], 40, basis="confirmed")
    off(["anna"], 45, basis="confirmed")
    assert [(i.start, i.end) for i in selectors.intervals("anna")] == [
        (at(0), at(40)), (at(45), at(70)),
    ]  # fmt: skip


def test_reports_in_the_wrong_order_make_the_same_interval(cast):
    on(["anna"], 60)
    off(["anna"], 10)
    assert lost().total == 50


def test_what_was_a_mistake_is_taken_back_and_can_be_said_again(cast):
    with told_at(1):
        off(["anna", "bo"], 0)
    with told_at(31):
        on(["anna", "bo"], 30)
    with told_at(40):
        taken = services.void(["anna", "cai"], shut_off="A-1", by="sari", reason="no valve shut")
    assert taken == 1
    assert lost().total == 30
    assert AuditRow.objects.filter(action="ledger.void", by="sari").exists()
    with told_at(50):
        assert services.void(["anna"], shut_off="A-1", by="sari", reason="again") == 0
        off(["anna"], 5)
        on(["anna"], 15)
    assert lost().total == 40
    assert lost(as_of=at(45)).total == 30
    assert lost(as_of=at(35)).total == 60
    with pytest.raises(Refused) as no:
        services.void(["bo"], shut_off="A-1", by="sari", reason=" ")
    assert no.value.field == "reason"


def test_a_past_moment_is_answered_with_what_was_known_then(cast):
    """The crew's telephone was off the air: what happened at 10 and 70 was heard at 100."""
    with told_at(100):
        off(["anna"], 10)
        on(["anna"], 70)
    with told_at(130):
        on(["anna"], 65, basis="confirmed")

    def known(minute: float) -> float:
        return selectors.minutes(FROM, TO, as_of=at(minute)).total

    assert [known(m) for m in (99, 100, 129, 130)] == [0, 60, 60, 55]
    assert selectors.intervals("anna", at(99)) == []
    assert selectors.intervals("anna", at(129))[0].end == at(70)


def test_what_is_still_off_counts_up_to_the_moment_asked_about(cast):
    with told_at(0):
        off(["anna"], 0)
    assert selectors.minutes(FROM, TO, as_of=at(42.5)).total == 42.5
    assert selectors.minutes(FROM, at(20), as_of=at(60)).total == 20
    assert selectors.intervals("anna", at(42))[0].end is None


def test_seconds_are_not_rounded(cast):
    off(["anna", "bo", "cai"], 1 / 60)
    on(["anna", "bo", "cai"], 2 / 60)
    assert lost().total == pytest.approx(3 / 60, abs=1e-12)


def test_nothing_recorded_is_nothing_lost(cast):
    found = lost()
    assert found.total == 0 and found.per_property == 0 and found.mean_minutes is None
    assert found.by_use == {} and selectors.intervals("nobody") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [({"shut_off": ""}, "shut_off"), ({"shut_off": "x" * 21}, "shut_off"),
     ({"basis": "guessed"}, "basis"), ({"at": datetime(2026, 1, 1)}, "at")],  # noqa: DTZ001
)  # fmt: skip
def test_a_fact_that_says_nothing_clear_is_refused_naming_the_field(cast, change, field):
    words = {"at": START, "shut_off": "A-1", "planned": False, "by": "x", **change}
    with pytest.raises(Refused) as no:
        services.water_off(["anna"], **words)
    assert no.value.field == field and not SupplyFact.objects.exists()


def test_a_turn_of_a_valve_is_kept_once(cast):
    for _ in range(2):
        services.valve_turned("V8", position="closed", at=START, by="north", cause="A-1")
    services.valve_turned("V8", position="open", at=at(60), by="north", cause="A-1")
    assert list(ValveTurn.objects.values_list("position", flat=True)) == ["closed", "open"]
    with pytest.raises(Refused) as no:
        services.valve_turned("V8", position="ajar", at=START, by="x")
    assert no.value.field == "position"


@pytest.mark.parametrize("verb", ["UPDATE {} SET by = 'nobody'", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["ledger_supplyfact", "ledger_valveturn"])
def test_nobody_changes_or_removes_a_fact(cast, table, verb):
    off(["anna"], 0)
    services.valve_turned("V8", position="closed", at=START, by="north")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(verb.format(table))


def test_a_running_installation_brings_its_minutes_along(cast):
    """What the tables of shut-offs held before there was a ledger."""
    from importlib import import_module

    shut = ShutOff.objects.create(target="P8", number="A-7", planned=True)
    for code, end in (("anna", 30), ("bo", None)):
        PremiseOff.objects.create(
            shut_off=shut, premise=Premise.objects.get(code=code), off_at=START,
            on_at=None if end is None else at(end),
        )  # fmt: skip
    PremiseOff.objects.create(shut_off=shut, premise=Premise.objects.get(code="cai"))
    ValveTask.objects.create(shut_off=shut, asset="V8", sequence=1, state="reopened",
                             done_at=START, reversed_at=at(30))  # fmt: skip
    carry = import_module("server.ledger.migrations.0002_append_only").CARRY
    connection.cursor().execute(carry)
    assert lost(as_of=TO, until=at(100)).total == 30 + 100
    known = selectors.minutes(FROM, TO, as_of=at(20)).sums
    assert known.minutes == known.planned == known.modelled == 20 + 20
    assert list(ValveTurn.objects.values_list("asset", "position")) == [
        ("V8", "closed"), ("V8", "open"),
    ]  # fmt: skip


# -- against counting minute by minute ------------------------------------------------------------

WORDS = st.lists(
    st.tuples(
        st.sampled_from(["off", "off", "off", "on", "on", "void"]),
        st.sets(st.integers(0, 2), min_size=1), st.integers(0, 2), st.integers(0, 120),
        st.booleans(), st.sampled_from(["modelled", "confirmed"]),
    ),
    max_size=14,
)  # fmt: skip


def say(homes: list[str], words: list[tuple]) -> None:  # type: ignore[type-arg]
    """The n-th word is recorded at minute n."""
    for n, (kind, who, where, minute, planned, basis) in enumerate(words):
        codes = [homes[i] for i in who]
        with told_at(n):
            if kind == "off":
                off(codes, minute, f"A-{where}", planned=planned, basis=basis)
            elif kind == "on":
                on(codes, minute, f"A-{where}", basis=basis)
            else:
                services.void(codes, shut_off=f"A-{where}", by="x", reason="wrong")


def minute_of(moment: datetime) -> int:
    return int((moment - START).total_seconds() // 60)


def counted(as_of: int) -> dict[int, dict[str, set[int]]]:
    """Premise -> {"planned", "unplanned", "confirmed"} -> the minutes it was dry, by loops."""
    found: dict[int, dict[str, set[int]]] = {}
    heard = [f for f in SupplyFact.objects.order_by("id") if f.recorded_at <= at(as_of)]
    standing: dict[tuple[int, str], list[SupplyFact]] = {}
    for fact in heard:
        key = (fact.premise_id, fact.shut_off)
        standing[key] = [] if fact.kind == "void" else [*standing.get(key, []), fact]
    for (premise, _), facts in standing.items():
        for spell in {f.spell for f in facts}:
            word: dict[str, SupplyFact] = {}
            for fact in (f for f in facts if f.spell == spell):
                now = word.get(fact.kind)
                if now is None or fact.basis == "confirmed" or now.basis == "modelled":
                    word[fact.kind] = fact
            if "off" not in word:
                continue
            end = min(minute_of(word["on"].at), as_of) if "on" in word else as_of
            dry = set(range(minute_of(word["off"].at), end))
            sets = found.setdefault(premise, {"planned": set(), "unplanned": set(),
                                              "confirmed": set()})  # fmt: skip
            sets["planned" if word["off"].planned else "unplanned"] |= dry
            if all(w.basis == "confirmed" for w in word.values()):
                sets["confirmed"] |= dry
    return found


def runs(minutes: set[int]) -> list[set[int]]:
    """The stretches without a gap."""
    rows: list[set[int]] = []
    for minute in sorted(minutes):
        if rows and minute - 1 in rows[-1]:
            rows[-1].add(minute)
        else:
            rows.append({minute})
    return rows


@settings(max_examples=40, **HYPOTHESIS)
@given(WORDS, st.integers(0, 100), st.integers(1, 120), st.integers(0, 120))
def test_the_ledger_is_what_counting_minute_by_minute_gives(cast, words, begin, length, as_of):
    with transaction.atomic():
        say(properties(3), words)
        asked = {
            part: selectors.minutes(
                at(begin), at(begin + length), as_of=at(as_of), planned=part, groups=False
            )
            for part in (None, True, False)
        }
        dry = counted(as_of)
        transaction.set_rollback(True)
    period = set(range(begin, begin + length))
    keep = {
        None: {p: s["planned"] | s["unplanned"] for p, s in dry.items()},
        True: {p: s["planned"] - s["unplanned"] for p, s in dry.items()},
        False: {p: s["unplanned"] for p, s in dry.items()},
    }
    for part, sets in keep.items():
        found = asked[part]
        stretches = [r for s in sets.values() for r in runs(s) if r & period]
        assert found.total == pytest.approx(sum(len(r & period) for r in stretches))
        assert found.sums.interruptions == len(stretches)
        confirmed = sum(len(s & period & dry[p]["confirmed"]) for p, s in sets.items())
        assert found.sums.confirmed == pytest.approx(confirmed)
    whole = asked[None].sums
    assert whole.planned == pytest.approx(asked[True].total)
    assert whole.unplanned == pytest.approx(asked[False].total)


@settings(max_examples=15, **HYPOTHESIS)
@given(WORDS)
def test_what_was_known_at_a_moment_never_changes_later(cast, words):
    """Whatever is said afterwards, the answer as of that moment stays."""
    with transaction.atomic():
        homes = properties(3)
        half = len(words) // 2
        say(homes, words[:half])
        ask = at(half - 0.5)
        before = selectors.minutes(FROM, TO, as_of=ask, groups=False).sums
        say_later = [(k, w, s, m, p, b) for k, w, s, m, p, b in words[half:]]
        for n, word in enumerate(say_later):
            with patch(f"{__name__}.told_at", return_value=_later(half + n)):
                say(homes, [word])
        after = selectors.minutes(FROM, TO, as_of=ask, groups=False).sums
        transaction.set_rollback(True)
    assert before == after


@contextmanager
def _later(minute: float) -> Iterator[None]:
    with patch("server.ledger.services.timezone.now", return_value=at(minute)):
        yield
