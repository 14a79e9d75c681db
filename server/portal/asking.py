"""What commands that answer one question have in common: `--json`, `--language`, one clear line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from server.accounts.refusals import Refused


class Asking(BaseCommand, ABC):
    """A command with an `answer`; what is refused ends it with the sentence a page would show."""

    json_help = "the whole answer, for programs"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true", help=self.json_help)
        parser.add_argument("--language", default=settings.LANGUAGE_CODE,
                            choices=[code for code, _name in settings.LANGUAGES])  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"]):
            try:
                self.answer(options)
            except Refused as refused:
                raise CommandError(str(refused)) from refused

    @abstractmethod
    def answer(self, options: dict[str, Any]) -> None:
        """Find out and print. Refused for what cannot be asked."""
