"""How the API's document describes the crew phones' tokens."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class CrewTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Token <key>`."""

    target_class = "server.accounts.tokens.CrewTokenAuthentication"
    name = "crewToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "Token <key>, as /api/crew/sign-in gave it",
        }  # fmt: skip
