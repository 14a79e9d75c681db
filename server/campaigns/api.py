"""Doors for campaigns, their agents, the do-not-call list and the ladder for arrears."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.audit import record
from server.accounts.idempotency import idempotent
from server.accounts.permissions import role_in
from server.accounts.requests import body, person
from server.accounts.spreadsheets import plain
from server.calls import dialling
from server.calls.models import DoNotCall
from server.campaigns import ladder, previewing, selectors, services
from server.campaigns.models import ArrearsCase, Campaign, Target

SEES = ("agent", "supervisor", "dispatcher", "manager", "auditor")
CALLS = ("agent", "supervisor")
# A list of customers with their numbers: the export is for those who answer for it.
EXPORTED = 20_000


def _campaign(number: str) -> Campaign:
    return get_object_or_404(Campaign, number=number)


class CampaignsView(APIView):
    """The list; a supervisor writes another one, which reads who is on it."""

    def get_permissions(self) -> list[Any]:
        allowed = SEES if self.request.method == "GET" else ("supervisor",)
        return [role_in(*allowed)()]

    @extend_schema(operation_id="campaigns_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"results": selectors.listed()})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        made = services.write(body(request), by=person(request).username)
        return Response(selectors.shown(made), status=201)


class CampaignView(APIView):
    def get_permissions(self) -> list[Any]:
        allowed = SEES if self.request.method == "GET" else ("supervisor",)
        return [role_in(*allowed)()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        return Response(selectors.shown(_campaign(number)))

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, number: str) -> Response:
        what = body(request)
        row = services.write(what, by=person(request).username, campaign=_campaign(number))
        return Response(selectors.shown(row))


class CampaignActionView(APIView):
    """start, pause, resume, stop, refill."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        verb = str(body(request).get("verb") or "")
        row = services.act(_campaign(number), verb, by=person(request).username)
        return Response(selectors.shown(row))


class TargetsView(APIView):
    permission_classes = [role_in(*SEES)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: str) -> Response:
        state = request.GET.get("state", "")
        return Response({"results": selectors.targets_of(_campaign(number), state)})


class TargetsTableView(APIView):
    """The same for a spreadsheet; who took it is written down."""

    permission_classes = [role_in("supervisor", "auditor", "manager")]

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: str) -> HttpResponse:
        row = _campaign(number)
        out = io.StringIO()
        table = csv.writer(out)
        asked = [q["code"] for q in row.questions]
        table.writerow([
            "id", "name", "address", "number", "state", "reason", "tries", "confirmed_at", "code",
            "agent", "settled_at", *asked,
        ])  # fmt: skip
        for t in selectors.targets_of(row, "", limit=EXPORTED):
            cells = [
                t["id"], t["name"], t["address"], t["number_masked"], t["state"], t["reason"],
                t["tries"], t["confirmed_at"] or "", t["code"], t["agent"], t["settled_at"] or "",
                *(t["answers"].get(code, "") for code in asked),
            ]  # fmt: skip
            table.writerow([plain(str(c)) for c in cells])
        record("campaign.export", f"campaign:{row.number}", by=person(request).username)
        answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{row.number}.csv"'
        return answer


# -- agents ---------------------------------------------------------------------------------------


class MineView(APIView):
    """What the agent has before them, and from which campaigns more can be had."""

    permission_classes = [role_in(*CALLS)]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        target = previewing.mine(person(request))
        offered = Campaign.objects.filter(
            mode=Campaign.Mode.PREVIEW, state=Campaign.State.RUNNING
        ).order_by("id")
        return Response({
            "record": previewing.record_of(target) if target else None,
            "campaigns": [{"number": c.number, "name": c.name} for c in offered],
        })  # fmt: skip


class NextView(APIView):
    """The next record of a preview campaign."""

    permission_classes = [role_in(*CALLS)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        body(request)
        target = previewing.claim(_campaign(number), person(request))
        return Response({"record": previewing.record_of(target) if target else None})


class TargetDialView(APIView):
    permission_classes = [role_in(*CALLS)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        target = previewing.ring(get_object_or_404(Target, pk=pk), person(request))
        return Response({"record": previewing.record_of(target)})


class TargetCodeView(APIView):
    """What came of it."""

    permission_classes = [role_in(*CALLS)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        what = body(request)
        target = services.code(
            get_object_or_404(Target, pk=pk), person(request), str(what.get("code") or ""),
            note=str(what.get("note") or ""), again_at=what.get("again_at"),
        )  # fmt: skip
        return Response({"state": target.state, "next_at": target.next_at})


class TargetReleaseView(APIView):
    permission_classes = [role_in(*CALLS)]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        services.release(get_object_or_404(Target, pk=pk), person(request))
        return Response({"released": True})


# -- do-not-call and arrears ----------------------------------------------------------------------


class DoNotCallView(APIView):
    def get_permissions(self) -> list[Any]:
        allowed = SEES if self.request.method == "GET" else CALLS
        return [role_in(*allowed)()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"results": selectors.do_not_call()})

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        what = body(request)
        row = dialling.do_not_call(
            what.get("number"), reason=str(what.get("reason") or ""), by=person(request).username
        )
        return Response({"id": row.pk}, status=201)


class DoNotCallRemoveView(APIView):
    permission_classes = [role_in("supervisor")]

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        body(request)
        dialling.may_call_again(get_object_or_404(DoNotCall, pk=pk), by=person(request).username)
        return Response({"removed": True})


class ArrearsView(APIView):
    """The ladder; a supervisor puts on it who owes {least} for longer than {days}."""

    def get_permissions(self) -> list[Any]:
        allowed = SEES if self.request.method == "GET" else ("supervisor",)
        return [role_in(*allowed)()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(selectors.arrears(request.GET.get("state", "")))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        what = body(request)
        made = ladder.open_cases(what.get("least"), what.get("days"), by=person(request).username)
        return Response({"listed": made}, status=201)


class ArrearsActionView(APIView):
    """hold, release, close, noticed, cut_off."""

    permission_classes = [role_in("supervisor")]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pk: int) -> Response:
        what = body(request)
        row = ladder.act(
            get_object_or_404(ArrearsCase, pk=pk), str(what.get("verb") or ""),
            reason=str(what.get("reason") or ""), by=person(request).username,
        )  # fmt: skip
        return Response({"state": row.state, "step": row.step, "next_at": row.next_at})
