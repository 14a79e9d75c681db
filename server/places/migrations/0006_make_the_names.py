"""Make the names of the city that is loaded already."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def make(apps: Any, schema_editor: Any) -> None:
    from server.places import names

    if apps.get_model("places", "Street").objects.exists():
        names.refresh()


class Migration(migrations.Migration):

    dependencies = [("places", "0005_stems")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
