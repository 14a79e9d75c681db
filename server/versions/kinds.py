"""The kinds of parts a version is made of, and which of their columns belong to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Model

from server.cityload import rows
from server.customers.models import Premise


@dataclass(frozen=True, slots=True)
class Kind:
    """One table of the network as versions see it.

    `fields` come from files. `live` are facts of the field (how a valve stands, whether it turns):
    they stay with the part, and a file does not overwrite them unless its map names them.
    `tolerance`: columns compared less than exactly, in the unit of the column.
    """

    name: str
    model: type[Model]
    key: str
    fields: tuple[str, ...]
    live: tuple[str, ...] = ()
    tolerance: dict[str, float] = field(default_factory=dict)

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def stage(self) -> str:
        return f"stage_{self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything kept of a part that goes: its number in the table, fields, live facts."""
        return ("id", self.key, *self.fields, *self.live, "geom")


_LIVE = {"valve": ("position", "operable", "last_operated_at")}
_TOLERANCE = {
    "pipe": {"length_m": 0.01},
    "sewer": {"length_m": 0.01},
    "service": {"measure": 1e-4},
}
PREMISE_FIELDS = (
    "address", "street", "number", "use", "name", "persons", "floors", "storage_hours",
)


def _kind(name: str, part: rows.Rows) -> Kind:
    live = _LIVE.get(name, ())
    fields = tuple(f for f in part.fields if f not in ("asset", "geom", *live))
    return Kind(name, part.model, "asset", fields, live, _TOLERANCE.get(name, {}))


# In the order in which they are put in; what hangs on something else comes after it.
KINDS: dict[str, Kind] = {
    **{name: _kind(name, part) for name, part in rows.NETWORK.items()},
    **{name: _kind(name, part) for name, part in rows.DRAINAGE.items()},
    "premise": Kind("premise", Premise, "code", PREMISE_FIELDS),
}
