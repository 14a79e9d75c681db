"""Which streets were closed or slow at a past moment."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from server.streets.selectors import changes


def closures(at: datetime) -> list[dict[str, Any]]:
    """GeoJSON features of what was in force at `at`: an area, or the course of the streets.

    A closure made later for an earlier time is not shown: nobody knew of it then.
    """
    rows = changes(at).filter(created_at__lte=at).order_by("pk")
    return [
        {
            "type": "Feature",
            "id": row.pk,
            "geometry": json.loads(shape.json),
            "properties": {
                "id": row.pk, "kind": row.kind, "reason": row.reason, "starts_at": row.starts_at,
                "streets": row.streets,
            },
        }
        for row in rows
        if (shape := row.area or row.course) is not None
    ]  # fmt: skip
