"""Pictures from the field: checked, re-encoded, stored under our own names, never served inline."""

from __future__ import annotations

import hashlib
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from server.accounts.refusals import Refused
from server.dispatch.models import CrewReport, Photo
from server.dispatch.taken import Taken, read_taken
from server.workforce.models import Crew

MAX_BYTES = 12 * 1024 * 1024
MAX_PIXELS = 50_000_000
LONG_SIDE = 2048


def store(upload: UploadedFile[Any], *, crew: Crew, report_id: uuid.UUID | None) -> Photo:
    """Keep a picture once; sending the same one again gives the first row.

    Re-encoding drops whatever else the file carried (scripts, a second format). Where and when it
    was taken is read first; a place outside the city is nobody's, so the picture stays unplaced.
    """
    if (upload.size or 0) > MAX_BYTES:
        raise Refused("file", "too_large", _("A picture may have 12 MB."), status=413)
    raw = upload.read()
    digest = hashlib.sha256(raw).hexdigest()
    found = Photo.objects.filter(device=crew.device, report_id=report_id, sha256=digest).first()
    if found is not None:
        return found
    picture, taken = _decode(raw)
    name = f"{uuid.uuid4().hex}.jpg"
    folder = settings.STANDPIPE["PHOTOS"]
    folder.mkdir(parents=True, exist_ok=True)
    with transaction.atomic():
        # A picture belongs to a report of the same telephone, never to another crew's.
        report = None
        if report_id is not None:
            report = CrewReport.objects.filter(message_id=report_id, device=crew.device).first()
        picture.save(folder / name, "JPEG", quality=85)
        photo, _made = Photo.objects.get_or_create(
            device=crew.device, report_id=report_id, sha256=digest,
            defaults={
                "order": report.order if report else None, "file": name,
                "width": picture.width, "height": picture.height,
                "taken_at": taken.at, "geom": taken.point,
            },
        )  # fmt: skip
    return photo


def path_of(photo: Photo) -> Path:
    """Where a picture lies. Refused (404) when its file is gone."""
    path: Path = settings.STANDPIPE["PHOTOS"] / photo.file
    if not path.is_file():
        raise Refused("photo", "missing", _("The picture's file is gone."), status=404)
    return path


def _decode(raw: bytes) -> tuple[Image.Image, Taken]:
    try:
        with Image.open(BytesIO(raw)) as opened:
            # Checked before decoding: a small file can claim a billion pixels.
            if opened.width * opened.height > MAX_PIXELS:
                raise Refused("file", "too_many_pixels", _("That picture is too large."))
            if opened.format not in ("JPEG", "PNG", "WEBP"):
                raise Refused("file", "not_a_picture", _("Send a JPEG, PNG or WebP picture."))
            taken = read_taken(opened)
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (
        UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError,
    ):  # fmt: skip
        raise Refused(
            "file", "not_a_picture", _("Send a JPEG, PNG or WebP picture.")
        ) from None
    picture.thumbnail((LONG_SIDE, LONG_SIDE))
    return picture, taken
