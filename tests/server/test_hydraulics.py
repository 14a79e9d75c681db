"""What the worker stores of a shut-off's hydraulics, in the town of all stories."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from gis_data import restoration
from gis_data.hydraulics import Assessment
from server.network import graph
from server.network.models import Hydrant, Valve
from server.outages import hydraulics, tasks
from server.outages.models import ShutOff
from server.tickets.models import Incident, Kind

pytestmark = pytest.mark.django_db


@pytest.fixture
def off(burst):
    return ShutOff.objects.get(incident=burst)


def here(network, plan, **more):
    """The same question without another process: what the process adds is tested in gis_data."""
    more.pop("timeout_s")
    return restoration.judge(network, plan, **more)


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(restoration, "judge_bounded", here)


def test_a_burst_on_church_street_is_told_with_the_way_back(off, in_process):
    """P8 is shut with P11 behind it; V8 fills it again, V11 keeps its dead end apart."""
    result = tasks.simulate.call(off.pk, off.version)
    assert result["status"] == "done" and result["why"] == ""
    assert result["hours"] == 3
    assert {"below_service", "worst_node", "worst_m", "reason"} <= set(result)
    assert result["below_service"] == len(result["below_premises"])
    assert sum(p["premises"] for p in result["standpipes"]) == len(off.plan["premises"])
    steps = result["reopening"]
    turned = [s["asset"] for s in steps if s["code"] in ("fill", "open")]
    assert sorted(turned) == sorted(v["asset"] for v in off.plan["valves"])
    assert [s["sequence"] for s in steps] == list(range(1, len(steps) + 1))
    off.refresh_from_db()
    assert off.hydraulics == result


def test_people_fetch_ten_litres_each_where_the_streets_lead(off, in_process):
    result = hydraulics.judged(off)
    persons = sum(p["persons"] for p in result["standpipes"])
    assert sum(p["litres_a_day"] for p in result["standpipes"]) == 10 * persons > 0
    for place in result["standpipes"]:
        assert place["kind"] in ("standpipe", "tanker", "none")
        if place["kind"] == "standpipe":
            assert Hydrant.objects.filter(asset=place["hydrant"]).exists()
            assert place["hydrant"] not in off.plan["hydrants_lost"]
            assert place["farthest_m"] <= 300


def test_where_the_water_itself_is_in_question_a_sample_comes_before_flushing(off, in_process):
    assert not hydraulics.judged(off)["contamination_suspected"]
    Incident.objects.filter(pk=off.incident_id).update(kind=Kind.DISCOLOURED)
    off = ShutOff.objects.get(pk=off.pk)
    result = hydraulics.judged(off)
    assert result["contamination_suspected"]
    codes = [s["code"] for s in result["reopening"]]
    assert "sample" in codes
    assert "flush" not in codes or codes.index("sample") < codes.index("flush")
    assert all(not o["accepted"] or o["valves"] for o in result["restoration"])


def test_the_hours_are_those_noticed_then_those_begun(off):
    now = timezone.now()
    start, hours = hydraulics.window(off)
    assert abs((start - now).total_seconds()) < 60 and hours == 3
    off.notice_from, off.notice_to = now + timedelta(days=2), now + timedelta(days=2, hours=7)
    assert hydraulics.window(off) == (off.notice_from, 7)
    off.started_at, off.expected_back_at = now, now + timedelta(hours=4)
    assert hydraulics.window(off) == (now, 4)
    off.expected_back_at = now - timedelta(hours=1)
    assert hydraulics.window(off) == (now, 3)


def test_the_stored_plan_is_the_plan_that_is_simulated(off):
    """Also where a valve was since closed by the crew: it stays one of the plan's own."""
    first = off.plan["valves"][0]["asset"]
    Valve.objects.filter(asset=first).update(position="closed")
    network, now = graph.network(), graph.positions()
    plan = hydraulics.plan_of(off, network, now.closed)
    fresh = graph.isolate(off.target, still_ours=[v["asset"] for v in off.plan["valves"]])
    assert plan.valves_to_close == fresh.valves_to_close
    assert set(plan.minimal_valves) == set(fresh.minimal_valves)
    assert set(plan.segment_pipes) == set(fresh.segment_pipes)
    assert set(plan.unintended_nodes) == set(fresh.unintended_nodes)
    assert plan.already_closed == fresh.already_closed
    assert first not in plan.closed


def test_without_an_answer_the_topology_and_the_way_back_stand(off, monkeypatch):
    def lost(network, plan, **more):
        return restoration.Judged(Assessment("topology_only", "timeout", "no answer within 60 s"))

    monkeypatch.setattr(restoration, "judge_bounded", lost)
    result = tasks.simulate.call(off.pk, off.version)
    assert (result["status"], result["why"]) == ("topology_only", "timeout")
    assert result["below_service"] == 0 and result["worst_m"] is None
    assert result["restoration"] == [] and result["reopening"] and result["standpipes"]


def test_without_streets_the_straight_line_serves(off, in_process, settings, tmp_path):
    settings.STANDPIPE = {**settings.STANDPIPE, "STREETS": tmp_path / "none"}
    assert hydraulics.on_foot(300.0) is None
    assert hydraulics.judged(off)["standpipes"]


def test_a_network_too_large_is_told_so(off, in_process, settings):
    small = {**settings.STANDPIPE["HYDRAULICS"], "most_pipes": 3}
    settings.STANDPIPE = {**settings.STANDPIPE, "HYDRAULICS": small}
    assert hydraulics.judged(off)["why"] == "too_large"
