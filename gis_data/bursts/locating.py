"""Which main is it? Every candidate explains the calls more or less well; how well, in probability.

A candidate main, were it open, would leave each site (a place on the mains with its premises) with
a severity between 0 (as ever) and 1 (dry). Of `n` premises there `n * (share * severity + usual)`
are expected to call, so the calls `y` have the log-likelihood `sum(y log lambda) - sum(lambda)`.
Neither the size of the burst nor the share of people who call is known: both are integrated over.
Somebody who saw water speaks for the mains near that spot; a sensor speaks by its drop in pressure.

Severities come from pressures (`severity_of_pressures`), or without any hydraulics from the mains
alone (`severity_of_topology`): who is dry with that main's segment shut, and who is near to it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gis_data.bursts.priors import BreakRates
from gis_data.bursts.reach import PipeGraph, Spot
from gis_data.bursts.simulating import Pressures
from gis_data.model import Pipe

#: Share of those concerned who call within the first hour or so; nobody knows it, so many.
SHARES = (0.01, 0.03, 0.1, 0.3, 0.7)
#: How far a burst without hydraulics is felt, metres along the mains.
FELT_M = (80.0, 200.0, 500.0)
#: Nobody is quite sure of a severity: people are put on the wrong main, or are touchier than most.
ASTRAY = 0.01
NO_WATER_M = 3.0
SERVED_M = 25.0
#: A person who saw water stands this near to it, give or take; or is quite wrong at times.
SEEN_M = 40.0
SEEN_WRONG = 0.05


@dataclass(frozen=True, slots=True)
class Site:
    """Premises at one place on the mains, and how many of them called."""

    spot: Spot
    premises: int
    callers: int = 0
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a candidate stands where it does: a stable code and its values."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A main with its probability among the candidates, and the reasons."""

    pipe: str
    probability: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What is known: sites with their callers, where water was seen, drops of pressure.

    `drops_m`: node -> metres the pressure fell by, with the standard error `sigma_m`.
    `usual`: calls per premise to expect anyhow in the time looked at.
    """

    sites: Sequence[Site]
    seen: Sequence[Spot] = ()
    usual: float = 1e-5
    drops_m: Mapping[str, float] = field(default_factory=dict)
    sigma_m: float = 1.5


def candidates(
    graph: PipeGraph,
    pipes: Collection[str],
    spots: Sequence[Spot],
    *,
    reach_m: float = 1500.0,
    most: int = 300,
) -> list[str]:
    """Mains of `pipes` that could be it: within `reach_m` of a call, the `most` nearest of them."""
    near = graph.pipes_within(spots, reach_m)
    found = sorted((metres, name) for name, metres in near.items() if name in pipes)
    return [name for _metres, name in found[:most]]


def severity_of_topology(
    graph: PipeGraph,
    names: Sequence[str],
    sites: Sequence[Site],
    dry: Mapping[str, Collection[str]],
    *,
    felt_m: Sequence[float] = FELT_M,
) -> tuple[Any, Any]:
    """(severity, metres), shapes (candidates, len(felt_m), sites) and (candidates, sites).

    `dry`: candidate -> premises without water when its segment is shut. Elsewhere the severity
    fades with the distance along the mains, in several ways at once.
    """
    far = 5.0 * max(felt_m)
    metres = np.full((len(names), len(sites)), math.inf)
    spots = [s.spot for s in sites]
    for k, name in enumerate(names):
        main = graph.mains[name]
        starts = [(0.0, main.start)] if main.start_open else []
        starts += [(0.0, main.end)] if main.end_open else []
        reached = graph.nodes_from(starts, far)
        # From its nearest end: a place on the main itself is at no distance from it.
        row = graph.from_reached(Spot("", 0.0), reached, spots, far)
        metres[k] = [0.0 if s.pipe == name else m for s, m in zip(spots, row, strict=True)]
    fading = np.exp(-metres[:, None, :] / np.array(felt_m)[None, :, None])
    lost = np.array(
        [[any(i in dry.get(name, ()) for i in site.ids) for site in sites] for name in names],
        bool,
    ).reshape(len(names), len(sites))
    # Both in part: everybody in one segment is dry with any main of it, and only some are near.
    return 0.5 * fading + 0.5 * lost[:, None, :], metres


def severity_of_pressures(
    pressures: Pressures, pipes: Mapping[str, Pipe], names: Sequence[str], sites: Sequence[Site]
) -> Any:
    """Severity (candidates, ends x sizes, sites) from simulated pressures.

    A main counts as open at either end, as likely. Candidates of which no end was simulated have
    NaN: they are not judged.
    """
    column, row = pressures.column(), {p: n for n, p in enumerate(pressures.places)}
    a = np.array([column[pipes[s.spot.pipe].start] for s in sites], np.int64)
    b = np.array([column[pipes[s.spot.pipe].end] for s in sites], np.int64)
    share = np.array([s.spot.measure for s in sites])
    usual = pressures.usual[a] * (1 - share) + pressures.usual[b] * share
    now = pressures.open_at[:, :, a] * (1 - share) + pressures.open_at[:, :, b] * share
    felt = _severity(now, usual)
    sizes = len(pressures.sizes_m3s)
    found = np.full((len(names), 2 * sizes, len(sites)), math.nan)
    for k, name in enumerate(names):
        ends = [row[e] for e in (pipes[name].start, pipes[name].end) if e in row]
        if ends:
            found[k] = np.concatenate([felt[ends[0]], felt[ends[-1]]])
    return found


def severity_of_both(by_pressure: Any, by_topology: Any) -> Any:
    """Both as ways it may be, in one array: pressures where they tell, the mains where they do not.

    In a strong network no burst of these sizes is felt in the model, and yet people call: then the
    topology speaks. Where it is felt, the pressures explain the calls better and outweigh it.
    """
    return np.concatenate([np.nan_to_num(by_pressure), by_topology], axis=1)


def _severity(now: Any, usual: Any) -> Any:
    """0 as ever, 1 dry; a strong fall is felt before the service pressure is reached."""
    served = np.minimum(SERVED_M, 0.9 * usual)
    short = (served - now) / np.maximum(served - NO_WATER_M, 1.0)
    fall = 0.1 * (usual - now) / np.maximum(usual, 1.0)
    return np.clip(np.where(usual > NO_WATER_M, np.maximum(short, fall), 0.0), 0.0, 1.0)


def rank(
    names: Sequence[str],
    pipes: Mapping[str, Pipe],
    graph: PipeGraph,
    evidence: Evidence,
    severity: Any,
    *,
    metres: Any = None,
    pressures: Pressures | None = None,
    dry: Mapping[str, Collection[str]] | None = None,
    rates: BreakRates | None = None,
    shares: Sequence[float] = SHARES,
) -> list[Ranked]:
    """The candidates by probability, most likely first; probabilities sum to 1.

    `severity` as the two functions above give it. `pressures` is needed for `drops_m` alone;
    `metres` and `dry` for reasons.
    """
    if not names:
        return []
    rates = rates or BreakRates()
    known = ~np.isnan(severity).any(axis=(1, 2))
    score = np.log([rates.weight(pipes[n]) for n in names])
    if len(evidence.sites):
        fit = _log_likelihood(np.nan_to_num(severity), evidence, shares)
        if evidence.drops_m and pressures is not None:
            told = _sensors(pressures, pipes, names, evidence)
            more = fit.shape[1] - told.shape[1]
            # Ways without pressures are no way around the sensors: they get the best of the rest.
            told = np.concatenate([told, np.repeat(told.max(1, keepdims=True), more, 1)], axis=1)
            fit = fit + told[:, :, None]
        score = score + _log_mean(fit.reshape(len(names), -1))
    score = score + _seen(graph, names, evidence.seen)
    score = np.where(known, score, -math.inf)
    top = score.max()
    weight = np.exp(score - top) if math.isfinite(top) else np.ones(len(names))
    probability = weight / weight.sum()
    order = sorted(range(len(names)), key=lambda k: (-probability[k], names[k]))
    found = []
    for k in order:
        name, away = names[k], None if metres is None else metres[k]
        why = _reasons(
            name, pipes[name], graph, evidence, severity[k], away, (dry or {}).get(name), rates
        )
        found.append(Ranked(name, float(probability[k]), why))
    return found


def _log_likelihood(severity: Any, evidence: Evidence, shares: Sequence[float]) -> Any:
    """(candidates, ways, shares): the Poisson log-likelihood without what is the same for all."""
    n = np.array([s.premises for s in evidence.sites], float)
    y = np.array([s.callers for s in evidence.sites], float)
    n = np.maximum(n, y)
    out = []
    for share in shares:
        each = share * np.maximum(severity, ASTRAY) + max(evidence.usual, 1e-9)
        # Where nobody called only the expectation counts: logs of those are never needed.
        out.append(np.log(each[..., y > 0]) @ y[y > 0] - each @ n)
    return np.stack(out, axis=-1)


def _sensors(
    pressures: Pressures, pipes: Mapping[str, Pipe], names: Sequence[str], evidence: Evidence
) -> Any:
    column, row = pressures.column(), {p: n for n, p in enumerate(pressures.places)}
    at = [column[node] for node in evidence.drops_m if node in column]
    told = np.array([d for node, d in evidence.drops_m.items() if node in column])
    drop = pressures.usual[at] - pressures.open_at[:, :, at]
    off = -((drop - told) ** 2).sum(axis=2) / (2 * evidence.sigma_m**2)
    sizes = len(pressures.sizes_m3s)
    found = np.full((len(names), 2 * sizes), -1e9)
    for k, name in enumerate(names):
        ends = [row[e] for e in (pipes[name].start, pipes[name].end) if e in row]
        if ends:
            found[k] = np.concatenate([off[ends[0]], off[ends[-1]]])
    return found


def _log_mean(values: Any) -> Any:
    """log(mean(exp(values))) along the last axis, without overflow."""
    top = values.max(axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(values - top).mean(axis=-1))


def _seen(graph: PipeGraph, names: Sequence[str], seen: Sequence[Spot]) -> Any:
    """Where water was seen: near that spot, spread over a main's length, wrong at times."""
    score = np.zeros(len(names))
    for spot in seen:
        reach = graph.pipes_within([spot], 20 * SEEN_M)
        for k, name in enumerate(names):
            metres = reach.get(name, math.inf)
            spread = 1.0 + graph.mains[name].length_m / (2 * SEEN_M)
            score[k] += math.log(
                SEEN_WRONG / len(names) + (1 - SEEN_WRONG) * math.exp(-metres / SEEN_M) / spread
            )
    return score


def _reasons(
    name: str, pipe: Pipe, graph: PipeGraph, evidence: Evidence, severity: Any, metres: Any,
    dry: Collection[str] | None, rates: BreakRates,
) -> tuple[Reason, ...]:  # fmt: skip
    found = []
    called = [(j, s) for j, s in enumerate(evidence.sites) if s.callers]
    total = sum(s.callers for _, s in called)
    if dry is not None:
        lost = sum(s.callers for _, s in called if any(i in dry for i in s.ids))
        if lost:
            found.append(Reason("dry_with_it", {"calls": lost, "of": total}))
    if metres is None and total and not np.isnan(severity).any():
        felt = severity.max(axis=0)
        short = sum(s.callers for j, s in called if felt[j] >= 0.5)
        if short:
            found.append(Reason("pressure_falls", {"calls": short, "of": total}))
    if metres is not None and total:
        near = sum(s.callers for j, s in called if metres[j] <= 150)
        if near:
            found.append(Reason("near", {"calls": near, "of": total, "metres": 150}))
    for spot in evidence.seen:
        away = graph.pipes_within([spot], 100.0).get(name)
        if away is not None:
            found.append(Reason("seen", {"metres": round(away)}))
            break
    if rates.per_km(pipe) >= 2.0:
        found.append(
            Reason(
                "breaks_often",
                {"material": pipe.material, "diameter_mm": pipe.diameter_mm, "year": pipe.year},
            )
        )
    return tuple(found)


def coordinate_median(places: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The plain way to compare with: the median of the callers' coordinates."""
    x, y = np.median(np.array(places, float), axis=0)
    return float(x), float(y)
