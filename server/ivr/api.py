"""Doors to the telephone menu: its versions, its prompts, a preview."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.ivr import known, preview, prompts, selectors, trees
from telephony.ivr_tree import TreeError, parse
from telephony.wav import MAX_BYTES

LOOK = ("supervisor", "manager", "auditor")
CHANGE = ("supervisor",)


class _Look(APIView):
    permission_classes = [role_in(*LOOK)]


class _Change(APIView):
    permission_classes = [role_in(*CHANGE)]


class MenuView(_Look):
    """Which version is in force, the draft, all versions, who published what, and the alarms."""

    @extend_schema(operation_id="ivr_overview", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.overview())


class VersionsView(_Change):
    """Begin a draft: {"base": "3" | "short" | "full"}."""

    @extend_schema(operation_id="ivr_begin", request=OpenApiTypes.OBJECT,
                   responses={201: OpenApiTypes.OBJECT})  # fmt: skip
    def post(self, request: Request) -> Response:
        base = str(body(request).get("base") or "")
        row = trees.begin(base, by=person(request).username)
        return Response(selectors.version(row), status=201)


class VersionView(APIView):
    def get_permissions(self) -> list[Any]:
        return [role_in(*(LOOK if self.request.method == "GET" else CHANGE))()]

    @extend_schema(operation_id="ivr_version", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: int) -> Response:
        return Response(
            selectors.version(trees.version(number)) if number else selectors.built_in()
        )

    @extend_schema(operation_id="ivr_save", request=OpenApiTypes.OBJECT,
                   responses=OpenApiTypes.OBJECT)  # fmt: skip
    def put(self, request: Request, number: int) -> Response:
        data = body(request)
        row = trees.save(
            trees.version(number), data.get("tree"), edition=data.get("edition"),
            note=str(data.get("note") or ""), by=person(request).username,
        )  # fmt: skip
        return Response(selectors.version(row))


class VersionActionView(_Change):
    """{"action": "publish" | "discard", "why"}; publishing an older version rolls back to it."""

    @extend_schema(operation_id="ivr_action", request=OpenApiTypes.OBJECT,
                   responses=OpenApiTypes.OBJECT)  # fmt: skip
    def post(self, request: Request, number: int) -> Response:
        data, by = body(request), person(request).username
        row = trees.version(number)
        if data.get("action") == "publish":
            trees.publish(row, why=str(data.get("why") or ""), by=by)
        elif data.get("action") == "discard":
            trees.discard(row, by=by)
        else:
            raise Refused("action", "unknown", _("Choose publish or discard."))
        return Response(selectors.overview())


class CheckView(_Look):
    """{"tree"} -> {"problems"}: what would be refused at publishing."""

    @extend_schema(operation_id="ivr_check", request=OpenApiTypes.OBJECT,
                   responses=OpenApiTypes.OBJECT)  # fmt: skip
    def post(self, request: Request) -> Response:
        return Response({"problems": trees.problems(body(request).get("tree"))})


class PreviewView(_Look):
    """{"tree", "inputs", "language", "known", "hidden"} -> what a caller would hear."""

    @extend_schema(operation_id="ivr_preview", request=OpenApiTypes.OBJECT,
                   responses=OpenApiTypes.OBJECT)  # fmt: skip
    def post(self, request: Request) -> Response:
        data = body(request)
        try:
            tree = parse(data.get("tree"))
        except TreeError:
            worded = trees.problems(data.get("tree"))
            text = _("The menu cannot be walked yet: %(first)s")
            raise Refused("tree", "problems", text % {"first": worded[0]["text"] if worded else ""},
                          problems=worded) from None  # fmt: skip
        return Response(preview.walk(
            tree, data.get("inputs", []), language=data.get("language", "en"),
            known=data.get("known", "nothing"), hidden=data.get("hidden") is True,
        ))  # fmt: skip


class PromptsView(_Look):
    @extend_schema(operation_id="ivr_prompts", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"prompts": prompts.overview(), "alarms": prompts.alarms(),
                         "known": sorted(known.prompts())})  # fmt: skip


class PromptView(_Change):
    """A new version: multipart `file` (WAV, 8 kHz, 16 bit, mono) with `source`, or {"text"}."""

    @extend_schema(
        operation_id="ivr_prompt_add",
        request={"multipart/form-data": {"type": "object", "properties": {
            "file": {"type": "string", "format": "binary"}, "source": {"type": "string"},
            "text": {"type": "string"},
        }}},
        responses={201: OpenApiTypes.OBJECT},
    )  # fmt: skip
    def post(self, request: Request, name: str, language: str) -> Response:
        data, by = body(request), person(request).username
        text, file = str(data.get("text") or ""), data.get("file")
        if file is None:
            row = prompts.speak(name, language, text, by=by)
        elif not hasattr(file, "read"):
            raise Refused("file", "shape", _("Send the recording as a file."))
        else:
            source = str(data.get("source") or "uploaded")
            sound = file.read(MAX_BYTES + 1)
            row = prompts.take_in(name, language, sound, source=source, text=text, by=by)
        return Response({"number": row.number, "seconds": row.seconds}, status=201)


class PromptUseView(_Change):
    """{"number"}: this version is heard from now on; 0 is the built-in one."""

    @extend_schema(operation_id="ivr_prompt_use", request=OpenApiTypes.OBJECT,
                   responses=OpenApiTypes.OBJECT)  # fmt: skip
    def post(self, request: Request, name: str, language: str) -> Response:
        number = body(request).get("number")
        prompts.use(name, language, number, by=person(request).username)
        return Response({"in_use": number})


class PromptSoundView(_Look):
    @extend_schema(operation_id="ivr_prompt_sound",
                   responses={(200, "audio/wav"): OpenApiTypes.BINARY})  # fmt: skip
    def get(self, request: Request, name: str, language: str, number: int) -> HttpResponseBase:
        path = prompts.sound(name, language, number)
        return FileResponse(path.open("rb"), content_type="audio/wav")


class SpeakView(_Look):
    """{"text", "language"} -> how it sounds; nothing is kept."""

    @extend_schema(operation_id="ivr_speak", request=OpenApiTypes.OBJECT,
                   responses={(200, "audio/wav"): OpenApiTypes.BINARY})  # fmt: skip
    def post(self, request: Request) -> HttpResponseBase:
        data = body(request)
        sound = prompts.spoken(str(data.get("text") or ""), str(data.get("language") or ""))
        return HttpResponse(sound, content_type="audio/wav")
