"""Places of the demo city that suit a story."""

from __future__ import annotations

from dataclasses import dataclass

from tests.live.system import Office, System


@dataclass(frozen=True)
class Customer:
    """Somebody with one number of their own, on a pipe on which nothing has happened."""

    number: str  # as the telephone network gives it
    phone: str  # as it is stored
    name: str
    account: str
    premise: str
    address: str
    street: str
    pipe: str
    lon: float
    lat: float
    off: int  # customers without water were this pipe shut off


_CANDIDATES = """
    SELECT p.number AS phone, a.name, a.number AS account, r.code, r.address, r.street, s.pipe,
           ST_X(r.geom) AS lon, ST_Y(r.geom) AS lat
    FROM customers_account a
    JOIN customers_phone p ON p.account_id = a.id
    JOIN customers_premise r ON r.id = a.premise_id
    JOIN network_serviceline s ON s.premise = r.code
    WHERE a.language = 'en' AND a.active AND a.sms_consent AND r.use = 'home'
      AND p.number LIKE '0%%'
      AND (SELECT count(*) FROM customers_phone q WHERE q.number = p.number) = 1
      AND (SELECT count(*) FROM customers_phone q WHERE q.account_id = a.id) = 1
      AND (SELECT count(*) FROM customers_account b WHERE b.premise_id = r.id) = 1
      AND NOT EXISTS (SELECT 1 FROM calls_call c WHERE c.phone = p.number)
      AND NOT EXISTS (SELECT 1 FROM tickets_incident i WHERE ST_DWithin(i.geom, r.geom, %s))
      {alone}
    ORDER BY s.pipe, r.code
"""
# A place is put on the main nearest to it: none of those near may share its valve segment with
# open trouble, which a burst there would join, however far away that is.
_ALONE = """
      AND NOT EXISTS (
        SELECT 1 FROM tickets_incident i WHERE i.state NOT IN ('closed', 'restored')
        AND i.segment IN (
          SELECT near.segment FROM network_pipe near ORDER BY near.geom <-> r.geom LIMIT 6))
"""


def customer_on_a_quiet_pipe(
    system: System, office: Office, *, valves: tuple[int, int] = (2, 4),
    off: tuple[int, int] = (2, 80), apart_deg: float = 0.004, alone: bool = False,
) -> Customer:  # fmt: skip
    """The first that fits: so many valves to close, so many customers dry; none said before,
    and nothing has happened within `apart_deg`. `alone`: nor is trouble open on its segment.
    """
    tried: set[str] = set()
    for row in system.rows(_CANDIDATES.format(alone=_ALONE if alone else ""), [apart_deg]):
        if row.pipe in tried:
            continue
        tried.add(row.pipe)
        plan = office.ask(f"/api/trace/{row.pipe}")
        fits = valves[0] <= len(plan["valves"]) <= valves[1]
        codes = {w["code"] for w in plan["warnings"]}
        if fits and off[0] <= plan["customers_off"] <= off[1] and not codes:
            return Customer(
                row.phone, row.phone, row.name, row.account, row.code, row.address, row.street,
                row.pipe, row.lon, row.lat, plan["customers_off"],
            )  # fmt: skip
    raise AssertionError("no customer of the demo city suits this story any more")


# Homes with nothing open within some 200 m, nor on the valve segment of their main.
_QUIET_HOMES = """
    SELECT r.address, ST_X(r.geom) AS lon, ST_Y(r.geom) AS lat
    FROM customers_premise r JOIN network_serviceline s ON s.premise = r.code
    JOIN network_pipe p ON p.asset = s.pipe
    WHERE r.use = 'home' AND NOT EXISTS (
        SELECT 1 FROM tickets_incident i
        WHERE i.state <> 'closed'
        AND (ST_DWithin(i.geom, r.geom, 0.003) OR i.segment = p.segment))
    ORDER BY r.code {order} LIMIT 1
"""


def reports_apart(
    system: System, agent: Office, kind: str, count: int, *, from_the_end: bool = False
) -> list[tuple[int, str]]:
    """So many reports, each at a home with nothing open near it: (incident, ticket's number)."""
    made = []
    for n in range(count):
        home = system.one(_QUIET_HOMES.format(order="DESC" if from_the_end else ""))
        place = {"lon": home.lon, "lat": home.lat, "address": home.address}
        body = agent.tell("/api/tickets", kind=kind, place=place, name=f"Caller {n}").json()
        made.append((int(body["incident"]), str(body["ticket"])))
    assert len({incident for incident, _ticket in made}) == count, "two of them are one incident"
    return made


def end_reports(control: Office, agent: Office, made: list[tuple[int, str]]) -> None:
    """Cancelled and closed, so that the next story finds a quiet city."""
    for incident, ticket in made:
        agent.tell(f"/api/tickets/{ticket}/actions", action="cancel", reason="test is over")
        control.tell(f"/api/incidents/{incident}/close", reason="test is over")
