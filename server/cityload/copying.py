"""Fill tables by COPY: the rows of a model, at the speed of the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import StringIO
from typing import Any

import shapely
from django.db import connection
from django.db.models import CharField, Field, GeneratedField, Model
from shapely.geometry.base import BaseGeometry

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""})
_BATCH = 20_000


def copy_rows(
    model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, table: str = ""
) -> int:
    """Append `rows` to the table of `model`, one value for each field in `names`; how many.

    Fields not named get the model's default. Text is cut to the field's length; geometry is
    shapely in EPSG:4326; lists and dicts become JSON. `table`: write there instead, to a table
    that has just the columns of `names`.
    """
    by_name = {f.name: f for f in model._meta.concrete_fields}
    fields = [by_name[name] for name in names]
    others = [] if table else [
        f for f in model._meta.concrete_fields
        if f not in fields and not f.primary_key and not isinstance(f, GeneratedField)
    ]
    columns = ", ".join(f'"{f.column}"' for f in [*fields, *others])
    sql = f'COPY "{table or model._meta.db_table}" ({columns}) FROM STDIN'
    tail = [_text(f.get_default()) for f in others]
    limits = [_limit(f) for f in fields]
    count = 0
    buffer = StringIO()
    with connection.cursor() as cursor:
        for row in rows:
            cells = [_text(v, cut) for v, cut in zip(row, limits, strict=True)]
            buffer.write("\t".join([*cells, *tail]) + "\n")
            count += 1
            if count % _BATCH == 0:
                buffer.seek(0)
                cursor.copy_expert(sql, buffer)
                buffer = StringIO()
        buffer.seek(0)
        cursor.copy_expert(sql, buffer)
    return count


def _limit(field: Field[Any, Any]) -> int | None:
    return field.max_length if isinstance(field, CharField) else None


def _text(value: Any, cut: int | None = None) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, BaseGeometry):
        return str(shapely.to_wkb(shapely.set_srid(value, 4326), hex=True, include_srid=True))
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dict | list | tuple):
        value = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, date | datetime):
        value = value.isoformat()
    text = str(value)
    return (text if cut is None else text[:cut]).translate(_ESCAPES)
