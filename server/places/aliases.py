"""What people call a place, kept by supervisors: old names of streets, nicknames, short forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.refusals import Conflict, Refused
from server.places import names
from server.places.models import Alias, Name
from server.places.normalise import key
from server.places.plates import read_table
from server.places.search import find_places

_COLUMNS = {
    "text": ("alias", "text", "name", "别名", "旧名", "俗称"),
    "means": ("means", "official", "meaning", "标准名", "现名", "地址"),
    "kind": ("kind", "type", "类型"),
}
#: A meaning that is less sure than this is not what anybody wrote down.
_SURE = 0.75


def add(text: str, means: str, *, kind: str = Alias.Kind.LOCAL, by: User | None) -> Alias:
    """Take down that `text` is what people call `means`.

    Refused for an empty or overlong field, a kind there is none of, a meaning that is not found
    ('means') or only through another alias; Conflict where the alias is taken or is itself the
    name of a street or a place ('text').
    """
    text, means = " ".join(text.split()), " ".join(means.split())
    alias_key = key(text)
    if not alias_key or len(text) > 120 or not any(c.isalpha() for c in alias_key):
        raise Refused("text", "malformed", _("Say the alias in one to 120 characters."))
    if not means or len(means) > 200:
        raise Refused("means", "malformed", _("Say what it means in one to 200 characters."))
    if kind not in Alias.Kind.values:
        raise Refused("kind", "unknown", _("An alias is an old name or a local name."))
    best = next(iter(find_places(means).results), None)
    if best is None or best.confidence < _SURE or best.source == "alias":
        text_ = _("“%(means)s” is not found here, so nothing could be called after it.")
        raise Refused("means", "not_found", text_ % {"means": means})
    with transaction.atomic():
        if Name.objects.filter(key=alias_key).exclude(kind=Name.Kind.ALIAS).exists():
            raise Conflict("text", "taken", _("A street or a place has this name itself."))
        if Alias.objects.filter(key=alias_key).exists():
            raise Conflict("text", "taken", _("This alias is on the list already."))
        alias = Alias.objects.create(
            text=text, key=alias_key, kind=kind, means=means, grade=best.grade,
            geom=Point(best.lon, best.lat, srid=4326), created_by=by,
        )  # fmt: skip
        names.alias_row(alias).save()
        record("alias.added", f"alias:{alias.pk}", note=f"{text} = {means}",
               by=by.username if by else "import")  # fmt: skip
    return alias


def remove(alias: Alias, *, by: User) -> None:
    """Take an alias from the list."""
    with transaction.atomic():
        Name.objects.filter(kind=Name.Kind.ALIAS, key=alias.key).delete()
        record("alias.removed", f"alias:{alias.pk}", note=f"{alias.text} = {alias.means}",
               by=by.username)  # fmt: skip
        alias.delete()


def load(source: Path | bytes, *, by: User | None) -> dict[str, Any]:
    """Aliases of a CSV file (alias, means, kind): {added, known, refused: [{line, text}]}.

    A line that cannot be taken is left out and named; the others count. Refused ('file') where the
    file is no such table.
    """
    added, known, refused = 0, 0, []
    for line, cells in read_table(source, _COLUMNS, ("text", "means")):
        try:
            add(cells["text"], cells["means"], kind=cells.get("kind") or Alias.Kind.LOCAL, by=by)
            added += 1
        except Conflict:
            known += 1
        except Refused as error:
            refused.append({"line": line, "text": str(error)})
    return {"added": added, "known": known, "refused": refused}
