"""Which crew does what: against brute force, never worse than greedy, and still where it should be.

Places lie on a line, one second apart a metre:

    0----------1000----------2000----------3000
    A                        j1            B          A and B are crews, j1 is a job
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.dispatch.optimising import Crew, Job, Plan, Problem, RollingPlanner, plan
from server.dispatch.optimising.model import INF, LATE_FACTOR, Arrays
from server.dispatch.optimising.rolling import GreedyPlanner
from server.dispatch.optimising.vroom import VroomPlanner

HOUR = 3600.0


def on_a_line(
    jobs: list[Job], at: list[float], crews: list[Crew], stand: list[float], **more
) -> Problem:
    x, y = np.array(at, dtype=float), np.array(stand, dtype=float)
    return Problem(
        tuple(jobs), tuple(crews), _apart(y, x), _apart(x, x), **more,
    )  # fmt: skip


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.abs(a[:, None] - b[None]), nan=INF, posinf=INF)


def cost(problem: Problem, routes: dict[int, tuple[int, ...]]) -> float:
    """The objective by hand: crew row -> jobs in order; inf for what may not be."""
    total, done = 0.0, set()
    for c, jobs in routes.items():
        crew, t, last = problem.crews[c], problem.crews[c].free_s, None
        for j in jobs:
            job = problem.jobs[j]
            way = problem.drive_s[c, j] if last is None else problem.between_s[last, j]
            arrive = max(t + way, job.earliest_s)
            end = arrive + job.work_s
            over = max(0.0, end - crew.shift_s)
            if not job.skills <= crew.skills or crew.id in job.without or way == INF:
                return INF
            if over > job.overtime_s or arrive >= crew.shift_s or arrive > job.latest_s:
                return INF
            total += job.weight * (arrive + LATE_FACTOR * max(0.0, arrive - job.due_s) + over)
            t, last = end, j
            done.add(j)
    horizon = Arrays.of(problem).horizon
    for j, job in enumerate(problem.jobs):
        if j not in done:
            total += job.weight * (horizon + LATE_FACTOR * max(0.0, horizon - job.due_s))
    return total


def best_by_brute_force(problem: Problem, most: int) -> float:
    """Every way to hand out the jobs, each crew at most `most` of them, in every order."""
    n, m = len(problem.crews), len(problem.jobs)
    best = INF
    for who in product(range(-1, n), repeat=m):
        shares = [tuple(j for j in range(m) if who[j] == c) for c in range(n)]
        if max((len(s) for s in shares), default=0) > most:
            continue
        orders = [list(permutations(s)) for s in shares]
        for chosen in product(*orders):
            best = min(best, cost(problem, dict(enumerate(chosen))))
    return best


def random_problem(seed: int, m: int, n: int, *, one_each: bool = False) -> Problem:
    r = np.random.default_rng(seed)
    skills = ("valve", "repair")
    jobs = [
        Job(
            f"j{k}", float(r.choice([8, 4, 2, 1])),
            4000.0 if one_each else float(r.integers(6, 60)) * 60,
            float(r.integers(5, 90)) * 60, frozenset({skills[int(r.integers(2))]}),
        )
        for k in range(m)
    ]  # fmt: skip
    crews = [
        Crew(
            i, 0.0, 7000.0 if one_each else float(r.integers(1, 5)) * HOUR,
            frozenset(s for s in skills if r.random() < 0.8),
        )
        for i in range(n)
    ]  # fmt: skip
    spots, stands = r.uniform(0, 1500, m), r.uniform(0, 1500, n)
    return on_a_line(jobs, list(spots), crews, list(stands))


# -- the right answer, from elsewhere -------------------------------------------------------------


@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 3), (4, 6), (5, 5), (6, 3), (7, 7)])
def test_one_job_for_each_crew_is_handed_out_as_brute_force_would(m, n):
    for seed in range(6):
        problem = random_problem(seed, m, n, one_each=True)
        best = INF
        names = [*range(m), *[-1] * n]
        seen = set()
        for chosen in permutations(names, n) if m < 5 else _some(problem, m, n):
            if chosen in seen:
                continue
            seen.add(chosen)
            best = min(best, cost(problem, {c: (j,) for c, j in enumerate(chosen) if j >= 0}))
        assert RollingPlanner().plan(problem).objective == pytest.approx(best, rel=1e-9)


def _some(problem: Problem, m: int, n: int):
    """Every matching, crew by crew (permutations of 14 names would never end)."""

    def extend(taken: tuple[int, ...]):
        if len(taken) == n:
            yield taken
            return
        for j in (*range(m), -1):
            if j == -1 or j not in taken:
                yield from extend((*taken, j))

    if m * n <= 36:
        yield from extend(())
        return
    # 7 x 7: by bits, as the travelling salesman's table: cheapest way to serve a set with c crews.
    horizon = Arrays.of(problem).horizon

    def alone(c: int, j: int) -> float:
        waits = sum(
            k.weight * (horizon + LATE_FACTOR * max(0.0, horizon - k.due_s))
            for i, k in enumerate(problem.jobs) if i != j
        )  # fmt: skip
        return cost(problem, {c: (j,)}) - waits

    table: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    wait = [j.weight * (horizon + LATE_FACTOR * max(0.0, horizon - j.due_s)) for j in problem.jobs]
    for c in range(n):
        fresh: dict[int, tuple[float, tuple[int, ...]]] = {}
        for bits, (paid, way) in table.items():
            for j in (*range(m), -1):
                if j >= 0 and bits >> j & 1:
                    continue
                then = bits | (1 << j) if j >= 0 else bits
                price = paid + (alone(c, j) - wait[j] if j >= 0 else 0.0)
                if price < fresh.get(then, (INF, ()))[0]:
                    fresh[then] = (price, (*way, j))
        table = fresh
    yield min(table.values())[1]


def test_several_jobs_for_each_crew_come_close_to_brute_force_and_never_beat_it():
    ratios = []
    for seed in range(25):
        problem = random_problem(seed, 4 + seed % 2, 2)
        best = best_by_brute_force(problem, 5)
        found = RollingPlanner().plan(problem).objective
        assert found >= best - 1e-6
        ratios.append(found / best)
    assert max(ratios) < 1.03 and sum(r < 1 + 1e-9 for r in ratios) >= 23, ratios


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 12))
def test_no_plan_is_worse_than_the_greedy_one(seed, m, n):
    problem = random_problem(seed, m, n)
    ours, greedy = RollingPlanner().plan(problem), GreedyPlanner().plan(problem)
    assert ours.objective <= greedy.objective + 1e-6
    for p in (ours, greedy):
        routes: dict[int, list[int]] = {}
        for stop in p.rows:
            routes.setdefault(stop.crew, []).append(int(stop.job[1:]))
        assert cost(problem, {c: tuple(j) for c, j in routes.items()}) == pytest.approx(p.objective)


# -- what holds of every plan ---------------------------------------------------------------------


def check(problem: Problem, found: Plan) -> None:
    jobs = {j.id: j for j in problem.jobs}
    crews = {c.id: c for c in problem.crews}
    assert sorted([s.job for s in found.rows] + [w.job for w in found.waiting]) == sorted(jobs)
    free = {c.id: c.free_s for c in problem.crews}
    for stop in sorted(found.rows, key=lambda s: (s.crew, s.position)):
        job, crew = jobs[stop.job], crews[stop.crew]
        assert stop.starts_s >= free[crew.id] - 1e-6, "a crew is in one place at a time"
        free[crew.id] = stop.ends_s
        assert job.earliest_s <= stop.arrives_s <= job.latest_s
        # Beyond the shift only where the job may, and then the plan says so.
        assert stop.ends_s <= crew.shift_s + stop.overtime_s + 1e-6
        assert stop.overtime_s <= job.overtime_s
        if job.id not in problem.pinned:
            assert job.skills <= crew.skills and crew.id not in job.without
        else:
            assert problem.pinned[job.id] == crew.id
    assert all(w.why for w in found.waiting)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 25), st.integers(0, 10), st.data())
def test_skills_shifts_pins_and_exclusions_hold_and_nothing_is_left_out(seed, m, n, data):
    problem = random_problem(seed, m, n)
    jobs = tuple(
        replace(j, without=frozenset(data.draw(st.sets(st.integers(0, 9), max_size=3))),
                overtime_s=data.draw(st.sampled_from([0.0, HOUR])))
        for j in problem.jobs
    )  # fmt: skip
    pinned = {f"j{k}": data.draw(st.integers(0, n - 1)) for k in range(min(m, 3)) if n}
    problem = replace(problem, jobs=jobs, pinned=pinned)
    check(problem, RollingPlanner().plan(problem))
    check(problem, GreedyPlanner().plan(problem))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 8))
def test_the_same_question_has_the_same_answer_and_nothing_new_changes_nothing(seed, m, n):
    problem = random_problem(seed, m, n)
    first = RollingPlanner().plan(problem)
    assert RollingPlanner().plan(problem) == first
    again = RollingPlanner().plan(replace(problem, previous=first, switching_s=300.0))
    assert again.rows == first.rows


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(2, 20), st.integers(1, 6), st.sampled_from([0, 120, 900])
)  # fmt: skip
@example(20, 20, 5, 900)  # a job given up by one crew came to another the next time
def test_once_settled_after_news_a_plan_stays_as_it_is(seed, m, n, switching):
    """Something happened between: the next plan may differ, the one after that does not."""
    problem = random_problem(seed, m, n)
    early = replace(
        problem, jobs=problem.jobs[: m // 2], drive_s=problem.drive_s[:, : m // 2],
        between_s=problem.between_s[: m // 2, : m // 2],
    )  # fmt: skip
    before = RollingPlanner().plan(early)
    second = RollingPlanner().plan(replace(problem, previous=before, switching_s=switching))
    third = RollingPlanner().plan(replace(problem, previous=second, switching_s=switching))
    assert third.rows == second.rows


# -- single stories -------------------------------------------------------------------------------


def two_crews(**more) -> tuple[list[Crew], list[float]]:
    return [Crew(1, **more), Crew(2, **more)], [0.0, 3000.0]


def test_a_small_gain_does_not_change_the_crew_that_was_planned():
    crews, stand = two_crews()
    job = [Job("j1", 1, HOUR)]
    before = RollingPlanner().plan(on_a_line(job, [1400.0], crews, stand))
    assert before.crew_of == {"j1": 1}
    moved = [200.0, 3000.0]  # crew 1 drove away... the job is 1,600 from crew 2, 1,200+ from crew 1
    for at, crew in ((1700.0, 1), (2400.0, 2)):
        problem = on_a_line(job, [at], crews, moved, previous=before, switching_s=600.0)
        assert RollingPlanner().plan(problem).crew_of == {"j1": crew}


def test_an_emergency_goes_in_front_and_the_rest_of_the_plan_stays():
    crews, stand = two_crews()
    jobs = [Job("j1", 1, HOUR, due_s=8 * HOUR), Job("j2", 1, HOUR, due_s=8 * HOUR)]
    before = RollingPlanner().plan(on_a_line(jobs, [500.0, 2500.0], crews, stand))
    assert before.crew_of == {"j1": 1, "j2": 2}
    jobs.append(Job("burst", 8, HOUR, due_s=1500.0))
    after = RollingPlanner().plan(
        on_a_line(jobs, [500.0, 2500.0, 1000.0], crews, stand, previous=before, switching_s=600.0)
    )
    assert after.rows[0].job == "burst" and after.rows[0].position == 0
    assert {"j1": 1, "j2": 2}.items() <= after.crew_of.items()


def test_a_pin_holds_though_another_is_nearer_and_lacks_nothing():
    crews, stand = two_crews(skills=frozenset({"repair"}))
    job = [Job("j1", 8, HOUR, skills=frozenset({"valve"}))]
    problem = on_a_line(job, [2900.0], crews, stand)
    assert RollingPlanner().plan(problem).waiting[0].why == "no_skill"
    assert RollingPlanner().plan(replace(problem, pinned={"j1": 1})).crew_of == {"j1": 1}


def test_what_waits_says_why():
    crew = [Crew(1, shift_s=HOUR, skills=frozenset({"repair"}))]
    able = frozenset({"repair"})
    for job, why in (
        (Job("j", 1, HOUR, skills=frozenset({"jetting"})), "no_skill"),
        (Job("j", 1, HOUR, skills=able), "shift_ends"),
        (Job("j", 1, 60, skills=able, without=frozenset({1})), "excluded"),
        (
            Job("j", 1, 60, skills=able, without=frozenset({1}), why_without="all_asked"),
            "all_asked",
        ),
        (Job("j", 1, 60, skills=able, latest_s=10.0), "shift_ends"),
    ):
        assert RollingPlanner().plan(on_a_line([job], [900.0], crew, [0.0])).waiting[0].why == why
    nowhere = on_a_line([Job("j", 1, 60)], [INF], crew, [0.0])
    assert RollingPlanner().plan(nowhere).waiting[0].why == "unreachable"
    assert (
        plan([Job("j", 1, 60)], [], np.zeros((0, 1)), np.zeros((1, 1))).waiting[0].why == "no_crew"
    )


def test_in_overload_what_is_more_urgent_is_done_and_the_rest_says_what_is_ahead_of_it():
    crew = [Crew(1, shift_s=2.2 * HOUR)]
    jobs = [Job("slow", 1, HOUR), Job("p1", 8, HOUR), Job("p2", 4, HOUR)]
    found = RollingPlanner().plan(on_a_line(jobs, [10.0, 20.0, 30.0], crew, [0.0]))
    assert [s.job for s in found.rows] == ["p1", "p2"]
    (left,) = found.waiting
    assert (left.job, left.why, left.ahead) == ("slow", "others_first", ("p1", "p2"))


def test_urgent_work_may_outlast_a_shift_and_the_plan_says_by_how_much():
    crew = [Crew(1, shift_s=HOUR)]
    problem = on_a_line([Job("j", 8, HOUR, overtime_s=HOUR)], [600.0], crew, [0.0])
    (stop,) = RollingPlanner().plan(problem).rows
    assert stop.overtime_s == 600.0
    late = on_a_line([Job("j", 8, HOUR, overtime_s=HOUR)], [HOUR + 1], crew, [0.0])
    assert not RollingPlanner().plan(late).rows, "nobody sets out to arrive after the shift"


def test_matrices_of_another_shape_and_ids_given_twice_are_refused():
    with pytest.raises(ValueError, match="drive_s"):
        plan([Job("j", 1, 60)], [Crew(1)], np.zeros((1, 2)), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="id"):
        on_a_line([Job("j", 1, 60), Job("j", 1, 60)], [1.0, 2.0], [Crew(1)], [0.0])


# -- planned rounds -------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(0, 5))
def test_rounds_keep_windows_shifts_and_skills_too(seed, m, n):
    problem = random_problem(seed, m, n)
    jobs = tuple(replace(j, latest_s=2 * HOUR) for j in problem.jobs)
    check(problem, VroomPlanner().plan(replace(problem, jobs=jobs)))


def test_rounds_spare_driving_where_response_spreads_the_work():
    """Ten valves to look at beside crew 1, crew 2 far off: one round against two crews at once."""
    crews, stand = two_crews(shift_s=8 * HOUR)
    jobs = [Job(f"v{k}", 1, 600.0, due_s=8 * HOUR) for k in range(10)]
    problem = on_a_line(jobs, [100.0 * k for k in range(10)], crews, stand)
    round_, response = VroomPlanner().plan(problem), RollingPlanner().plan(problem)
    assert {s.crew for s in round_.rows} == {1}
    assert {s.crew for s in response.rows} == {1, 2}
    assert response.objective < round_.objective


# -- the table between jobs -----------------------------------------------------------------------


def test_the_times_between_jobs_are_asked_for_once_and_again_when_a_street_is_closed():
    from routing.grid import generate_grid_city
    from routing.index import StreetIndex
    from server.dispatch.between import Between

    graph = generate_grid_city(8)
    index = StreetIndex.compile(graph)
    corners = [(float(d["x"]), float(d["y"])) for _, d in graph.nodes(data=True)]
    table, asked = Between(), []
    real = index.matrix

    class Counting:
        version, epoch = index.version, 0

        def matrix(self, origins, destinations):
            asked.append(len(origins) * len(destinations))
            return real(origins, destinations)

    counting = Counting()
    crew = [corners[30]]
    places = [corners[k] for k in (3, 17, 17, 40, 62)]
    for some in (places, places, places[1:], [*places, corners[9]], places[::-1]):
        drive, between = table.seconds(counting, crew, some)
        assert np.array_equal(drive, real(crew, some))
        assert np.array_equal(between, real(some, some))
    # Four places and a crew; the crew alone, twice; two places are new to the three; the crew.
    assert asked == [5 * 4, 4, 3, 3 * 5, 3 * 2, 4]
    counting.epoch = 1
    table.seconds(counting, crew, places)
    assert asked[-1] == 5 * 4
