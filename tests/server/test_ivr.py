"""The telephone menu in versions: drafts, publishing, rolling back; its prompts; its preview.

begin(full) -> draft 1 --publish--> in force 1
                draft 2 --publish--> in force 2 --publish 1 again--> in force 1 (rolled back)
"""

from __future__ import annotations

import copy
import io
import math
import shutil
import struct
import threading
import wave
from pathlib import Path
from typing import Any

import pytest

from server.accounts.models import AuditRow
from server.accounts.refusals import Conflict, Refused
from server.calls.switchboard import Switchboard
from server.events.models import Event
from server.ivr import prompts, trees
from server.ivr.models import PromptAlarm, PromptVersion, Publication, TreeVersion
from telephony.fakes import FakeAmi, FakeAri
from telephony.ivr_trees import BUILT_IN, TEMPLATES
from telephony.prompts import PromptError, Speech
from telephony.sentences import Say

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def own(cast: Any, settings: Any, tmp_path: Path) -> Path:
    """Folders of the built-in prompts and of our own."""
    settings.STANDPIPE = {
        **settings.STANDPIPE, "PROMPTS": tmp_path / "prompts", "OWN_PROMPTS": tmp_path / "own",
    }  # fmt: skip
    for language in ("en", "zh"):
        (tmp_path / "prompts" / language).mkdir(parents=True)
        for name in ("recorded", "choose-key"):
            (tmp_path / "prompts" / language / f"{name}.wav").write_bytes(wav())
    return tmp_path / "own"


def wav(seconds: float = 1.0, rate: int = 8000, channels: int = 1, level: float = 0.4) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        count = int(seconds * rate)
        file.writeframes(b"".join(
            struct.pack("<h", int(level * 32000 * math.sin(n / 3))) * channels
            for n in range(count)
        ))  # fmt: skip
    return out.getvalue()


def upload(client: Any, name: str, data: bytes, language: str = "en", **more: str) -> Any:
    file = io.BytesIO(data)
    file.name = "prompt.wav"
    return client.post(f"/api/ivr/prompts/{name}/{language}", {"file": file, **more})


def field_of(answer: Any) -> tuple[str, str]:
    error = answer.json()["errors"][0]
    return error["field"], error["code"]


# --- versions --------------------------------------------------------------------------------


def test_before_anything_is_published_the_built_in_menu_is_in_force(cast, client_of):
    assert trees.in_force() is BUILT_IN
    seen = client_of(cast.sari).get("/api/ivr").json()
    assert seen["in_force"] == 0 and seen["draft"] is None and seen["versions"] == []
    assert client_of(cast.sari).get("/api/ivr/versions/0").json()["in_force"]


def test_a_draft_is_edited_checked_published_and_rolled_back_and_all_of_it_is_audited(
    cast, client_of
):
    sari = client_of(cast.sari)
    draft = sari.post("/api/ivr/versions", {"base": "full"}, JSON).json()
    assert draft["number"] == 1 and draft["problems"] == []
    tree = copy.deepcopy(draft["tree"])
    tree["nodes"]["main"]["keys"]["7"] = "nowhere"
    saved = sari.put("/api/ivr/versions/1", {"tree": tree, "edition": 0}, JSON).json()
    assert [(p["node"], p["code"]) for p in saved["problems"]] == [("main", "no_such_node")]
    refused = sari.post("/api/ivr/versions/1/actions", {"action": "publish"}, JSON)
    assert refused.status_code == 422 and refused.json()["problems"][0]["node"] == "main"
    assert trees.in_force() is BUILT_IN  # a broken draft is kept, and nobody hears it
    tree["nodes"]["main"]["keys"]["7"] = "outage"
    sari.put("/api/ivr/versions/1", {"tree": tree, "edition": 1, "note": "winter"}, JSON)
    sari.post("/api/ivr/versions/1/actions", {"action": "publish", "why": "first"}, JSON)
    assert trees.in_force().version == 1
    assert trees.in_force().nodes["main"].keys["7"] == "outage"

    sari.post("/api/ivr/versions", {"base": "1"}, JSON)
    sari.post("/api/ivr/versions/2/actions", {"action": "publish"}, JSON)
    assert trees.in_force().version == 2
    seen = sari.post(
        "/api/ivr/versions/1/actions", {"action": "publish", "why": "2 confuses people"}, JSON
    ).json()
    assert seen["in_force"] == 1 and trees.in_force().version == 1
    assert [(p["version"], p["why"]) for p in seen["publications"]] == [
        (1, "2 confuses people"), (2, ""), (1, "first"),
    ]  # fmt: skip
    said = list(AuditRow.objects.filter(subject__startswith="ivr:").values_list("action", "by"))
    assert said == [
        ("ivr.begin", "sari"), ("ivr.save", "sari"), ("ivr.save", "sari"), ("ivr.publish", "sari"),
        ("ivr.begin", "sari"), ("ivr.publish", "sari"), ("ivr.roll_back", "sari"),
    ]  # fmt: skip


def test_the_next_call_walks_the_published_tree(cast):
    from datetime import UTC, datetime

    from server.calls import services

    row = trees.begin("full", by="sari")
    trees.publish(row, by="sari")
    call = services.rang(services.Ring("c1", "0409999999", "", "965113", datetime.now(UTC)))
    told = Switchboard(FakeAri(), FakeAmi(), None).decision(call)  # type: ignore[arg-type]
    assert told.tree.version == 1 and told.tree.start == "hello" and told.number_known


def test_what_was_published_never_changes(cast, client_of):
    row = trees.begin("short", by="sari")
    trees.publish(row, by="sari")
    for change in (
        lambda: trees.save(row, TEMPLATES["full"], edition=0, by="sari"),
        lambda: trees.discard(row, by="sari"),
        lambda: trees.publish(row, by="sari"),
    ):
        with pytest.raises(Conflict):
            change()


def test_there_is_one_draft_and_two_who_edit_it_notice(cast, client_of):
    sari = client_of(cast.sari)
    sari.post("/api/ivr/versions", {"base": "full"}, JSON)
    assert sari.post("/api/ivr/versions", {"base": "short"}, JSON).status_code == 409
    tree = TEMPLATES["full"]
    assert sari.put("/api/ivr/versions/1", {"tree": tree, "edition": 0}, JSON).status_code == 200
    late = sari.put("/api/ivr/versions/1", {"tree": tree, "edition": 0}, JSON)
    assert late.status_code == 409 and field_of(late) == ("edition", "stale")
    sari.post("/api/ivr/versions/1/actions", {"action": "discard"}, JSON)
    assert sari.post("/api/ivr/versions", {"base": "short"}, JSON).json()["number"] == 2
    again = sari.post("/api/ivr/versions/1/actions", {"action": "publish"}, JSON)
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [("/api/ivr/versions", {"base": "fancy"}, 404), ("/api/ivr/versions", {"base": "²"}, 404),
     ("/api/ivr/versions", {}, 404), ("/api/ivr/versions/9/actions", {"action": "publish"}, 404),
     ("/api/ivr/versions/1/actions", {"action": "burn"}, 422),
     ("/api/ivr/preview", {"tree": {}}, 422), ("/api/ivr/preview", {}, 422),
     ("/api/ivr/check", {}, 200), ("/api/ivr/speak", {"text": "", "language": "en"}, 422),
     ("/api/ivr/speak", {"text": "x", "language": "fi"}, 422)],
)  # fmt: skip
def test_bad_requests_end_in_a_sentence(cast, client_of, address, body, status):
    trees.begin("short", by="sari")
    answer = client_of(cast.sari).post(address, body, JSON)
    assert answer.status_code == status, answer.content


@pytest.mark.parametrize(
    "tree", [None, [], "x", {}, {"nodes": []}, {"nodes": {"a": "x" * 200_001}}]
)
def test_what_is_no_tree_is_not_kept(cast, client_of, tree):
    trees.begin("short", by="sari")
    answer = client_of(cast.sari).put("/api/ivr/versions/1", {"tree": tree, "edition": 0}, JSON)
    assert answer.status_code == 422 and field_of(answer)[0] == "tree"


def test_a_tree_in_the_table_that_cannot_be_read_does_not_stop_the_telephone(cast):
    row = TreeVersion.objects.create(number=7, tree={"nodes": {}}, state="published", made_by="x")
    Publication.objects.create(version=row, by="x")
    assert trees.in_force() is BUILT_IN


# --- preview ---------------------------------------------------------------------------------


def preview(client: Any, *inputs: Any, **more: Any) -> Any:
    body = {"tree": TEMPLATES["full"], "inputs": list(inputs), **more}
    answer = client.post("/api/ivr/preview", body, JSON)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_preview_walks_as_a_caller_would(cast, client_of):
    sari = client_of(cast.sari)
    first = preview(sari)
    assert first["state"] == "waiting" and first["node"] == "main"
    assert [s["prompt"] for s in first["said"]] == ["recorded", "main-menu", "other-language"]
    assert "press two" in first["said"][1]["text"]
    digits = [{"key": key} for key in "241000018#9876#"]
    asked = preview(sari, *digits)
    assert asked["state"] == "asking" and asked["results"] == ["ok", "wrong", "down"]
    told = preview(sari, *digits, {"result": "ok"})
    assert told["said"][-2]["text"].endswith("forty two euros and fifty cents are to be paid.")
    over = preview(sari, {"key": "1"})
    assert (over["state"], over["outcome"], over["priority"]) == ("over", "queue", 10)
    assert over["path"][-1]["node"] == "@emergency"
    assert preview(sari, *[{"silence": True}] * 3)["outcome"] == "queue"
    places = preview(sari, known="places", language="zh")
    assert places["keys"] == ["2", "3"] and "磨坊街" in places["said"][1]["text"]
    assert preview(sari, {"key": "5"}, hidden=True)["said"][-1]["prompt"] == "callback-enter"


@pytest.mark.parametrize("known", ["shutoff", "planned", "nearby", "burst", "elsewhere"])
def test_every_verdict_can_be_heard_in_the_preview(cast, client_of, known):
    for language in ("en", "zh"):
        said = preview(client_of(cast.sari), known=known, language=language)["said"]
        assert said[1]["prompt"].startswith("known-") and said[1]["text"]


@pytest.mark.parametrize(
    "inputs", ["2", [2], [{"key": "22"}], [{"result": "ok"}], [{}], [{"key": 2}], [None],
               [{"silence": True}] * 201],
)  # fmt: skip
def test_keys_that_cannot_be_pressed_are_refused(cast, client_of, inputs):
    body = {"tree": TEMPLATES["full"], "inputs": inputs}
    assert client_of(cast.sari).post("/api/ivr/preview", body, JSON).status_code == 422


# --- prompts ---------------------------------------------------------------------------------


def test_a_recording_is_heard_from_the_next_call_on_and_the_old_one_again_when_wanted(
    cast, own, client_of
):
    sari = client_of(cast.sari)
    speech = Speech(own.parent / "prompts", own=own)
    built_in = speech.prompt("recorded", "en")
    assert built_in.endswith("prompts/en/recorded")
    first, second = wav(1.0), wav(2.0)
    assert upload(sari, "recorded", first, source="recorded").json()["number"] == 1
    assert speech.prompt("recorded", "en") == built_in  # not before it is chosen
    use = "/api/ivr/prompts/recorded/en/use"
    assert sari.post(use, {"number": 1}, JSON).status_code == 200
    heard = Path(speech.prompt("recorded", "en") + ".wav")
    assert heard.read_bytes() == first
    upload(sari, "recorded", second)
    sari.post(use, {"number": 2}, JSON)
    assert heard.read_bytes() == second
    sari.post(use, {"number": 1}, JSON)
    assert heard.read_bytes() == first
    sari.post(use, {"number": 0}, JSON)
    assert speech.prompt("recorded", "en") == built_in and not heard.exists()
    for number, data in ((0, None), (1, first), (2, second)):
        sound = sari.get(f"/api/ivr/prompts/recorded/en/{number}")
        assert sound.status_code == 200
        assert data is None or b"".join(sound.streaming_content) == data
    steps = AuditRow.objects.filter(subject="prompt:recorded/en").values_list("action", "to_state")
    assert list(steps) == [
        ("prompt.add", "1"), ("prompt.use", "1"), ("prompt.add", "2"), ("prompt.use", "2"),
        ("prompt.use", "1"), ("prompt.use", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "code"),
    [(wav(rate=44_100), "form"), (wav(rate=16_000), "form"), (wav(channels=2), "form"),
     (wav(0.1), "too_short"), (wav(61), "too_long"), (wav(level=0), "silent"),
     (b"ID3\x04\x00 not a wav", "codec"), (b"", "codec"), (wav()[:30], "codec"),
     (wav().replace(b"\x01\x00\x01\x00\x40\x1f", b"\x07\x00\x01\x00\x40\x1f"), "codec"),
     (b"RIFF" + b"x" * 1_000_000, "too_long")],
)  # fmt: skip
def test_the_wrong_codec_form_or_length_is_refused_and_nothing_kept(
    cast, own, client_of, data, code
):
    answer = upload(client_of(cast.sari), "recorded", data)
    assert answer.status_code in (413, 422), answer.content
    assert field_of(answer) == ("file", code)
    assert not PromptVersion.objects.exists() and not list(own.rglob("*.wav"))


@pytest.mark.parametrize(
    ("name", "language", "field"),
    [("Recorded", "en", "name"), ("a" * 41, "en", "name"), ("..", "en", "name"),
     ("recorded", "fi", "language")],
)  # fmt: skip
def test_a_prompt_has_a_plain_name_and_a_language_we_speak(
    cast, own, client_of, name, language, field
):
    answer = upload(client_of(cast.sari), name, wav(), language)
    assert answer.status_code == 422 and field_of(answer)[0] == field


@pytest.mark.parametrize("number", [3, -1, 10**12, "1", None, True, 1.5])
def test_a_version_that_does_not_exist_cannot_be_chosen(cast, own, client_of, number):
    answer = client_of(cast.sari).post("/api/ivr/prompts/recorded/en/use", {"number": number}, JSON)
    assert answer.status_code == 404


def test_a_missing_prompt_is_replaced_by_the_default_one_and_raises_one_alarm(cast, own, client_of):
    speech = Speech(own.parent / "prompts", own=own, missing=prompts.missing)
    for _ in range(3):
        assert speech.prompt("main-menu", "en").endswith("prompts/en/choose-key")
    [alarm] = client_of(cast.sari).get("/api/ivr").json()["alarms"]
    assert (alarm["name"], alarm["language"], alarm["count"]) == ("main-menu", "en", 3)
    assert Event.objects.filter(name="prompt.missing").count() == 1
    # Recording it ends the alarm.
    sari = client_of(cast.sari)
    upload(sari, "main-menu", wav())
    sari.post("/api/ivr/prompts/main-menu/en/use", {"number": 1}, JSON)
    assert not PromptAlarm.objects.filter(cleared_at=None).exists()
    assert speech.prompt("main-menu", "en").endswith("own/en/main-menu")


def test_files_that_were_lost_are_laid_out_again_or_raise_the_alarm(cast, own, client_of):
    sari = client_of(cast.sari)
    upload(sari, "recorded", wav())
    sari.post("/api/ivr/prompts/recorded/en/use", {"number": 1}, JSON)
    heard = own / "en" / "recorded.wav"
    heard.unlink()
    assert prompts.lay_out() == 0 and heard.exists()
    (own / "en" / "stray.wav").write_bytes(b"x")
    shutil.rmtree(own / "versions")
    heard.unlink()
    assert prompts.lay_out() == 1 and not (own / "en" / "stray.wav").exists()
    assert PromptAlarm.objects.get().name == "recorded"
    speech = Speech(own.parent / "prompts", own=own)
    assert speech.prompt("recorded", "en").endswith("prompts/en/recorded")


class Voice:
    def __init__(self) -> None:
        self.broken = False

    def speak(self, text: str, language: str, out: Path) -> None:
        if self.broken:
            raise PromptError("espeak-ng is not installed")
        out.write_bytes(wav())


def test_a_text_is_spoken_by_whatever_voice_there_is(cast, own, client_of, monkeypatch):
    voice = Voice()
    monkeypatch.setattr(prompts, "VOICE", voice)
    sari = client_of(cast.sari)
    made = sari.post("/api/ivr/prompts/holiday/zh", {"text": "今天休息。"}, JSON)
    assert made.status_code == 201
    row = PromptVersion.objects.get()
    assert (row.source, row.text) == ("spoken", "今天休息。")
    assert sari.post("/api/ivr/speak", {"text": "今天", "language": "zh"}, JSON).content == wav()
    # Known to the menu once it can be heard in both languages.
    sari.post("/api/ivr/prompts/holiday/zh/use", {"number": 1}, JSON)
    assert "holiday" not in sari.get("/api/ivr").json()["prompts"]
    sari.post("/api/ivr/prompts/holiday/en", {"text": "We rest today."}, JSON)
    sari.post("/api/ivr/prompts/holiday/en/use", {"number": 1}, JSON)
    assert "holiday" in sari.get("/api/ivr").json()["prompts"]
    shown = {(p["name"], p["language"]): p for p in sari.get("/api/ivr/prompts").json()["prompts"]}
    assert shown[("holiday", "en")]["text"] == "We rest today."
    voice.broken = True
    refused = sari.post("/api/ivr/prompts/holiday/en", {"text": "x"}, JSON)
    assert refused.status_code == 422 and field_of(refused) == ("text", "voice")


def test_a_full_disk_is_said_and_the_version_in_force_stays(cast, own, client_of, monkeypatch):
    sari = client_of(cast.sari)
    upload(sari, "recorded", wav(1.0))
    sari.post("/api/ivr/prompts/recorded/en/use", {"number": 1}, JSON)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        answer = upload(sari, "recorded", wav(2.0))
    assert answer.status_code == 422 and field_of(answer) == ("file", "disk")
    assert PromptVersion.objects.count() == 1 and trees.in_force() is BUILT_IN
    speech = Speech(own.parent / "prompts", own=own)
    assert speech.prompt(Say("recorded").prompt, "en").endswith("own/en/recorded")


def test_choosing_while_callers_listen_never_leaves_a_half_file(cast, own, client_of):
    sari = client_of(cast.sari)
    sizes = {len(wav(1.0)), len(wav(2.0))}
    upload(sari, "recorded", wav(1.0))
    upload(sari, "recorded", wav(2.0))
    use = "/api/ivr/prompts/recorded/en/use"
    sari.post(use, {"number": 1}, JSON)
    heard, seen, stop = own / "en" / "recorded.wav", set[int](), threading.Event()

    def listen() -> None:
        while not stop.is_set():
            seen.add(len(heard.read_bytes()))

    listener = threading.Thread(target=listen)
    listener.start()
    for n in range(20):
        sari.post(use, {"number": 1 + n % 2}, JSON)
    stop.set()
    listener.join()
    assert seen <= sizes and seen


@pytest.mark.parametrize("who", ["aino", "mika", "juho"])
def test_the_menu_belongs_to_supervisors(cast, client_of, who):
    client = client_of(getattr(cast, who))
    assert client.get("/api/ivr").status_code == 403
    assert client.post("/api/ivr/versions", {"base": "full"}, JSON).status_code == 403


def test_an_auditor_looks_and_changes_nothing(cast, client_of):
    anu = client_of(cast.anu)
    assert anu.get("/api/ivr").status_code == 200
    assert anu.post("/api/ivr/versions", {"base": "full"}, JSON).status_code == 403
    with pytest.raises(Refused):
        trees.version("1")
