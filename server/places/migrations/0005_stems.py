"""Names without the words that only say what sort of street it is, for slips of the pen."""

from __future__ import annotations

from typing import Any

import django.contrib.postgres.indexes
from django.db import migrations, models


def forget(apps: Any, schema_editor: Any) -> None:
    apps.get_model("places", "Name").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [("places", "0004_keys_of_what_is_there")]

    operations = [
        # They are made again by the next migration, with all their columns there.
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.AddField(
            model_name="name", name="stem", field=models.CharField(default="", max_length=160),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="name",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["stem"], name="name_stem_like", opclasses=["gin_trgm_ops"]
            ),
        ),
    ]
