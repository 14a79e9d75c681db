"""From fixes that arrived to fixes that are stored: roster, judging, tables. One way for all doors.

A worker keeps one Pipeline for its life; the HTTP door makes one for each request, which knows
nothing and asks the database.
"""

from __future__ import annotations

from collections.abc import Sequence

from mqtt.positions import Fix, Known, Rules, Verdict, advance, settle
from server.places.models import City
from server.positions import storing
from server.positions.roster import Entry, Roster
from server.positions.storing import Store, Stored

MARGIN_DEG = 0.5  # crews come from outside the city too; beyond this it is no place of ours
MOST_DEVICES = 50_000
ASK_AGAIN = ("unknown_device", "off_shift")


class Pipeline:
    """Keeps what is known of each device between batches; the database has the rest."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._rules: Rules | None = None
        self._roster = Roster()
        self._store = Store()
        self._turned_away: set[str] = set()

    def rules(self) -> Rules:
        """The limits by which fixes are judged here."""
        if self._rules is None:
            city = City.objects.first()
            area = None
            if city is not None:
                west, south, east, north = city.bounds.extent
                area = (
                    west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG,
                )  # fmt: skip
            self._rules = Rules(area=area)
        return self._rules

    def take(self, fixes: Sequence[Fix]) -> tuple[list[Verdict], Stored]:
        """Judge and store a batch; everything is committed when it returns.

        What it raises is the database's; the same batch may then be given again.
        """
        devices = {f.device for f in fixes}
        known = self._remember(devices)
        entries = self._look_up(devices, known)
        verdicts, after = advance(fixes, known, self.rules())
        turned_away = {v.device for v in verdicts if v.reason in ASK_AGAIN}
        if turned_away - self._turned_away:
            # Hired or called to work a moment ago, perhaps: not refused on what we remember.
            self._roster.read()
            entries = self._look_up(devices, known)
            verdicts, after = advance(fixes, known, self.rules())
            turned_away = {v.device for v in verdicts if v.reason in ASK_AGAIN}
        self._turned_away = (self._turned_away - devices) | turned_away
        stored = self._store.store(verdicts, entries, after)
        # Only after the commit: a failed batch comes again and must be judged afresh.
        settle(after.values())
        self._known.update(after)
        return verdicts, stored

    def _look_up(self, devices: set[str], known: dict[str, Known]) -> dict[str, Entry]:
        entries = self._roster.of(devices)
        for name in devices:
            entry = entries.get(name)
            known[name].listed = entry is not None and entry.listed
            known[name].shifts = entry.shifts if entry is not None else None
        return entries

    def _remember(self, devices: set[str]) -> dict[str, Known]:
        new = devices - self._known.keys()
        if new:
            if len(self._known) + len(new) > MOST_DEVICES:
                self._known.clear()
                new = devices
            self._known.update({name: Known() for name in new})
            self._known.update(storing.known(sorted(new)))
        return self._known

    def forget(self) -> None:
        """After a failure: what days and whose devices there are is read again."""
        self._store.forget_days()
        self._roster = Roster()
