"""ARI's JSON as values, and the client against an HTTP server of our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from telephony.ari.client import AriClient, AriError, CallGone
from telephony.ari.events import (
    BadAriMessage,
    ChannelGone,
    Connected,
    Disconnected,
    KeyPressed,
    Other,
    PlaybackFinished,
    StasisEnd,
    StasisStart,
    parse_event,
)
from telephony.backoff import Backoff

LINES = (Path(__file__).parent / "recorded" / "ari_call.jsonl").read_text("utf-8").splitlines()


def test_a_recorded_call_is_read_as_values() -> None:
    events = [parse_event(line) for line in LINES]
    start = next(e for e in events if isinstance(e, StasisStart))
    assert start.channel.id == "sp-1795399603.0" and start.args == ("incoming", "965113")
    assert start.channel.caller.number == "0401234567" and start.channel.caller.name == "Aino 王"
    assert start.at.isoformat() == "2026-11-23T02:06:43.921000+00:00"
    assert [e.digit for e in events if isinstance(e, KeyPressed)] == ["0"]
    assert [e.channel_id for e in events if isinstance(e, PlaybackFinished)] == [start.channel.id]
    assert any(isinstance(e, StasisEnd) for e in events)
    assert any(isinstance(e, Other) and e.type == "ChannelStateChange" for e in events)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ("", "message"),
        ("[]", "message"),
        ("{}", "type"),
        ("[" * 100_000, "message"),
        ('{"type":"StasisStart","timestamp":"2026-11-23T02:06:43Z"}', "channel"),
        ('{"type":"StasisStart","channel":{"id":"a","caller":3},"args":[]}', "channel"),
        ('{"type":"StasisStart","channel":{"id":"a"},"args":[],"timestamp":"soon"}', "timestamp"),
        ('{"type":"StasisStart","channel":{"id":"a"},"args":"x"}', "args"),
        ('{"type":"ChannelDtmfReceived","channel":{"id":"a"}}', "digit"),
        ('{"type":"PlaybackFinished"}', "playback"),
    ],
)
def test_a_message_of_another_form_is_refused_naming_the_field(raw: str, field: str) -> None:
    with pytest.raises(BadAriMessage) as refused:
        parse_event(raw)
    assert refused.value.field == field


KEYS = st.sampled_from(["type", "channel", "id", "caller", "playback", "timestamp"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.just("StasisStart"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner),
)


@given(JSON)
def test_any_json_is_a_value_or_a_named_refusal(data: object) -> None:
    try:
        parse_event(json.dumps(data))
    except BadAriMessage as refused:
        assert refused.field


def test_a_hang_up_is_one_event_whatever_asterisk_calls_it() -> None:
    for kind in ("ChannelHangupRequest", "ChannelDestroyed"):
        raw = json.dumps({"type": kind, "cause": 16, "channel": {"id": "sp-1.0"}})
        assert parse_event(raw) == ChannelGone("sp-1.0", 16)


async def served(handlers: dict[str, object]) -> tuple[web.AppRunner, str]:
    app = web.Application()
    for route, handler in handlers.items():
        method, path = route.split()
        app.router.add_route(method, path, handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/ari"


async def test_events_go_on_over_a_broken_connection_and_bad_messages() -> None:
    async def events(request: web.Request) -> web.WebSocketResponse:
        assert request.query["app"] == "standpipe"
        assert request.headers["Authorization"].startswith("Basic ")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("not json")
        await socket.send_str('{"type":"ChannelDestroyed","cause":16,"channel":{"id":"sp-1.0"}}')
        await socket.close()
        return socket

    runner, url = await served({"GET /ari/events": events})
    async with AriClient(url, "u", "p", backoff=Backoff(first=0.01)) as ari:
        stream = ari.events()
        got = [await anext(stream) for _ in range(6)]
    await runner.cleanup()
    assert [type(e) for e in got] == [Connected, ChannelGone, Disconnected] * 2


async def test_a_caller_who_hung_up_is_told_apart_from_a_failure() -> None:
    async def play(request: web.Request) -> web.Response:
        assert request.query["media"] == "sound:/p/a,sound:/p/b"
        return web.json_response({"message": "Channel not found"}, status=404)

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"message": "boom"}, status=500)

    runner, url = await served({
        "POST /ari/channels/{id}/play/{playback}": play,
        "POST /ari/channels/{id}/answer": answer,
    })  # fmt: skip
    async with AriClient(url, "u", "p") as ari:
        with pytest.raises(CallGone):
            await ari.play("sp-1.0", ["/p/a", "/p/b"])
        with pytest.raises(AriError, match="500 boom"):
            await ari.answer("sp-1.0")
        await ari.hangup("sp-1.0")  # gone already: no error
        assert await ari.application_channels() == ()
    await runner.cleanup()
    async with AriClient("http://127.0.0.1:9/ari", "u", "p") as nobody:
        with pytest.raises(AriError, match="answer"):
            await nobody.answer("sp-1.0")
