"""`manage bench [NAME] [--json]`: measure in one run, against others in the same run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

Rows = list[dict[str, Any]]


def _nearest() -> Rows:
    from routing.bench import run
    from server.cityload.streets_bench import run as served

    # Reading a metropolis takes some seconds: kept for the next run.
    cache = settings.STATE / "bench"
    return [*run(cache=cache), *served(cache=cache)]


def _pipes(name: str) -> Callable[[], Rows]:
    def bench() -> Rows:
        from gis_data.bench import run

        return list(run(name))

    return bench


def _network(pipes: int = 500_000) -> Rows:
    from gis_data.bench import run
    from server.cityload.bench import network as served

    return [*run("network", pipes=pipes), *served(pipes)]


def _bursts() -> Rows:
    from gis_data.bursts.bench import run

    return list(run())


def _dispatch() -> Rows:
    from server.dispatch.bench import run

    return list(run())


def _gps() -> Rows:
    from server.cityload.gps_bench import gps

    return gps(data=settings.SERVER.parents[1] / "shared" / "data")


def _places(addresses: int = 500_000) -> Rows:
    from server.cityload.places_bench import places

    return places(addresses)


def _calls(minutes: float = 0, at_once: int = 30) -> Rows:
    if minutes:
        from server.cityload.calls_endurance import standing

        return standing(minutes, at_once)
    from server.cityload.calls_bench import calls

    return calls()


# What may be said to which.
SIZES = {"network": ("pipes",), "places": ("addresses",), "calls": ("minutes", "at_once")}

BENCHES: dict[str, Callable[..., Rows]] = {
    "nearest": _nearest, "trace": _pipes("trace"), "snap": _pipes("snap"), "network": _network,
    "bursts": _bursts, "dispatch": _dispatch, "gps": _gps, "places": _places,
    "calls": _calls,
}  # fmt: skip


class Command(BaseCommand):
    help = "Benchmarks, each against others in the same run."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name", nargs="?", help=", ".join(BENCHES))
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--pipes", type=int, default=500_000, help="size of `network`")
        parser.add_argument("--addresses", type=int, default=500_000, help="size of `places`")
        parser.add_argument(
            "--minutes", type=float, default=0, help="`calls`: let them stand so long instead"
        )
        parser.add_argument("--at-once", type=int, default=30, help="`calls` with --minutes")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if name and name not in BENCHES:
            raise CommandError(f"{name}: there are {', '.join(BENCHES)}")
        rows: Rows = []
        for key, bench in BENCHES.items():
            if name in (None, key):
                rows += bench(**{size: options[size] for size in SIZES.get(key, ())})
        self._tell(rows, as_json=options["json"])
        figures = [row.get("figures", {}) for row in rows]
        failed = {why: n for told in figures for why, n in told.get("failed", {}).items() if n}
        if failed:
            raise CommandError(f"calls failed: {failed}")

    def _tell(self, rows: Rows, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            ratios = ", ".join(f"{v:.0f} x {k}" for k, v in row["versus"].items())
            self.stdout.write(
                f"{row['bench']:24} n={row['n']:<8} p50 {row['p50_ms']:.3f} ms  "
                f"p95 {row['p95_ms']:.3f} ms  {ratios}  ({row['input']})"
            )
            if "figures" in row:
                self.stdout.write(json.dumps(row["figures"], indent=1))
