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
