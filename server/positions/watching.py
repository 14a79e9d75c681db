"""What positions mean, once a second: who moves, who has come where, who has stayed.

One process of several does it (the leader), and not one that stores positions: two threads of
Python would wait for each other. It looks at the newest trusted fix of each subject, not at every
fix: a phone that comes back with two hours of them has not arrived anywhere just now.
Everything it has to remember over a restart is in two small tables.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import shapely
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from server.events.leader import Leadership
from server.events.services import publish
from server.positions import fencing, motion, partitions
from server.positions.fencing import Area, Areas, Pair
from server.positions.models import Fence, Motion, Presence
from server.tickets.selectors import open_incidents

log = logging.getLogger("standpipe.positions")

# A fix older than this is history, not news.
FRESH = timedelta(minutes=5)
# Who has sent nothing for so long is no longer anywhere.
SILENT = timedelta(minutes=30)
VAGUE_M = 100.0
INCIDENT_M = 150.0
REREAD_S = 5.0
MAINTAIN_S = 3600.0

Provider = Callable[[], Iterable[Area]]


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest trusted fix of a subject."""

    subject: str
    crew: int | None
    device: str
    lon: float
    lat: float
    at: datetime
    accuracy_m: float
    engine: bool | None


def fences() -> list[Area]:
    """The areas that people have drawn."""
    return [
        Area(
            f"fence:{f.pk}", shapely.from_wkb(bytes(f.geom.wkb)),
            {"fence": f.pk, "name": f.name, "name_zh": f.name_zh, "kind": f.kind}, f.dwell_s,
        )
        for f in Fence.objects.filter(active=True)
    ]  # fmt: skip


def incidents() -> list[Area]:
    """A circle around each open incident."""
    return [
        Area(
            f"incident:{i.pk}", fencing.circle(i.geom.x, i.geom.y, INCIDENT_M),
            {"incident": i.pk, "name": i.number, "name_zh": i.number, "kind": "incident"},
        )
        for i in open_incidents()
        if i.geom is not None
    ]  # fmt: skip


# Two devices of one crew are one subject: its newest fix.
_SEEN = """
    SELECT DISTINCT ON (subject) subject, crew, device, lon, lat, fix_time, accuracy_m, engine
    FROM (
        SELECT CASE WHEN crew IS NULL THEN 'device:' || id ELSE 'crew:' || crew END AS subject,
               crew, device, lon, lat, fix_time, accuracy_m, engine
        FROM (
            SELECT d.id, d.name AS device, coalesce(d.crew_id, s.crew_id, v.crew_id) AS crew, l.*
            FROM positions_last l JOIN positions_device d ON d.id = l.device_id
            LEFT JOIN workforce_vehicle v ON v.id = d.vehicle_id
            LEFT JOIN workforce_shift s ON s.vehicle_id = d.vehicle_id
                AND s.starts <= now() AND s.ends > now()
            WHERE l.received_at > %s AND l.fix_time > %s AND d.revoked_at IS NULL
        ) one
    ) two ORDER BY subject, fix_time DESC
"""


class Watch:
    """Remembers who is where between two looks. `step` is called once a second."""

    def __init__(self, providers: Sequence[Provider] = (fences, incidents)) -> None:
        self._providers = providers
        self._areas = Areas(())
        self._drawn: list[tuple[str, bytes, float | None, str | None]] = []
        self._read_at = self._maintained_at = -1e9
        self._present: dict[Pair, datetime] | None = None
        self._told: set[Pair] = set()
        self._heard: dict[str, datetime] = {}
        self._motion: dict[str, motion.Motion] = {}
        self._looked_at = timezone.now() - FRESH

    def step(self, now: datetime | None = None) -> int:
        """Look once; the number of events written."""
        if now is None and time.monotonic() - self._maintained_at > MAINTAIN_S:
            self._maintained_at = time.monotonic()
            done = partitions.maintain()
            if done["dropped"] or done["thinned"]:
                log.info("tracks: %(thinned)d days thinned out, %(dropped)d dropped", done)
        now = now or timezone.now()
        if self._present is None:
            self._remember()
        if time.monotonic() - self._read_at > REREAD_S:
            self._read_areas()
            self._read_at = time.monotonic()
        seen = self._look(now)
        return self._follow_borders(seen, now) + self._follow_motion(seen)

    def _read_areas(self) -> None:
        """Made ready again only when one has changed: thousands of fences take a second."""
        areas = [a for p in self._providers for a in p()]
        drawn = [(a.key, a.shape.wkb, a.dwell_s, a.only) for a in areas]
        if drawn != self._drawn:
            self._areas, self._drawn = Areas(areas), drawn

    def _remember(self) -> None:
        rows = list(Presence.objects.all())
        self._present = {(p.subject, p.fence): p.entered_at for p in rows}
        self._told = {(p.subject, p.fence) for p in rows if p.dwelt_at is not None}
        self._heard = {p.subject: timezone.now() for p in rows}

    def _look(self, now: datetime) -> list[Seen]:
        # What was received before and committed after the last look is looked at once more.
        since, self._looked_at = self._looked_at - timedelta(seconds=2), now
        with connection.cursor() as cursor:
            cursor.execute(_SEEN, [since, now - FRESH])
            seen = [Seen(*row) for row in cursor.fetchall()]
        for one in seen:
            self._heard[one.subject] = max(one.at, self._heard.get(one.subject, one.at))
        return seen

    def _follow_borders(self, seen: list[Seen], now: datetime) -> int:
        assert self._present is not None
        clear = [s for s in seen if s.accuracy_m <= VAGUE_M]
        found = fencing.crossings(
            self._areas, [s.subject for s in clear], np.array([s.lon for s in clear], float),
            np.array([s.lat for s in clear], float), set(self._present),
        )  # fmt: skip
        by = {s.subject: s for s in seen}
        left = found.left | {
            pair for pair in self._present
            if now - self._heard.get(pair[0], now) > SILENT or pair[1] not in self._areas.of
        }  # fmt: skip
        present = {k: v for k, v in self._present.items() if k not in left}
        present.update({pair: by[pair[0]].at for pair in found.entered})
        stayed = fencing.dwelt(self._areas, present, self._told, now)
        if not (found.entered or left or stayed):
            return 0
        written = 0
        with transaction.atomic():
            for subject, key in sorted(found.entered):
                _, made = Presence.objects.get_or_create(
                    subject=subject, fence=key, defaults={"entered_at": by[subject].at}
                )
                if made and self._areas.of[key].border:
                    written += self._tell("fence.entered", key, subject, by.get(subject))
            for subject, key in sorted(left):
                gone, _ = Presence.objects.filter(subject=subject, fence=key).delete()
                if gone and key in self._areas.of and self._areas.of[key].border:
                    silent = now - self._heard.get(subject, now) > SILENT
                    written += self._tell(
                        "fence.left", key, subject, by.get(subject), silent=silent,
                        seconds=round((now - self._present[subject, key]).total_seconds()),
                    )  # fmt: skip
            for subject, key in stayed:
                changed = Presence.objects.filter(
                    subject=subject, fence=key, dwelt_at=None
                ).update(dwelt_at=now)
                if changed:
                    written += self._tell(
                        self._areas.of[key].dwelt, key, subject, by.get(subject),
                        seconds=round((now - present[subject, key]).total_seconds()),
                    )  # fmt: skip
        self._present = present
        self._told = (self._told | set(stayed)) & present.keys()
        return written

    def _tell(self, name: str, key: str, subject: str, seen: Seen | None, **more: Any) -> int:
        kind, _, number = subject.partition(":")
        where: dict[str, Any] = {}
        if seen is not None:
            where = {"lon": seen.lon, "lat": seen.lat, "fix_time": seen.at.isoformat(),
                     "device": seen.device}  # fmt: skip
        publish(
            name, subject, topic="crews", by="positions",
            **{"crew": int(number) if kind == "crew" else None, **where,
               **self._areas.of[key].payload, **more},
        )  # fmt: skip
        return 1

    def _follow_motion(self, seen: list[Seen]) -> int:
        changed = []
        for one in seen:
            before = self._motion.get(one.subject)
            after = motion.follow(
                before, one.lon, one.lat, one.at, accuracy_m=one.accuracy_m, engine=one.engine
            )
            self._motion[one.subject] = after
            if before is None or before.state != after.state:
                changed.append(Motion(subject=one.subject, state=after.state, since=after.since))
        if changed:
            Motion.objects.bulk_create(
                changed, update_conflicts=True, unique_fields=["subject"],
                update_fields=["state", "since"],
            )  # fmt: skip
        return 0

    def forget(self) -> None:
        """After a failure, or when another has watched meanwhile: the tables know better."""
        self._present = None
        self._read_at = -1e9


def run(providers: Sequence[Provider], over: threading.Event) -> None:
    """Look once a second until told to stop; a second process stands by."""
    leader = Leadership("positions")
    looking = Watch(providers)
    led = False
    while not over.wait(1.0):
        try:
            leads = leader.take()
            if leads and not led:
                looking.forget()
            led = leads
            if leads:
                looking.step()
        except DatabaseError as problem:
            log.warning("could not look at positions: %s", problem)
            looking.forget()
        except Exception:
            # One fence that cannot be read must not end all news of positions.
            log.exception("could not look at positions")
            looking.forget()
            over.wait(10.0)
        close_old_connections()
    leader.release()
    connection.close()
