from __future__ import annotations

import contextlib
import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mobile_app.positions import Fix, Phone, Replay, Simulator, SourceError, walk, worth_sending
from mobile_app.text import EN, REASONS, ZH, counted, say, word
from mqtt.messages import ACTIONS
from tests.mqtt.running import until


def test_both_catalogues_have_the_same_keys_and_the_same_gaps() -> None:
    assert EN.keys() == ZH.keys()
    for key in EN:
        gaps = [set(re.findall(r"{(\w+)}", words[key])) for words in (EN, ZH)]
        assert gaps[0] == gaps[1], key


def test_every_chinese_text_is_chinese() -> None:
    # The first is for screens without a Chinese font, the others hold no words of their own.
    wordless = ("error.no_font", "orders.count", "refused.text")
    for key, words in ZH.items():
        if key not in wordless:
            assert re.search(r"[一-鿿]", words), key


def test_every_step_and_reason_has_words() -> None:
    for action in ACTIONS:
        assert f"step.{action}" in EN
    for action, reasons in REASONS.items():
        assert action in ACTIONS
        assert all(f"reason.{reason}" in EN for reason in reasons)


def test_numbers_have_their_singular_and_unknown_words_stay_readable() -> None:
    assert counted("en", "bar.waiting", 1) == "1 report waiting"
    assert counted("en", "bar.waiting", 3) == "3 reports waiting"
    assert counted("zh", "bar.waiting", 3) == "3 条报告待发"
    assert word("en", "state", "gone_fishing") == "gone fishing"
    assert say("zh", "order.waiting", n=132) == "132 户停水"


def test_a_recorded_drive_is_played(tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text("seconds,lon,lat,accuracy_m\n0,24.94,60.17,4\n10,24.95,60.17,\n")
    got: list[Fix] = []
    source = Replay(path, speed=1000)
    source.start(got.append)
    until(lambda: len(got) == 2)
    source.stop()
    assert [(f.lon, f.accuracy_m) for f in got] == [(24.94, 4.0), (24.95, 5.0)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no positions"),
        ("seconds,lon,lat\n", "no positions"),
        ("seconds,lon,lat\n0,x,60\n", "line 2"),
        ("seconds,lon,lat\n0,24,60\n1,nan,60\n", "line 3"),
        ("a,b\n1,2\n", "line 2"),
    ],
)
def test_a_broken_recording_names_its_line(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "drive.csv"
    path.write_text(content)
    with pytest.raises(SourceError, match=complaint):
        Replay(path)


def test_a_simulated_drive_keeps_its_speed() -> None:
    # 24.94 ---- 1113 m ---- 24.96 at 60 degrees north
    points = list(walk([(24.94, 60.0), (24.96, 60.0)], 100))
    assert len(points) == 12
    assert all(abs(heading - 90) < 0.1 for _, _, heading in points)
    steps = [b[0] - a[0] for a, b in itertools.pairwise(points)]
    assert max(steps) - min(steps) < 1e-9


def test_a_simulator_goes_on_when_it_has_arrived() -> None:
    got: list[Fix] = []
    source = Simulator([(24.94, 60.17), (24.9401, 60.17)], speed_mps=1000, every_s=0.01)
    source.start(got.append)
    until(lambda: len(got) > 4)
    source.stop()
    assert got[-1].speed_mps == 0.0
    with pytest.raises(SourceError):
        Simulator([])


def test_a_parked_van_speaks_each_ten_seconds() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def at(seconds: float, north_m: float = 0) -> Fix:
        return Fix(24.94, 60.17 + north_m / 110_574, 5, noon + timedelta(seconds=seconds))

    assert worth_sending(None, at(0))
    assert not worth_sending(at(0), at(5, 1))
    assert worth_sending(at(0), at(10, 0))
    assert worth_sending(at(0), at(1, 8))


def test_closing_the_app_on_a_device_without_a_receiver_is_no_error() -> None:
    source = Phone()
    with contextlib.suppress(SourceError):
        source.start(lambda fix: None)
    source.stop()
