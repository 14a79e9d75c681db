"""Caller numbers: the table of the Xi'an utility, Finnish numbers, and everything hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.customers.phones import (
    NAME_LENGTH,
    Number,
    clean_name,
    is_landline,
    mask,
    normalise,
)

HELSINKI = ("358", "09")


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+8613912345678", "13912345678"),
        ("008613912345678", "13912345678"),
        ("013912345678", "13912345678"),
        ("139-1234-5678", "13912345678"),
        ("13912345678", "13912345678"),
        ("8613912345678", "13912345678"),
        ("１３９１２３４５６７８", "13912345678"),
        ("02987654321", "02987654321"),
        ("(029)8765 4321", "02987654321"),
        ("87654321", "02987654321"),
        ("+86 29 8765 4321", "02987654321"),
        ("+86 (0)29 8765 4321", "02987654321"),
        ("01087654321", "01087654321"),
        ("4008123456", "4008123456"),
        ("+358 40 123 4567", "+358401234567"),
        ("00358401234567", "+358401234567"),
        ("sip:+8613912345678@10.0.0.1;transport=udp", "13912345678"),
        ("tel:+86-139-1234-5678", "13912345678"),
    ],
)
def test_a_number_reads_the_same_however_the_trunk_writes_it_in_xian(raw, number):
    assert normalise(raw) == Number(number, "", "person")


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+358 40 123 4567", "0401234567"),
        ("040 1234567", "0401234567"),
        ("040-123 4567", "0401234567"),
        ("00358401234567", "0401234567"),
        ("358401234567", "0401234567"),
        ("401234567", "0401234567"),
        ("+358 (0)9 310 1691", "093101691"),
        ("3101691", "093101691"),
        ("+8613912345678", "+8613912345678"),
        ("13912345678", "+8613912345678"),
        ("8613912345678", "+8613912345678"),
        ("+46 8 123 45 67", "+4681234567"),
        ("0046 8 123 45 67", "+4681234567"),
    ],
)
def test_finnish_and_foreign_numbers_read_the_same_in_helsinki(raw, number):
    assert normalise(raw, *HELSINKI) == Number(number, "", "person")


@pytest.mark.parametrize("raw", ["anonymous", "", "0", None, "Unavailable", "+", "00", "未知",
                                 "anonymous@anonymous.invalid", "<script>", "+" * 500, "9" * 500])
def test_a_hidden_or_unusable_number_is_hidden(raw):
    assert normalise(raw) == Number(None, "", "hidden")


def test_a_service_number_matches_no_customer():
    assert normalise("965113") == Number("965113", "", "service")
    assert normalise("110").kind == "service"
    assert normalise("965113", *HELSINKI, service_numbers=("965113",)).kind == "service"


@pytest.mark.parametrize("raw", ["13912345678;ext=12", "139-1234-5678 ext. 12", "13912345678#12",
                                 "139 1234 5678转12"])
def test_an_extension_is_kept_apart(raw):
    assert normalise(raw) == Number("13912345678", "12", "person")


@given(st.one_of(st.text(max_size=60), st.text("0123456789+-() ;xe.t=@", max_size=40),
                 st.from_regex(r"\+?[0-9]{1,16}", fullmatch=True)),
       st.sampled_from([("86", "029"), ("358", "09"), ("44", "020")]))
def test_normalising_never_raises_and_changes_nothing_the_second_time(raw, home):
    first = normalise(raw, *home)
    assert (first.number is None) == (first.kind == "hidden")
    if first.number is not None:
        assert normalise(first.number, *home) == Number(first.number, "", first.kind)


@given(st.integers(10**6, 10**9 - 1), st.sampled_from(["13", "15", "18", "19"]))
def test_every_chinese_mobile_agrees_in_all_four_ways_of_writing(rest, head):
    number = f"{head}{rest:09d}"
    written = (number, f"0{number}", f"+86{number}", f"0086{number}")
    assert {normalise(w).number for w in written} == {number}


@pytest.mark.parametrize(("number", "country", "fixed"), [
    ("13912345678", "86", False), ("02987654321", "86", True), ("4008123456", "86", True),
    ("0401234567", "358", False), ("0501234567", "358", False), ("0912345", "358", True),
    ("+8613912345678", "358", False), ("+49301234567", "86", False), ("0301234567", "49", False),
])  # fmt: skip
def test_a_number_that_reads_no_texts_is_known_by_its_form(number, country, fixed):
    assert is_landline(number, country) is fixed


@given(st.text())
def test_a_name_is_one_short_visible_line(raw):
    name = clean_name(raw)
    assert len(name) <= NAME_LENGTH
    assert clean_name(name) == name
    assert not any(ord(c) < 32 for c in name)


def test_a_500_character_name_with_markup_is_cut_and_kept_as_text():
    name = clean_name("<b onclick=alert(1)>Aino\r\nVirtanen</b>" + "x" * 500)
    assert len(name) == NAME_LENGTH
    assert name.startswith("<b onclick=alert(1)>Aino Virtanen</b>xxx")
    assert clean_name('"\u202eevil\u0000 name"') == "evil name"


def test_a_masked_number_shows_its_ends_only():
    assert mask("13912345678") == "139****5678"
    assert mask("+8613912345678") == "+86139****5678"
    assert mask("0401234567") == "040*****67"
    assert mask("112") == "1**"
    assert mask(None) == ""
