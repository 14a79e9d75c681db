"""Doors to recordings: the list, the player's links, the sound, holds and classes, gaps."""

from __future__ import annotations

import logging
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.permissions import DESK, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.calls import supervising
from server.calls.models import Call, Recording
from server.calls.ranged import ranged
from server.calls.recordings import (
    access,
    alarms,
    keeping,
    pausing,
    reconciling,
    removing,
    selectors,
)
from server.calls.recordings.models import Gap, Supervision
from server.calls.recordings.vault import VaultError

log = logging.getLogger("standpipe.recordings")
OVERSEERS = ("supervisor", "auditor")


def sound_of(request: Request, recording: Recording, leg: str = "") -> HttpResponseBase:
    """The sound or the range asked for; each play from the beginning is written down."""
    call = recording.call
    try:
        sound = keeping.open(recording, leg)
    except (OSError, VaultError) as error:
        log.warning("recording of %s: %s", call.call_id, error)
        if not isinstance(error, FileNotFoundError) or recording.files.exists():
            alarms.raised("damaged", call=call.call_id)
        raise access.lost(f"call:{call.call_id}", "cannot be opened") from None
    if not request.headers.get("Range") or request.headers["Range"].startswith("bytes=0-"):
        record("recording.play", f"call:{call.call_id}", note=leg, by=person(request).username)
    answer = ranged(request, sound, "audio/wav")
    answer["Cache-Control"] = "private, no-store"
    return answer


class RecordingsView(APIView):
    permission_classes = [role_in(*OVERSEERS)]

    @extend_schema(operation_id="recordings_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.found(request.query_params.dict()))


class StateView(APIView):
    """Alarms, disk, what is not sealed yet, files by key."""

    permission_classes = [role_in(*OVERSEERS)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.state())


class GapsView(APIView):
    permission_classes = [role_in(*OVERSEERS)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"gaps": selectors.gaps()})


class GapView(APIView):
    """A supervisor says why a recording is missing."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        note = str(body(request).get("note") or "")
        gap = reconciling.close(get_object_or_404(Gap, pk=pk), note=note,
                                by=person(request).username)  # fmt: skip
        return Response({"id": gap.pk, "closed_at": gap.closed_at, "note": gap.note})


class DetailView(APIView):
    """Files with their checksums, holds, and everybody who has asked for it."""

    permission_classes = [role_in(*OVERSEERS)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, call_id: str) -> Response:
        return Response(selectors.detail(_there(call_id)))


class OpenView(APIView):
    """Say why, and get the links to the sound: for this person, for a while."""

    permission_classes = [role_in(*access.HEARERS)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, call_id: str) -> Response:
        reason = str(body(request).get("reason") or "")
        return Response(access.grant(person(request), call_id, reason))


class SoundView(APIView):
    """The sound behind a link, with byte ranges so that a player can seek."""

    permission_classes = [role_in(*access.HEARERS)]

    @extend_schema(responses={(200, "audio/wav"): OpenApiTypes.BINARY})
    def get(self, request: Request, token: str) -> HttpResponseBase:
        granted = access.redeem(person(request), token)
        return sound_of(request, granted.recording, granted.leg)


class CallRecordingView(APIView):
    """The sound by the call's id, for programs: `?reason=` is asked and written down."""

    permission_classes = [role_in(*access.HEARERS)]

    @extend_schema(responses={(200, "audio/wav"): OpenApiTypes.BINARY})
    def get(self, request: Request, call_id: str) -> HttpResponseBase:
        recording = access.recording_for(person(request), call_id)
        reason = access.reasoned(request.query_params.get("reason", ""))
        record("recording.open", f"call:{call_id}", note=reason, by=person(request).username)
        return sound_of(request, recording)


class RetentionView(APIView):
    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, call_id: str) -> Response:
        data = body(request)
        row = removing.choose(
            _there(call_id), str(data.get("retention") or ""),
            reason=str(data.get("reason") or ""), by=person(request).username,
        )  # fmt: skip
        return Response({"retention": row.retention, "keep_until": row.keep_until})


class HoldView(APIView):
    """Legal hold: {"on": true or false, "reason"}."""

    permission_classes = [role_in(*OVERSEERS)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, call_id: str) -> Response:
        data = body(request)
        row = removing.hold(
            _there(call_id), on=_on(data), reason=str(data.get("reason") or ""),
            by=person(request).username,
        )  # fmt: skip
        return Response({"held": row.lifted_at is None, "reason": row.reason, "by": row.by})


class PauseView(APIView):
    """Silence in the recording while payment data are spoken: {"on": true or false}."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, call_id: str) -> Response:
        on = _on(body(request))
        call = get_object_or_404(Call, call_id=call_id)
        row = pausing.set_paused(call, on, by=person(request))
        return Response(
            {"paused": row is not None and row.ended_at is None,
             "since": row.started_at if row and row.ended_at is None else None}
        )  # fmt: skip


class SupervisionView(APIView):
    """Who listens to whom, now."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"supervisions": supervising.active()})


class ListenView(APIView):
    """Listen in, whisper, speak with both: {"mode": "listen" | "whisper" | "barge"}."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, username: str) -> Response:
        mode = str(body(request).get("mode") or "")
        row = supervising.listen(_agent(username), mode, by=person(request))
        return Response(supervising.shape(row), status=201)

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def delete(self, request: Request, username: str) -> Response:
        mine = Supervision.objects.filter(
            supervisor=person(request), agent=_agent(username), ended_at=None
        )
        row = mine.select_related("supervisor", "agent", "call").first()
        if row is None:
            raise Refused("agent", "not_listening", _("You do not listen to this agent."),
                          status=404)  # fmt: skip
        supervising.end(row, by=person(request).username)
        row.refresh_from_db()
        return Response(supervising.shape(row))


class LostView(APIView):
    """Whatever else is asked for below recordings: `../`, a guess. Not there, and written down."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="recordings_lost", responses={404: OpenApiTypes.OBJECT})
    def get(self, request: Request, rest: str) -> Response:
        raise access.lost(f"recordings/{rest}"[:80], "no such address",
                          by=person(request).username)  # fmt: skip


def _on(data: dict[str, Any]) -> bool:
    on = data.get("on")
    if not isinstance(on, bool):
        raise Refused("on", "shape", _("Say true or false."))
    return on


def _there(call_id: str) -> Recording:
    found = Recording.objects.select_related("call__agent", "call__account").filter(
        call__call_id=call_id
    )
    recording = found.first()
    if recording is None:
        raise access.lost(f"call:{call_id}", "unknown")
    return recording


def _agent(username: str) -> User:
    return get_object_or_404(User, username=username, is_active=True)
