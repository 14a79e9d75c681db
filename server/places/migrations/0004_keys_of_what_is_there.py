"""Keys of the streets, crossings and addresses that are there already."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def fill(apps: Any, schema_editor: Any) -> None:
    from server.places import houses
    from server.places.normalise import key

    def rows(model: str) -> Any:
        return apps.get_model("places", model).objects

    if not rows("Street").exists() and not rows("Address").exists():
        return
    for model, source, target in (
        ("Street", "name", "key"), ("Crossing", "street_a", "key_a"),
        ("Crossing", "street_b", "key_b"),
    ):  # fmt: skip
        for name in rows(model).exclude(**{source: ""}).values_list(source, flat=True).distinct():
            rows(model).filter(**{source: name}).update(**{target: key(name)})
    addresses = list(rows("Address").only("id", "street", "number"))
    fields = ["street_key", "number_key", "value", "until"]
    for row in addresses:
        for name, value in zip(fields, houses.columns(row.street, row.number), strict=True):
            setattr(row, name, value)
    rows("Address").bulk_update(addresses, fields, batch_size=1000)


class Migration(migrations.Migration):

    dependencies = [("places", "0003_names_and_numbers")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
