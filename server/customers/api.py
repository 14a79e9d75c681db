"""Doors about customers for the desk: finding one, and the figures of the bill."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import DESK, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.customers import billing
from server.customers.models import Account
from server.customers.selectors import search_accounts


class CustomerSearch(APIView):
    """Find an account by its number, meter, telephone number, name or address."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(
        parameters=[OpenApiParameter("q", str, required=True)],
        responses={200: dict},
        operation_id="customers_search",
    )
    def get(self, request: Request) -> Response:
        query = str(request.query_params.get("q", "")).strip().replace("\x00", "")
        if len(query) < 2:
            raise Refused("q", "too_short", _("Type at least two characters."))
        return Response({"results": search_accounts(query)})


class StatementView(APIView):
    """Balance, bills, readings, arrears and what stands out, asked of the billing system now."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(responses={200: dict}, operation_id="customers_statement")
    def get(self, request: Request, number: str) -> Response:
        account = get_object_or_404(Account, number=number)
        try:
            found = billing.statement(account)
        except billing.BillingDown as down:
            # The last figures carry their date; without any the agent says so and writes a ticket.
            known = billing.as_json(down.cached) if down.cached else None
            return Response({"down": True, "statement": known})
        return Response({"down": False, "statement": billing.as_json(found)})


class VerifyView(APIView):
    """Whether what the caller said is the account's second factor. Three wrong ones: no more."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=dict, responses={200: dict}, operation_id="customers_verify")
    def post(self, request: Request, number: str) -> Response:
        account = get_object_or_404(Account, number=number)
        factor = str(body(request).get("factor") or "")[:20]
        if not factor.strip():
            text = _("Type the last four digits of the meter, or the customer’s PIN.")
            raise Refused("factor", "required", text)
        good = billing.verify(account, factor)
        return Response({"verified": good, "locked": billing.locked(account)})


class PinView(APIView):
    """The customer's own second factor, chosen on the telephone after another proof."""

    permission_classes = [role_in(*DESK)]

    @extend_schema(request=dict, responses={200: dict}, operation_id="customers_pin")
    def put(self, request: Request, number: str) -> Response:
        account = get_object_or_404(Account, number=number)
        pin = str(body(request).get("pin") or "").strip()
        billing.set_pin(account, pin, by=person(request).username)
        return Response({"set": bool(pin)})
