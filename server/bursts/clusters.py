"""The clusters of gis_data.bursts.clusters, kept in the table of reports."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.gis.geos import Polygon

from gis_data.bursts.clusters import COMPATIBLE, Call, Online, Rule, batch, neighbours
from gis_data.bursts.reach import PipeGraph, Spot
from server.bursts import mains
from server.bursts.models import Report

RULE = Rule()


def call_of(report: Report) -> Call:
    return Call(
        report.pk, report.at.timestamp(), Spot(report.pipe, report.measure), report.kind,
        report.premise,
    )  # fmt: skip


class Table:
    """A store for `Online` over the table: reads what a step asks for, writes when it is done."""

    def __init__(self, rule: Rule = RULE) -> None:
        self.rule = rule
        self._rows: dict[int, Report] = {}
        self._near: dict[int, set[int]] = {}
        self._changed: set[int] = set()

    def _row(self, call: int) -> Report:
        if call not in self._rows:
            self._rows[call] = Report.objects.get(pk=call)
        return self._rows[call]

    def near(self, call: int) -> Collection[int]:
        if call not in self._near:
            self._near[call] = self._look(self._row(call))
        return self._near[call]

    def _look(self, row: Report) -> set[int]:
        place = (row.geom.x, row.geom.y)
        tau = timedelta(seconds=self.rule.tau_s)
        around = Polygon.from_bbox(mains.box([place], self.rule.eps_m * mains.SLACK))
        around.srid = 4326
        others = Report.objects.filter(
            confirms="", at__range=(row.at - tau, row.at + tau), geom__within=around,
            kind__in=sorted(COMPATIBLE.get(row.kind, ())),
        ).exclude(pk=row.pk)  # fmt: skip
        for other in others:
            self._rows.setdefault(other.pk, other)
        calls = [call_of(self._rows[o.pk]) for o in others]
        if not calls:
            return set()
        graph = mains.graph_around([place], self.rule.eps_m)
        return neighbours(call_of(row), calls, graph, self.rule)

    def call(self, call: int) -> Call:
        return call_of(self._row(call))

    def core(self, call: int) -> bool:
        return self._row(call).core

    def set_core(self, call: int, core: bool) -> None:
        if self._row(call).core != core:
            self._rows[call].core = core
            self._changed.add(call)

    def label(self, call: int) -> int | None:
        return self._row(call).cluster

    def set_label(self, call: int, label: int | None) -> None:
        if self._row(call).cluster != label:
            self._rows[call].cluster = label
            self._changed.add(call)

    def members(self, label: int) -> Collection[int]:
        self.save()
        return list(Report.objects.filter(cluster=label).values_list("pk", flat=True))

    def save(self) -> None:
        """Write what has changed since."""
        rows = [self._rows[pk] for pk in self._changed]
        Report.objects.bulk_update(rows, ["core", "cluster"], batch_size=500)
        self._changed.clear()


def added(report: Report) -> int | None:
    """Put a new report into the clusters; returns the name of its own, or None."""
    table = Table()
    label = Online(table, RULE).added(report.pk)
    table.save()
    report.refresh_from_db(fields=["core", "cluster"])
    return label


def leaving(report: Report) -> None:
    """Take a report out of the clusters, before it is deleted or moved."""
    table = Table()
    Online(table, RULE).leaving(report.pk)
    table.save()


def as_of(moment: datetime) -> dict[int, int | None]:
    """Report -> name of its cluster, reckoned all at once from the reports up to `moment`."""
    rows = list(Report.objects.filter(confirms="", at__lte=moment).order_by("pk"))
    if not rows:
        return {}
    known = {r.pk: call_of(r) for r in rows}
    graphs: dict[int, PipeGraph] = {}
    place = {r.pk: (r.geom.x, r.geom.y) for r in rows}

    def near_of(call: Call) -> Collection[int]:
        if call.id not in graphs:
            graphs[call.id] = mains.graph_around([place[call.id]], RULE.eps_m)
        return neighbours(call, known.values(), graphs[call.id], RULE)

    return batch(known.values(), PipeGraph([]), RULE, near_of=near_of)
