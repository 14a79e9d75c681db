"""Customer search for the desk."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import DESK, role_in
from server.accounts.refusals import Refused
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
