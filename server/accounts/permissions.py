"""Who may call which door."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


def role_in(*roles: str) -> type[BasePermission]:
    """A permission for people with one of `roles`."""

    class HasRole(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            return bool(
                request.user and request.user.is_authenticated and request.user.role in roles
            )

    return HasRole


DESK = ("agent", "supervisor", "dispatcher")
CONTROL = ("dispatcher", "supervisor")
OFFICE = ("agent", "dispatcher", "supervisor", "engineer", "manager", "auditor")
