"""The files of an import: kept under the state directory, with their checksums."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.versions.models import NetworkImport

MOST_FILES = 40
_TOGETHER = "together.zip"
_BLOCK = 1024 * 1024


def most_bytes() -> int:
    return int(settings.STANDPIPE["UPLOAD_MB"]) * 1024 * 1024


def folder(draft: NetworkImport) -> Path:
    return Path(settings.STANDPIPE["UPLOADS"]) / str(draft.number)


def too_large() -> Refused:
    text = _("Together the files may have %(most)s MB.") % {"most": settings.STANDPIPE["UPLOAD_MB"]}
    return Refused("files", "too_large", text, status=413)


def safe_name(name: str) -> str:
    """A file's own name as it may stand on our disk: no folders, nothing odd, at most 80 long."""
    last = re.split(r"[\\/]", name)[-1]
    kept = re.sub(r"[^\w.\- ()\[\]]", "_", last).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    return f"{stem[: 79 - len(suffix)]}.{suffix}" if dot and stem else kept[:80] or "file"


def keep(draft: NetworkImport, given: Iterable[tuple[str, IO[bytes]]]) -> list[dict[str, Any]]:
    """Write (name, file) pairs into the import's folder; [{"name", "bytes", "sha256"}].

    Refused ('files', 'required' | 'too_many' | 'too_large' | 'disk_full'): nothing is kept.
    """
    where = folder(draft)
    shutil.rmtree(where, ignore_errors=True)
    kept: list[dict[str, Any]] = []
    total = 0
    try:
        where.mkdir(parents=True)
        for name, file in given:
            if len(kept) >= MOST_FILES:
                raise Refused(
                    "files", "too_many",
                    _("At most %(most)s files at once.") % {"most": MOST_FILES},
                )  # fmt: skip
            name = _free(safe_name(name), {k["name"] for k in kept})
            digest, size = hashlib.sha256(), 0
            with (where / name).open("wb") as out:
                while block := file.read(_BLOCK):
                    total += len(block)
                    size += len(block)
                    if total > most_bytes():
                        raise too_large()
                    digest.update(block)
                    out.write(block)
            kept.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})
        if not kept:
            raise Refused("files", "required", _("Choose at least one file."))
        if len(kept) > 1:
            _put_together(where, [k["name"] for k in kept])
    except Refused:
        shutil.rmtree(where, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(where, ignore_errors=True)
        text = _("The files cannot be kept: %(error)s.") % {"error": error.strerror or error}
        raise Refused("files", "disk_full", text, status=507) from error
    return kept


def _free(name: str, taken: set[str]) -> str:
    stem, dot, suffix = name.rpartition(".")
    number, found = 2, name
    while found.lower() in {t.lower() for t in taken} or found == _TOGETHER:
        found = f"{stem or suffix} ({number}){dot}{suffix if stem else ''}"
        number += 1
    return found


def _put_together(where: Path, names: list[str]) -> None:
    """Several files are one matter: a shapefile is four, a town's tables are many."""
    with zipfile.ZipFile(where / _TOGETHER, "w", zipfile.ZIP_STORED) as together:
        for name in names:
            together.write(where / name, name)


def path_of(draft: NetworkImport) -> Path:
    """The one file the library reads: the only one, or all of them in a zip."""
    names = [f["name"] for f in draft.files]
    return folder(draft) / (names[0] if len(names) == 1 else _TOGETHER)
