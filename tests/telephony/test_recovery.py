"""Calls rebuilt from recorded files, and from files that were cut, spoiled or replaced."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.recovery import parse_line, parse_queue_log, recover

RECORDED = Path(__file__).parent / "recorded"
LATER = datetime(2026, 11, 24, tzinfo=UTC)


def line(event: str, call: str = "sp-1.0", **more: str) -> str:
    at = "2026-11-23T08:00:00.000Z"
    return json.dumps({"event": event, "call": call, "at": at, **more}) + "\n"


def test_recorded_files_become_calls(tmp_path: Path) -> None:
    (tmp_path / "sp-1795399392.0.wav").write_bytes(b"RIFF" + b"\0" * 4000)
    (tmp_path / "sp-1795399433.13-message.wav").write_bytes(b"RIFF" + b"\0" * 4000)
    result = recover(
        RECORDED / "calls.jsonl", tmp_path, queue_log=RECORDED / "queue_log.txt", now=LATER
    )
    assert not result.bad
    assert result.mark == (RECORDED / "calls.jsonl").stat().st_size
    by_number = {call.caller.number: call for call in result.calls}
    taken = by_number["0401230001"]
    assert (taken.caller.name, taken.agent, taken.queue) == ("Aino Virtanen", "1101", "faults")
    assert (taken.hold_s, taken.talk_s, taken.status) == (0.0, 3.0, "")
    assert taken.recording is not None and taken.message is None
    assert taken.arrived_at and taken.queued_at and taken.answered_at and taken.ended_at
    assert taken.arrived_at < taken.queued_at < taken.answered_at < taken.ended_at
    urgent = by_number["0401230002"]
    assert urgent.priority == 10
    alone = by_number["0401230005"]
    assert (alone.caller.name, alone.fallback, alone.status) == ("老王", "absent", "JOINEMPTY")
    assert alone.message is not None and alone.answered_at is None
    assert by_number["0401230006"].fallback == "watchdog"


def test_reading_from_the_mark_finds_nothing_twice_once_calls_are_over(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text(line("arrived", number="0401") + line("ended"))
    first = recover(log, tmp_path, now=LATER)
    assert [call.call_id for call in first.calls] == ["sp-1.0"]
    assert recover(log, tmp_path, mark=first.mark, now=LATER).calls == ()
    with log.open("a") as file:
        file.write(line("arrived", "sp-2.0"))
    second = recover(log, tmp_path, mark=first.mark, now=datetime(2026, 11, 23, 8, 1, tzinfo=UTC))
    assert [call.call_id for call in second.calls] == ["sp-2.0"]


def test_a_call_that_goes_on_is_read_again_and_whole(tmp_path: Path) -> None:
    log, now = tmp_path / "calls.jsonl", datetime(2026, 11, 23, 8, 1, tzinfo=UTC)
    log.write_text(line("arrived", "sp-1.0", number="0401") + line("arrived", "sp-2.0"))
    first = recover(log, tmp_path, now=now)
    assert first.mark == 0 and first.calls[0].ended_at is None
    with log.open("a") as file:
        file.write(line("ended", "sp-1.0"))
    second = recover(log, tmp_path, mark=first.mark, now=now)
    assert second.calls[0].caller.number == "0401" and second.calls[0].ended_at is not None
    # the second call has not ended; the mark stands before its first line
    assert second.mark == len(line("arrived", "sp-1.0", number="0401"))


def test_a_call_whose_end_was_never_written_does_not_hold_the_mark_for_ever(
    tmp_path: Path,
) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text(line("arrived"))
    soon = recover(log, tmp_path, now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    late = recover(log, tmp_path, now=datetime(2026, 11, 23, 20, 0, tzinfo=UTC))
    assert soon.mark == 0 and late.mark == log.stat().st_size
    assert late.calls[0].ended_at is None


def test_an_answered_call_waits_a_minute_for_its_recording(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text(line("arrived") + line("answered", agent="1001") + line("ended", agent="1001"))
    at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert recover(log, tmp_path, now=at + timedelta(seconds=30)).mark == 0
    assert recover(log, tmp_path, now=at + timedelta(seconds=90)).mark == log.stat().st_size


def test_a_line_being_written_is_left_for_the_next_time(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    whole = line("arrived") + line("ended")
    log.write_text(whole + '{"event":"arri')
    result = recover(log, tmp_path, now=LATER)
    assert result.mark == len(whole) and not result.bad


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (b"garbage\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[1]\n", "not an object"),
        (b'{"event":"ended","call":"sp-1.0"}\n', "at: missing"),
        (b'{"event":"ended","call":"../../etc","at":"2026-11-23T08:00:00Z"}\n', "call"),
        (b'{"event":"ended","call":"sp-1.0","at":"today"}\n', "at: not"),
        (b'{"event":"ended","call":"sp-1.0","at":"2026-11-23T08:00:00"}\n', "time zone"),
        (b'{"event":1,"call":"sp-1.0","at":"2026-11-23T08:00:00Z"}\n', "not an object of texts"),
        (b"[" * 15000 + b"\n", "not JSON"),
        (b"x" * 20000 + b"\n", "longer"),
    ],
)
def test_a_spoiled_line_is_reported_and_the_others_are_kept(
    tmp_path: Path, spoiled: bytes, reason: str
) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_bytes(line("arrived").encode() + spoiled + line("ended").encode())
    result = recover(log, tmp_path, now=LATER)
    assert len(result.calls) == 1 and result.calls[0].ended_at is not None
    assert len(result.bad) == 1 and reason in result.bad[0].reason
    assert result.mark == log.stat().st_size


def test_a_replaced_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    shutil.copy(RECORDED / "calls.jsonl", log)
    mark = recover(log, tmp_path, now=LATER).mark
    log.write_text(line("arrived", "sp-9.0") + line("ended", "sp-9.0"))
    assert [c.call_id for c in recover(log, tmp_path, mark=mark, now=LATER).calls] == ["sp-9.0"]


def test_absent_files_are_empty_files(tmp_path: Path) -> None:
    result = recover(tmp_path / "no", tmp_path, queue_log=tmp_path / "none", now=LATER)
    assert result.calls == () and result.mark == 0


def test_a_recording_without_sound_is_no_recording(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text(line("arrived") + line("ended"))
    (tmp_path / "sp-1.0.wav").write_bytes(b"\0" * 44)
    assert recover(log, tmp_path, now=LATER).calls[0].recording is None


@given(st.integers(0, 40))
def test_whatever_the_mark_every_call_after_it_is_found(lines: int) -> None:
    whole = (RECORDED / "calls.jsonl").read_bytes().splitlines(keepends=True)
    mark = sum(map(len, whole[:lines]))
    result = recover(RECORDED / "calls.jsonl", RECORDED, mark=mark, now=LATER)
    expected = {parse_line(raw)[1] for raw in whole[lines:]}
    if mark > 0:
        assert {call.call_id for call in result.calls} == expected


def test_lines_of_queue_log_in_another_form_are_left_out() -> None:
    entries = parse_queue_log(["", "x|y", "1795399396|sp-1.0|faults|Desk 1|CONNECT|0|sp-1.1|0"])
    assert [(e.event, e.data) for e in entries] == [("CONNECT", ("0", "sp-1.1", "0"))]


def test_the_question_ends_the_call_and_what_was_pressed_comes_with_it(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    said = [line("arrived"), line("answered", agent="1001"), line("asked", agent="1001")]
    log.write_text("".join(said))
    (going_on,) = recover(log, tmp_path, now=LATER).calls
    assert going_on.ended_at == going_on.asked_at is not None and going_on.score == 0
    later = "2026-11-23T08:01:00.000Z"
    log.write_text("".join([*said, line("rated", score="4"), line("ended", at=later)]))
    (over,) = recover(log, tmp_path, now=LATER).calls
    assert (over.score, over.ended_at) == (4, over.asked_at)


@pytest.mark.parametrize("score", ["", "0", "6", "44", "x", "٤"])
def test_a_score_that_is_none_counts_as_no_answer(tmp_path: Path, score: str) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text(line("arrived") + line("asked") + line("rated", score=score) + line("ended"))
    (call,) = recover(log, tmp_path, now=LATER).calls
    assert call.score == 0 and call.asked_at is not None


@pytest.mark.parametrize(("events", "waiting"), [
    (["arrived"], False), (["queued"], True), (["queued", "answered"], False),
    (["queued", "answered", "transferred", "queued"], True),
    (["queued", "answered", "queued", "message_offered"], True),
    (["queued", "answered", "queued", "answered", "recorded"], False),
])  # fmt: skip
def test_a_caller_who_was_handed_on_and_whom_nobody_took_was_waiting_at_the_end(
    tmp_path: Path, events: list[str], waiting: bool
) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text("".join(map(line, [*events, "ended"])))
    (call,) = recover(log, tmp_path, now=LATER).calls
    assert call.waiting is waiting
