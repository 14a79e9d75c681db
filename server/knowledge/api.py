"""Doors of the knowledge."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.permissions import OFFICE, role_in
from server.accounts.refusals import Refused
from server.accounts.requests import body, person
from server.knowledge import selectors, services
from server.knowledge.models import Article

EDITORS = ("supervisor", "engineer")


class ArticlesView(APIView):
    """`?trouble=&verdict=` what fits a call; `?q=` what answers to words; nothing: all."""

    def get_permissions(self) -> list[Any]:
        return [role_in(*(OFFICE if self.request.method == "GET" else EDITORS))()]

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="articles_find")
    def get(self, request: Request) -> Response:
        asked = {name: str(request.query_params.get(name, ""))[:80].replace("\x00", "")
                 for name in ("trouble", "verdict", "q")}  # fmt: skip
        if asked["trouble"] or asked["verdict"]:
            return Response({"articles": selectors.suggested(asked["trouble"], asked["verdict"])})
        limit = 20 if asked["q"] else 200
        return Response({"articles": selectors.found(asked["q"], limit)})

    @extend_schema(
        request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT},
        operation_id="articles_write",
    )
    def post(self, request: Request) -> Response:
        article = services.write(body(request), by=person(request).username)
        return Response(selectors.whole(article), status=201)


class ArticleView(APIView):
    """One article, `?edition=` as it was; a new edition by POST."""

    def get_permissions(self) -> list[Any]:
        return [role_in(*(OFFICE if self.request.method == "GET" else EDITORS))()]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str) -> Response:
        asked = str(request.query_params.get("edition", ""))
        number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else None
        article = get_object_or_404(Article, code=code)
        whole = None if asked and not number else selectors.whole(article, number)
        if whole is None:
            text = _("There is no such edition.")
            raise Refused("edition", "unknown", text, status=404)
        return Response(whole)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, code: str) -> Response:
        article = get_object_or_404(Article, code=code)
        article = services.write(body(request), by=person(request).username, article=article)
        return Response(selectors.whole(article))


class ArticleStepView(APIView):
    """`{"step": "retire"}` or `{"step": "bring_back", "edition": 3}`."""

    permission_classes = [role_in(*EDITORS)]

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, code: str) -> Response:
        article = get_object_or_404(Article, code=code)
        said, by = body(request), person(request).username
        if said.get("step") == "retire":
            services.retire(article, by=by)
        elif said.get("step") == "bring_back":
            number = said.get("edition")
            services.bring_back(article, number if type(number) is int else 0, by=by)
        else:
            raise Refused("step", "unknown", _("That is no step for an article."))
        article.refresh_from_db()
        return Response(selectors.whole(article))
