"""What the long measurement of calls reads from Asterisk, and how it fills its minutes."""

from __future__ import annotations

import numpy as np
import pytest

from server.cityload.calls_endurance import Batch
from server.cityload.calls_watched import Watched, trunk_legs
from telephony.ami.events import Other
from telephony.ami.parser import Message

STATS = """
                                             ...........Receive......... .........Transmit..........
 BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....
 ===========================================================================================================

 8f2a1c00 trunk-0000001a     00:02:05 alaw      6250       3    0   0.004    6248       0    0   0.000   0.001
 8f2a1c00 2001-0000001b      00:02:04 ulaw      6200       0    0   0.000    6201       0    0   0.000   0.000
          trunk-0000001c not valid
 77aa0e11 trunk-0000001d     01:00:05 ulaw       180K     12    0   0.012     180K      0    0   0.000   0.001

Objects found: 4
"""  # noqa: E501


def test_the_legs_of_the_trunk_are_read_and_no_others() -> None:
    first, last = trunk_legs(STATS)
    assert (first.channel, first.codec, first.packets, first.lost) == (
        "trunk-0000001a", "alaw", 6250, 3
    )  # fmt: skip
    assert first.jitter_ms == pytest.approx(4.0)
    assert (last.codec, last.packets, last.lost) == ("ulaw", 180_000, 12)


@pytest.mark.parametrize("whole_s", [60, 120, 1800, 7200])
def test_calls_one_after_another_fill_the_minutes(whole_s: float) -> None:
    batch = Batch.of(12, 150.0, whole_s)
    assert batch.rounds * batch.seconds == pytest.approx(whole_s)
    assert batch.count == 12 * batch.rounds
    # The last key is pressed while the caller still talks.
    assert 2 + 10 * len(batch.keys) < batch.seconds - 2


def test_a_key_counts_where_it_comes_in_and_where_it_goes_out() -> None:
    seen = Watched()
    for channel, direction in (
        ("PJSIP/trunk-01", "Received"), ("PJSIP/trunk-01", "Sent"), ("PJSIP/2001-02", "Sent"),
        ("PJSIP/2001-02", "Received"), ("Local/04055@out-03;1", "Sent"),
    ):  # fmt: skip
        told = {"Event": "DTMFEnd", "Channel": channel, "Direction": direction, "Digit": "7"}
        seen.hear(Other("DTMFEnd", Message(tuple(told.items()))))
    assert seen.received == {"PJSIP/trunk-01": "7"}
    assert seen.passed_on == {"PJSIP/2001-02": "7"}


def test_what_goes_on_growing_is_told_apart_from_warming_up() -> None:
    seen = Watched()
    at = np.arange(0, 1800, 5.0)
    warm, leak = np.where(at < 300, at, 300.0) * 100, at * 100
    seen.memory = {"warm": list(zip(at, warm, strict=True)),
                   "leak": list(zip(at, leak, strict=True))}  # fmt: skip
    seen.files = seen.cpu = {"warm": [9] * len(at), "leak": [9] * len(at)}  # type: ignore[assignment]
    assert abs(seen.grown("warm")["second_half_mb_per_h"]) < 0.1
    assert seen.grown("leak")["second_half_mb_per_h"] == pytest.approx(100 * 3600 / 1024, rel=0.01)
