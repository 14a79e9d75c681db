"""The benchmark's rival gives the same answer as ours, so that the two may be compared."""

from __future__ import annotations

import numpy as np
import pytest

from gis_data.bench_city import generated_city
from server.cityload.bulk import fill_generated
from server.cityload.sql_isolation import SqlNetwork
from server.network import general, graph
from server.network.models import NetworkVersion, Pipe, PipeGeneral


@pytest.fixture
def made_up(db, settings, tmp_path):
    settings.STANDPIPE = {**settings.STANDPIPE, "NETWORK": tmp_path}
    graph.forget()
    city = generated_city(400)
    fill_generated(city)
    yield city
    graph.forget()


def test_a_generated_city_is_filled_by_columns_and_asked_alike_in_sql_and_in_process(made_up):
    assert Pipe.objects.count() == len(made_up["pipes"]["id"])
    assert NetworkVersion.objects.get().summary["pipes"] == Pipe.objects.count()
    sql = SqlNetwork()
    sql.prepare()
    lost = 0
    for name in np.random.default_rng(1).choice(made_up["pipes"]["id"], 25, replace=False):
        target = name.decode()
        plan = graph.isolate(target)
        assert set(sql.segment(target)) == set(plan.segment_pipes), target
        dry = {*plan.segment_pipes, *plan.unintended_pipes}
        assert set(sql.outage(target)) == dry, target
        lost += len(plan.unintended_pipes)
        if sql.has_pgrouting():
            assert set(sql.outage_by_pgrouting(target)) == dry, target
    assert lost > 0


def test_what_is_only_drawn_comes_of_a_generated_city_too(made_up):
    told = general.refresh()
    assert told.tiles > 0
    assert 0 < told.directed < Pipe.objects.count()
    assert PipeGeneral.objects.filter(zoom=12).exists()
