"""How many calls are usual here at this hour: from the tickets of the last weeks."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from gis_data.bursts.alert import Rates
from server.bursts.models import Alert
from server.tickets.services import JOINABLE

WEEKS = 8


def usual(moment: datetime) -> Rates:
    """The usual rates before `moment`, by area and hour of the week in local time.

    What belonged to a burst that was taken up is not usual and is left out. The weeks before the
    first ticket on record are not counted as quiet ones.
    """
    start = moment - timedelta(weeks=WEEKS)
    zone = timezone.get_current_timezone_name()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(i.area_id::text, ''),
                   ((extract(isodow FROM t.opened_at AT TIME ZONE %s)::int - 1) * 24
                    + extract(hour FROM t.opened_at AT TIME ZONE %s)::int),
                   t.opened_at
            FROM tickets_ticket t LEFT JOIN tickets_incident i ON i.id = t.incident_id
            WHERE t.opened_at >= %s AND t.opened_at < %s AND t.kind = ANY(%s)
              AND NOT EXISTS (
                SELECT 1 FROM bursts_report r JOIN bursts_alert a ON a.id = r.alert_id
                WHERE r.ticket_id = t.id AND a.state IN (%s, %s))
            """,
            [zone, zone, start, moment - timedelta(hours=1), sorted(JOINABLE),
             Alert.State.OPEN, Alert.State.CONFIRMED],
        )  # fmt: skip
        rows = cursor.fetchall()
        if not rows:
            return Rates()
        cursor.execute(
            "SELECT coalesce((SELECT a.id::text FROM accounts_area a WHERE "
            "ST_Covers(a.geom, p.geom) ORDER BY a.rank, a.id LIMIT 1), ''), count(*) "
            "FROM customers_premise p GROUP BY 1"
        )
        premises = {area: int(n) for area, n in cursor.fetchall()}
    weeks = (moment - min(at for _a, _h, at in rows)).total_seconds() / (7 * 86400)
    return Rates.of(((a, int(h)) for a, h, _at in rows), premises, min(weeks, WEEKS))


def hour_of_week(moment: datetime) -> int:
    """0 for Monday from midnight to one, local time."""
    local = timezone.localtime(moment)
    return local.weekday() * 24 + local.hour
