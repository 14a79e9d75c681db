from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tickets", "0002_ticket_edition")]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="sewer",
            field=models.CharField(blank=True, max_length=60),
        ),
    ]
