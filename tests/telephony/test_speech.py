"""Numbers, times and sentences in both languages, and the files made of them."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.notices import shutoff_notice
from telephony.prompts import PromptError, Speech, pinyin, synthesise
from telephony.sentences import (
    LANGUAGES,
    PROMPTS,
    Language,
    Say,
    say_digits,
    say_number,
    say_time,
)
from tests.telephony.sound import seconds_of


@pytest.mark.parametrize(
    ("number", "en", "zh"),
    [
        (0, "zero", "零"),
        (7, "seven", "七"),
        (10, "ten", "十"),
        (15, "fifteen", "十五"),
        (20, "twenty", "二十"),
        (42, "forty two", "四十二"),
        (105, "one hundred and five", "一百零五"),
        (110, "one hundred and ten", "一百一十"),
        (1001, "one thousand and one", "一千零一"),
        (2026, "two thousand and twenty six", "二千零二十六"),
        (9999, "nine thousand nine hundred and ninety nine", "九千九百九十九"),
    ],
)
def test_numbers_are_spoken_as_words(number: int, en: str, zh: str) -> None:
    assert (say_number(number, "en"), say_number(number, "zh")) == (en, zh)


@given(st.integers(0, 9999))
def test_no_number_leaves_a_digit_or_sounds_like_another(number: int) -> None:
    for language in LANGUAGES:
        text = say_number(number, language)
        assert text and not any(char.isdecimal() and char.isascii() for char in text)
        assert text != say_number((number + 1) % 10000, language)


def test_a_number_out_of_range_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="number"):
        say_number(10000, "en")


@pytest.mark.parametrize(
    ("clock", "en", "zh"),
    [
        ((14, 5), "fourteen oh five", "十四点零五分"),
        ((0, 0), "zero o'clock", "零点整"),
        ((9, 30), "nine thirty", "九点三十分"),
        ((23, 59), "twenty three fifty nine", "二十三点五十九分"),
    ],
)
def test_times_are_spoken_as_words(clock: tuple[int, int], en: str, zh: str) -> None:
    moment = datetime(2026, 11, 23, *clock, tzinfo=UTC)
    assert (say_time(moment, "en"), say_time(moment, "zh")) == (en, zh)


def test_a_ticket_number_is_spoken_digit_by_digit() -> None:
    assert say_digits("T-105", "en") == "one zero five"
    assert say_digits("T-105", "zh") == "一零五"


def test_the_notice_tells_since_when_and_until_when() -> None:
    since = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    until = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    english = shutoff_notice("en", since=since, until=until, now=since)
    assert english.prompt == "known-shutoff"
    assert english.sentence == (
        "The water where you are has been off since fourteen oh five. "
        "We expect it back by six thirty on November twenty four."
    )
    chinese = shutoff_notice("zh", since=since, until=None, now=since, planned=True)
    assert chinese.prompt == "known-planned"
    assert chinese.sentence == (
        "因计划施工，您所在的区域自十四点零五分起停水。恢复时间尚未确定。"
    )


def test_the_notice_speaks_the_time_of_the_place_whatever_zone_it_was_stored_in() -> None:
    helsinki = timezone(timedelta(hours=2))
    now = datetime(2026, 11, 23, 15, 0, tzinfo=helsinki)
    stored = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)
    said = shutoff_notice("en", since=stored, until=None, now=now)
    assert "fourteen oh five" in said.sentence and "November" not in said.sentence


def test_only_known_prompts_and_languages_can_be_said() -> None:
    with pytest.raises(ValueError, match="prompt"):
        Say("../../etc/passwd")
    with pytest.raises(ValueError, match="language"):
        Say("recorded", "fi")  # type: ignore[arg-type]


def test_every_prompt_has_its_words_in_both_languages_and_the_law_is_kept() -> None:
    for name, texts in PROMPTS.items():
        assert set(texts) == set(LANGUAGES), name
        written = "".join(texts.values())
        assert not any(char.isdecimal() and char.isascii() for char in written), name
    assert "recorded" in PROMPTS["recorded"]["en"] and "录音" in PROMPTS["recorded"]["zh"]


def test_chinese_goes_to_the_voice_as_pinyin_with_tones() -> None:
    spoken = pinyin("您好，供水服务。我们的")
    assert spoken.startswith("nin2 hao3") and "de5" in spoken
    assert not any("\u4e00" <= char <= "\u9fff" for char in spoken)


class CountingVoice:
    def __init__(self, fails: bool = False) -> None:
        self.spoken: list[str] = []
        self.fails = fails

    def speak(self, text: str, language: Language, out: Path) -> None:
        if self.fails:
            raise PromptError("espeak-ng is not installed")
        self.spoken.append(text)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(b"RIFF")


def test_prompts_are_made_once_and_again_when_their_text_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = CountingVoice()
    assert synthesise(tmp_path, voice=voice) == len(PROMPTS) * 2 + 1
    assert synthesise(tmp_path, voice=voice) == 0
    monkeypatch.setitem(PROMPTS, "reconnect", {"en": "Again.", "zh": "再接。"})
    assert synthesise(tmp_path, voice=voice) == 2
    (tmp_path / "en/recorded.wav").unlink()
    assert synthesise(tmp_path, voice=voice) == 1
    (tmp_path / "made.json").write_text("{broken")
    assert synthesise(tmp_path, voice=voice) == len(PROMPTS) * 2
    assert 11 < seconds_of(tmp_path / "hold/hold.wav") < 13


async def test_a_sentence_is_spoken_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    voice = CountingVoice()
    speech = Speech(tmp_path, voice)
    say = Say("known-shutoff", "en", "The water is off.")
    paths = await asyncio.gather(*(speech.media(say) for _ in range(5)))
    assert len(set(paths)) == 1 and voice.spoken == ["The water is off."]
    assert Path(paths[0] + ".wav").exists()
    assert await speech.media(Say("recorded", "zh")) == str(tmp_path / "zh/recorded")


async def test_without_a_voice_the_general_prompt_is_used(tmp_path: Path) -> None:
    speech = Speech(tmp_path, CountingVoice(fails=True))
    say = Say("known-planned", "zh", "停水。")
    assert await speech.media(say) == str(tmp_path / "zh/known-planned")


@pytest.mark.skipif(
    not (shutil.which("espeak-ng") and shutil.which("sox")), reason="no speech engine here"
)
async def test_the_real_voice_makes_telephone_sound(tmp_path: Path) -> None:
    speech = Speech(tmp_path)
    since = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    for language in LANGUAGES:
        media = await speech.media(shutoff_notice(language, since=since, until=None, now=since))
        assert "spoken" in media and seconds_of(Path(media + ".wav")) > 3
    assert speech.prune() == 0
