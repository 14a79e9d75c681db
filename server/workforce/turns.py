"""Who has come to work and who has gone home: told when it happens, whatever made it happen.

A shift begins and ends by the clock, by a call from home, by a change of the roster. Pages that
draw crews, and the plan, hear of it as `shift.began` and `shift.ended`, each turn once.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from server.events.services import publish

MOST = 500
# What was told last stands in the crew's own row: a turn is told once by however many clocks, and
# one that came while no clock ran is told by the next.
_TURN = """
    UPDATE workforce_crew c SET at_work = w.here
    FROM (
        SELECT k.id, s.until IS NOT NULL AS here, s.until
        FROM workforce_crew k
        LEFT JOIN (
            SELECT crew_id, max(ends) AS until FROM workforce_shift
            WHERE starts <= %(at)s AND ends > %(at)s GROUP BY crew_id
        ) s ON s.crew_id = k.id AND (k.disbanded_at IS NULL OR k.disbanded_at > %(at)s)
        WHERE k.at_work <> (s.until IS NOT NULL) ORDER BY k.id LIMIT %(most)s
    ) w
    WHERE w.id = c.id
    RETURNING c.id, c.name, w.here, w.until
"""


def tell(at: datetime | None = None) -> int:
    """Tell of every crew that has come to work or gone home since the last time; how many.

    MOST at once: deadlines are watched by the same thread, the next pass is a second later.
    """
    at = at or timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_TURN, {"at": at, "most": MOST})
            rows = sorted(cursor.fetchall())
        for crew, name, here, until in rows:
            publish(
                "shift.began" if here else "shift.ended", f"crew:{crew}", topic="crews",
                by="clock", crew=crew, name=name, until=until.isoformat() if until else None,
            )  # fmt: skip
    return len(rows)
