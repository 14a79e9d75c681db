"""The number on a plate: valves, hydrants, pipes, manholes, lamp posts, meters."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.places.found import Found, rows_of
from server.places.models import Plate
from server.places.normalise import CJK, fold

# By table name: the network and the meters stand beside places, not below it.
_ASSETS = ("network_valve", "network_hydrant", "network_pipe", "network_control",
           "network_node", "network_station", "network_sewer", "network_manhole")
_WORD_BEFORE = re.compile(
    r"^(?:valve|hydrant|pipe|main|sewer|manhole|meter|lamp(?:\s?post)?|street\s?light|pole|阀门|阀|消火栓|消防栓"
    r"|管道|管段|排水管|污水管|检查井|窨井|井盖|水表|表|路灯杆?|灯杆|电线杆|杆)\s*(?:no\.?|number|号码?|编号|#)?\s*[::]?\s*",
    re.IGNORECASE,
)
_SQL = " UNION ALL ".join([
    *(f"SELECT asset, '{table.removeprefix('network_')}', ST_X(ST_PointOnSurface(geom)), "
      f"ST_Y(ST_PointOnSurface(geom)), asset, '' FROM {table} WHERE asset = ANY(%(names)s)"
      for table in _ASSETS),
    "SELECT number, kind, ST_X(geom), ST_Y(geom), '', '' FROM places_plate "
    "WHERE key = ANY(%(keys)s)",
    "SELECT m.serial, 'meter', ST_X(p.geom), ST_Y(p.geom), '', p.address FROM customers_meter m "
    "JOIN customers_premise p ON p.id = m.premise_id WHERE m.serial = ANY(%(names)s)",
])  # fmt: skip
_MOST_LINES = 500_000
_COLUMNS = {
    "number": ("number", "plate", "id", "编号", "灯杆号", "杆号", "号牌"),
    "kind": ("kind", "type", "类型"), "lon": ("lon", "lng", "longitude", "x", "经度"),
    "lat": ("lat", "latitude", "y", "纬度"),
}  # fmt: skip


def find(query: str) -> list[Found]:
    """What stands in the street under this number; nothing for a text without a figure."""
    name = query.strip()
    if len(name) > 60 or not re.search(r"\d", name):
        return []
    bare = _WORD_BEFORE.sub("", name).removesuffix("号").strip()
    parts = bare.split()
    # "12 Mill" is on its way to be an address; "GX 0412" is a plate, and "lamp post GX 0412" too.
    words = [p for p in parts if len(p) > 3 and not re.search(r"\d", p)]
    if len(parts) > 2 or CJK.search(bare) or (words and len(parts) > 1):
        return []
    names = sorted({name, name.upper(), bare, bare.upper()})
    return [
        Found(number, "asset", lon, lat, kind, 1.0, note, asset=asset)
        for number, kind, lon, lat, asset, note in rows_of(
            _SQL, {"names": names, "keys": sorted({plate_key(n) for n in names})}
        )[:8]
    ]


def plate_key(number: str) -> str:
    """A plate's number without spaces and dashes, in small letters."""
    return re.sub(r"[\s\-_/.]", "", fold(number))[:40]


def load(path: Path, *, kind: str = "lamp") -> int:
    """Plates from a CSV file (UTF-8 or GB 18030): number, lon, lat and perhaps kind; how many.

    Those of the kinds in the file take the place of the ones before. Refused ('file') with the
    line at fault; nothing is changed then.
    """
    rows: dict[tuple[str, str], Plate] = {}
    for line, cells in read_table(path, _COLUMNS, ("number", "lon", "lat")):
        lon, lat = _number(cells["lon"]), _number(cells["lat"])
        if not cells["number"] or lon is None or lat is None or abs(lon) > 180 or abs(lat) > 90:
            text = _("Line %(line)d is no plate: it needs number, lon and lat.")
            raise Refused("file", "malformed", text % {"line": line})
        plate = Plate(
            number=cells["number"][:40], kind=(cells.get("kind") or kind)[:30],
            key=plate_key(cells["number"]), geom=Point(lon, lat, srid=4326),
        )  # fmt: skip
        rows[plate.kind, plate.number] = plate
    with transaction.atomic():
        Plate.objects.filter(kind__in={k for k, _number in rows}).delete()
        Plate.objects.bulk_create(rows.values(), batch_size=5000)
    return len(rows)


def read_table(
    source: Path | bytes, known: dict[str, tuple[str, ...]], needed: tuple[str, ...]
) -> list[tuple[int, dict[str, str]]]:
    """(line, cells by our names) of a CSV file with a head. Refused ('file') in words."""
    try:
        raw = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise Refused("file", "unreadable", _("The file cannot be read: %(why)s.")
                      % {"why": error.strerror or error}) from error  # fmt: skip
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Refused("file", "encoding", _("The file is no text in UTF-8 or GB 18030."))
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=mark))
    except csv.Error as error:
        raise Refused("file", "malformed", _("The file is no table.")) from error
    names = [h.strip().lower() for h in lines[0]] if lines else []
    at = {k: next((names.index(w) for w in words if w in names), None)
          for k, words in known.items()}  # fmt: skip
    missing = [known[k][0] for k in needed if at[k] is None]
    if missing or len(lines) > _MOST_LINES:
        raise Refused("file", "columns", _("The table needs the columns %(names)s.")
                      % {"names": ", ".join(missing or needed)})  # fmt: skip
    return [
        (n, {k: row[i].strip() if i is not None and i < len(row) else "" for k, i in at.items()})
        for n, row in enumerate(lines[1:], start=2) if any(c.strip() for c in row)
    ]  # fmt: skip


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
