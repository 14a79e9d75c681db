"""`manage sign_ins --json`: one sign-in per role of the demo."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from server.accounts.demo import demo_password
from server.accounts.models import User
from server.portal.roles import ROLE_CARDS


class Command(BaseCommand):
    help = "Print the demo's sign-ins."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        password = demo_password()
        there = set(User.objects.values_list("username", flat=True))
        found = {
            card.role: {"user": card.demo_user, "password": password}
            for card in ROLE_CARDS
            if card.demo_user in there and password
        }
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        for role, who in found.items():
            self.stdout.write(f"{role:12} {who['user']:14} {who['password']}")
