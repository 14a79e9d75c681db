"""The compiled network on disk: shared, made again when it must be, and never out of date."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connection, transaction

from gis_data.isolation import isolate
from server.network import compiling, graph
from server.network.models import NetworkVersion, Pipe, ServiceLine, Valve
from server.versions.models import NetworkChange


@pytest.fixture
def home(city, settings, tmp_path):
    settings.STANDPIPE = {**settings.STANDPIPE, "NETWORK": tmp_path / "network"}
    graph.forget()
    yield tmp_path / "network"
    graph.forget()


def times_read(monkeypatch):
    """Counts how often a network is made from the tables."""
    seen = []
    whole = compiling._from_the_tables
    monkeypatch.setattr(
        compiling, "_from_the_tables", lambda version: (seen.append(version.number),
                                                        whole(version))[1]
    )
    return seen


def test_the_next_process_maps_what_the_first_one_made(home: Path, monkeypatch) -> None:
    seen = times_read(monkeypatch)
    plan = graph.isolate("P2")
    graph.forget()
    assert graph.isolate("P2") == plan
    assert len(seen) == 1
    assert [f.name for f in home.glob("v*")] == [f"v{graph.version()}"]


def test_a_damaged_file_or_another_database_has_the_network_made_again(
    home: Path, monkeypatch
) -> None:
    seen = times_read(monkeypatch)
    plan = graph.isolate("P2")
    file = next(home.glob("v*/net.link_id.npy"))
    file.write_bytes(file.read_bytes()[:-1] + b"X")
    graph.forget()
    assert graph.isolate("P2") == plan
    NetworkVersion.objects.update(loaded_at="2020-01-01T00:00Z")
    assert graph.isolate("P2") == plan
    assert len(seen) == 3


def test_without_a_place_to_keep_it_the_answers_are_the_same(
    home: Path, settings, tmp_path
) -> None:
    plan = graph.isolate("P2")
    (tmp_path / "a file").write_text("in the way")
    settings.STANDPIPE = {**settings.STANDPIPE, "NETWORK": tmp_path / "a file" / "network"}
    graph.forget()
    assert graph.isolate("P2") == plan


def test_a_version_that_grew_by_changes_is_made_of_the_one_before(
    home: Path, monkeypatch
) -> None:
    graph.isolate("P2")
    seen = times_read(monkeypatch)
    old = NetworkVersion.objects.get()
    Pipe.objects.filter(asset="P4").update(closed=True)
    Valve.objects.filter(asset="V2").delete()
    ServiceLine.objects.filter(asset="S-clinic").update(pipe="P2")
    new = NetworkVersion.objects.create(number=old.number + 1, source="", header=old.header)
    for kind, asset, action in (("pipe", "P4", "changed"), ("valve", "V2", "removed"),
                                ("service", "S-clinic", "changed"), ("premise", "x", "added")):
        NetworkChange.objects.create(version=new.number, kind=kind, asset=asset, action=action)
    plan = graph.isolate("P2")
    assert set(plan.segment_pipes) == {"P2", "P3"}
    assert seen == []
    # Read whole, the tables say the same.
    assert plan == isolate(graph.compile_network(graph.read_network(1), 1).index, "P2")


def test_a_question_reads_the_valves_only_after_somebody_wrote_to_them(
    home: Path, django_assert_num_queries
) -> None:
    graph.isolate("P2")
    with django_assert_num_queries(1):
        graph.isolate("P2")
    Valve.objects.filter(asset="V3").update(position="closed")
    with django_assert_num_queries(2):
        assert graph.isolate("P4").already_closed == ("V3",)
    with django_assert_num_queries(1):
        graph.isolate("P4")


def test_a_valve_paved_over_or_tested_since_counts_from_the_next_question(home: Path) -> None:
    assert graph.isolate("P3").warned("valve_untested")
    Valve.objects.filter(asset="V2").update(operable="yes")
    assert not graph.isolate("P3").warned("valve_untested")
    Valve.objects.filter(asset="V2").update(accessible=False)
    assert "V2" in graph.positions().stuck
    assert "V2" not in graph.isolate("P3").valves_to_close
    assert graph.isolate("P3", usable=["V2"]).valves_to_close == ("V2",)


def test_a_boundary_valve_standing_open_is_open(home: Path) -> None:
    Valve.objects.filter(asset="V3").update(normally_open=False, position="closed")
    NetworkVersion.objects.update(number=7)
    assert not graph.trace("P4", "source_path").reached
    Valve.objects.filter(asset="V3").update(position="open")
    assert graph.positions().opened == {"V3"}
    assert graph.trace("P4", "source_path").reached


@pytest.mark.django_db(transaction=True)
def test_a_valve_turned_in_a_long_transaction_is_seen_when_that_ends(home: Path) -> None:
    """Another valve is turned meanwhile: the later entry must not hide the one still open."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                Valve.objects.filter(asset="V3").update(position="closed")
                begun.set()
                go_on.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(20)
    Valve.objects.filter(asset="V1").update(operable="no")
    assert graph.positions().closed == frozenset()
    go_on.set()
    thread.join(20)
    assert graph.positions().closed == {"V3"}
