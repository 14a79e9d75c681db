from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="crewreport",
            name="orders_version",
            field=models.PositiveBigIntegerField(null=True),
        ),
    ]
