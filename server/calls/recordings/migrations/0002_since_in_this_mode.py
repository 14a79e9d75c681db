from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recordings", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="supervision",
            name="mode_at",
            field=models.DateTimeField(null=True),
        ),
    ]
