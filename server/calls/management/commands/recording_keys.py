"""`manage recording_keys …`: list, add, reseal, retire, export, import the keys of recordings."""

from __future__ import annotations

import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from server.accounts.refusals import Refused
from server.calls.recordings import keys

_BY = "command line"
# In the environment or a file, never on the command line: everybody on the machine can read that.
PASSPHRASE = "STANDPIPE_KEY_PASSPHRASE"


class Command(BaseCommand):
    help = "The keys that recordings are sealed with."

    def add_arguments(self, parser: Any) -> None:
        sub = parser.add_subparsers(dest="what", required=True)
        sub.add_parser("list", help="the keys, and how many recordings each seals")
        add = sub.add_parser("add", help="make a key that seals every recording from now on")
        again = sub.add_parser("reseal", help="seal old recordings with the newest key")
        again.add_argument("--limit", type=int, default=0, help="so many files at most")
        retire = sub.add_parser("retire", help="destroy a key that seals nothing any more")
        retire.add_argument("key", help="its id, as in the list")
        for command in (add, retire):
            command.add_argument("--reason", default="", help="is written into the audit log")
        for name, text in (("export", "write all keys into a file, under a passphrase"),
                           ("import", "take the keys of an exported file in")):  # fmt: skip
            sub.add_parser(name, help=text).add_argument("file", type=Path)
        for command in sub.choices.values():
            command.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['what']}")(options)
        except Refused as no:
            raise CommandError(str(no)) from no

    def _print(self, options: dict[str, Any], data: Any, *lines: str) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(data, ensure_ascii=False, default=str))
        else:
            self.stdout.write("\n".join(lines))

    def _list(self, options: dict[str, Any]) -> None:
        rows = keys.listing()
        lines = [
            f"{_('key'):<18}{_('made'):<27}{_('recordings'):>11}{_('files'):>8}  {_('in use')}"
        ]
        for row in rows:
            if row["seals"]:
                use = _("seals the next recording")
            elif not row["kept_in"]:
                use = _("IS NOT HERE: import it")
            elif row["files"]:
                use = _("opens")
            else:
                use = _("seals nothing")
            if row["kept_in"] == "setting":
                use = f"{use} (STANDPIPE_RECORDING_KEYS)"
            lines.append(f"{row['id']:<18}{row['made_at'] or '-':<27}{row['recordings']:>11}"
                         f"{row['files']:>8}  {use}")  # fmt: skip
        self._print(options, rows, *lines)

    def _add(self, options: dict[str, Any]) -> None:
        key_id = keys.add(by=_BY, note=options["reason"])
        self._print(
            options, {"id": key_id},
            _("%(key)s seals every recording from now on; those before stay readable.")
            % {"key": key_id},
            _("Backups and exports made before do not hold it: make a new one."),
        )  # fmt: skip

    def _reseal(self, options: dict[str, Any]) -> None:
        def tell(done: int, of: int) -> None:
            # The end of a line on a terminal stays where it is.
            end = "\r" if self.stderr.isatty() else "\n"
            self.stderr.write(_("%(done)s of %(of)s") % {"done": done, "of": of}, ending=end)

        found = keys.reseal(by=_BY, limit=options["limit"], tell=tell)
        told = ngettext("%(n)s file sealed with the newest key, %(left)s left.",
                        "%(n)s files sealed with the newest key, %(left)s left.",
                        found["done"]) % {"n": found["done"], "left": found["left"]}  # fmt: skip
        self._print(options, found, told)
        if found["failed"]:
            raise CommandError(
                _("%(n)s files could not be opened and keep their key; the log names them.")
                % {"n": found["failed"]}
            )

    def _retire(self, options: dict[str, Any]) -> None:
        keys.retire(options["key"], by=_BY, note=options["reason"])
        self._print(
            options, {"retired": options["key"]},
            _("%(key)s is gone. Backups made while it was in use open with their own copy of it.")
            % {"key": options["key"]},
        )  # fmt: skip

    def _export(self, options: dict[str, Any]) -> None:
        ids = keys.export(options["file"], passphrase(twice=True), by=_BY)
        self._print(options, {"keys": ids}, f"{options['file']}: {' '.join(ids)}")

    def _import(self, options: dict[str, Any]) -> None:
        found = keys.bring(options["file"], passphrase(), by=_BY)
        lines = [_("New keys: %(keys)s") % {"keys": " ".join(found["new"]) or "-"}]
        for key_id, files in keys.lacking().items():
            lines.append(_("The key %(key)s of %(n)s files is still not here.")
                         % {"key": key_id, "n": files})  # fmt: skip
        self._print(options, found, *lines)


def passphrase(*, twice: bool = False) -> str:
    """From STANDPIPE_KEY_PASSPHRASE, the file of STANDPIPE_KEY_PASSPHRASE_FILE, or the person.

    Raises Refused.
    """
    if (file := os.environ.get(f"{PASSPHRASE}_FILE")) is not None:
        return keys.text_of(Path(file), "passphrase").rstrip("\r\n")
    if (given := os.environ.get(PASSPHRASE)) is not None:
        return given
    if not sys.stdin.isatty():
        raise Refused(
            "passphrase", "required",
            _("A passphrase is needed: set %(name)s or %(name)s_FILE.") % {"name": PASSPHRASE},
        )  # fmt: skip
    typed = getpass.getpass(_("Passphrase: "))
    if twice and typed != getpass.getpass(_("Once more: ")):
        raise Refused("passphrase", "differ", _("These were two different passphrases."))
    return typed
