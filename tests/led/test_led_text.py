"""What a board of 16-dot rows can show, and the bytes that tell it. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.led import text, wire
from server.led.text import Line
from tests.led.board import modbus


@pytest.mark.parametrize(
    ("asked", "shown", "replaced"),
    [
        ("停水:教堂街 14:05起", "停水:教堂街 14:05起", []),
        ("Hämeentie – Ä", "Hameentie - A", [("ä", "a"), ("–", "-"), ("Ä", "A")]),
        ("水表①", "水表①", []),
        ("囍 😀", "? ?", [("囍", "?"), ("😀", "?")]),
        ("臺灣路", "??路", [("臺", "?"), ("灣", "?")]),
        ("a\x07b", "a?b", [("\x07", "?")]),
        ("12 m³, 5 €", "12 m3, 5 EUR", [("³", "3"), ("€", "EUR")]),
    ],
)  # fmt: skip
def test_what_the_font_lacks_is_replaced_and_reported(asked, shown, replaced):
    assert text.shown(asked) == (shown, replaced)


@given(st.text(max_size=60))
def test_whatever_is_shown_can_be_encoded_and_fits_its_line(asked):
    shown, _replaced = text.shown(asked)
    shown.encode("gb2312")
    for line in text.wrapped(shown, 12):
        assert sum(len(c.encode("gb2312")) for c in line) <= 12  # a byte is a cell of 8 dots
    whole = "".join("".join(text.wrapped(shown, 12)).split())
    assert whole == "".join(shown.split())  # nothing is lost but spaces


def test_lines_break_between_words_and_between_chinese_signs():
    assert text.wrapped("Water off: Church Street", 12) == ["Water off:", "Church", "Street"]
    assert text.wrapped("停水教堂街21号", 12) == ["停水教堂街21", "号"]
    assert text.wrapped("Liisankatu-pitkäsana".replace("ä", "a"), 8) == [
        "Liisanka", "tu-pitka", "sana",
    ]  # fmt: skip
    assert text.wrapped("", 12) == []
    with pytest.raises(ValueError, match="cells"):
        text.wrapped("x", 1)


def test_the_urgent_come_first_and_again_after_every_two_others():
    lines = [Line("notice", 3, c) for c in "abcd"] + [Line("outage", 1, "!")]
    order = [p.rows[0] for p in text.pages(lines, columns=192, rows=2)]
    assert order == ["!", "a", "b", "!", "c", "d"]
    times = {p.rows[0]: p.seconds for p in text.pages(lines, columns=192, rows=2)}
    assert times["!"] > times["a"]
    assert text.pages([], columns=192, rows=2) == []


def test_a_long_text_takes_several_pages_of_the_boards_rows():
    found = text.pages([Line("outage", 1, "停" * 30)], columns=96, rows=2)
    assert [len(p.rows) for p in found] == [2, 2, 1]
    assert "".join("".join(p.rows) for p in found) == "停" * 30


@given(st.binary(max_size=80))
def test_the_sum_is_crc_16_modbus(data):
    assert wire.crc16(data) == modbus(data)
    assert wire.crc16(b"123456789") == 0x4B37  # the published check value


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=300), st.binary(max_size=5))
def test_a_frame_is_read_back_in_whatever_pieces_it_comes(command, sequence, payload, after):
    data = wire.frame(command, payload, sequence=sequence)
    for n in range(len(data)):
        assert wire.read(data[:n]) is None
    found = wire.read(data + after)
    assert found == (wire.Frame(1, sequence, command, payload), after)


def test_a_frame_byte_for_byte():
    page = text.Page("outage", 1, 8, ("停水",))
    assert wire.show([page]).hex(" ") == "01 08 01 04 cd a3 cb ae"
    whole = wire.frame(wire.SHOW, wire.show([page]), sequence=7)
    assert whole.hex(" ").startswith("02 01 07 10 00 08 01 08 01 04 cd a3 cb ae ")
    assert whole[-1] == 3 and len(whole) == 17


def test_bytes_that_are_no_frame_are_refused():
    good = wire.frame(wire.HELLO)
    for bad in (b"\x00" + good[1:], good[:-3] + b"\x00\x00\x03", good[:-1] + b"\x04"):
        with pytest.raises(wire.WireError):
            wire.read(bad)
    with pytest.raises(ValueError, match="payload"):
        wire.frame(wire.SHOW, bytes(70_000))
