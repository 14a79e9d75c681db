"""Where and when a picture was taken, as the telephone wrote into it (EXIF 2.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.gis.geos import Point
from django.utils import timezone
from PIL import ExifTags, Image

from server.accounts.refusals import Refused
from server.network.selectors import check_position


@dataclass(frozen=True)
class Taken:
    """`point` is None where the picture does not say, or says a place that is not in the city."""

    point: Point | None = None
    at: datetime | None = None


def read_taken(picture: Image.Image) -> Taken:
    """Read an opened picture. Never raises: whatever is unreadable is not said."""
    try:
        exif = picture.getexif()
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        more = exif.get_ifd(ExifTags.IFD.Exif)
    # Pillow raises what the broken part happens to be: struct, value, key or syntax errors.
    except Exception:  # noqa: BLE001
        return Taken()
    return Taken(_point(place), _moment(place, more))


def _point(place: Any) -> Point | None:
    lat = _degrees(place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef))
    lon = _degrees(place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef))
    if lat is None or lon is None:
        return None
    try:
        return Point(*check_position(lon, lat), srid=4326)
    except Refused:
        return None


def _degrees(value: Any, side: Any) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    found = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(found):
        return None
    return -found if str(side).strip("\x00 ").upper() in ("S", "W") else found


def _moment(place: Any, more: Any) -> datetime | None:
    """The satellites' time before the telephone's own clock, which knows no zone without help."""
    day = str(place.get(ExifTags.GPS.GPSDateStamp) or "").strip("\x00 ")
    try:
        hour, minute, second = (float(p) for p in place.get(ExifTags.GPS.GPSTimeStamp))
        found = datetime.strptime(day, "%Y:%m:%d").replace(tzinfo=UTC) + timedelta(
            hours=hour, minutes=minute, seconds=second
        )
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        text = str(more.get(ExifTags.Base.DateTimeOriginal) or "").strip("\x00 ")
        zone = str(more.get(ExifTags.Base.OffsetTimeOriginal) or "").strip("\x00 ")
        try:
            found = datetime.strptime(text + zone, "%Y:%m:%d %H:%M:%S%z")
        except ValueError:
            return None
    return found if found.year >= 2000 and found < timezone.now() + timedelta(days=1) else None
