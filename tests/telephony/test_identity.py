"""Numbers and names typed by strangers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.identity import NAME_LENGTH, caller_id, clean_name, clean_number


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("0401234567", "0401234567"),
        ("+358 40 123 4567", "+358401234567"),
        ("(040) 123-4567", "0401234567"),
        ("anonymous", ""),
        ("Restricted", ""),
        ("", ""),
        ("1", ""),
        ("040 123; drop table", ""),
        ("٠٤٠١٢٣٤", ""),
        ("4" * 200, ""),
    ],
)
def test_a_number_is_digits_or_hidden(raw: str, clean: str) -> None:
    assert clean_number(raw) == clean
    assert caller_id(raw, "").hidden == (clean == "")


def test_markup_in_a_name_stays_text() -> None:
    assert clean_name('<b>Ann</b> & "Co"') == '<b>Ann</b> & "Co"'


def test_control_and_direction_characters_go() -> None:
    assert clean_name("A\x00n\x1b[31mn\u202e\u200b\tB\r\nC") == "An[31mn B C"


def test_a_name_that_says_nothing_is_left_out() -> None:
    assert caller_id("0401234567", "0401234567").name == ""
    assert caller_id("", "Anonymous").name == ""


@given(st.text(max_size=700))
def test_a_name_is_short_printable_and_cleaning_it_again_changes_nothing(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= NAME_LENGTH and name.isprintable() and name == name.strip()
    assert clean_name(name) == name
