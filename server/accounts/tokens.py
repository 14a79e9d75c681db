"""Crew phones sign in once and then show a token."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from server.accounts.models import CrewToken, User


class CrewTokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Token <key>`."""

    def authenticate(self, request: Request) -> tuple[User, CrewToken] | None:
        words = authentication.get_authorization_header(request).split()
        if not words or words[0].lower() != b"token":
            return None
        if len(words) != 2:
            raise exceptions.AuthenticationFailed(_("The token is missing."))
        row = (
            CrewToken.objects.select_related("user")
            .filter(key=words[1].decode("ascii", "replace"), user__is_active=True)
            .first()
        )
        if row is None:
            raise exceptions.AuthenticationFailed(_("This phone is signed out."))
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        return "Token"
