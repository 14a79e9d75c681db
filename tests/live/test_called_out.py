"""Called out from home: no sign on any map there, one of the crews from the call until sent home.

  07:58  on shift           a sign on the map, a row on the board
  08:00  the shift is over  gone from both by itself; the phone may say what it likes
  08:01  sent for           drawn again, its positions count, even one told while the board is read
  08:02  taken back         home again

  another crew   on site when its shift ends on paper: at work until the order is over
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.live.city import end_reports, reports_apart
from tests.live.crew import Crew, at_work
from tests.live.screens import becomes
from tests.live.system import Office, System, eventually

_DRAWN = (
    "([id, drawn]) => window.__map?.getSource('crews').serialize().data.features"
    ".some((f) => f.properties.id === id) === drawn"
)
# Holds back what the server answers about the board from now on, until it is let go.
_HOLD_BOARD = """() => {
  const real = window.fetch;
  window.__held = [];
  window.fetch = async (url, how) => {
    const answer = await real(url, how);
    if (String(url).includes('/api/board?')) await new Promise((go) => window.__held.push(go));
    return answer;
  };
  window.__letGo = () => { window.fetch = real; for (const go of window.__held.splice(0)) go(); };
}"""
# What the row of the crew has said since, each once: a later reading mends what one broke.
_WATCH_STALE = """(id) => {
  const rows = document.querySelector('#board-rows');
  window.__seen = [];
  const look = () => {
    const said = rows.querySelector(`[data-testid=crew-row][data-crew="${id}"]`)?.dataset.stale;
    if (said && !window.__seen.includes(said)) window.__seen.push(said);
  };
  new MutationObserver(look).observe(
    rows, {subtree: true, childList: true, attributes: true, attributeFilter: ['data-stale']});
  look();
}"""
# Free, seen by nobody yet, with enough of its shift left, and not on call beside it.
_ON_SHIFT = """
    SELECT c.id, c.code, c.device, ST_X(c.base) AS lon, ST_Y(c.base) AS lat, s.id AS shift,
           s.kind, s.starts, s.ends
    FROM workforce_crew c JOIN workforce_shift s ON s.crew_id = c.id
    WHERE s.starts < now() AND s.ends > now() + interval '20 minutes' AND c.state = 'available'
      AND NOT EXISTS (SELECT 1 FROM workforce_oncallcrew o WHERE o.crew_id = c.id)
      AND NOT EXISTS (SELECT 1 FROM workforce_crewposition p WHERE p.crew_id = c.id)
    ORDER BY s.ends DESC, c.code LIMIT 1
"""


def test_a_crew_at_home_is_drawn_nowhere_until_it_is_called_out(
    system: System, screen_of: Callable[..., Any], shot: Any, tmp_path: Path
) -> None:
    control, agent, page = _at_dispatch(system, screen_of)
    wall = screen_of("manager1", "/wall", width=1920, height=1080)
    wall.wait_for_selector("[data-testid=map-ready]")
    crew = system.one(_ON_SHIFT)
    row = page.locator(f"[data-testid=crew-row][data-crew='{crew.id}']")
    row.and_(page.locator("[data-state=available]")).wait_for()
    becomes(page, _DRAWN, [crew.id, True])
    becomes(wall, _DRAWN, [crew.id, True])

    # The shift is over: gone from the maps and off duty on the board, with nobody reloading.
    now = datetime.now(UTC)
    gone = control.tell(f"/api/roster/shifts/{crew.shift}/actions", action="remove")
    assert gone.status_code == 200, gone.text
    duty = control.tell(
        "/api/roster/on-call", crew=crew.id, starts=(now - timedelta(minutes=1)).isoformat(),
        ends=(now + timedelta(hours=6)).isoformat(), call_out_min=20,
    ).json()  # fmt: skip
    row.and_(page.locator("[data-state=off_duty]")).wait_for()
    for screen in (page, wall):
        becomes(screen, _DRAWN, [crew.id, False])

    incident, _ticket = made = reports_apart(system, agent, "leak", 1)[0]
    with at_work(system, crew.code, tmp_path / "phone") as phone:
        # At home nobody is followed, whatever the phone says.
        phone.link.position(crew.lon, crew.lat)
        eventually(lambda: _refused(system, crew.device), "the position refused as off shift")
        stored = system.rows("SELECT 1 FROM workforce_crewposition WHERE crew_id = %s", [crew.id])
        assert not stored

        # It stands in the ranking with the time it needs from the call to the road.
        ranked = control.ask(f"/api/incidents/{incident}/crews")["ranked"]
        reasons = next(r["reasons"] for r in ranked if r["crew"]["id"] == crew.id)
        assert {r["code"]: r["weight"] for r in reasons}["call_out"] == 1200
        known = {o.number for o in phone.link.book.orders()}
        sent = control.tell(
            f"/api/incidents/{incident}/assign", crew=crew.id, reason="knows the valve"
        )
        assert sent.status_code == 201, sent.text
        there = datetime.fromisoformat(control.ask(f"/api/incidents/{incident}")["eta_at"])
        assert there - datetime.now(UTC) > timedelta(minutes=19)
        order = phone.new_order(known)
        eventually(
            lambda: [t for t in system.texts() if "You are called out" in t["body"]
                     and order in t["body"]],
            "the text that wakes them",
        )  # fmt: skip
        becomes(page, _DRAWN, [crew.id, True])
        becomes(wall, _DRAWN, [crew.id, True])
        row.and_(page.locator("[data-state=assigned]")).wait_for()
        assert row.get_attribute("data-stale") == "true", "it has not been seen yet"

        # A place told while the board is being read is not lost with the older answer.
        page.evaluate(_HOLD_BOARD)
        _press_until_held(page)
        _reports_until_seen(page, phone, crew, row)
        page.evaluate(_WATCH_STALE, crew.id)
        page.evaluate("window.__letGo()")
        page.wait_for_timeout(6000)  # the board draws itself anew every five seconds
        assert page.evaluate("window.__seen") == ["false"], "the older answer took the place back"
        shot(page, "called-out")

    # Taken back: told so, at home again, and nobody's sign.
    back = control.tell(f"/api/work-orders/{order}/actions", action="recall", reason="was nothing")
    assert back.status_code == 200, back.text
    row.and_(page.locator("[data-state=off_duty]")).wait_for()
    for screen in (page, wall):
        becomes(screen, _DRAWN, [crew.id, False])
    eventually(
        lambda: [t for t in system.texts() if f"{order} is taken back" in t["body"]],
        "the text that nobody need come",
    )
    end_reports(control, agent, [made])
    control.tell(f"/api/roster/on-call/{duty['id']}/remove")
    _back_to_work(control, page, crew)


def test_a_shift_that_ends_on_paper_takes_nobody_out_of_the_trench(
    system: System, screen_of: Callable[..., Any], shot: Any, tmp_path: Path
) -> None:
    control, agent, page = _at_dispatch(system, screen_of)
    crew = system.one(_ON_SHIFT)
    incident, _ticket = made = reports_apart(system, agent, "leak", 1)[0]
    with at_work(system, crew.code, tmp_path / "phone") as phone:
        known = {o.number for o in phone.link.book.orders()}
        assert control.tell(f"/api/incidents/{incident}/assign", crew=crew.id, reason="near"
                            ).status_code == 201  # fmt: skip
        order = phone.new_order(known)
        for step in ("accept", "depart", "arrive"):
            phone.do(order, step)
        ending = control.put(f"/api/roster/shifts/{crew.shift}", json={
            "crew": crew.id, "kind": crew.kind, "starts": crew.starts.isoformat(),
            "ends": (datetime.now(UTC) + timedelta(seconds=2)).isoformat(),
        })  # fmt: skip
        assert ending.status_code == 200, ending.text
        kept = eventually(
            lambda: system.one(
                "SELECT * FROM workforce_shift WHERE crew_id = %s AND called_out_for = %s",
                [crew.id, order],
            ),
            "the shift that goes on",
        )  # fmt: skip
        # Its positions count after the end on paper, and no screen has let go of it.
        row = page.locator(f"[data-testid=crew-row][data-crew='{crew.id}'][data-state=on_site]")
        _reports_until_seen(page, phone, crew, row)
        becomes(page, _DRAWN, [crew.id, True])
        assert not _told(system, "shift.ended", crew.id, kept.starts)
        shot(page, "kept-on")
        for step in ("repaired", "restored", "complete"):
            phone.do(order, step)
    # The order is over, and with it the day.
    eventually(lambda: _told(system, "shift.ended", crew.id, kept.starts), "gone home")
    becomes(page, _DRAWN, [crew.id, False])
    end_reports(control, agent, [made])
    _back_to_work(control, page, crew)


def _at_dispatch(system: System, screen_of: Callable[..., Any]) -> tuple[Office, Office, Any]:
    """The dispatcher's and an agent's doors, and the dispatcher's screen with its map drawn."""
    page = screen_of("dispatcher1", "/dispatch", width=1440, height=900)
    page.wait_for_selector("[data-testid=map-ready]")
    return system.office("dispatcher1"), system.office("agent1"), page


def _reports_until_seen(page: Any, phone: Crew, crew: Any, row: Any) -> None:
    """Its phone reports where it is until the board has seen it: for a second or two after it came
    to work the worker that judges positions may not know.
    """
    seen = row.and_(page.locator("[data-stale=false]"))
    for _ in range(60):
        phone.link.position(crew.lon, crew.lat)
        page.wait_for_timeout(700)
        if seen.count():
            return
    raise AssertionError("no position of the crew reached the board")


def _back_to_work(control: Office, page: Any, crew: Any) -> None:
    """The rest of the shift that was taken from it, for the stories that follow."""
    again = control.tell(
        "/api/roster/shifts", crew=crew.id, kind=crew.kind,
        starts=datetime.now(UTC).isoformat(), ends=crew.ends.isoformat(),
    )  # fmt: skip
    assert again.status_code == 201, again.text
    becomes(page, _DRAWN, [crew.id, True])


def _told(system: System, name: str, crew: int, since: datetime) -> Any:
    return system.one(
        "SELECT 1 FROM events_event WHERE name = %s AND subject = %s AND at >= %s",
        [name, f"crew:{crew}", since],
    )


def _refused(system: System, device: str) -> Any:
    return system.one(
        "SELECT count FROM positions_refusal WHERE device = %s AND reason = 'off_shift'", [device]
    )


def _press_until_held(page: Any) -> None:
    """`0` reads the board anew; pressed until an answer is held back."""
    for _ in range(60):
        page.keyboard.press("0")
        page.wait_for_timeout(500)
        if page.evaluate("window.__held.length > 0"):
            return
    raise AssertionError("the board was never read")
