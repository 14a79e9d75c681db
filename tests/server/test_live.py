"""The live stream as a browser gets it: its topics, resumed where it was, nothing for strangers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import AsyncClient

from server.accounts.models import User
from server.events import live
from server.events.models import Event
from server.events.services import personal, publish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def _nobody_stays(django_db_setup: Any, django_db_blocker: Any) -> Any:
    """The threads in which views asked the database end without closing their sessions."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            # An autovacuum may be at work there; it is not ours to end.
            "AND backend_type = 'client backend' AND usename = current_user"
        )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A hub of this test's own, whose thread is gone when the test is."""
    made = live.Hub()
    monkeypatch.setattr(live, "hub", made)
    yield made
    thread = made._thread
    if thread is not None:
        thread.join(5)
        assert not thread.is_alive()


async def ask(user: User | None, query: str = "", **headers: str) -> Any:
    client = AsyncClient()
    if user is not None:
        await client.aforce_login(user)
    return await client.get(f"/live{query}", headers=headers)


class Stream:
    """Reads one frame after another: (event, id, data)."""

    def __init__(self, response: Any) -> None:
        self._parts = response.streaming_content.__aiter__()
        self._rest = b""

    async def frame(self) -> tuple[str, str, Any]:
        while b"\n\n" not in self._rest:
            self._rest += await asyncio.wait_for(self._parts.__anext__(), 10)
        whole, _, self._rest = self._rest.partition(b"\n\n")
        fields = dict(
            line.split(": ", 1)
            for line in whole.decode().splitlines()
            if not line.startswith("retry")
        )
        return fields["event"], fields.get("id", ""), json.loads(fields["data"])

    async def named(self, *names: str) -> tuple[str, str, Any]:
        while True:
            found = await self.frame()
            if found[0] in names:
                return found

    async def close(self) -> None:
        await self._parts.aclose()


@pytest.fixture
def people(db: Any) -> dict[str, User]:
    return {r: User.objects.create_user(r, role=r) for r in live.TOPICS_BY_ROLE}


async def told(name: str, **more: Any) -> Event:
    return await asyncio.to_thread(_told, name, more)


def _told(name: str, more: dict[str, Any]) -> Event:
    try:
        return publish(name, **more)
    finally:
        connection.close()


async def test_an_event_reaches_the_browser_with_its_place_in_the_list(hub, people):
    stream = Stream(await ask(people["agent"], "?topics=calls,incidents"))
    assert (await stream.frame())[0] == "hello"
    written = await told("call.ringing", topic="calls", call="c1")
    _name, mark, data = await stream.named("call.ringing")
    assert data["call"] == "c1"
    assert mark == await asyncio.to_thread(_mark_of, written.pk)
    await stream.close()


async def test_a_browser_that_was_away_resumes_where_it_was(hub, people):
    first = await told("one", topic="calls")
    mark = await asyncio.to_thread(_mark_of, first.pk)
    for name in ("two", "three"):
        await told(name, topic="calls")
    await told("hidden", topic="")
    stream = Stream(await ask(people["agent"], "?topics=calls", **{"Last-Event-ID": mark}))
    names = [(await stream.named("two", "three", "hidden"))[0] for _ in range(2)]
    assert names == ["two", "three"]
    await told("four", topic="calls")
    assert (await stream.named("four", "two", "three"))[0] == "four"
    await stream.close()


def _mark_of(pk: int) -> str:
    try:
        event = Event.objects.get(pk=pk)
        return f"{event.xid}-{event.pk}"
    finally:
        connection.close()


async def test_topics_are_those_of_the_role_whatever_is_asked_for(hub, people):
    stream = Stream(await ask(people["engineer"], "?topics=calls,incidents,wall"))
    await stream.frame()
    await told("call.ringing", topic="calls")
    await told("wall", topic="wall")
    await told("incident.opened", topic="incidents")
    found = await stream.named("call.ringing", "wall", "incident.opened")
    assert found[0] == "incident.opened"
    await stream.close()


async def test_what_is_for_one_person_comes_to_that_persons_screens_alone(hub, people):
    agent, boss = people["agent"], people["supervisor"]
    theirs = Stream(await ask(agent, "?topics=calls"))
    other = Stream(await ask(boss, f"?topics=calls,user:{agent.pk}"))
    await theirs.frame()
    await other.frame()
    await told("supervision.shown", topic=personal(agent.pk))
    await told("call.ringing", topic="calls")
    names = ("supervision.shown", "call.ringing")
    assert [(await theirs.named(*names))[0] for _ in names] == list(names)
    assert (await other.named(*names))[0] == "call.ringing"
    await theirs.close()
    await other.close()


@pytest.mark.parametrize("text", ["²-1", "9" * 25 + "-1", "x", "<script>"])
async def test_a_strange_last_event_id_starts_at_the_present(hub, people, text):
    query = "?last_event_id=" + "".join(f"%{b:02X}" for b in text.encode())
    stream = Stream(await ask(people["agent"], query))
    assert (await stream.frame())[0] == "hello"
    await stream.close()


async def test_signed_out_means_401_in_the_one_error_shape(hub):
    answer = await ask(None)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "signed_out"
    assert AnonymousUser().is_authenticated is False


async def test_a_browser_too_slow_is_cut_off_so_that_it_can_resume(hub, people, monkeypatch):
    monkeypatch.setattr(live, "QUEUE", 3)
    response = await ask(people["agent"], "?topics=calls")
    stream = Stream(response)
    await stream.frame()
    reader = next(iter(hub._readers))
    for n in range(6):
        reader.offer(live.Mark(2**62, n), b"data: x\n\n")
    await asyncio.sleep(0)
    with pytest.raises(StopAsyncIteration):
        while True:
            await asyncio.wait_for(stream._parts.__anext__(), 5)
