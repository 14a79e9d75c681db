"""Which devices need a person: what the track of the last hours says of each, in plain words.

The question behind it is mostly the same: does the phone's battery saver end the app while the crew
drives? Then there are gaps over which the vehicle moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from server.positions.models import Device, Refusal

GAP_S = 120.0
GAP_M = 200.0  # so far away after it: the vehicle drove in the meantime
SILENT_S = 600.0
SKEW_S = 120.0
LOW_BATTERY = 15.0
LOST_S = 900.0  # so much in gaps, or three of them, is a phone that ends the app

# Gaps count only within one shift of the crew; over them the vehicle must have moved.
_TRACKS = """
    WITH f AS (
        SELECT device_id, fix_time, received_at, flag, lon, lat, battery, speed_mps
        FROM positions_fix WHERE fix_time >= %(since)s
    ), steps AS (
        SELECT device_id, fix_time, lag(fix_time) OVER w AS t0,
               sqrt(((lon - lag(lon) OVER w) * cos(radians(lat))) ^ 2
                    + (lat - lag(lat) OVER w) ^ 2) * 111195 AS metres
        FROM f WHERE flag IN ('', 'late')
        WINDOW w AS (PARTITION BY device_id ORDER BY fix_time)
    ), gaps AS (
        SELECT s.device_id, count(*) AS gaps,
               sum(extract(epoch FROM s.fix_time - s.t0)) AS lost_s
        FROM steps s JOIN positions_device d ON d.id = s.device_id
        LEFT JOIN workforce_vehicle v ON v.id = d.vehicle_id
        WHERE s.fix_time - s.t0 > make_interval(secs => %(gap)s) AND s.metres > %(moved)s
          AND EXISTS (SELECT 1 FROM workforce_shift w
                      WHERE w.crew_id = coalesce(d.crew_id, v.crew_id)
                        AND w.starts <= s.t0 AND w.ends > s.fix_time)
        GROUP BY 1
    )
    SELECT f.device_id, count(*), count(*) FILTER (WHERE flag = 'late'),
           count(*) FILTER (WHERE flag = 'jump'), count(*) FILTER (WHERE flag = 'inaccurate'),
           extract(epoch FROM percentile_cont(0.95) WITHIN GROUP
                   (ORDER BY received_at - fix_time)),
           coalesce(max(g.gaps), 0), coalesce(max(g.lost_s), 0)
    FROM f LEFT JOIN gaps g USING (device_id) GROUP BY 1
"""

_SHIFTS = """
    SELECT d.id FROM positions_device d
    LEFT JOIN workforce_vehicle v ON v.id = d.vehicle_id
    WHERE EXISTS (SELECT 1 FROM workforce_shift s
                  WHERE s.crew_id = coalesce(d.crew_id, v.crew_id)
                    AND s.starts <= %(late)s AND s.ends > %(at)s)
"""


class Track(NamedTuple):
    """A device's fixes of the last hours in numbers."""

    fixes: int = 0
    late: int = 0
    jumps: int = 0
    inaccurate: int = 0
    delay_s: float = 0.0  # from fix to server, 95 of 100 are quicker
    gaps: int = 0
    lost_s: float = 0.0


def health(hours: float = 8.0, at: datetime | None = None) -> list[dict[str, Any]]:
    """Every device with its numbers and `verdict` ("bad", "warn", "good", "off") with `why`.

    The worst first. `why` are sentences in the reader's language, the first the most important.
    """
    at = at or timezone.now()
    since = at - timedelta(hours=hours)
    with connection.cursor() as cursor:
        cursor.execute(_TRACKS, {"since": since, "gap": GAP_S, "moved": GAP_M})
        tracks = {row[0]: _track(row[1:]) for row in cursor.fetchall()}
        # On shift for long enough to have been heard.
        cursor.execute(_SHIFTS, {"at": at, "late": at - timedelta(seconds=SILENT_S)})
        on_shift = {pk for (pk,) in cursor.fetchall()}
    refused: dict[str, dict[str, int]] = defaultdict(dict)
    for row in Refusal.objects.filter(last_at__gte=since).exclude(reason="duplicate"):
        refused[row.device][row.reason] = row.count
    rows = [
        _row(device, tracks.get(device.pk, Track()), device.pk in on_shift,
             refused.get(device.name, {}), at)
        for device in Device.objects.select_related("crew", "vehicle__crew", "last")
    ]  # fmt: skip
    order = {"bad": 0, "warn": 1, "good": 2, "off": 3}
    return sorted(rows, key=lambda r: (order[r["verdict"]], r["name"]))


def _track(row: tuple[Any, ...]) -> Track:
    fixes, late, jumps, inaccurate, delay, gaps, lost = row
    return Track(fixes, late, jumps, inaccurate, float(delay), gaps, float(lost))


def _row(
    device: Device, track: Track, on_shift: bool, refused: Mapping[str, int], at: datetime
) -> dict[str, Any]:
    last = getattr(device, "last", None)
    crew = device.crew or (device.vehicle.crew if device.vehicle else None)
    age = (at - last.fix_time).total_seconds() if last else None
    verdict, why = _judge(device, track, on_shift, refused, last, age)
    return {
        "name": device.name, "kind": device.kind, "kind_label": device.get_kind_display(),
        "crew": crew.shown if crew else "", "plate": device.vehicle.plate if device.vehicle else "",
        "on_shift": on_shift, "revoked_at": device.revoked_at, "revoked_why": device.revoked_why,
        "fix_time": last.fix_time if last else None, "age_s": age,
        "battery": last.battery if last else None, "skew_s": last.skew_s if last else None,
        "fixes": int(track.fixes), "late": int(track.late), "jumps": int(track.jumps),
        "inaccurate": int(track.inaccurate), "delay_s": track.delay_s, "gaps": int(track.gaps),
        "lost_s": track.lost_s, "refused": dict(refused), "verdict": verdict, "why": why,
    }  # fmt: skip


def _judge(
    device: Device, track: Track, on_shift: bool, refused: Mapping[str, int], last: Any,
    age: float | None,
) -> tuple[str, list[str]]:  # fmt: skip
    if device.revoked_at is not None:
        return "off", [_("Revoked: %(why)s") % {"why": device.revoked_why}]
    if last is None and device.kind != Device.Kind.PHONE and not device.credential:
        # Named with its vehicle, and nobody has put it in yet: not a fault of tonight.
        return "off", [_("Not set up yet: it has no secret.")]
    bad: list[str] = []
    warn: list[str] = []
    if on_shift and (age is None or age > SILENT_S):
        bad.append(
            _("On shift, and nothing heard yet.") if age is None
            else _("On shift, and nothing heard for %(min)d min.") % {"min": age // 60}
        )  # fmt: skip
    if track.gaps:
        text = ngettext(
            "Silent while driving: %(count)d gap, %(min)d min in all. The phone probably ends "
            "the app; take it out of battery saving.",
            "Silent while driving: %(count)d gaps, %(min)d min in all. The phone probably ends "
            "the app; take it out of battery saving.",
            int(track.gaps),
        ) % {"count": track.gaps, "min": track.lost_s // 60}
        (bad if track.gaps >= 3 or track.lost_s >= LOST_S else warn).append(text)
    if refused.get("future", 0) + refused.get("too_old", 0):
        bad.append(
            _("Sends times that cannot be (%(count)d refused). Its receiver needs a restart.")
            % {"count": refused.get("future", 0) + refused.get("too_old", 0)}
        )
    if last is not None and last.skew_s > SKEW_S:
        warn.append(_("Its clock is %(min)d min ahead.") % {"min": last.skew_s // 60})
    if track.fixes >= 20 and track.jumps / track.fixes > 0.02:
        warn.append(_("%(count)d positions jumped and were not used.") % {"count": track.jumps})
    if track.fixes >= 20 and track.inaccurate / track.fixes > 0.2:
        warn.append(_("One position in five or more is vague. Is the sky covered?"))
    if track.fixes >= 20 and track.late / track.fixes > 0.2:
        warn.append(
            _("%(share)d of 100 positions come late: poor reception.")
            % {"share": 100 * track.late / track.fixes}
        )
    unreadable = sum(n for reason, n in refused.items() if reason.startswith("bad:"))
    if unreadable:
        warn.append(_("%(count)d messages could not be read.") % {"count": unreadable})
    if last is not None and last.battery is not None and last.battery < LOW_BATTERY and \
            age is not None and age < settings.STANDPIPE["OLD_FIX_S"]:  # fmt: skip
        warn.append(_("Battery at %(percent)d %%.") % {"percent": last.battery})
    if bad or warn:
        return ("bad" if bad else "warn"), bad + warn
    if not track.fixes:
        return "off", [_("Off shift, or nothing sent in these hours.")]
    return "good", [_("In order.")]
