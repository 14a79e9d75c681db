"""`./standpipe simulate`: more vehicles than the city has crews, some of them faulty.

    76 phones ──► two processes ──► broker ──► ingest ──► database
       every 5th is wrong: clock · jumps · axes · coarse · no signal

Nothing may get lost on the way: sent = stored + refused with a reason + still on the phone.
"""

from __future__ import annotations

import json

import pytest

from tests.live.system import System

pytestmark = pytest.mark.live


def test_every_message_of_a_rehearsal_is_accounted_for(system: System) -> None:
    done = system.command(
        "simulate", "--vehicles", "76", "--incidents-per-hour", "0", "--minutes", "0.5",
        "--faults", "0.2", "--no-colleagues", "--json", patience_s=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ledger = json.loads(done.stdout.splitlines()[-1])

    assert ledger["vehicles"] == 76
    assert sum(ledger["faulty"].values()) == 15
    positions = ledger["positions"]
    assert positions["sent"] > 500
    assert positions["balance"] == 0
    assert positions["on_the_phone"] == 0
    assert set(positions["refused"]) >= {"future", "swapped"}
    assert set(positions["flagged"]) >= {"jump", "inaccurate"}
    # The database itself, not the ledger's own word for it.
    (jumps,) = system.one(
        "SELECT count(*) FROM positions_fix f JOIN positions_device d ON d.id = f.device_id "
        "WHERE d.name LIKE 'phone-sim%%' AND f.flag = 'jump'"
    )
    assert jumps >= 1
    # The hired ones have gone home: in no list, without a shift.
    shown = system.office("dispatcher1").ask("/api/crews")["features"]
    assert not [f for f in shown if f["properties"]["code"].startswith("sim")]
    (left,) = system.one(
        "SELECT count(*) FROM workforce_shift s JOIN workforce_crew c ON c.id = s.crew_id "
        "WHERE c.code LIKE 'sim%%' AND s.ends > now()"
    )
    assert left == 0
