"""When is somebody shut out, and for how long? A rule without a clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.ami.events import Knocked, Other, SignedIn, parse_event
from telephony.ami.parser import Message
from telephony.guard import FIRST_BLOCK, LONGEST_BLOCK, TRIES, WITHIN, Guard, render_acl

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
THIEF, DESK, GATEWAY = "198.51.100.66", "198.51.100.7", "203.0.113.1"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_the_tenth_wrong_password_within_a_minute_shuts_out_for_a_quarter_of_an_hour() -> None:
    guard = Guard()
    blocks = [guard.failed(THIEF, "password", after(n)) for n in range(TRIES)]
    assert blocks[:-1] == [None] * (TRIES - 1)
    assert blocks[-1] is not None and blocks[-1].until == after(TRIES - 1) + FIRST_BLOCK
    assert guard.blocked(THIEF, after(60)) and not guard.blocked(DESK, after(60))
    # told once, however long the attack goes on
    assert all(guard.failed(THIEF, "password", after(30 + n)) is None for n in range(50))
    assert guard.expired(after(60) + FIRST_BLOCK) and not guard.blocks


def test_somebody_who_forgot_the_password_is_let_be() -> None:
    guard = Guard()
    for hour in range(5):
        for n in range(TRIES - 1):
            assert guard.failed(DESK, "password", after(3600 * hour + n)) is None
    for n in range(100):
        assert guard.failed(DESK, "password", after(20000 + n)) is None
        guard.signed_in(DESK)


def test_who_comes_back_stays_out_longer_each_time_up_to_a_day() -> None:
    guard, now, lengths = Guard(), NOON, []
    for _ in range(12):
        found = None
        while found is None:
            found = guard.failed(THIEF, "account", now)
        lengths.append(found.until - now)
        now = found.until
        guard.expired(now)
    assert lengths[0] == FIRST_BLOCK and lengths[1] == 2 * FIRST_BLOCK
    assert lengths[-1] == LONGEST_BLOCK == max(lengths) and lengths == sorted(lengths)
    guard.release(THIEF)
    assert [guard.failed(THIEF, "x", now) for _ in range(TRIES)][-1].until - now == FIRST_BLOCK  # type: ignore[union-attr]


def test_a_forged_gateway_or_nonsense_shuts_out_nobody() -> None:
    guard = Guard(trusted={GATEWAY})
    for n in range(1000):
        assert guard.failed(GATEWAY, "account", after(n / 100)) is None
        assert guard.failed("no address", "account", after(n / 100)) is None
    assert not guard.blocks


@given(st.lists(st.tuples(st.sampled_from([THIEF, DESK]), st.floats(0, 600)), max_size=80))
def test_a_block_always_has_ten_failures_of_that_address_within_a_minute_before_it(
    knocks: list[tuple[str, float]],
) -> None:
    guard, seen = Guard(), list[tuple[str, float]]()
    for address, second in sorted(knocks, key=lambda knock: knock[1]):
        seen.append((address, second))
        block = guard.failed(address, "password", after(second))
        if block is not None:
            recent = [s for a, s in seen if a == address and second - s <= WITHIN.total_seconds()]
            assert len(recent) >= TRIES


def test_the_list_for_asterisk_holds_addresses_and_nothing_else() -> None:
    text = render_acl([THIEF, "2001:db8::1"])
    assert f"deny={THIEF}/255.255.255.255" in text and "deny=2001:db8::1/128" in text
    assert text.index("permit") < text.index("deny")
    for bad in ("1.2.3.4\npermit=0.0.0.0/0", "", "host.example"):
        with pytest.raises(ValueError, match="address"):
            render_acl([bad])


def event(name: str, **fields: str) -> object:
    return parse_event(Message((("Event", name), *fields.items())))


def test_asterisks_words_for_a_refusal_are_understood() -> None:
    there = {"Service": "PJSIP", "RemoteAddress": "IPV4/UDP/198.51.100.66/5060", "AccountID": "7"}
    assert event("ChallengeResponseFailed", **there) == Knocked(THIEF, "7", "password")
    assert event("InvalidAccountID", **there) == Knocked(THIEF, "7", "account")
    assert event("SuccessfulAuth", UsingPassword="1", **there) == SignedIn(THIEF, "7")
    # the manager's own sign-in, a challenge and a broken address are none of it
    assert isinstance(event("InvalidPassword", **{**there, "Service": "AMI"}), Other)
    assert isinstance(event("ChallengeSent", **there), Other)
    broken = event("InvalidAccountID", **{**there, "RemoteAddress": "IPV4/UDP"})
    assert broken == Knocked("", "7", "account")
    number = {"UserEvent": "SPOddNumber", "Account": "1001", "Address": "198.51.100.66:5060"}
    assert event("UserEvent", **number) == Knocked(THIEF, "1001", "number")
