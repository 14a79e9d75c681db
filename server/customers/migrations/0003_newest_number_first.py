"""The numbers of an account come in the order in which they were last used."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_billing")]

    operations = [
        migrations.AlterModelOptions(
            name="phone",
            options={
                "ordering": (
                    models.OrderBy(models.F("last_used_at"), descending=True, nulls_last=True),
                    "id",
                )
            },
        ),
    ]
