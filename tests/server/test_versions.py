"""A new survey on its way into a network in service: compared, approved, rolled back.

The town of tests/town.py; what the surveyors changed is drawn in surveyors.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.events.models import Event
from server.network import general, graph
from server.network.models import NetworkVersion, Pipe, Valve
from server.versions import services
from server.versions.kinds import KINDS
from server.versions.models import NetworkChange
from tests.server.surveyors import draft_of, surveyed

pytestmark = pytest.mark.django_db


def tables() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the network, numbers and computed columns too."""
    found = {}
    with connection.cursor() as cursor:
        for name, kind in KINDS.items():
            cursor.execute(f"SELECT * FROM {kind.table} ORDER BY id")
            found[name] = cursor.fetchall()
    return found


def actions(draft: Any) -> set[tuple[str, str, str]]:
    return set(draft.changes.values_list("kind", "asset", "action"))


def test_the_same_network_again_would_change_nothing(cast):
    draft = draft_of(graph.network())
    assert actions(draft) == set()
    with pytest.raises(Refused) as refused:
        services.approve(draft, by="juho")
    assert refused.value.code == "nothing"


def test_a_draft_says_what_is_new_what_changed_and_what_goes(cast):
    draft = draft_of(surveyed())
    assert actions(draft) == {
        ("pipe", "P8", "changed"), ("pipe", "P12", "removed"), ("pipe", "P13", "added"),
        ("valve", "V13", "added"), ("service", "S-gym", "changed"),
    }  # fmt: skip
    moved = draft.changes.get(asset="P8")
    assert set(moved.fields) == {"diameter_mm", "length_m", "geom"}
    assert (moved.before["diameter_mm"], moved.after["diameter_mm"]) == (150.0, 200.0)
    assert draft.summary["pipe"] == {"added": 1, "changed": 1, "removed": 1}


@pytest.mark.parametrize(("metres", "changed"), [(0.005, False), (0.02, True)])
def test_what_lies_within_a_centimetre_has_not_moved(cast, metres, changed):
    network = graph.network()
    hydrant = network.hydrants["H1"]
    moved = replace(hydrant, lat=hydrant.lat + metres / 111_320)
    draft = draft_of(replace(network, hydrants={**network.hydrants, "H1": moved}))
    assert actions(draft) == ({("hydrant", "H1", "changed")} if changed else set())


def test_a_pipe_drawn_from_the_other_end_has_changed(cast):
    network = graph.network()
    p9 = network.pipes["P9"]
    turned = replace(p9, start=p9.end, end=p9.start, geometry=p9.geometry.reverse())
    draft = draft_of(replace(network, pipes={**network.pipes, "P9": turned}))
    assert set(draft.changes.get(asset="P9").fields) == {"start", "end", "geom"}


def test_an_approved_draft_is_the_network_and_everybody_is_told(cast):
    before = graph.version()
    segment = graph.segment_of("P12")
    assert segment is not None
    version = services.approve(draft_of(surveyed()), by="juho")
    assert graph.version() == version.number == before + 1
    assert (version.kind, version.by) == ("import", "juho")
    assert graph.network() == replace(surveyed(), name=graph.network().name)
    assert graph.segment_of("P12") is None
    assert Pipe.objects.get(asset="P13").segment == graph.segment_of("P13")
    assert Event.objects.filter(name="network.changed").get().payload["version"] == version.number
    assert AuditRow.objects.filter(action="network.approve", by="juho").exists()
    # Who hangs on the renewed main loses water with it, and the gym with P10 now.
    assert "gym" in graph.isolate("P10").premises


def test_how_a_valve_stands_is_not_overwritten_by_a_file(cast):
    Valve.objects.filter(asset="V7").update(
        position="closed", operable="no", last_operated_at=timezone.now()
    )
    network = surveyed()
    wider = replace(network.valves["V7"], diameter_mm=250.0, operable="yes")
    draft = draft_of(replace(network, valves={**network.valves, "V7": wider}))
    assert draft.changes.get(asset="V7").fields == ["diameter_mm"]
    services.approve(draft, by="juho")
    valve = Valve.objects.get(asset="V7")
    assert (valve.position, valve.operable, valve.diameter_mm) == ("closed", "no", 250.0)
    assert valve.last_operated_at is not None


def test_a_file_that_says_nothing_of_a_column_leaves_it(cast):
    network = graph.network()
    bare = {k: replace(p, material="", roughness=100.0) for k, p in network.pipes.items()}
    given = {"pipe": frozenset({"start", "end", "diameter_mm"})}
    assert actions(draft_of(replace(network, pipes=bare), given=given)) == set()


def test_rolling_back_restores_every_row_exactly(cast):
    general.refresh()
    start, before = graph.version(), tables()
    services.approve(draft_of(surveyed()), by="juho")
    once = tables()
    assert once != before
    # A second one on top: P13 is laid wider than the survey said.
    network = graph.network()
    pipes = {**network.pipes, "P13": replace(network.pipes["P13"], diameter_mm=150.0)}
    services.approve(draft_of(replace(network, pipes=pipes)), by="juho")
    version = services.roll_back(start, by="juho", reason="the levels were wrong")
    assert (version.kind, version.back_to) == ("rollback", start)
    assert tables() == before
    assert NetworkVersion.objects.get(number=start).header == version.header
    assert AuditRow.objects.filter(action="network.roll_back", by="juho").exists()
    # And forward again: the way back is a version like any other.
    services.roll_back(start + 1, by="juho", reason="they were right after all")
    assert tables() == once


def test_what_a_crew_reports_after_the_comparison_survives_the_way_there_and_back(cast):
    start = graph.version()
    network = surveyed()
    valves = {k: v for k, v in network.valves.items() if k != "V9"}
    draft = draft_of(replace(network, valves=valves))
    Valve.objects.filter(asset="V9").update(operable="no", position="closed")
    services.approve(draft, by="juho")
    assert not Valve.objects.filter(asset="V9").exists()
    services.roll_back(start, by="juho", reason="V9 is there")
    valve = Valve.objects.get(asset="V9")
    assert (valve.operable, valve.position) == ("no", "closed")


def test_a_failure_at_the_last_statement_leaves_the_version_in_force(cast, monkeypatch):
    before, number = tables(), graph.version()
    draft = draft_of(surveyed())

    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(services, "publish", full)
    with pytest.raises(OSError, match="No space"):
        services.approve(draft, by="juho")
    assert tables() == before
    assert graph.version() == number
    draft.refresh_from_db()
    assert (draft.state, draft.version) == ("ready", None)
    assert not NetworkChange.objects.exclude(version=None).exists()


def test_a_draft_of_an_older_version_must_be_compared_again(cast):
    first, second = draft_of(surveyed()), draft_of(surveyed())
    services.approve(first, by="juho")
    with pytest.raises(Conflict) as refused:
        services.approve(second, by="juho")
    assert refused.value.code == "moved_on"


def test_a_pipe_an_open_shut_off_works_on_is_not_taken_out(cast, burst):
    """P8 has burst: its plan closes valves around it; a survey without V8 has to wait."""
    network = graph.network()
    rest = {k: v for k, v in network.valves.items() if k != "V8"}
    draft = draft_of(replace(network, valves=rest))
    shut_off = burst.shut_offs.get()
    with pytest.raises(Conflict) as refused:
        services.approve(draft, by="juho")
    assert refused.value.code == "in_use"
    assert (refused.value.extra["shut_off"], refused.value.extra["assets"]) == (
        shut_off.number, ["V8"])  # fmt: skip
    assert "V8" in str(refused.value)
    assert Valve.objects.filter(asset="V8").exists()


def test_going_back_is_refused_while_a_shut_off_works_on_what_would_go(cast, register, news):
    start = graph.version()
    services.approve(draft_of(surveyed()), by="juho")
    # The new main P13 bursts.
    lon, lat = Pipe.objects.get(asset="P13").geom.interpolate_normalized(0.5)
    register("burst", at=(lon, lat))
    news()
    with pytest.raises(Conflict) as refused:
        services.roll_back(start, by="juho", reason="wrong file")
    assert refused.value.code == "in_use"
    assert Pipe.objects.filter(asset="P13").exists()


def test_a_network_nothing_can_be_isolated_with_needs_a_reason(cast):
    draft = draft_of(surveyed())
    draft.readiness = {"verdicts": {"tracing": {"ok": "no"}}}
    draft.save()
    with pytest.raises(Refused) as refused:
        services.approve(draft, by="juho")
    assert (refused.value.field, refused.value.code) == ("reason", "required")
    services.approve(draft, by="juho", reason="the valves come next week")
    note = AuditRow.objects.get(action="network.approve").note
    assert "next week" in note


def test_the_way_back_ends_at_a_city_loaded_whole(cast):
    whole = NetworkVersion.objects.create(number=graph.version() + 1, source="another city")
    with pytest.raises(Refused) as refused:
        services.roll_back(whole.number - 1, by="juho", reason="back")
    assert refused.value.code == "loaded_whole"
    with pytest.raises(Refused) as refused:
        services.roll_back(whole.number, by="juho", reason="back")
    assert refused.value.code == "in_force"


def test_two_valves_may_change_places(cast):
    network = graph.network()
    v9, v7 = network.valves["V9"], network.valves["V7"]
    swapped = {
        **network.valves,
        "V9": replace(v9, pipe=v7.pipe, node=v7.node),
        "V7": replace(v7, pipe=v9.pipe, node=v9.node),
    }
    services.approve(draft_of(replace(network, valves=swapped)), by="juho")
    assert graph.network().valves["V9"].pipe == "P7"


def test_what_could_not_be_read_stays_as_it_is_with_the_nodes_it_ends_at(cast):
    """P12 and its end G are missing from what was built, because P12's record is broken."""
    network = graph.network()
    pipes = {k: p for k, p in network.pipes.items() if k not in ("P12", "P9")}
    nodes = {k: n for k, n in network.nodes.items() if k != "G"}
    services_ = {k: s for k, s in network.services.items() if s.pipe != "P9"}
    valves = {k: v for k, v in network.valves.items() if v.pipe != "P9"}
    built = replace(network, pipes=pipes, nodes=nodes, services=services_, valves=valves)
    draft = draft_of(built, kept={"P12"})
    assert ("pipe", "P12", "kept") in actions(draft)
    assert ("node", "G", "kept") in actions(draft)
    assert ("pipe", "P9", "removed") in actions(draft)
    services.approve(draft, by="juho")
    assert graph.network().pipes["P12"].start == "G"


def test_service_lines_the_file_does_not_speak_of_follow_their_main(cast):
    """P7 comes back in two pieces under new names; Dora's line, valve and all, hang on again."""
    network = graph.network()
    p7 = network.pipes["P7"]
    pipes = {k: p for k, p in network.pipes.items() if k != "P7"}
    pipes["P70"] = replace(p7, id="P70")
    built = replace(network, pipes=pipes)
    draft = draft_of(built, kinds=("node", "pipe"))
    assert ("service", "S-dora", "changed") in actions(draft)
    assert ("valve", "V7", "changed") in actions(draft)
    services.approve(draft, by="juho")
    assert graph.network().services["S-dora"].pipe == "P70"
    assert graph.network().services["S-dora"].measure == pytest.approx(0.5, abs=1e-6)
    assert graph.network().valves["V7"].pipe == "P70"


def test_nodes_with_made_up_names_are_known_by_their_place(cast):
    network = graph.network()
    name = {n: f"n{i}_-70.2" for i, n in enumerate(network.nodes)}
    nodes = {name[k]: replace(n, id=name[k], kind="junction") for k, n in network.nodes.items()}
    pipes = {
        k: replace(p, start=name[p.start], end=name[p.end]) for k, p in network.pipes.items()
    }
    valves = {k: replace(v, node=name[v.node]) for k, v in network.valves.items()}
    hydrants = {k: replace(h, node=name[h.node]) for k, h in network.hydrants.items()}
    built = replace(network, nodes=nodes, pipes=pipes, valves=valves, hydrants=hydrants)
    draft = draft_of(built, complete_nodes=False)
    assert actions(draft) == set()
